"""What a run would do: counts of tasks, estimated time, reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gridrun.errors import Fault
from gridrun.pipeline.notebooks import facts_html, facts_text, rows_html
from gridrun.plan.counts import StageCount, stage_counts
from gridrun.plan.selection import Coverage
from gridrun.plan.task_encoding import IntArray
from gridrun.plan.times import TimeEstimate
from gridrun.report.class_rows import ClassRows, class_rows_of
from gridrun.report.disk import DiskEstimate, disk_of
from gridrun.report.memory import MemoryEstimate, memory_of
from gridrun.report.times import time_of
from gridrun.report.why import Reason, reasons_of
from gridrun.study.state import StudyState


@dataclass(frozen=True)
class PlanReport:
    """What a run would do.

    Args:
        combinations: Number of combinations in the selection.
        combinations_in_grid: Number of combinations in the study's grid.
        folds: Folds of each combination.
        protocol: How the comparison is made, as tables name it.
        stages: How often each stage runs.
        tasks: Leaf tasks of all folds that are to be run, finished ones included.
        done: Those of them that earlier runs did.
        failed: Those of them that failed in earlier runs.
        pending: Those of them that the next run would execute.
        impossible: Leaf tasks of all folds that upstream itself cannot run.
        impossible_reasons: Reason to the number of such tasks in one fold.
        skipped_reasons: Reason to the number of tasks of one fold that are not asked of a
            classifier.
        time: How long what is pending takes on one core.
        disk: How much disk it takes; None where nothing is known of it, or nothing is pending.
        memory: How much memory its largest block takes; None as for ``disk``.
        coverage: What a sample has of the grid, and what can be concluded from it; None where
            nothing is drawn.
        class_rows: What is known of the test rows of each class; None where the pipeline does not
            say which they are.
        why: What differs from earlier runs, where something is to be run again.
        notes: Notes on the study and its inputs.
    """

    combinations: int
    combinations_in_grid: int
    folds: int
    protocol: str
    stages: tuple[StageCount, ...]
    tasks: int
    done: int
    failed: int
    pending: int
    impossible: int
    impossible_reasons: dict[str, int]
    skipped_reasons: dict[str, int]
    time: TimeEstimate
    disk: DiskEstimate | None = None
    memory: MemoryEstimate | None = None
    coverage: Coverage | None = None
    class_rows: ClassRows | None = None
    why: tuple[Reason, ...] = ()
    notes: tuple[Fault | str, ...] = ()

    @property
    def sharing(self) -> float:
        """Runs of stages without sharing, divided by the runs of the plan."""
        shared = sum(c.tasks * (self.folds if c.per_fold else 1) for c in self.stages)
        unshared = sum(c.unshared * self.folds for c in self.stages)
        return unshared / shared if shared else 1.0

    def __repr__(self) -> str:
        return facts_text("Plan of a run", self._facts())

    def _repr_html_(self) -> str:
        """Counts, stages and notes, for notebooks."""
        notes = [note if isinstance(note, str) else note.text() for note in self.notes]
        runs = [(one.stage, one.tasks * (self.folds if one.per_fold else 1)) for one in self.stages]
        stages = rows_html(("stage", "runs"), runs)
        return facts_html("Plan of a run", self._facts(), notes) + stages

    def _facts(self) -> dict[str, Any]:
        return {
            "protocol": self.protocol,
            "combinations": f"{self.combinations:,} of {self.combinations_in_grid:,}",
            "folds": self.folds,
            "tasks": self.tasks,
            "done": self.done,
            "failed": self.failed,
            "left to run": self.pending,
            "estimated seconds": round(self.time.seconds),
        }


def plan_of(study_state: StudyState, notes: Sequence[Fault | str]) -> PlanReport:
    """Count what a run of this study would do; nothing is written."""
    tables, folds = study_state.tables, study_state.folds
    known = study_state.known_context_ids()
    pending = list(study_state.pending(known, study_state.view))
    ended = [*_finished(study_state, known)]
    impossible: dict[str, int] = {}
    skipped: dict[str, int] = {}
    for table in tables.tables:
        for position, disposition in enumerate(tables.dispositions):
            count = int((table.dispositions == position).sum())
            if count and disposition.state == "failed":
                impossible[disposition.reason] = impossible.get(disposition.reason, 0) + count
            elif count and disposition.state == "skipped":
                skipped[disposition.reason] = skipped.get(disposition.reason, 0) + count
    disk = disk_of(study_state, pending)
    if disk is not None and disk.warning():
        notes = [*notes, disk.warning()]
    memory = memory_of(study_state, pending)
    if memory is not None and memory.warning():
        notes = [*notes, memory.warning()]
    return PlanReport(
        combinations=len(study_state.selection),
        combinations_in_grid=len(study_state.study.grid),
        folds=folds,
        protocol=study_state.protocol_label,
        stages=tuple(stage_counts(tables)),
        tasks=len(tables) * folds,
        done=sum(len(codes) for *_, codes, _ in ended),
        failed=sum(failed for *_, failed in ended),
        pending=sum(len(fold.codes) for fold in pending),
        impossible=sum(impossible.values()) * folds,
        impossible_reasons=impossible,
        skipped_reasons=skipped,
        time=time_of(study_state, known, pending),
        disk=disk,
        memory=memory,
        coverage=study_state.selection.coverage,
        class_rows=class_rows_of(study_state, (one[:-1] for one in ended)),
        why=tuple(reasons_of(study_state, known, pending)),
        notes=tuple(notes),
    )


def _finished(
    study_state: StudyState, known: Sequence[int | None]
) -> Iterator[tuple[int, int, str, IntArray, int]]:
    """Number of a context, fold, classifier, codes of its done tasks, and number of failed ones."""
    for table in study_state.tables.tables if study_state.view is not None else ():
        assert study_state.view is not None
        run = study_state.tables.is_run(table)
        for position in np.unique(table.contexts[run]):
            ident = known[int(position)]
            if ident is None:
                continue
            codes = table.codes[run & (table.contexts == position)]
            for fold in range(1, study_state.folds + 1):
                ended, broken = study_state.view.finished(ident, fold)
                done = codes[np.isin(codes, ended)]
                yield ident, fold, table.classifier, done, int(np.isin(codes, broken).sum())
