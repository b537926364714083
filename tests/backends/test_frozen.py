"""Workers that do not come back from a call, on a clock that the test sets; no Ray is started."""

import pytest
from one_ray import Clock, OneRay

from backends.local import _nodes, _slots
from backends.local._slots import FROZEN_SECONDS, Slots
from gridrun.plan.units import UnitFinished, UnitLost
from gridrun.testing.units import toy_content, toy_job, toy_units


def events_of(monkeypatch, *, frozen, waits):
    """What comes of two units on two workers, and the Ray that ran them."""
    clock = Clock()
    monkeypatch.setattr(_slots, "time", clock)
    monkeypatch.setattr(_nodes, "time", clock)
    ray = OneRay(clock, frozen, waits)
    slots = Slots(ray, toy_job(), toy_content, count=2, directory="/", path=[])
    first, *others = toy_units(2, 1)
    events = slots.run(first, lambda: others.pop() if others else None, lambda: False)
    return [(clock.now, event) for event in events], ray


def test_a_frozen_worker_is_given_up(monkeypatch):
    """Not before the time is over, nor long after it; the other worker is left alone."""
    found, ray = events_of(monkeypatch, frozen={0}, waits=[1.0])
    ((moment, lost),) = [(at, event) for at, event in found if isinstance(event, UnitLost)]
    assert "has not answered for 12" in lost.reason
    assert FROZEN_SECONDS < moment - 1000.0 < FROZEN_SECONDS + 10.0
    assert ray.killed == [0]
    assert [event.unit for _, event in found if isinstance(event, UnitFinished)] == ["unit-2"]
    assert lost.unit == "unit-1"


@pytest.mark.parametrize("away", [15.0, 600.0, 86400.0])
def test_a_driver_that_was_stopped_gives_nobody_up(monkeypatch, away):
    """Neither for the time in which it could not ask itself, nor for what was over before."""
    waits = [1.0] * 60 + [away] + [1.0] * 50 + [away] + [1.0]
    found, ray = events_of(monkeypatch, frozen={0}, waits=waits)
    ((moment, _),) = [(at, event) for at, event in found if isinstance(event, UnitLost)]
    assert FROZEN_SECONDS < moment - 1000.0 - 2 * away < FROZEN_SECONDS + 10.0
    assert ray.killed == [0]
