"""What the ledger and the table have to hold, told from what a scripted backend said."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toystudies import TIMES, open_toy, write_study

WHOLE = {
    "origin": ["first", "every"],
    "grade": ["low"],
    "scope": ["wide"],
    "unclear": ["left_out"],
    "coding": ["columns"],
    "smoothing": ["flat", "upper", "mean", "kernel"],
    "thinning": [1, 4],
    "tuning": ["fixed", "drawn"],
    "constant_check": ["on"],
    "twin_check": ["on"],
    "row_share": [1.0],
    "column_share": [0.33],
}
MOST_FOLDS = 3
MOST_LOSSES = 5
MOST_ALIKE = 5
MANY_ALIKE = "the script has lost a library"

Task = tuple[int, int, int]
"""Context, fold, code."""


def rows_of(directory: Path) -> list[dict[str, str]]:
    """The final table."""
    with (directory / "results" / "final_cv_results.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def place_of(classifier: str, fold: int, values: dict[str, object]) -> tuple[str, ...]:
    """What tells a task from all others in words of the study; ``line`` reads no tuning."""
    read = [
        f"{name}={values[name]}"
        for name in WHOLE
        if not (name == "tuning" and classifier == "line")
    ]
    return (classifier, str(fold), *read)


_NUMBERS: dict[tuple[str, ...], dict[str, str]] = {}


def right_numbers(directory: Path) -> dict[tuple[str, ...], dict[str, str]]:
    """Every row of the whole grid, by its place, from one run that nothing disturbs."""
    if not _NUMBERS:
        write_study(directory, WHOLE, folds=MOST_FOLDS)
        open_toy(directory).run(backend="inprocess")
        _NUMBERS.update({_place(row): row for row in rows_of(directory)})
    return _NUMBERS


def _place(row: dict[str, str]) -> tuple[str, ...]:
    values = {name: row[name] for name in WHOLE}
    return place_of(row["classifier"], int(row["fold"]), values)


@dataclass
class Said:
    """An attempt that has to be in the ledger, unless a kill came before its commit."""

    task: Task
    place: tuple[str, ...]
    state: str
    kind: str
    reason: str
    final: bool


@dataclass
class Model:
    """The ledger of a study as it has to be.

    Args:
        outcomes: Task to its last final attempt.
        attempts: All of them, in their order.
    """

    outcomes: dict[Task, Said] = field(default_factory=dict)
    attempts: list[Said] = field(default_factory=list)
    doubled: int = 0
    """Final events that were said again, or of a unit that was no longer out."""

    def run(self, log: Path, directory: Path, code: int, *, retried: bool) -> bool:
        """Take in a run, and hold the ledger against it.

        Returns:
            Whether a fault of the machine ended it.
        """
        lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        told = _Told(self, retried=retried)
        for line in lines:
            getattr(told, line["what"])(line)
        said = told.said
        self.doubled += told.doubled
        stored = read_attempts(directory)
        assert stored[: len(self.attempts)] == [_stored(each) for each in self.attempts]
        new = stored[len(self.attempts) :]
        assert new == [_stored(each) for each in said[: len(new)]], "not what was said"
        least = told.durable if code == -9 else len(said)
        assert len(new) >= least, f"{len(said) - len(new)} attempts are lost, {least} were durable"
        for each in said[: len(new)]:
            self.attempts.append(each)
            if each.final:
                self.outcomes[each.task] = each
        if told.is_fault and len(told.alike) >= MOST_ALIKE:
            reason = self.outcomes[told.alike[-1]].reason
            for task, each in list(self.outcomes.items()):
                if each.state == "failed" and each.reason == reason:
                    del self.outcomes[task]
        assert read_outcomes(directory) == {
            task: (each.state, each.kind, each.reason if each.state == "failed" else "")
            for task, each in self.outcomes.items()
        }
        return told.is_fault

    def hold_table(self, directory: Path, scratch: Path, rows: int) -> str:
        """Hold the final table against the model; its state as an exit code would say it."""
        right = right_numbers(scratch)
        found = rows_of(directory)
        assert len(found) == rows
        known = {each.place: each for each in self.outcomes.values()}
        for row in found:
            place = _place(row)
            expected = right[place]
            each = known.get(place)
            if expected["state"] == "done":
                state = each.state if each else "waiting"
                assert row["state"] == state, place
                if state == "failed":
                    assert row["reason"] == f"{each.kind}: {each.reason}"
                if state != "done":
                    assert row["skill"] == "NA"
                    continue
            same = set(expected) - {"combination", "shared_with", "tuning", *TIMES}
            other = {name for name in same if row[name] != expected[name]}
            assert not other, (place, other)
        return "failed" if any(row["state"] == "failed" for row in found) else "done"


class _Told:
    """What has to come of one run, line by line; a method for each thing that a backend says."""

    def __init__(self, model: Model, *, retried: bool) -> None:
        self.said: list[Said] = []
        self.durable = 0
        self.doubled = 0
        self.is_fault = False
        self.alike: list[Task] = []
        self._reason = ""
        self._losses = Counter[str]()
        self._in_a_row = 0
        self._most_at_once = 1
        self._out: dict[str, dict[Task, tuple[str, ...]]] = {}
        self._settled = {
            task for task, each in model.outcomes.items() if each.state == "done" or not retried
        }

    def taken(self, line: dict[str, Any]) -> None:
        tasks = {
            tuple(task): place_of(classifier, task[1], values)
            for task, classifier, values in line["tasks"]
        }
        assert not any(tasks.keys() & held.keys() for held in self._out.values()), "twice at once"
        assert not tasks.keys() & self._settled, f"{tasks} ran before"
        self._out[line["unit"]] = tasks
        self._most_at_once = max(self._most_at_once, len(self._out))

    def done(self, line: dict[str, Any]) -> None:
        self._reason, self.alike = "", []
        self._record(line, "done")

    def failed(self, line: dict[str, Any]) -> None:
        self._record(line, "failed")

    def _record(self, line: dict[str, Any], state: str) -> None:
        name, classifier, values = line["task"]
        task, final = tuple(name), line.get("final", True)
        kind, reason = line.get("kind", ""), line.get("reason", "")
        if final:
            self._in_a_row = 0
            del self._losses[_first_name(line["unit"])]
            if self._out.get(line["unit"], {}).pop(task, None) is None:
                self.doubled += 1
                return
            self._settled.add(task)
        place = place_of(classifier, task[1], values)
        self.said.append(Said(task, place, state, kind, reason, final))
        if kind == "error":
            self.alike = [*self.alike, task] if self._reason == reason else [task]
            self._reason = reason

    def lost(self, line: dict[str, Any]) -> None:
        self._in_a_row += 1
        self._losses[_first_name(line["unit"])] += 1
        self.is_fault |= self._in_a_row >= MOST_LOSSES * self._most_at_once
        # outcomes of other units do not hide one that ends its workers
        self.is_fault |= self._losses[_first_name(line["unit"])] >= MOST_LOSSES
        del self._out[line["unit"]]

    def ended(self, line: dict[str, Any]) -> None:
        if self._out[line["unit"]]:
            self.lost(line)
        else:
            del self._out[line["unit"]]

    def committed(self, _: dict[str, Any]) -> None:
        self.durable = len(self.said)

    def fault(self, _: dict[str, Any]) -> None:
        self.is_fault = True

    def interrupted(self, _: dict[str, Any]) -> None:
        pass


def _first_name(unit: str) -> str:
    """The name that a unit had before it was lost and offered again."""
    return unit.partition("+")[0]


def _stored(said: Said) -> tuple[object, ...]:
    return (*said.task, said.state, said.kind, said.reason, int(said.final))


def _query(directory: Path, statement: str) -> list[tuple[object, ...]]:
    path = directory / ".gridrun" / "ledger.sqlite"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if not db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            return []
        return db.execute(statement).fetchall()


def read_attempts(directory: Path) -> list[tuple[object, ...]]:
    """All attempts in their order."""
    names = "context, fold, code, state, kind, reason, final"
    return _query(directory, f"SELECT {names} FROM attempt ORDER BY id")


def read_outcomes(directory: Path) -> dict[Task, tuple[object, ...]]:
    """State, kind and reason by task; each outcome has a result, and no result is without one."""
    found = _query(
        directory,
        "SELECT context, fold, code, state, kind, result.reason FROM outcome "
        "FULL JOIN result USING (context, fold, code)",
    )
    return {(context, fold, code): tuple(more) for context, fold, code, *more in found}
