"""A task of a job array, on a node: runs the shard of its number; the job script starts it.

Slurm's signal before the time limit has it begin no other task of the study; what is left then
has Slurm put it back into the queue, if it got anywhere at all.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from backends.slurm._brought import wait_for_collection, wait_for_end, wait_for_shard
from gridrun.errors import GridrunError
from gridrun.shard import ERROR, ShardReport, shard_name, work_on
from gridrun.shard.queue import ShardQueue

_LAST_SECONDS = 0.25
"""Share of the notice that is left for the end itself: tasks that still run are given up."""

_ASKED_TO_END = 143
_TOO_LONG = (
    "the time limit of the job came before any task had ended; have jobs ask for more: the setting "
    "hours below slurm in study.yaml\n"
)


class Job:
    """This process as Slurm's job.

    Args:
        notice: Seconds between Slurm's signal and the time limit.
    """

    def __init__(self, notice: float) -> None:
        self._notice = notice
        self._told: float | None = None
        self._asked = False
        self.was_put_back = False
        """Whether Slurm has put it back into the queue."""
        signal.signal(signal.SIGUSR1, self._on_notice)
        signal.signal(signal.SIGTERM, self._on_end)
        signal.signal(signal.SIGINT, self._on_end)

    @property
    def is_near_its_limit(self) -> bool:
        """Whether Slurm has said that the time limit is near."""
        return self._told is not None

    @property
    def has_to_end(self) -> bool:
        """Whether what runs has to be given up."""
        left = _LAST_SECONDS * self._notice
        late = self._told is not None and time.monotonic() - self._told > self._notice - left
        return self._asked or late

    @property
    def was_ended(self) -> bool:
        """Whether somebody asked for the end, who does with the job as he likes."""
        return self._asked

    def _on_notice(self, *_: object) -> None:
        self._told = self._told or time.monotonic()

    def _on_end(self, *_: object) -> None:
        self._asked = True


def main() -> int:
    """Run the shard; gives the exit code."""
    directory = Path(sys.argv[1]).absolute()
    job = Job(float(sys.argv[2]))
    wait = float(sys.argv[3]) if len(sys.argv) > 3 else None  # noqa: PLR2004 - as job scripts say it
    shard = shard_name(int(os.environ["SLURM_ARRAY_TASK_ID"]))
    restarts = os.environ.get("SLURM_RESTART_COUNT", "0")
    _say(f"{shard}: job {os.environ.get('SLURM_JOB_ID')}, restarts: {restarts}")
    if wait is None:
        return _run(directory, shard, job, lambda: None)
    if not wait_for_shard(directory, wait, lambda: job.was_ended or job.is_near_its_limit):
        return _ASKED_TO_END if job.was_ended else _hold(shard)
    code = _run(
        directory, shard, job, lambda: wait_for_collection(directory, shard, lambda: job.has_to_end)
    )
    if not (job.was_ended or job.was_put_back):
        wait_for_end(directory, lambda: job.has_to_end)
    return code


def _run(directory: Path, shard: str, job: Job, before_another: Callable[[], None]) -> int:
    """Run the shard; gives the exit code.

    Args:
        directory: Of the queue.
        shard: Its name.
        job: This process.
        before_another: Called before the job is put back into the queue.
    """
    queue = ShardQueue(directory)
    if not queue.exists:
        _say("the shards of this job are gone: there is nothing to do")
        return 0
    try:
        report = work_on(
            queue,
            shard,
            workers=int(os.environ.get("SLURM_CPUS_PER_TASK", "1")),
            say=_say,
            is_stopping=lambda: job.has_to_end,
            is_ending=lambda: job.is_near_its_limit,
        )
    except GridrunError as error:
        sys.stderr.write(f"error: {error.text()}\n")
        return error.exit_code
    if report is None or not report.stopped:
        return 0 if not job.was_ended else _ASKED_TO_END
    if job.is_near_its_limit and not (job.was_ended or queue.is_cancelled):
        return _put_back(queue, shard, report, job, before_another)
    return _ASKED_TO_END


def _put_back(
    queue: ShardQueue, shard: str, report: ShardReport, job: Job, before: Callable[[], None]
) -> int:
    """Have the rest run by the same task once more; again and again only if it gets on."""
    if not report.done + report.failed:
        (queue.out(shard) / ERROR).write_text(_TOO_LONG, "utf-8")
        sys.stderr.write(f"error: {_TOO_LONG}")
        return _ASKED_TO_END
    before()
    _say(f"{shard}: the time limit is near, the rest waits for another start")
    job.was_put_back = not (fault := _scontrol("requeue"))
    if fault:
        _say(f"Slurm does not put the job back; collect gives the rest back: {fault}")
        return _ASKED_TO_END
    return 0


def _hold(shard: str) -> int:
    """Give the node back, as nobody has brought the shard: who comes releases the job."""
    _say(f"{shard}: nobody has brought it; the job waits in the queue, held")
    if fault := _scontrol("requeuehold"):
        _say(f"Slurm does not put the job back; it is sent again: {fault}")
        return _ASKED_TO_END
    return 0


def _scontrol(what: str) -> str:
    """Have Slurm do something with this job; what it says against it, or empty."""
    words = ["scontrol", what, os.environ["SLURM_JOB_ID"]]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stderr.strip() or f"exit code {done.returncode}" if done.returncode else ""


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
