"""A Ray that starts no worker, for it has no node left or none with room: said, not waited for.

Ray is a stand-in here: one that has lost its only node while its driver lives was seen after a
session was stopped for a quarter of an hour, and cannot be had in less.
"""

from types import SimpleNamespace

import pytest

from backends.local import _nodes, _slots
from gridrun.plan.units import Notice, UnitFinished, UnitStarted
from gridrun.testing.units import toy_content, toy_job, toy_units


def ray_with(*alive, processors=0.0):
    """A Ray whose nodes live or not, and whose actors never come up."""
    hello = SimpleNamespace(remote=lambda *_: "call")
    actor = SimpleNamespace(hello=hello, close=hello)
    made = SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda: actor))
    return SimpleNamespace(
        remote=lambda _: made,
        put=lambda content: content,
        wait=lambda calls, **_: ([], calls),
        nodes=lambda: [{"Alive": one} for one in alive],
        available_resources=lambda: {"CPU": processors} if processors else {},
        kill=lambda *_, **__: None,
        exceptions=SimpleNamespace(RayError=RuntimeError),
    )


def events_of(ray, directory, rounds=5):
    """What comes until a stop is asked for, after some rounds."""
    slots = _slots.Slots(ray, toy_job(), toy_content, count=2, directory=directory, path=())
    asked = iter([False] * rounds)
    (unit,) = toy_units(1, 1)
    return list(slots.run(unit, lambda: None, lambda: next(asked, True)))


def test_a_ray_of_our_own_that_lost_its_node_is_a_fault(monkeypatch):
    """No worker will ever come up: Ray is of no use any more, and says so."""
    monkeypatch.setattr(_nodes, "_PATIENCE_SECONDS", 0)
    with pytest.raises(_nodes.SlotsGone, match="Ray has lost this machine"):
        events_of(ray_with(False), "workers")


@pytest.mark.parametrize(
    ("ray", "directory", "said"),
    [
        (ray_with(True), "workers", "1 node of the cluster live, with 0 processors free"),
        (ray_with(), None, "0 nodes of the cluster live, with 0 processors free"),
        (ray_with(False, True, processors=1.5), None, "1 node of the cluster live, with 1.5"),
    ],
)
def test_what_is_waited_for_is_said_once(monkeypatch, ray, directory, said):
    """A cluster may get a node, and a busy one has room again: the run goes on waiting."""
    monkeypatch.setattr(_nodes, "_PATIENCE_SECONDS", 0)
    notice, started, finished = events_of(ray, directory)
    assert isinstance(notice, Notice)
    assert "waiting for Ray to start one" in notice.text
    assert said in notice.text
    assert isinstance(started, UnitStarted)
    assert finished == UnitFinished("unit-1", "", stopped=True)


def test_nothing_is_said_of_workers_that_start_in_time():
    """Half a minute is more than they take."""
    assert not any(isinstance(event, Notice) for event in events_of(ray_with(True), None))
