"""Attempts that failed or printed something, in the words of the study, not the ledger's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gridrun.pipeline.notebooks import facts_html
from gridrun.plan.units import Kind
from gridrun.store.ledger import LedgerView
from gridrun.study.state import StudyState


@dataclass(frozen=True)
class LoggedAttempt:
    """One attempt that failed or printed something.

    Args:
        combination: Number of the first combination it belongs to, None if the
            grid of today has no such combination.
        classifier: Which classifier.
        fold: Counted from 1.
        number: Number of the attempt, from 1.
        state: ``done`` or ``failed``.
        kind: Kind of failure, or empty.
        reason: Why it failed, or empty.
        signal: Signal that ended the process.
        exit_code: Exit code of the process.
        limit_seconds: Limit that was passed.
        stage: Stage it happened in, where known.
        worker: Which worker.
        started: Seconds since the epoch.
        seconds: Wall seconds.
        log: Its log file, or None.
        rows: ``--rows`` of its run, or None.
        folds: ``--folds`` of its run, or None.
        outcome: What became of its task, ``done`` or ``failed``; None while it waits.
        is_shared: Whether it made what a task that was asked for shares, and is not its own.
        shared_log: Where it printed nothing itself, the log of the attempt that made what it
            shares, or None.
    """

    combination: int | None
    classifier: str
    fold: int
    number: int
    state: str
    kind: str
    reason: str
    signal: int | None
    exit_code: int | None
    limit_seconds: float | None
    stage: str
    worker: str
    started: float
    seconds: float
    log: Path | None
    rows: int | None
    folds: int | None
    outcome: str | None
    is_shared: bool = False
    shared_log: Path | None = None

    def __repr__(self) -> str:
        where = f"{self.classifier} fold {self.fold}, attempt {self.number}"
        why = f": {self.kind}: {self.reason}" if self.kind else ""
        return f"<combination {self.combination} {where}: {self.state}{why}>"

    def _repr_html_(self) -> str:
        """What is known of it, for notebooks."""
        known = {one.name.replace("_", " "): getattr(self, one.name) for one in fields(self)}
        return facts_html(f"Attempt {self.number}: {self.state}", known)


def logged_attempts(
    study_state: StudyState,
    combination: int | None = None,
    fold: int | None = None,
    classifier: str | None = None,
) -> Iterator[LoggedAttempt]:
    """The attempts of a study that failed or printed something, oldest first.

    Those of the tasks that are asked for, and those that made what these share with others, as
    imputed tables: a task that found them made has printed nothing of their making.

    Args:
        study_state: The study.
        combination: Number of the combination that is asked for, from 1, or None for all.
        fold: The fold that is asked for, or None for all.
        classifier: The classifier that is asked for, or None for all.
    """
    view = study_state.view
    if view is None:
        return
    contexts = {ident: name for ident, name, _ in view.contexts().values()}
    names = {field.name for field in fields(LoggedAttempt)}
    asked = _Asked(study_state, contexts, combination, fold, classifier)
    shared = asked.shares(view)
    rows = list(view.noteworthy())
    logs = study_state.study.paths.logs
    makers = {row["shares"]: logs / row["log"] for row in rows if _made_shared(row)}
    for row in rows:
        is_asked = asked.has(row["context"], row["fold"], row["code"])
        if not is_asked and not (_made_shared(row) and row["shares"] in shared):
            continue
        name = contexts[row["context"]]
        number = combination if is_asked else None
        own = {
            "combination": number or _combination(study_state, name, row["code"]),
            "classifier": name,
            "is_shared": not is_asked,
            "log": logs / row["log"] if row["log"] else None,
            "shared_log": None if row["log"] else makers.get(row["shares"]),
            "rows": row["request"].get("rows"),
            "folds": row["request"].get("folds"),
        }
        yield LoggedAttempt(**{name: row[name] for name in names - own.keys()}, **own)


def _made_shared(row: Mapping[str, Any]) -> bool:
    """Whether an attempt printed something while it made, or tried to make, what others share."""
    is_maker = row["shared_seconds"] > 0 or row["kind"] in {Kind.CRASH, Kind.TIMEOUT}
    return bool(row["log"] and row["shares"] and is_maker)


class _Asked:
    """Which tasks are asked for.

    Args:
        study_state: The study.
        contexts: Number of each context to its classifier.
        combination: Number of the combination, from 1, or None for all.
        fold: The fold, or None for all.
        classifier: The classifier, or None for all.
    """

    def __init__(
        self,
        study_state: StudyState,
        contexts: Mapping[int, str],
        combination: int | None,
        fold: int | None,
        classifier: str | None,
    ) -> None:
        self._fold = fold
        self._contexts = {i: name for i, name in contexts.items() if classifier in {None, name}}
        self._narrows = (combination, fold, classifier) != (None, None, None)
        self._codes: dict[str, int] | None = None
        if combination is not None:
            values = study_state.study.grid.combination(combination - 1)
            # combinations that differ in what a classifier does not read have one task of it
            self._codes = {
                name: study_state.book.code(values, study_state.pipeline.classifier_reads(name))
                for name in {*self._contexts.values()} & {*study_state.pipeline.classifiers}
            }

    def has(self, context: int, fold: int, code: int) -> bool:
        """Whether a task is one of them."""
        if context not in self._contexts or self._fold not in {None, fold}:
            return False
        return self._codes is None or self._codes.get(self._contexts[context]) == code

    def shares(self, view: LedgerView) -> frozenset[str]:
        """Keys of what they share with others; empty where all tasks are asked for."""
        if not self._narrows:
            return frozenset()
        return frozenset(
            shares for *task, shares in view.shared_results(self._fold) if self.has(*task)
        )


def _combination(study_state: StudyState, classifier: str, code: int) -> int | None:
    grid = study_state.study.grid
    values = study_state.book.values(code, study_state.pipeline.classifier_reads(classifier))
    # parameters the classifier does not read: the first value stands for all
    first = {name: choices[0] for name, choices in grid.allowed().items()}
    try:
        return grid.index({**first, **values}) + 1
    except ValueError:
        return None
