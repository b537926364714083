"""A study with a request: its tasks, and what the ledger knows of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from gridrun.errors import Fault, UserError
from gridrun.pipeline import (
    ChecksCode,
    KnowsVersions,
    NeedsMore,
    Pipeline,
    Settings,
    Value,
)
from gridrun.pipeline.caveats import Caveat, HasCaveats
from gridrun.plan.run_options import RunOptions
from gridrun.plan.selection import Selection, read_numbers, write_numbers
from gridrun.plan.task_encoding import IntArray, TaskEncoding
from gridrun.plan.tasks import Finished, KnowsFinished, Pending, TaskTables
from gridrun.store.ledger import LedgerView
from gridrun.study import MOST_FOLDS, Study
from gridrun.study._drawing import drawing_of
from gridrun.study.inputs import InputUse, StudyInputs

STUDY_META = "study file"
"""Name of the study file a ledger belongs to."""

PUT_OFF_META = "units put off"
"""Units that wait to be tried again: tasks, when, why; of the run at work."""

PEAKS_META = "memory of stages"
"""Bytes that stages took: number of the context to name of the stage to that."""

PIPELINE_META = "pipeline"
"""Name of the pipeline that a study was begun with."""


class StudyState(StudyInputs):
    """Everything that is known before anything runs; writes nothing.

    Args:
        study: The study.
        pipeline: Its pipeline.
        request: Which of its tasks are meant.
        pipeline_name: By which a worker finds the pipeline.
        inputs: What is done with the inputs.
    """

    def __init__(
        self,
        study: Study,
        pipeline: Pipeline,
        request: RunOptions,
        pipeline_name: str,
        *,
        inputs: InputUse = InputUse.COMPARED,
    ) -> None:
        if (request.combinations or "").startswith("@"):
            # the numbers are kept, not the name: the file may be gone when somebody looks later
            numbers = write_numbers(read_numbers(request.combinations or "", len(study.grid)))
            request = replace(request, combinations=numbers)
        self.request = request
        self.folds = request.folds if request.folds is not None else study.folds
        rows = request.rows if request.rows is not None else study.rows
        if self.folds < 1:
            raise UserError(f"--folds {self.folds}: at least one fold is needed")
        most_folds = min(pipeline.most_folds or MOST_FOLDS, MOST_FOLDS)
        if self.folds > most_folds:
            raise UserError(
                f"--folds {self.folds}: at most {most_folds:,} can be asked for",
                todo=pipeline.most_folds_reason or None,
            )
        if rows is not None and rows < 1:
            raise UserError(f"--rows {rows}: at least one {pipeline.words.row} is needed")
        self.drawing = drawing_of(study, request)
        settings = Settings(
            inputs={role: str(path) for role, path in study.inputs.items()},
            protocol=study.protocol,
            seed=study.seed,
            rows=rows,
            options=study.options,
            # before any digest of code is asked for: what changes between is then refused
            code=pipeline.code_in_use() if isinstance(pipeline, ChecksCode) else {},
            needs=_needs_of(pipeline, study.grid.allowed()),
        )
        super().__init__(study, pipeline, pipeline_name, settings, inputs)
        if study.inputs_elsewhere and pipeline.prediction_columns(settings):
            raise UserError(
                f"the study keeps predictions, which name every {pipeline.words.row}, and its "
                "inputs stay elsewhere",
                where=str(study.path),
                todo="leave predictions out; or, if rows may come here, name files below inputs",
            )

    @cached_property
    def view(self) -> LedgerView | None:
        """The ledger as it is now, or None if the study has none.

        Raises:
            UserError: It is the ledger of another study file of the directory, or of another
                pipeline.
        """
        view = LedgerView.open(self.study.paths.ledger)
        if view is not None:
            require_pipeline(view, self.study.path, self.pipeline_name)
        owner = view.meta(STUDY_META) if view is not None else None
        if owner not in (None, self.study.path.name):
            raise UserError(
                f"this directory's ledger and results are those of {owner}",
                where=str(self.study.path),
                todo="one directory holds one study: move this file to a directory of its own, or "
                f"give it the name {owner} again if that is what it was",
            )
        return view

    def refresh(self) -> None:
        """Look at the ledger afresh."""
        if self.view is not None:
            self.view.close()
        del self.view
        self.__dict__.pop("reading", None)

    def version_notes(self, environment: Mapping[str, str]) -> list[str]:
        """What is known of a worker's versions: with some, results are not what they stand for."""
        if not isinstance(self.pipeline, KnowsVersions):
            return []
        values = self.study.grid.allowed()
        return list(self.pipeline.version_notes(environment, self.settings, values).values())

    @cached_property
    def may_need(self) -> tuple[str, ...]:
        """What any value of the pipeline's parameters needs beside what every study does."""
        values = {one.name: one.values for one in self.pipeline.parameters}
        return _needs_of(self.pipeline, values)

    def noted_versions(self) -> list[str]:
        """The same of the versions that the ledger's results were computed with."""
        environment = self.view.environment() if self.view is not None else None
        return self.version_notes(environment) if environment else []

    @cached_property
    def selection(self) -> Selection:
        """The combinations that are meant."""
        stored = self.view.sample(self.sample_name) if self.view is not None else None
        return Selection.of(
            self.study.grid,
            compared=(self.pipeline.method_parameter,),
            only=self.request.only,
            combinations=self.request.combinations,
            sample=self.drawing.size,
            design=self.drawing.design,
            blocks=self.request.blocks,
            seed=self.study.seed,
            stored=stored,
        )

    @property
    def protocol_label(self) -> str:
        """The protocol as every table names it."""
        return self.pipeline.protocol_label(self.settings)

    @property
    def rows_note(self) -> str:
        """What every report says when a subset of the rows is used; else empty."""
        if self.settings.rows is None:
            return ""
        noun = self.pipeline.words.row
        return f"at most {self.settings.rows:,} {noun}s, drawn by the seed (--rows)"

    @cached_property
    def caveats(self) -> tuple[Caveat, ...]:
        """What the pipeline says of results that are better than they should be."""
        if not isinstance(self.pipeline, HasCaveats):
            return ()
        return tuple(self.pipeline.caveats(self.settings, self.study.grid.allowed()))

    def caveats_of(self, values: Mapping[str, Value]) -> dict[str, str]:
        """The same of one combination, by column."""
        found: dict[str, list[str]] = {}
        for caveat in self.caveats:
            found.setdefault(caveat.column, []).append(caveat.of(values))
        return {column: "; ".join(filter(None, cells)) for column, cells in found.items()}

    @property
    def caveat_notes(self) -> list[Fault]:
        """The same as notes."""
        return [caveat.note(self.study.path) for caveat in self.caveats]

    @property
    def sample_name(self) -> str:
        """Name under which the ledger keeps the drawn sample."""
        only = ";".join(sorted(self.request.only))
        listed = self.request.combinations or ""
        return f"{self.drawing.unit} seed={self.study.seed} only={only} list={listed}"

    @cached_property
    def book(self) -> TaskEncoding:
        """Numbers of the grid's values, those of the ledger first."""
        view = self.view
        known, bits = (view.values(), view.code_bits()) if view is not None else ({}, ())
        book = TaskEncoding(self.study.grid.names, known, bits)
        book.learn(self.study.grid)
        return book

    def know_inputs(self, digests: Mapping[str, str]) -> None:
        """Have the tasks name the inputs by their digests, where they were named already."""
        if "tables" in self.__dict__:
            self.tables.know_inputs(digests)

    @cached_property
    def tables(self) -> TaskTables:
        """All leaf tasks of the selection."""
        return TaskTables(
            self.pipeline,
            self.settings,
            grid=self.study.grid,
            indices=self.selection.indices(),
            classifiers=self.study.classifiers,
            book=self.book,
            inputs=self.digests_to_look_up(),
            fingerprints=self.use is not InputUse.COUNTED or self.view is not None,
        )

    def known_context_ids(self) -> list[int | None]:
        """The ledger's number of each context, None where it has none."""
        known = self.view.contexts() if self.view is not None else {}
        return [
            known[context.digest][0] if context.digest in known else None
            for context in self.tables.contexts
        ]

    def known_peaks(self) -> dict[str, int]:
        """Bytes of memory that stages took in earlier runs, by name of the stage."""
        text = self.view.meta(PEAKS_META) if self.view is not None else None
        kept: Mapping[str, Mapping[str, int]] = json.loads(text or "{}")
        found: dict[str, int] = {}
        for number in map(str, self.known_context_ids()):
            for stage, used in kept.get(number, {}).items():
                found[stage] = max(used, found.get(stage, 0))
        return found

    def pending(
        self, context_ids: Sequence[int | None], view: KnowsFinished | None
    ) -> Iterator[Pending]:
        """Fold by fold, the tasks that are to be run."""
        # without a ledger no context is known, yet all tasks are to be run
        finished: Finished = _nothing
        if view is not None:
            finished = partial(view.finished, without=self.request.retried_kinds)
        ids = [-1 if ident is None else ident for ident in context_ids]
        for fold in range(1, self.folds + 1):
            yield self.tables.pending(fold, ids, finished)

    def seconds(self, context_ids: Sequence[int | None], view: LedgerView | None) -> list[float]:
        """Estimated seconds of a task of each context: the ledger's mean, or a guess."""
        known = view.mean_seconds() if view is not None else {}
        return [
            known[ident]
            if ident is not None and ident in known
            else self.pipeline.estimate_seconds(context.classifier, context.values)
            for context, ident in zip(self.tables.contexts, context_ids, strict=True)
        ]


def require_pipeline(view: LedgerView, study: Path, name: str) -> None:
    """Refuse a pipeline that is not the one a study was begun with.

    Args:
        view: The study's ledger.
        study: The study's file.
        name: Of the pipeline.

    Raises:
        UserError: It is another one.
    """
    begun = view.meta(PIPELINE_META)
    if begun not in (None, name):
        raise UserError(
            f"this study was begun with the pipeline {begun}, not with {name}",
            where=str(study),
            todo=f"write --pipeline {begun}, or begin another study in a directory of its own",
        )


def _nothing(context: int, fold: int) -> tuple[IntArray, IntArray]:
    del context, fold
    empty = np.zeros(0, np.int64)
    return empty, empty


def _needs_of(pipeline: Pipeline, values: Mapping[str, Sequence[Value]]) -> tuple[str, ...]:
    """What values of parameters need of a worker beside what every study does."""
    return tuple(pipeline.needs(values)) if isinstance(pipeline, NeedsMore) else ()
