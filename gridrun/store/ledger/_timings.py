"""How long tasks took, as the ledger has it: sums that a computation of what is left needs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_NEWEST = 100_000
"""So many of the last attempts are looked at: more would make nothing surer, and take seconds."""

_LATE = (
    " FROM attempt WHERE id > ? AND final = 1 AND unit != '' "
    "AND context IN (SELECT value FROM json_each(?)) "
)


@dataclass(frozen=True)
class Timed:
    """Attempts of tasks that cost the same, as far as anybody knows.

    Args:
        context: Number of their context.
        code: The bits of their codes that tell them from others.
        tasks: Their number.
        own: Sum of their seconds, without ``shared``.
        own_squares: Sum of the squares of these.
        shared: Sum of the seconds in which they made what others share.
    """

    context: int
    code: int
    tasks: int
    own: float
    own_squares: float
    shared: float


class Timings:
    """Durations of attempts.

    Args:
        db: An open connection.
        whole: Whether all attempts are looked at, not the last ones alone.
    """

    def __init__(self, db: sqlite3.Connection, *, whole: bool = False) -> None:
        self._db = db
        self._first = 0
        if whole:
            return
        (last,) = db.execute("SELECT COALESCE(MAX(id), 0) FROM attempt").fetchone()
        self._first = max(0, int(last) - _NEWEST)

    def by_code(self, mask: int, contexts: Sequence[int]) -> Iterator[Timed]:
        """Finished tasks by context and the masked bits of their code.

        Args:
            mask: Bits of the parameters that cost depends on.
            contexts: Numbers of the contexts that are meant.
        """
        for row in self._db.execute(
            "SELECT context, code & ?, COUNT(*), SUM(seconds - shared_seconds), "
            "SUM((seconds - shared_seconds) * (seconds - shared_seconds)), SUM(shared_seconds) "
            + _LATE
            + "GROUP BY 1, 2",
            (mask, self._first, json.dumps(list(contexts))),
        ):
            yield Timed(*row)

    def shared_by_code(
        self, mask: int, whole: int, contexts: Sequence[int]
    ) -> Iterator[tuple[int, int, int, float]]:
        """What tasks share: masked bits of their codes, how many were needed and made, seconds.

        Equal content is made once though it was needed more often.

        Args:
            mask: Bits of the parameters that cost depends on.
            whole: Bits of all parameters that what is shared depends on, in each fold.
            contexts: Numbers of the contexts that are meant.
        """
        yield from self._db.execute(
            "SELECT code & ?, COUNT(DISTINCT (code & ?) || ' ' || fold), COUNT(DISTINCT shares), "
            "SUM(shared_seconds)" + _LATE + "AND shares != '' GROUP BY 1",
            (mask, whole, self._first, json.dumps(list(contexts))),
        )

    def since(self, moment: float) -> tuple[int, float | None]:
        """Attempts of the newest run that ended after a moment, and the start of the first.

        Args:
            moment: Seconds since the epoch.
        """
        count, first = self._db.execute(
            "SELECT COUNT(*), MIN(started) FROM attempt "
            "WHERE run = (SELECT MAX(id) FROM run) AND final = 1 AND id > ? "
            "AND started + seconds >= ?",
            (self._first, moment),
        ).fetchone()
        return int(count), first

    def ended_of_held(self) -> dict[str, int]:
        """Units that workers hold, each with the number of its tasks that have ended."""
        return dict(
            self._db.execute(
                "SELECT held.unit, COUNT(attempt.id) FROM held LEFT JOIN attempt "
                "ON attempt.unit = held.unit AND attempt.final = 1 AND attempt.id > ? "
                "AND attempt.run = (SELECT MAX(id) FROM run) GROUP BY held.unit",
                (self._first,),
            )
        )

    def workers(self) -> int:
        """Workers that ended a task of the newest run."""
        (count,) = self._db.execute(
            "SELECT COUNT(DISTINCT worker) FROM attempt "
            "WHERE id > ? AND run = (SELECT MAX(id) FROM run) AND unit != ''",
            (self._first,),
        ).fetchone()
        return int(count)
