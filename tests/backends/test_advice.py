"""What people are told when Ray does not start."""

from __future__ import annotations

import re

import pytest
from commands import gridrun

from backends.local import LocalBackend, _backend, _ray_process
from gridrun.errors import EnvironmentFault
from gridrun.plan.units import Notice
from gridrun.testing.units import UnitQueue, toy_content, toy_job, toy_units

FAULTS = {
    "raises": (
        'raise RuntimeError("no room for the object store")',
        "no room for the object store",
    ),
    "exits": ('print("raylet: no room"); import os; os._exit(7)', "exited with code 7"),
    "hangs": ("import time; time.sleep(60)", "was not up after 4 s"),
}
"""What Ray does instead of starting, and what is told of it."""


def events_of(queue, backend):
    """Events to the end, or to the fault; and the fault."""
    events = []
    try:
        events.extend(queue.drive(backend))
    except EnvironmentFault as fault:
        return events, fault
    return events, None


@pytest.mark.parametrize(
    "how", [pytest.param(how, marks=[pytest.mark.slow] if how == "hangs" else []) for how in FAULTS]
)
def test_a_ray_that_does_not_start_is_tried_again_and_explained(tmp_path, monkeypatch, how):
    """Three times and no more, each said; then with Ray's reason and an option that there is."""
    does, said = FAULTS[how]
    (tmp_path / "ray.py").write_text(f"def init(**options):\n    {does}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(_ray_process, "START_SECONDS", 4.0)
    monkeypatch.setattr(_backend, "_KEPT", [])  # a Ray of other tests would do
    backend = LocalBackend(1)
    backend.open(toy_job(), toy_content)
    try:
        events, fault = events_of(UnitQueue(toy_units(1, 1)), backend)
    finally:
        backend.close()
    assert fault is not None
    assert said in fault.what
    assert "3 times in a row" in fault.what
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert len(notices) == 2
    assert all(said in text and "started again" in text for text in notices)
    options = re.findall(r"--[a-z-]+", fault.todo)
    assert options
    shown = gridrun("local", "--help").stdout
    assert all(option in shown for option in options)
