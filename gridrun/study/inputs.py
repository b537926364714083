"""A study's inputs: what is known of them, what is read of them and when, and what they cost."""

from __future__ import annotations

import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import Enum
from functools import cached_property
from pathlib import Path

from gridrun.errors import Fault, InputError, UserError
from gridrun.pipeline import Pipeline, Settings, Source, TakesDigests
from gridrun.pipeline.costs import CostModel, cost_model_of
from gridrun.pipeline.description import Describer
from gridrun.plan.units import Job
from gridrun.shard.remote_inputs import (
    BlocksElsewhere,
    ReadingOrder,
    ReadingReport,
    order_of,
    report_from,
)
from gridrun.store.ledger import LedgerView
from gridrun.study import Study
from gridrun.study._input_digests import InputDigests, keep_digests, known_digests

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


class StudyInputs(ABC):
    """The inputs of a study.

    Args:
        study: The study.
        pipeline: Its pipeline.
        pipeline_name: By which a worker finds the pipeline.
        settings: The study's settings, without digests.
        use: What is done with the inputs.
    """

    def __init__(
        self,
        study: Study,
        pipeline: Pipeline,
        pipeline_name: str,
        settings: Settings,
        use: InputUse,
    ) -> None:
        self.study = study
        self.pipeline = pipeline
        self.pipeline_name = pipeline_name
        self.settings = settings
        self.use = use
        self._has_counted = False

    @property
    @abstractmethod
    def view(self) -> LedgerView | None:
        """The ledger as it is now, or None if the study has none."""

    @abstractmethod
    def know_inputs(self, digests: Mapping[str, str]) -> None:
        """Have tasks that were named before name the inputs by their digests.

        Args:
            digests: By role.
        """

    def check_inputs(self) -> list[Fault]:
        """Quick look at the inputs; notes come back, faults are raised together.

        Inputs that are read elsewhere are looked at there.
        """
        if self.study.inputs_elsewhere:
            return []
        return list(self.pipeline.check(self.settings, self.study.grid.allowed()))

    @cached_property
    def costs(self) -> CostModel:
        """What the pipeline knows of what the study's tasks cost."""
        self._has_counted = True
        return self._known_costs()

    def _known_costs(self) -> CostModel:
        allowed, cache = self.study.grid.allowed(), self.study.paths.cache
        known = replace(self.settings, input_digests={**self._inputs.known})
        return cost_model_of(self.pipeline, known, allowed, cache)

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
        self.know_inputs(digests)
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

    def digests_to_look_up(self) -> Mapping[str, str]:
        """Role to digest, ``NOT_READ`` for what ``input_digests`` gives later."""
        if self.study.inputs_elsewhere:
            return self.input_digests
        unread = dict.fromkeys(self.study.inputs, NOT_READ)
        if self.view is None:  # there is no ledger in which they could be looked up
            return unread
        is_read = self.use is InputUse.READ
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
        if self.use is not InputUse.COMPARED:
            self._count_first()
        found = self._inputs.alike(recorded, of_known_size=of_known_size)
        self.keep_input_digests()
        return found
