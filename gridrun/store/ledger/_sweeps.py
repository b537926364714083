"""What the ledger holds of sweeps: which are out there, and which tasks they hold."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from typing import NamedTuple

from gridrun.plan.units import SweepPlanned

PLANNED, SENT = "planned", "sent"
"""States of a living sweep; all others say how it ended."""


@dataclass(frozen=True)
class StoredSweep:
    """A sweep.

    Args:
        name: Name it has where it was sent.
        run: Run that planned it.
        backend: Name of the backend that sent it.
        planned: When, seconds since the epoch.
        place: Where a person can look at it, or empty.
        state: ``planned``, ``sent``, or how it ended.
        tasks: Tasks that it holds.
    """

    name: str
    run: int
    backend: str
    planned: float
    place: str
    state: str
    tasks: int

    @property
    def lives(self) -> bool:
        """Whether something may still come of it."""
        return self.state in (PLANNED, SENT)

    @property
    def is_sent(self) -> bool:
        """Whether it is known to have been accepted."""
        return self.state == SENT


@dataclass(frozen=True)
class StoredUnit:
    """A unit of a living sweep.

    Args:
        id: Its name.
        shard: Position of its shard.
        artifact: Digest.
        seconds: Estimated.
        tasks: (context, fold, code, classifier) of each.
    """

    id: str
    shard: int
    artifact: str
    seconds: float
    tasks: tuple[tuple[int, int, int, str], ...]


class AttemptKey(NamedTuple):
    """What identifies an attempt, wherever and however often it is read."""

    unit: str
    context: int
    fold: int
    code: int
    number: int
    started: float
    final: bool | int


def plan(db: sqlite3.Connection, planned: SweepPlanned, run: int, backend: str) -> None:
    """Record a sweep and its units; call inside a write transaction."""
    row = (planned.sweep, run, backend, time.time(), "", PLANNED)
    db.execute("INSERT INTO sweep VALUES (?, ?, ?, ?, ?, ?)", row)
    db.executemany(
        "INSERT INTO sweep_unit VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                unit.id,
                planned.sweep,
                shard,
                unit.artifact,
                unit.seconds,
                json.dumps([[t.context, t.fold, t.code, t.classifier] for t in unit.tasks]),
            )
            for shard, units in enumerate(planned.shards)
            for unit in units
        ],
    )


def end(db: sqlite3.Connection, sweep: str, state: str) -> None:
    """Keep of a sweep only that it was; call inside a write transaction."""
    db.execute("UPDATE sweep SET state = ? WHERE name = ?", (state, sweep))
    db.execute("DELETE FROM sweep_unit WHERE sweep = ?", (sweep,))
    db.execute("DELETE FROM segment WHERE sweep = ?", (sweep,))


def stored(db: sqlite3.Connection) -> list[StoredSweep]:
    """Every sweep, oldest first."""
    rows = db.execute(
        "SELECT s.name, s.run, s.backend, s.planned, s.place, s.state, "
        "COALESCE(SUM(json_array_length(u.tasks)), 0) "
        "FROM sweep s LEFT JOIN sweep_unit u ON u.sweep = s.name GROUP BY s.name "
        "ORDER BY s.planned, s.name"
    )
    return [StoredSweep(*row) for row in rows]


def units_of(db: sqlite3.Connection, sweep: str) -> list[StoredUnit]:
    """Units of a sweep that have not ended."""
    rows = db.execute(
        "SELECT unit, shard, artifact, seconds, tasks FROM sweep_unit WHERE sweep = ? "
        "ORDER BY shard, unit",
        (sweep,),
    )
    return [
        StoredUnit(unit, shard, artifact, seconds, tuple((*task,) for task in json.loads(tasks)))
        for unit, shard, artifact, seconds, tasks in rows
    ]


def segments_of(db: sqlite3.Connection, sweep: str) -> frozenset[tuple[int, str]]:
    """(shard, file name) of the segments that were read."""
    return frozenset(db.execute("SELECT shard, name FROM segment WHERE sweep = ?", (sweep,)))


def attempts(db: sqlite3.Connection) -> list[AttemptKey]:
    """Attempts of the units that sweeps hold."""
    rows = db.execute(
        "SELECT unit, context, fold, code, number, started, final FROM attempt "
        "WHERE unit IN (SELECT unit FROM sweep_unit)"
    )
    return [AttemptKey(*row) for row in rows]
