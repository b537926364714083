"""Seconds of tasks beside the means of their results: those of each row, and what rows share."""

from __future__ import annotations

from collections.abc import Mapping

from gridrun.pipeline import Value
from gridrun.plan.times import shared_reads
from gridrun.report.summary_group import SummaryGroup
from gridrun.store.ledger import LedgerView
from gridrun.study.state import StudyState

GroupKey = tuple[str, tuple[Value, ...], str]
"""Method, values of further parameters, classifier."""


def add_seconds(
    study_state: StudyState, view: LedgerView | None, groups: Mapping[GroupKey, SummaryGroup]
) -> None:
    """Add to each group the seconds of its own tasks, and of what their classifiers share.

    Args:
        study_state: The study and which of its tasks are meant.
        view: The ledger, or None.
        groups: What is to be added to.
    """
    if view is None:
        return
    pipeline, book, tables = study_state.pipeline, study_state.book, study_state.tables
    classifiers = {
        ident: context.classifier
        for ident, context in zip(study_state.known_context_ids(), tables.contexts, strict=True)
        if ident is not None
    }
    names = (pipeline.method_parameter, *pipeline.summary_parameters)
    mask, timings = book.mask(names), view.timings(whole=True)

    def key(code: int) -> tuple[str, tuple[Value, ...]]:
        method, *others = book.values(code, names).values()
        return str(method), tuple(others)

    for one in timings.by_code(mask, list(classifiers)):
        group = groups.get((*key(one.code), classifiers[one.context]))
        if group is not None:
            group.seconds = one.own / one.tasks
    shared = shared_reads(tables)
    if not set(names) <= set(shared):
        return  # what classifiers share is not one for each row
    for code, _, made, seconds in timings.shared_by_code(mask, mask, list(classifiers)):
        for classifier in tables.classifiers:
            group = groups.get((*key(code), classifier))
            if group is not None:
                group.shared_seconds = seconds / made
