"""A driver of its own process: runs toy units on Ray, says what it sees, one JSON line each."""

import dataclasses
import json
import os
import signal
import sys
import time

from backends.local import _ray_process
from backends.local._backend import LocalBackend
from gridrun.errors import GridrunError
from gridrun.plan.units import TaskDone, UnitFinished, WorkerReady
from gridrun.testing.units import UnitQueue, toy_content, toy_job, toy_units


def say(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main(options):
    environment = dict(os.environ)
    began = time.monotonic()
    _ray_process.JOIN_SECONDS = options.get("join_seconds", _ray_process.JOIN_SECONDS)
    job = toy_job(sleep_ms=options.get("sleep_ms", 0))
    job = dataclasses.replace(job, pipeline=options.get("pipeline", job.pipeline))
    backend = LocalBackend(options.get("workers"), options.get("address"))
    signal.signal(signal.SIGINT, lambda *_: backend.stop())
    try:
        backend.open(job, toy_content)
        say(opened_seconds=time.monotonic() - began, pid=os.getpid())
        queue = UnitQueue(toy_units(options["units"], options["tasks"]))
        for event in queue.drive(backend):
            if isinstance(event, WorkerReady):
                say(environment=dict(event.environment))
            elif isinstance(event, TaskDone):
                say(done=event.task.code)
            elif isinstance(event, UnitFinished):
                say(finished=event.unit, stopped=event.stopped)
        say(workers=backend.capabilities.workers)
    except GridrunError as error:
        say(fault=type(error).__name__, text=error.text(), seconds=time.monotonic() - began)
    finally:
        backend.close()
    changed = {k for k, v in os.environ.items() if environment.get(k) != v}
    say(end=True, changed=sorted(changed | (environment.keys() - os.environ.keys())))


main(json.loads(sys.argv[1]))
