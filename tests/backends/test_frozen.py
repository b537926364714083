"""Workers that do not come back from a call, on a clock that the test sets; no Ray is started."""

import pickle
from types import SimpleNamespace

import pytest

from backends.local import _nodes, _slots
from backends.local._slots import FROZEN_SECONDS, Slots
from gridrun.plan.units import UnitFinished, UnitLost, UnitStarted
from gridrun.testing.units import toy_content, toy_job, toy_units


class Clock:
    """Monotonic seconds."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


class Actor:
    """Runs a unit in one call, unless it is frozen: then no call ends."""

    def __init__(self, number, frozen):
        self.number = number
        self.frozen = frozen
        self.hello = self._method("hello")
        self.step = self._method("step")
        self.close = self._method("close")

    def _method(self, name):
        return SimpleNamespace(remote=lambda *given, **_: (self, name, given))


class OneRay:
    """What slots ask of the module; a wait lets the clock go on.

    Args:
        clock: The clock.
        frozen: Numbers of the actors that freeze once they have a unit.
        waits: Seconds of each wait, the last one for all further ones.
    """

    class exceptions:  # noqa: N801 - a module's
        RayError = type("RayError", (Exception,), {})
        RayTaskError = type("RayTaskError", (Exception,), {})

    def __init__(self, clock, frozen, waits):
        self.clock = clock
        self.frozen = frozen
        self.waits = list(waits)
        self.made = []
        self.killed = []
        self.put = pickle.dumps

    def remote(self, _):
        def make():
            self.made.append(Actor(len(self.made), len(self.made) in self.frozen))
            return self.made[-1]

        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=make))

    def wait(self, calls, **_):
        self.clock.now += self.waits.pop(0) if len(self.waits) > 1 else self.waits[0]
        ready = [call for call in calls if not (call[0].frozen and call[1] == "step")]
        return ready[:1], calls

    def get(self, call):
        actor, name, given = call
        if name == "hello":
            return ""
        unit = given[0]
        worker = f"worker {actor.number}"
        return [UnitStarted(unit.id, worker), UnitFinished(unit.id, worker)]

    def kill(self, actor, **_):
        self.killed.append(actor.number)


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
