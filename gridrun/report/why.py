"""Why tasks are to be run: new, or something that determines them has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gridrun.plan.fingerprint import differing
from gridrun.plan.tasks import Context, Pending
from gridrun.study.state import StudyState


@dataclass(frozen=True)
class Reason:
    """Why some tasks are to be run.

    Args:
        tasks: Number of tasks in all folds.
        classifier: Classifier of the tasks.
        text: What differs from what was computed before, or that it is new.
    """

    tasks: int
    classifier: str
    text: str


def reasons_of(
    study_state: StudyState, known: Sequence[int | None], pending: Sequence[Pending]
) -> Iterator[Reason]:
    """The reasons of pending tasks, one for each classifier and cause."""
    view = study_state.view
    stored = view.contexts() if view is not None else {}
    length = len(study_state.tables.contexts)
    counts = sum(
        (np.bincount(fold.contexts, minlength=length) for fold in pending),
        np.zeros(length, np.int64),
    )
    merged: dict[tuple[str, str], int] = {}
    for position in np.flatnonzero(counts).tolist():
        tasks = int(counts[position])
        context = study_state.tables.contexts[position]
        if known[position] is not None:
            text = "not run yet"
        else:
            nearest = _nearest(stored, context)
            text = f"changed since: {', '.join(nearest)}" if nearest else "not run yet"
        merged[context.classifier, text] = merged.get((context.classifier, text), 0) + tasks
    for (classifier, text), tasks in merged.items():
        yield Reason(tasks, classifier, text)


def changes_since(study_state: StudyState) -> list[str]:
    """Names of what changed since an earlier run, where no outcome of it is valid any more.

    A study with some valid outcomes is merely unfinished, and so is one that was never run.
    """
    view = study_state.view
    stored = view.contexts() if view is not None else {}
    known = study_state.known_context_ids()
    if not stored or not known or any(ident is not None for ident in known):
        return []
    return _nearest(stored, study_state.tables.contexts[0]) or ["classifiers"]


def _nearest(stored: Mapping[str, tuple[int, str, dict[str, Any]]], context: Context) -> list[str]:
    """What differs from the earlier context that shares most; empty if there is none."""
    changes = [
        differing(components, context.components)
        for _, classifier, components in stored.values()
        if classifier == context.classifier
    ]
    # a study may have many earlier contexts, one for each version of the code: the nearest one
    # names what changed last, others would add what changed before
    return min(changes, key=_length) if changes else []


def _length(names: list[str]) -> int:
    return len(names)
