"""Runs a toy study on a backend that follows a script. Arguments: directory, script as JSON.

Whatever the backend says is first written to the log of the script, a line each, so that who
started this process knows it after a SIGKILL as well. When the script has ended, all that is left
is done quietly.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from toystudies import open_toy

from gridrun.errors import EnvironmentFault, GridrunError
from gridrun.plan.units import (
    Attempt,
    Kind,
    TaskDone,
    TaskFailed,
    UnitFinished,
    UnitLost,
    UnitStarted,
    WorkerReady,
)
from gridrun.run.backend import Capabilities
from gridrun.store.ledger import Ledger
from gridrun.testing.toy import PIPELINE

WORKER = "scripted"
MOST_TASKS = 5
LOOK = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("SELECT COUNT(*) FROM sqlite_master").fetchall()
db.close()
"""


class Scripted:
    """Does what a script says with the units that it is given; see ``gridrun.run.backend``.

    Args:
        script: Actions, each a name and what it is about: a number that picks one of what
            there is to pick from.
        log: Where each event is written before it is yielded.
        ledger: Gives the open ledger.
    """

    capabilities = Capabilities(isolates=True, workers=3, most_tasks=MOST_TASKS)

    def __init__(self, script, log, ledger):
        # played once, however often the engine runs the backend again for what was lost
        self._script, self._log, self._ledger = iter(script), log, ledger
        self._units = {}
        self._left = {}
        self._gone = []
        self._finals = []
        self._stopping = False
        self._number = 0

    def open(self, job, read_artifact):
        self._read = read_artifact
        self._runner = PIPELINE.open_runner(job.settings, lambda _stage, _key: None)

    def run(self, next_unit):
        yield WorkerReady(WORKER, dict(self._runner.environment()))
        for name, pick in self._script:
            if self._stopping:
                break
            yield from getattr(self, f"_{name}")(pick, next_unit)
        while not self._stopping:
            yield from self._take(0, next_unit)
            if not self._units:
                break
            for unit in list(self._units):
                for task in list(self._left[unit]):
                    yield self._final(self._done_of(unit, task))
                yield from self._end(0, next_unit)

    def stop(self):
        self._stopping = True

    def close(self):
        pass

    def _say(self, what, unit, task=None, **more):
        line = {"what": what, "unit": unit, **more}
        if task is not None:
            line |= {"task": self._named(task)}
        os.write(self._log, f"{json.dumps(line)}\n".encode())

    def _named(self, task):
        return [[task.context, task.fold, task.code], task.classifier, dict(task.values)]

    def _attempt(self, unit, number=1):
        self._number += 1
        return Attempt(unit, number, WORKER, 1000.0 + self._number, 0.5)

    def _done_of(self, unit, task):
        artifact = self._units[unit].artifact
        path = Path(self._log_place) / f"block-{artifact}"
        path.write_bytes(self._read(artifact))
        return TaskDone(task, self._attempt(unit), self._runner.run(task, path))

    @property
    def _log_place(self):
        return Path(f"/proc/self/fd/{self._log}").readlink().parent

    def _final(self, event):
        """A final event, that is noted; its task is no longer left."""
        unit = event.attempt.unit
        self._left.get(unit, []).remove(event.task)
        self._finals.append(event)
        return self._noted(event)

    def _noted(self, event):
        unit, task = event.attempt.unit, event.task
        if isinstance(event, TaskDone):
            self._say("done", unit, task)
        else:
            self._say("failed", unit, task, final=event.final, kind=event.kind, reason=event.reason)
        return event

    def _open_tasks(self):
        return [(unit, task) for unit, tasks in self._left.items() for task in tasks]

    def _take(self, _, next_unit):
        unit = next_unit()
        if unit is None:
            return
        self._units[unit.id], self._left[unit.id] = unit, list(unit.tasks)
        self._say("taken", unit.id, tasks=[self._named(task) for task in unit.tasks])
        yield UnitStarted(unit.id, WORKER)

    def _done(self, pick, _):
        if tasks := self._open_tasks():
            yield self._final(self._done_of(*tasks[pick % len(tasks)]))

    def _failed(self, pick, reason, *, kind=Kind.ERROR, final=True):
        if tasks := self._open_tasks():
            unit, task = tasks[pick % len(tasks)]
            event = TaskFailed(task, self._attempt(unit), kind, reason, final=final, log=reason)
            yield self._final(event) if final else self._noted(event)

    def _fail(self, pick, _):
        self._number += 1
        letters = "".join(chr(97 + int(digit)) for digit in str(self._number))
        yield from self._failed(pick, f"the script fails it: {letters}")

    def _fail_alike(self, pick, _):
        yield from self._failed(pick, "the script has lost a library")

    def _crash(self, pick, _):
        yield from self._failed(pick, "signal 11", kind=Kind.CRASH)

    def _crash_first(self, pick, _):
        yield from self._failed(pick, "signal 9", kind=Kind.CRASH, final=False)

    def _duplicate(self, pick, _):
        if self._finals:
            yield self._noted(self._finals[pick % len(self._finals)])

    def _late(self, pick, _):
        if self._gone:
            yield self._noted(self._gone[pick % len(self._gone)])

    def _lose(self, pick, _):
        if self._units:
            unit = list(self._units)[pick % len(self._units)]
            self._gone += [self._done_of(unit, task) for task in self._left[unit]]
            del self._units[unit], self._left[unit]
            self._say("lost", unit)
            yield UnitLost(unit, "the script lost it")

    def _end(self, pick, _):
        if self._units:
            unit = list(self._units)[pick % len(self._units)]
            self._gone += [self._done_of(unit, task) for task in self._left[unit]]
            del self._units[unit], self._left[unit]
            self._say("ended", unit)
            yield UnitFinished(unit, WORKER)

    def _commit(self, *_):
        self._ledger().commit()
        self._say("committed", "")
        yield from ()

    def _look(self, *_):
        """As who looks into the ledger with a program of their own, and closes it again."""
        subprocess.run([sys.executable, "-c", LOOK, str(self._ledger().path)], check=True)
        yield from ()

    def _kill(self, *_):
        os.kill(os.getpid(), signal.SIGKILL)
        yield from ()

    def _interrupt(self, *_):
        self._say("interrupted", "")
        raise KeyboardInterrupt
        yield

    def _fault(self, *_):
        self._say("fault", "")
        raise EnvironmentFault("the script broke the machine", todo="run the same command again")
        yield


def main() -> None:
    directory, asked = Path(sys.argv[1]), json.loads(sys.argv[2])
    held = []
    plain = Ledger.__init__

    def remembered(self, path):
        plain(self, path)
        held.append(self)

    Ledger.__init__ = remembered
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    backend = Scripted(asked["script"], log, lambda: held[-1])
    try:
        report = open_toy(directory).run(backend=backend, **asked["request"])
    except GridrunError as error:
        sys.stderr.write(error.text())
        sys.exit(error.exit_code)
    sys.exit(report.exit_code)


if __name__ == "__main__":
    main()
