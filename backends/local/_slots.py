"""Slots: one actor each, one call in flight each, a new actor when one dies.

Where a node lacks something, its actor keeps the processor it has and is given nothing more: Ray,
which knows no such thing as a node without R, would start the next one there as well.

The ray module is handed in: only ``backends.local._driver`` imports it.
"""

from __future__ import annotations

import contextlib
import pickle
import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backends.local._actor import WorkerActor
from backends.local._nodes import Nodes
from gridrun.errors import EnvironmentFault
from gridrun.plan.retries import RETRIES
from gridrun.plan.units import (
    Event,
    Job,
    Loss,
    Notice,
    ReadArtifact,
    TaskDone,
    TaskFailed,
    Unit,
    UnitFinished,
    UnitLost,
    UnitStarted,
    WorkerLost,
)
from gridrun.worker import DamagedArtifact

if TYPE_CHECKING:  # with it would come the engine, numpy, all tables and the report
    from gridrun.run.backend import UnitFeed

STEP_SECONDS = 0.5
"""How long a step waits for events; a stop takes effect with the next step."""

_WAIT_SECONDS = 1.0
FROZEN_SECONDS = 120.0
"""So long a call may take: it is back within a second, or a few where much is written."""

_AWAY_SECONDS = 10.0
"""A round that took longer says that this process could not run."""

_ASK_AGAIN_SECONDS = 5.0
"""After so long a feed that had nothing may have something: a unit that was put off."""

_NUMBER = re.compile(r"\b[0-9a-f]{16,} ")
_ARTIFACTS_KEPT = 4
_GOODBYE_SECONDS = 3.0
_STARTING_SECONDS = 6.0
"""The same for workers that were sent code and are not up yet; below what the driver is given."""


@dataclass(eq=False)
class _Slot:
    """An actor, the call in flight, and the unit it has."""

    actor: Any
    call: Any
    unit: Unit | None = None
    is_up: bool = False
    has_outcomes: bool = False
    called: float = field(default_factory=time.monotonic)


