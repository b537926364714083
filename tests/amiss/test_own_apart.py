"""Files of the user's own in a worker's process, which may hang or die."""

from __future__ import annotations

import time

from own_files import CENTROID, MEDIAN, method, python_method
from test_own_files import VALUES
from toyblock import toy_block

from amiss_tasks.r.own_file import OwnFile
from gridrun.pipeline import DEFAULT_PIPELINE, Settings, TaskSpec
from gridrun.plan.limits import Limit, Limits
from gridrun.plan.units import Job, Kind, TaskDone, TaskFailed, Unit, UnitFinished
from gridrun.worker import Supervisor

LIMIT_SECONDS = 8.0
FILES = {
    "loops": method("repeat Sys.sleep(1)"),  # one that computes: tests/worker/test_real_r.py
    "dies": method("tools::pskill(Sys.getpid(), 9)"),
    "stops": method("stop('boom')"),
    "fine": MEDIAN,
    "raises": python_method("raise ValueError('boom')"),
}
ENDINGS = {"raises": "py"}
PATIENCE_SECONDS = 240


def test_only_the_tasks_of_a_file_that_hangs_or_dies_are_lost(tmp_path):
    """A loop is a timeout, a death a crash, stop() an error with its line; the others are done."""
    toy_block().save(tmp_path / "block.npz")
    options = {
        "own_methods": [
            OwnFile(name, f"{name}.{ENDINGS.get(name, 'R')}", text).plain()
            for name, text in FILES.items()
        ],
        "own_classifiers": [OwnFile("centroid", "centroid.R", CENTROID).plain()],
    }
    settings = Settings({}, "amiss", 1, options=options)
    job = Job(DEFAULT_PIPELINE, settings, Limits(values={"imputation=loops": Limit(LIMIT_SECONDS)}))
    tasks = tuple(
        TaskSpec(1, number, 1, "centroid", VALUES | {"imputation": name})
        for number, name in enumerate(FILES)
    )
    supervisor = Supervisor(job, lambda _: (tmp_path / "block.npz").read_bytes(), tmp_path / "w")
    try:
        supervisor.start(Unit("unit", "block", tasks))
        events, deadline = [], time.monotonic() + PATIENCE_SECONDS
        while not any(isinstance(event, UnitFinished) for event in events):
            assert time.monotonic() < deadline, events
            events += supervisor.poll(0.2)
    finally:
        supervisor.close()
    last = {
        event.task.values["imputation"]: event
        for event in events
        if isinstance(event, TaskDone) or (isinstance(event, TaskFailed) and event.final)
    }
    assert isinstance(last["fine"], TaskDone)
    kinds = {name: event.kind for name, event in last.items() if isinstance(event, TaskFailed)}
    assert kinds == {
        "loops": Kind.TIMEOUT,
        "dies": Kind.CRASH,
        "stops": Kind.ERROR,
        "raises": Kind.ERROR,
    }
    assert last["loops"].stage == last["dies"].stage == "impute"
    assert "boom (stops.R:7)" in last["stops"].reason
    assert "boom (raises.py:7)" in last["raises"].reason
