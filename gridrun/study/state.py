"""A study with a request: its tasks, what the ledger knows of them, its inputs' digests."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from gridrun.errors import Fault, InputError, UserError
from gridrun.pipeline import (
    ChecksCode,
    KnowsVersions,
    NeedsMore,
    Pipeline,
    Settings,
    Source,
    TakesDigests,
    Value,
)
from gridrun.pipeline.caveats import Caveat, HasCaveats
from gridrun.pipeline.costs import CostModel, cost_model_of
from gridrun.pipeline.description import Describer
from gridrun.plan.run_options import RunOptions
from gridrun.plan.selection import Selection, read_numbers, write_numbers
from gridrun.plan.task_encoding import IntArray, TaskEncoding
from gridrun.plan.tasks import Finished, KnowsFinished, Pending, TaskTables
from gridrun.plan.units import Job
from gridrun.shard.remote_inputs import (
    BlocksElsewhere,
    ReadingOrder,
    ReadingReport,
    order_of,
    report_from,
)
from gridrun.store.ledger import LedgerView
from gridrun.study import MOST_FOLDS, Study
from gridrun.study._drawing import drawing_of
from gridrun.study._input_digests import InputDigests, keep_digests, known_digests

STUDY_META = "study file"
"""Name of the study file a ledger belongs to."""

PUT_OFF_META = "units put off"
"""Units that wait to be tried again: tasks, when, why; of the run at work."""

PEAKS_META = "memory of stages"
"""Bytes that stages took: number of the context to name of the stage to that."""

PIPELINE_META = "pipeline"
"""Name of the pipeline that a study was begun with."""

NOT_READ = "not read yet"
"""Stands for the digest of an input that no job has read so far."""

READING_META = "reading "
"""Begins the name under which the ledger keeps the report on an order."""

_INPUT_META = "inputs"
_ROLE_META = "input digests"


class InputUse(Enum):
    """What a command does with the inputs: so much is asked of them before."""

    COUNTED = "counted"
    """Tasks and rows are: no code has to be known where there is no ledger to look for it in."""

    COMPARED = "compared"
    """They are held against those of results: one that may be of these is read for its digest."""

    READ = "read"
    """Rows are made of them: whoever reads a file whose size is new takes its digest, and its tasks
    count as not run until then."""


class StudyState:
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
        self.study = study
        self.pipeline = pipeline
        self.pipeline_name = pipeline_name
        if (request.combinations or "").startswith("@"):
            # the numbers are kept, not the name: the file may be gone when somebody looks later
            numbers = write_numbers(read_numbers(request.combinations or "", len(study.grid)))
            request = replace(request, combinations=numbers)
        self.request = request
        self._use = inputs
        self._has_counted = False
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
        self.settings = Settings(
            inputs={role: str(path) for role, path in study.inputs.items()},
            protocol=study.protocol,
            seed=study.seed,
            rows=rows,
            options=study.options,
            # before any digest of code is asked for: what changes between is then refused
            code=pipeline.code_in_use() if isinstance(pipeline, ChecksCode) else {},
            needs=_needs_of(pipeline, study.grid.allowed()),
        )

        if study.inputs_elsewhere and pipeline.prediction_columns(self.settings):
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

    def check_inputs(self) -> list[Fault]:
        """Quick look at the inputs; notes come back, faults are raised together.

        Inputs that are read elsewhere are looked at there.
        """
        if self.study.inputs_elsewhere:
            return []
        return list(self.pipeline.check(self.settings, self.study.grid.allowed()))

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

    @cached_property
    def costs(self) -> CostModel:
        """What the pipeline knows of what the study's tasks cost."""
        self._has_counted = True
        return self._known_costs()

    def _known_costs(self) -> CostModel:
        allowed, cache = self.study.grid.allowed(), self.study.paths.cache
        known = replace(self.settings, input_digests={**self._inputs.known})
        return cost_model_of(self.pipeline, known, allowed, cache)

    def noted_versions(self) -> list[str]:
        """The same of the versions that the ledger's results were computed with."""
        environment = self.view.environment() if self.view is not None else None
        return self.version_notes(environment) if environment else []

    def open_source(self) -> Source:
        """What makes the artifacts of blocks.

        Raises:
            InputError: With every fault found in the inputs, or one changed meanwhile.
            UserError: They are read elsewhere, and were not read yet.
        """
        if self.study.inputs_elsewhere:
            if self.reading is None:
                raise UserError(
                    "the inputs are not here, and no job has read them where they are",
                    where=str(self.study.path),
                    todo=f"run `{self.study.reading_command}` first, which has them read",
                )
            return BlocksElsewhere(self.reading, self.study.paths.cache)
        source = self.pipeline.open_source(
            self.known_settings, self.study.grid.allowed(), self.study.paths.cache
        )
        self.learn_digests(source)
        return source

    @property
    def reading_settings(self) -> Settings:
        """The settings with the digests of the inputs, so that these are not taken twice."""
        settings = replace(self.settings, read_bytes=self.study.limits.read_bytes)
        try:
            return replace(settings, input_digests=self.input_digests)
        except InputError:
            return settings  # whoever reads them names every fault

    @property
    def known_settings(self) -> Settings:
        """The same with those that are known, where the pipeline takes the others as it reads."""
        if not isinstance(self.pipeline, TakesDigests):
            return self.reading_settings
        self._count_first()
        with contextlib.suppress(InputError):  # whoever reads them names every fault
            self._alike(of_known_size=True)
        return replace(
            self.settings,
            read_bytes=self.study.limits.read_bytes,
            input_digests={**self._inputs.known},
        )

    @property
    def unread(self) -> tuple[Path, ...]:
        """Inputs that are read for their digests by whoever opens the source."""
        takes = isinstance(self.pipeline, TakesDigests)
        return tuple(self.study.inputs[role] for role in self._inputs.unread if takes)

    @cached_property
    def reading_order(self) -> ReadingOrder:
        """What a job is asked for that reads the inputs where they are."""
        return order_of(
            self.pipeline,
            Job(self.pipeline_name, self.settings, self.study.limits),
            self.study.grid.allowed(),
            self.study.inputs_elsewhere,
        )

    @cached_property
    def reading(self) -> ReadingReport | None:
        """What such a job reported, or None where none has done all that is asked now."""
        text = None
        if self.view is not None and self.study.inputs_elsewhere:
            text = self.view.meta(f"{READING_META}{self.reading_order.digest}")
        return report_from(text) if text else None

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
    def _inputs(self) -> InputDigests:
        known, by_role = known_digests(self.study.paths), {}
        if self.view is not None:
            known |= json.loads(self.view.meta(_INPUT_META) or "{}")
            by_role = json.loads(self.view.meta(_ROLE_META) or "{}")
        return InputDigests(self.study.inputs, known, by_role)

    @cached_property
    def input_digests(self) -> dict[str, str]:
        """Role to SHA-256 of the file; known ones are not read again.

        A file that is not here counts as the one that the ledger knows: a study
        directory that was copied alone can be looked at, though not run.

        Raises:
            InputError: Files may not be read, or are not there and not known.
        """
        if self.study.inputs_elsewhere:
            report, view = self.reading, self.view
            known = json.loads(view.meta(_ROLE_META) or "{}") if view is not None else {}
            found = report.inputs if report is not None else known
            return {role: found.get(role, NOT_READ) for role in self.study.inputs_elsewhere}
        digests = self._inputs.all()
        self.keep_input_digests()
        if "tables" in self.__dict__:
            self.tables.know_inputs(digests)
        return digests

    def learn_digests(self, opened: Source | Describer) -> None:
        """Take the digests of the inputs over from what has read them, and keep them.

        Args:
            opened: What the pipeline opened with ``known_settings``.

        Raises:
            InputError: An input was changed meanwhile.
        """
        if isinstance(self.pipeline, TakesDigests):
            self._inputs.learn(self.pipeline.digests_taken(opened))
        self._inputs.refuse_changed()
        self.keep_input_digests()
        if self._has_counted:  # what was counted is kept by these digests
            self.__dict__["costs"] = self._known_costs()

    def keep_input_digests(self) -> None:
        """Have other commands find the digests of the inputs that are known by now."""
        keep_digests(self.study.paths, self._inputs.kept())

    def input_meta(self) -> Iterator[tuple[str, str]]:
        """What the ledger keeps, so that unchanged files are not read again."""
        digests = self.input_digests
        yield _INPUT_META, json.dumps(self._inputs.kept(), sort_keys=True)
        yield _ROLE_META, json.dumps(digests, sort_keys=True)

    @cached_property
    def book(self) -> TaskEncoding:
        """Numbers of the grid's values, those of the ledger first."""
        view = self.view
        known, bits = (view.values(), view.code_bits()) if view is not None else ({}, ())
        book = TaskEncoding(self.study.grid.names, known, bits)
        book.learn(self.study.grid)
        return book

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
            inputs=self._digests_to_look_up(),
            fingerprints=self._use is not InputUse.COUNTED or self.view is not None,
        )

    def _digests_to_look_up(self) -> Mapping[str, str]:
        """Role to digest, ``NOT_READ`` for what ``input_digests`` gives later."""
        if self.study.inputs_elsewhere:
            return self.input_digests
        unread = dict.fromkeys(self.study.inputs, NOT_READ)
        if self.view is None:  # there is no ledger in which they could be looked up
            return unread
        is_read = self._use is InputUse.READ
        if is_read and not isinstance(self.pipeline, TakesDigests):
            return self.input_digests  # it has files read for them anyway
        return unread | self._alike(of_known_size=is_read)

    def _count_first(self) -> None:
        """Have rows of new files counted: these bytes are in memory for whoever reads the whole."""
        if self._inputs.unread and not self._has_counted:
            self._has_counted = True
            self._known_costs()

    def _alike(self, *, of_known_size: bool) -> dict[str, str]:
        """Role to digest of the files that results, or what was kept, may be of."""
        recorded: dict[str, set[str]] = {}
        if self._inputs.unread and self.view is not None:
            known = [components for _, _, components in self.view.contexts().values()]
            for role in self.study.inputs:
                named = {each.get(f"input {role}") for each in known}
                recorded[role] = {digest for digest in named if digest is not None}
        if self._use is not InputUse.COMPARED:
            self._count_first()
        found = self._inputs.alike(recorded, of_known_size=of_known_size)
        self.keep_input_digests()
        return found

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