class Slots:
    """The workers of one backend.

    Args:
        ray: The module.
        job: What all units have in common.
        read_artifact: Content by digest.
        count: Number of workers.
        directory: Where they put files, or None for each node's temporary directory.
        path: Where the driver's modules are, if workers are on the same machine.
        code: Archive of those modules, for workers elsewhere.
        grows: Whether there is to be a worker for each processor that joins.
    """

    def __init__(
        self,
        ray: Any,
        job: Job,
        read_artifact: ReadArtifact,
        *,
        count: int,
        directory: str | None,
        path: Sequence[str],
        code: bytes | None = None,
        grows: bool = False,
    ) -> None:
        self._ray = ray
        self._read_artifact = read_artifact
        # a pickle, since a worker elsewhere knows no class of ours before it has the code
        sent = code if code is None else ray.put(code)
        self._has_sent_code = code is not None
        self._greeting = (pickle.dumps(job), directory, path, sent)
        # a lost worker is replaced here, never by Ray: it would not say what was lost
        self._actor_class = ray.remote(WorkerActor).options(
            num_cpus=1, max_restarts=0, max_task_retries=0
        )
        self._artifacts: OrderedDict[str, Any] = OrderedDict()
        self._failed_starts = 0
        self._due: list[float] = []
        """When workers are started again that were lost while they started."""
        self._most = None if grows else count
        self._nodes = Nodes(ray, is_own=directory is not None)
        self._looked = time.monotonic()
        self._held: deque[Unit] = deque()
        self._unfit: list[_Slot] = []
        self._slots = [self._new_slot() for _ in range(count)]

    def run(
        self, first: Unit, next_unit: UnitFeed, is_stopping: Callable[[], bool]
    ) -> Iterator[Event]:
        """Run units; see ``gridrun.run.backend.Backend.run``."""
        # ``dry``: the feed had nothing for now. It is asked again when a slot has become free,
        # since a unit that ended may have made another one possible (a lost one is offered
        # again), and every few seconds, since one may have been put off; asking in every round
        # would be for nothing. ``first`` was pulled by the caller
        # to learn whether Ray is needed at all; after a stop it is handed back, not forgotten.
        self._held.append(first)
        dry, dry_since = False, 0.0
        self._looked = time.monotonic()
        while True:
            dry = dry and time.monotonic() - dry_since < _ASK_AGAIN_SECONDS
            for slot in self._free():
                if is_stopping() or (dry and not self._held):
                    break
                unit = self._held.popleft() if self._held else next_unit()
                if unit is None:
                    dry, dry_since = True, time.monotonic()
                else:
                    self._give(slot, unit, stop=False)
            while self._held and is_stopping():
                held = self._held.popleft()
                yield UnitStarted(held.id, "")
                yield UnitFinished(held.id, "", stopped=True)
            busy = any(slot.unit is not None for slot in self._slots)
            if not busy and not self._held and (dry or is_stopping()):
                return
            # an actor that starts or has a unit has a call, which fails if it dies; the death of
            # an idle one is noticed with the next unit it is given
            slots = self._slots + self._unfit
            calls = [slot.call for slot in slots if slot.call is not None]
            ready: list[Any] = []
            if calls:
                ready, _ = self._ray.wait(calls, num_returns=1, timeout=_WAIT_SECONDS)
            else:
                time.sleep(_WAIT_SECONDS)  # all were lost while they started
            # what an actor that keeps a processor waits for does not come: it died with its node
            self._unfit = [slot for slot in self._unfit if slot.call not in ready]
            if self._has_sent_code:
                self._grow(self._nodes.processors())
            yield from self._nodes.look(is_any_up=any(slot.is_up for slot in self._slots))
            for slot in [slot for slot in self._slots if slot.call in ready]:
                events = self._take(slot, stop=is_stopping())
                # a unit that ended may come back from the feed, or leave room for another
                dry = dry and slot.unit is not None
                yield from events
            yield from self._lose_frozen()
            self._start_due()

    def close(self) -> None:
        """Let every worker remove its files, as far as it still can, and end it."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            # code is unpacked into a file before a worker is up; without it, there is none
            reached = [slot for slot in self._slots if slot.is_up or self._has_sent_code]
            goodbyes = [slot.actor.close.remote() for slot in reached]
            if goodbyes:
                starting = any(not slot.is_up for slot in reached)
                seconds = _STARTING_SECONDS if starting else _GOODBYE_SECONDS
                self._ray.wait(goodbyes, num_returns=len(goodbyes), timeout=seconds)
        for slot in self._slots + self._unfit:
            self._ray.kill(slot.actor, no_restart=True)
        self._slots, self._unfit, self._due = [], [], []
        self._artifacts.clear()

    def _grow(self, processors: int | None) -> None:
        """Have as many workers as are wanted and a cluster has fit processors for."""
        if processors is None:
            return
        fit = processors - len(self._unfit)
        wanted = fit if self._most is None else min(self._most, fit)
        there = len(self._slots) + len(self._due)
        self._slots += [self._new_slot() for _ in range(wanted - there)]

    def _start_due(self) -> None:
        """Start workers again that were lost while they started, after their pause."""
        now = time.monotonic()
        over = [due for due in self._due if due <= now]
        self._due = [due for due in self._due if due > now]
        self._slots += [self._new_slot() for _ in over]

    def _lose_frozen(self) -> Iterator[Event]:
        """Give up workers that do not come back from a call: their node was stopped, or hangs."""
        now = time.monotonic()
        away, self._looked = now - self._looked, now
        for slot in list(self._slots):
            if away > _AWAY_SECONDS:
                slot.called += away  # this process was stopped as well, or asleep
            silent = now - slot.called
            if slot.is_up and slot.call is not None and silent > FROZEN_SECONDS:
                yield from self._replace(slot, f"it has not answered for {silent:.0f} s")

    def _free(self) -> list[_Slot]:
        return [slot for slot in self._slots if slot.is_up and slot.unit is None]

    def _new_slot(self) -> _Slot:
        actor = self._actor_class.remote()
        return _Slot(actor, actor.hello.remote(*self._greeting))

    def _give(self, slot: _Slot, unit: Unit | None, *, stop: bool) -> None:
        """Call the actor; the call returns within ``STEP_SECONDS`` or so."""
        content = None
        if unit is not None:
            slot.unit = unit
            content = self._content(unit.artifact)
        slot.called = time.monotonic()
        slot.call = slot.actor.step.remote(unit, content, STEP_SECONDS, stop=stop)

    def _take(self, slot: _Slot, *, stop: bool) -> list[Event]:
        """Fetch the result of a call and make the next one."""
        errors = self._ray.exceptions
        call, slot.call = slot.call, None
        try:
            answer = self._ray.get(call)
        except errors.RayTaskError as error:
            return self._retire(slot, error.cause)
        except errors.RayError as error:
            return self._replace(slot, _what_ray_says(error))
        if not slot.is_up and answer:
            where, what, todo = answer
            return self._retire(slot, EnvironmentFault(what, where=where, todo=todo))
        if not slot.is_up:
            slot.is_up = True
            self._failed_starts = 0
            return []
        events: list[Event] = answer
        if any(isinstance(event, TaskDone | TaskFailed) for event in events):
            slot.has_outcomes = True
        if events and isinstance(events[-1], UnitFinished):
            slot.unit = None
        else:
            self._give(slot, None, stop=stop)
        return events

    def _replace(self, slot: _Slot, why: str) -> list[Event]:
        """A worker is gone: a new one takes its place, its unit is offered again.

        Whether that has happened too often is the engine's to judge, for all backends.
        """
        self._ray.kill(slot.actor, no_restart=True)
        at = self._slots.index(slot)
        reason, unit = f"worker gone: {why}", slot.unit
        if slot.is_up:
            self._slots[at] = self._new_slot()
        else:
            del self._slots[at]
            self._failed_starts += 1
            pause = RETRIES[Loss.WORKER].pause(self._failed_starts)
            self._due.append(time.monotonic() + pause)
        slot.unit = None
        return [UnitLost(unit.id, reason) if unit is not None else WorkerLost(reason)]

    def _retire(self, slot: _Slot, cause: Exception) -> list[Event]:
        """A worker whose machine is at fault is not used again, as long as others work.

        One that was sent damaged tables is: they are sent anew with the unit.
        """
        if isinstance(cause, DamagedArtifact) and slot.unit is not None:
            unit, slot.unit = slot.unit, None
            self._artifacts.pop(unit.artifact, None)
            return [UnitLost(unit.id, cause.what)]
        if not isinstance(cause, EnvironmentFault):
            raise cause
        self._slots.remove(slot)
        self._unfit.append(slot)
        slot.call = slot.actor.rest.remote()
        self._grow(self._nodes.processors(now=True) if self._has_sent_code else None)
        if not self._slots and not self._due:
            raise cause
        said = f"{cause.text()}\n  The run goes on with other workers."
        events: list[Event] = [Notice(said)]
        lost, slot.unit = slot.unit, None
        if lost is not None and slot.has_outcomes:
            events.append(UnitLost(lost.id, cause.what))
        elif lost is not None:
            self._held.append(lost)  # nothing of it has run
        return events

    def _content(self, digest: str) -> Any:
        """Reference to an artifact in Ray's object store; the latest few are kept there."""
        if not digest:
            return None
        if digest not in self._artifacts:
            self._artifacts[digest] = self._ray.put(self._read_artifact(digest))
        self._artifacts.move_to_end(digest)
        while len(self._artifacts) > _ARTIFACTS_KEPT:
            self._artifacts.popitem(last=False)
        return self._artifacts[digest]


def _what_ray_says(error: Exception) -> str:
    """What became of an actor, in the same words for all of them: without its number."""
    line = (str(error).strip().splitlines() or [""])[0]
    said = _NUMBER.sub("", line).partition(":")[0].rstrip(". ")
    return f"{type(error).__name__}: {said}"
