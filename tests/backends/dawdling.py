"""A pipeline that takes its time over each task, as the environment says; in C if asked to."""

import ctypes
import dataclasses
import importlib
import os
import pathlib

from gridrun.errors import EnvironmentFault
from gridrun.pipeline import TaskFailure
from gridrun.testing.toy import ToyPipeline, ToyRunner, toy_pipeline


class DawdlingRunner(ToyRunner):
    def run(self, task, artifact):
        spoilt = os.environ.get("SPOILT_FROM")
        if spoilt is not None and pathlib.Path(spoilt).exists():
            raise TaskFailure("library gone")
        if "DAWDLE_IN_C" in os.environ:
            libc = ctypes.CDLL(None)
            libc.prctl(15, b"dawdling", 0, 0, 0)  # its name in the process table
            # a lock that nobody opens: no signal ends the wait, as none ends R
            lock = ctypes.create_string_buffer(64)
            for _ in range(2):
                libc.pthread_mutex_lock(lock)
        return super().run(task, artifact)


class DawdlingPipeline(ToyPipeline):
    def open_runner(self, settings, stage_hook):
        if "NO_R" in os.environ:
            raise EnvironmentFault("there is no R here", todo="install r-base-core")
        if "NEEDS" in os.environ:
            importlib.import_module(os.environ["NEEDS"])
        options = {"sleep_ms": int(os.environ.get("DAWDLE_MS", "0"))}
        return DawdlingRunner(dataclasses.replace(settings, options=options), stage_hook)


PIPELINE = DawdlingPipeline(toy_pipeline().parameters, "1", "dawdling:PIPELINE")
