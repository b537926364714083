"""Toy pipelines whose processes are hard to start, or that look around where they run."""

import importlib
import os
import signal
import sys
import time
from pathlib import Path

from gridrun.errors import EnvironmentFault
from gridrun.pipeline import TaskFailure, TaskResult
from gridrun.testing.toy import ToyPipeline, toy_pipeline

_AXES = toy_pipeline().parameters


class Odd(ToyPipeline):
    def __init__(self, name, opens):
        super().__init__(_AXES, "1", f"odd_pipelines:{name}")
        self.opens = opens

    def open_runner(self, settings, stage_hook):
        return self.opens(settings)


def _lacks_a_package(settings):
    importlib.import_module("no_such_package")


def _without_r(settings):
    raise EnvironmentFault("there is no R on this machine", todo="install r-base-core")


def _raises(settings):
    raise RuntimeError("the library is of another version")


def _leaves(settings):
    os.write(2, b"cannot open shared object file\n")
    os._exit(3)


def _leaves_twice(settings):
    state = Path(settings.options["state_dir"])
    if len(list(state.iterdir())) < 2:
        (state / str(os.getpid())).touch()
        os._exit(3)
    return _Looks()


def _hangs(settings):
    time.sleep(3600)  # it is ended from outside


def _stops(settings):
    os.kill(os.getpid(), signal.SIGSTOP)
    return _Looks()


def _stops_once(settings):
    state = Path(settings.options["state_dir"])
    if not list(state.iterdir()):
        (state / str(os.getpid())).touch()
        os.kill(os.getpid(), signal.SIGSTOP)
    return _Looks()


class _Looks:
    """Tasks by the value of ``smoothing``: look around, or give back what cannot be sent."""

    def environment(self):
        return {"looks": "around"}

    def run(self, task, artifact):
        match task.values["smoothing"]:
            case "flat":
                row = {
                    "threads": os.environ["OMP_NUM_THREADS"],
                    "zone": os.environ["TZ"],
                    "stdin": sys.stdin.read(),
                    "session": os.getsid(0) == os.getpid(),
                    "artifact": artifact.read_bytes() if artifact else None,
                    "open": [path.name for path in Path("/proc/self/fd").iterdir()],
                }
                return TaskResult((row,))
            case "upper":
                return TaskResult(({"unsendable": lambda: None},))
            case "lower":
                raise TaskFailure("first line\nsecond line")
            case "mean":
                sys.exit("an exit in Python")
        return TaskResult(({},))


LACKS_A_PACKAGE = Odd("LACKS_A_PACKAGE", _lacks_a_package)
WITHOUT_R = Odd("WITHOUT_R", _without_r)
RAISES = Odd("RAISES", _raises)
LEAVES = Odd("LEAVES", _leaves)
LEAVES_TWICE = Odd("LEAVES_TWICE", _leaves_twice)
HANGS = Odd("HANGS", _hangs)
STOPS = Odd("STOPS", _stops)
STOPS_ONCE = Odd("STOPS_ONCE", _stops_once)
LOOKS = Odd("LOOKS", lambda settings: _Looks())
