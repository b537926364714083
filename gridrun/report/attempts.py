"""Attempts that failed or printed something, in the words of the study, not the ledger's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from gridrun.pipeline.notebooks import facts_html
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

    def __repr__(self) -> str:
        where = f"{self.classifier} fold {self.fold}, attempt {self.number}"
        why = f": {self.kind}: {self.reason}" if self.kind else ""
        return f"<combination {self.combination} {where}: {self.state}{why}>"

    def _repr_html_(self) -> str:
        """What is known of it, for notebooks."""
        known = {one.name.replace("_", " "): getattr(self, one.name) for one in fields(self)}
        return facts_html(f"Attempt {self.number}: {self.state}", known)


def logged_attempts(study_state: StudyState) -> Iterator[LoggedAttempt]:
    """The attempts of a study that failed or printed something, oldest first."""
    view = study_state.view
    if view is None:
        return
    classifiers = {ident: name for ident, name, _ in view.contexts().values()}
    names = {field.name for field in fields(LoggedAttempt)}
    for row in view.noteworthy():
        classifier = classifiers[row["context"]]
        own = {
            "combination": _combination(study_state, classifier, row["code"]),
            "classifier": classifier,
            "log": study_state.study.paths.logs / row["log"] if row["log"] else None,
            "rows": row["request"].get("rows"),
            "folds": row["request"].get("folds"),
        }
        yield LoggedAttempt(**{name: row[name] for name in names - own.keys()}, **own)


def _combination(study_state: StudyState, classifier: str, code: int) -> int | None:
    grid = study_state.study.grid
    values = study_state.book.values(code, study_state.pipeline.classifier_reads(classifier))
    # parameters the classifier does not read: the first value stands for all
    first = {name: choices[0] for name, choices in grid.allowed().items()}
    try:
        return grid.index({**first, **values}) + 1
    except ValueError:
        return None
