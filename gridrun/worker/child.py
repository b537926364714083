"""The process that has R in it: ``python -m gridrun.worker.child``, started by a supervisor.

It may die at any moment. Every outcome is written to the pipe before the next
task starts, and what is about to run is noted on the board first.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import signal
import sys
import time
import traceback
from pathlib import Path

from gridrun.errors import GridrunError
from gridrun.pipeline import Runner, TaskSpec, load_pipeline
from gridrun.plan.units import Job
from gridrun.worker import _log
from gridrun.worker._messages import (
    Broken,
    Dispatch,
    Idle,
    Message,
    Outcome,
    Raised,
    Ran,
    Ready,
    Refused,
    send,
)
from gridrun.worker._parent_death import die_with_parent
from gridrun.worker._shared_status import Board
from gridrun.worker._task import one_line, try_task

_IONBF = 2


class _QuarantinedStage(BaseException):
    """A stage that has killed processes before; no ``except Exception`` may swallow it."""

    def __init__(self, stage: str, key: str) -> None:
        super().__init__(stage, key)
        self.stage = stage
        self.key = key


class _Child:
    """The child's state between tasks.

    Args:
        board: Shared with the supervisor.
        log: File that descriptors 1 and 2 write to.
        replies: Pipe to the supervisor.
    """

    def __init__(self, board: Board, log: Path, replies: int) -> None:
        self._board = board
        self._log = log
        self._replies = replies
        self._quarantined: frozenset[tuple[str, str]] = frozenset()

    def stage_hook(self, stage: str, key: str) -> None:
        """Note a stage on the board; refuse one that is quarantined."""
        self._board.at_stage(stage, key)
        if (stage, key) in self._quarantined:
            raise _QuarantinedStage(stage, key)

    def reply(self, message: Message) -> None:
        """Tell the supervisor."""
        send(self._replies, message)

    def run(self, dispatch: Dispatch, runner: Runner) -> None:
        """Run tasks in turn until they are through or a stop is wanted."""
        self._quarantined = dispatch.quarantined
        artifact = Path(dispatch.artifact) if dispatch.artifact is not None else None
        for position, task in dispatch.tasks:
            if self._board.stop_wanted:
                break
            self._board.begin(position)
            outcome = self._one(runner, position, task, artifact)
            self._answer(outcome)
            self._board.rest()
        self.reply(Idle())

    def _one(self, runner: Runner, position: int, task: TaskSpec, artifact: Path | None) -> Outcome:
        try:
            tried = try_task(runner, task, artifact)
        except _QuarantinedStage as stop:
            return Refused(position, time.time(), 0.0, stop.stage, stop.key, self._printed())
        if tried.result is not None:
            return Ran(position, tried.started, tried.seconds, tried.result, self._printed())
        stage, _ = self._board.stage()
        log = self._printed() + tried.more
        return Raised(position, tried.started, tried.seconds, tried.kind, tried.reason, stage, log)

    def _answer(self, outcome: Outcome) -> None:
        try:
            self.reply(outcome)
        except (pickle.PicklingError, TypeError, AttributeError) as defect:
            reason = one_line(f"the result cannot be sent: {type(defect).__name__}: {defect}")
            raised = Raised(
                outcome.position,
                outcome.started,
                outcome.seconds,
                "error",
                reason,
                "",
                outcome.log + traceback.format_exc(),
            )
            self.reply(raised)

    def _printed(self) -> str:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        if self._log.stat().st_size == 0:
            return ""
        return _log.take(self._log)


def main(arguments: list[str]) -> int:
    """Open the pipeline's runner and run dispatches until the pipe ends.

    Args:
        arguments: Directory shared with the supervisor, descriptor of commands,
            descriptor of replies, process id of the supervisor.

    Returns:
        Exit code.
    """
    directory = Path(arguments[0])
    commands, replies, supervisor = (int(text) for text in arguments[1:])
    die_with_parent(supervisor)
    _prepare_process()
    for handle in (commands, replies):
        # R's system() must not keep the pipe open
        os.set_inheritable(handle, False)  # noqa: FBT003 - takes no keyword
    child = _Child(Board(directory / "board"), directory / "log", replies)
    try:
        job: Job = pickle.loads((directory / "job").read_bytes())  # noqa: S301 - our supervisor's
        runner = load_pipeline(job.pipeline).open_runner(job.settings, child.stage_hook)
        environment = dict(runner.environment())
    except GridrunError as error:
        child.reply(Broken(error.what, error.todo, explained=True))
        return 1
    except Exception as defect:  # noqa: BLE001 - told to the supervisor, with the log
        traceback.print_exc()
        child.reply(Broken(one_line(f"{type(defect).__name__}: {defect}"), None, explained=False))
        return 1
    child.reply(Ready(environment))
    with os.fdopen(commands, encoding="utf-8") as lines:
        for line in lines:
            path = Path(line.removesuffix("\n"))
            dispatch: Dispatch = pickle.loads(path.read_bytes())  # noqa: S301 - our supervisor's
            child.run(dispatch, runner)
    return 0


def _prepare_process() -> None:
    """Write C's output unbuffered, in order with all other; leave Ctrl-C to the supervisor."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    libc = ctypes.CDLL(None)
    with contextlib.suppress(ValueError):  # a C library without these names
        for name in ("stdout", "stderr"):
            libc.setvbuf(ctypes.c_void_p.in_dll(libc, name), None, _IONBF, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
