"""Why tasks are to be run: new, or something that determines them has changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gridrun.fingerprint import differing
from gridrun.plan import Pending
from gridrun.workspace import Workspace


@dataclass(frozen=True)
class Reason:
    """Why some tasks are to be run.

    Args:
        tasks: How many, all folds.
        classifier: Which classifier's.
        text: What differs from what was computed before, or that it is new.
    """

    tasks: int
    classifier: str
    text: str


def reasons_of(
    workspace: Workspace, known: Sequence[int | None], pending: Sequence[Pending]
) -> Iterator[Reason]:
    """Reasons, one for each classifier and cause."""
    view = workspace.view
    stored = view.contexts() if view is not None else {}
    counts: dict[int, int] = {}
    for fold in pending:
        for context in fold.contexts.tolist():
            counts[context] = counts.get(context, 0) + 1
    merged: dict[tuple[str, str], int] = {}
    for position, tasks in counts.items():
        context = workspace.tables.contexts[position]
        if known[position] is not None:
            text = "not run yet"
        else:
            earlier = [
                components
                for _, classifier, components in stored.values()
                if classifier == context.classifier
            ]
            changes = [differing(old, context.components) for old in earlier]
            # the earlier context that shares most names the cause best
            nearest = min(changes, key=_length) if changes else []
            text = f"changed since: {', '.join(nearest)}" if nearest else "not run yet"
        merged[context.classifier, text] = merged.get((context.classifier, text), 0) + tasks
    for (classifier, text), tasks in merged.items():
        yield Reason(tasks, classifier, text)


def _length(names: list[str]) -> int:
    return len(names)
