"""What the summary says: means by method and classifier, reasons, and seconds beside the means."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gridrun.pipeline import Value, names_of
from gridrun.plan.task_encoding import IntArray
from gridrun.plan.times import shared_reads
from gridrun.plan.units import State
from gridrun.report.batches import PartBatch
from gridrun.report.summary_group import SummaryGroup
from gridrun.store.ledger import LedgerView
from gridrun.study.state import StudyState

GroupKey = tuple[str, tuple[Value, ...], str]
"""Method, values of further parameters, classifier."""

_COUNTED = {State.DONE: "n", State.FAILED: "failed", State.SKIPPED: "skipped"}
"""State to the count of a group that its parts are in; others are waiting."""


class Summed:
    """Groups of the summary, reasons of failures, and damage.

    Args:
        study_state: The study.
    """

    def __init__(self, study_state: StudyState) -> None:
        self._study_state = study_state
        pipeline = study_state.pipeline
        self.metrics = names_of(column for column in pipeline.result_columns if column.headline)
        self.groups: dict[GroupKey, SummaryGroup] = {}
        self.reasons: dict[tuple[str, str], int] = {}
        self.damaged = 0

    def add(self, batch: PartBatch) -> None:
        """Count the parts of a batch."""
        for said, count in batch.counts():
            self.damaged += count * said.damaged
            if said.kind:
                key = (said.kind, said.reason)
                self.reasons[key] = self.reasons.get(key, 0) + count
        groups, of_part = self._groups_of(batch)
        for place, said in enumerate(batch.said):
            name = _COUNTED.get(said.state, "waiting")
            counts = np.bincount(of_part[batch.says == place], minlength=len(groups))
            for group, count in zip(groups, counts.tolist(), strict=True):
                setattr(group, name, getattr(group, name) + count)
        for metric in self.metrics:
            self._add_metric(batch, metric, groups, of_part)

    def ordered(self) -> list[SummaryGroup]:
        """By method, then further parameters, then classifier, each in table order."""
        study_state = self._study_state
        allowed, pipeline = study_state.study.grid.allowed(), study_state.pipeline
        methods = [str(v) for v in allowed[pipeline.method_parameter]]
        classifiers = list(pipeline.classifiers)
        return sorted(
            self.groups.values(),
            key=lambda group: (
                methods.index(group.method),
                [allowed[name].index(value) for name, value in group.at.items()],
                classifiers.index(group.classifier),
            ),
        )

    def _groups_of(self, batch: PartBatch) -> tuple[list[SummaryGroup], IntArray]:
        """Groups of a batch, and the position among them of each part's."""
        study_state = self._study_state
        pipeline = study_state.pipeline
        places: dict[GroupKey, int] = {}
        found: list[SummaryGroup] = []
        of_row = np.empty(batch.says.shape[:2], np.int64)
        for at, values in enumerate(batch.values):
            method = str(values[pipeline.method_parameter])
            by = {name: values[name] for name in pipeline.summary_parameters}
            caveats = study_state.caveats_of(values)
            for position, classifier in enumerate(batch.classifiers):
                key = (method, tuple(by.values()), classifier)
                if key not in places:
                    new = SummaryGroup(method, classifier, self.metrics, by)
                    places[key] = len(found)
                    found.append(self.groups.setdefault(key, new))
                of_row[at, position] = places[key]
                found[places[key]].warn(caveats)
        return found, np.broadcast_to(of_row[:, :, np.newaxis], batch.says.shape)

    def _add_metric(
        self, batch: PartBatch, metric: str, groups: list[SummaryGroup], of_part: IntArray
    ) -> None:
        means = batch.means(metric)
        has = batch.of_results(~np.isnan(means))
        counts = np.bincount(of_part[has], minlength=len(groups)).tolist()
        # one after the other, as they stand in the table: another order has other last digits
        before = [group.sum_of(metric) for group in groups]
        sums = np.bincount(
            np.concatenate([np.arange(len(groups)), of_part[has]]),
            np.concatenate([before, means[batch.result[has]]]),
        )
        for group, count, total in zip(groups, counts, sums.tolist(), strict=True):
            if count:
                group.add(metric, total, count)


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
