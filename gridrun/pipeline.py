"""What the core knows of a pipeline: names, axes and three calls.

The core expands, plans, dispatches and records; what a stage computes is the
pipeline's business (``amiss_tasks`` is the one that ships). A pipeline is
found by name, ``"package.module:ATTRIBUTE"``, so that the core never imports
it and a worker elsewhere finds the same one.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from gridrun.errors import Fault
from gridrun.studykeys import StudyKey

Value = str | int | float
"""One value of a parameter."""

DEFAULT_PIPELINE = "amiss_tasks:PIPELINE"


@dataclass(frozen=True)
class Parameter:
    """One axis of the grid.

    Args:
        name: Upstream's spelling.
        values: Every value this version runs, in the order they are documented.
        description: One sentence for ``gridrun params``.
        refused: Values that are known but that this version does not run, each
            with the reason.
        shorthands: Values that stand for several others (``all``).
        default: Values of a grid that does not name it; None where every grid has to.
    """

    name: str
    values: tuple[Value, ...]
    description: str
    refused: Mapping[str, str] = field(default_factory=dict)
    shorthands: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    default: tuple[Value, ...] | None = None


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline.

    Args:
        name: As in design and ledger: ``read``, ``filter``, ...
        reads: Parameters this stage itself reads; it depends on those of the
            stages before it as well.
        per_fold: Whether it runs once for each fold.
        per_classifier: Whether it runs once for each classifier.
        on_driver: Whether it runs where the study is (its result travels to
            the workers), rather than inside a unit.
        after: The stage whose parameters it depends on beside its own, where
            that is not simply every stage before it.
        reads_part: Parameters of which it reads only a part: for each value the
            part that it reads, an equal one for values that make no difference.
    """

    name: str
    reads: tuple[str, ...]
    per_fold: bool = False
    per_classifier: bool = False
    on_driver: bool = False
    after: str | None = None
    reads_part: Mapping[str, Mapping[Value, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Disposition:
    """What is to be done about a task before anything runs.

    Args:
        state: ``waiting`` (to be run), ``skipped`` (not asked of this
            classifier) or ``failed`` (known to be impossible).
        kind: Kind of failure when ``failed``.
        reason: For people; empty when ``waiting``.
    """

    state: str = "waiting"
    kind: str = ""
    reason: str = ""


RUN = Disposition()


class TaskFailure(Exception):
    """A task came to a failure that is a finding (kind ``error`` unless said).

    Args:
        message: R's or Python's own message.
        kind: ``error`` or ``upstream-defect``.
    """

    def __init__(self, message: str, kind: str = "error") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind


@dataclass(frozen=True)
class Settings:
    """What of a study reaches the stages; plain data, sent to every worker.

    Args:
        inputs: Role (``vcf``, ``cadd_snv``, ``cadd_indel``) to absolute path.
            Only the driver's stages may open them.
        protocol: Name of the protocol.
        seed: The study's seed.
        rows: Size of the seeded subset of variants, or None for all.
        options: Data of the study's keys that the pipeline adds (``Pipeline.study_keys``),
            by key; only those that the study has.
    """

    inputs: Mapping[str, str]
    protocol: str
    seed: int
    rows: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskSpec:
    """One leaf task: what a worker is asked for.

    Args:
        context: Number of the fingerprint context in the ledger.
        code: The parameter values it depends on, packed (see ``gridrun.codes``).
        fold: Fold, counted from 1.
        classifier: Which classifier.
        values: The parameter values it depends on, by name.
    """

    context: int
    code: int
    fold: int
    classifier: str
    values: Mapping[str, Value]


@dataclass(frozen=True)
class TaskResult:
    """What a task that ran to its end came to.

    Args:
        rows: One mapping per completed test table, the pipeline's result
            columns as keys. Numbers stay numbers; ``None`` is NA, ``nan`` NaN.
        details: Further rows kept beside (``consequence`` and the metrics).
        content_key: Digest of everything the result depends on by content;
            equal keys mean equal results (early cutoff).
        shared: Whether the result was taken over from an equal task.
        notes: Warnings worth keeping, one line each.
        facts: Small facts worth keeping (final features, chosen settings). ``fits``,
            if there, says how many models of which name were fitted for it.
        pooled: One row over all completed test tables, the pipeline's pooled columns
            as keys; empty where the pipeline has none.
        payloads: Larger results by name, in a form of the pipeline's own; equal ones
            are kept once. See ``Pipeline.read_predictions``.
    """

    rows: Sequence[Mapping[str, Any]]
    details: Sequence[Mapping[str, Any]] = ()
    content_key: str = ""
    shared: bool = False
    notes: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    pooled: Mapping[str, Any] = field(default_factory=dict)
    payloads: Mapping[str, bytes] = field(default_factory=dict)


class Source(Protocol):
    """The driver's side of a pipeline: reads the inputs once, makes block artifacts."""

    def notes(self) -> Sequence[Fault]:
        """What reading the inputs found worth saying (nothing that stops)."""
        ...

    def artifact(self, values: Mapping[str, Value]) -> str:
        """Make, or find in the cache, the artifact that units of a block need.

        Args:
            values: The parameters that the driver's stages read, by name.

        Returns:
            The artifact's digest.

        Raises:
            TaskFailure: The block cannot be made; all its tasks fail with it.
            InputError: The input files are at fault; the run stops.
        """
        ...

    def path(self, digest: str) -> Path:
        """File of an artifact that was made."""
        ...


class Runner(Protocol):
    """The worker's side of a pipeline: lives in one process, runs tasks in turn.

    Results of shared stages may be kept from task to task, bounded in bytes.
    """

    def environment(self) -> Mapping[str, str]:
        """Versions that may change numbers: R, packages, BLAS, Python, platform."""
        ...

    def run(self, task: TaskSpec, artifact: Path | None) -> TaskResult:
        """Run one task.

        Args:
            task: What to run.
            artifact: The block's artifact, a local file.

        Raises:
            TaskFailure: A finding; the process lives on.
        """
        ...


StageHook = Callable[[str, str], None]
"""Told (stage, key) before a stage starts, so that a dead process names its culprit."""


class Pipeline(Protocol):
    """A pipeline as the core sees it. See ``amiss_tasks.pipeline`` for the real one."""

    name: str
    parameters: tuple[Parameter, ...]
    stages: tuple[Stage, ...]
    classifiers: tuple[str, ...]
    """Every classifier of upstream, in the order of table rows."""
    runnable_classifiers: tuple[str, ...]
    """Those this version runs; what a study gets when it names none."""
    protocols: Mapping[str, str]
    """Protocol name to one sentence; refused ones are not in it."""
    result_columns: tuple[str, ...]
    """Columns of a result row, in table order."""
    time_columns: tuple[str, ...]
    """Those of them that measure time."""
    headline_columns: tuple[str, ...]
    """Those of them whose means are printed."""
    summary_parameters: tuple[str, ...]
    """Parameters beside the compared one by whose values these means are taken apart."""
    pooled_columns: tuple[str, ...]
    """Columns of a row over all completed test tables, in table order; empty for no such table."""
    disposition_reads: tuple[str, ...]
    """Parameters that ``disposition`` looks at."""
    block: tuple[str, ...]
    """Parameters of a block: those the driver's stages read."""
    affinity: tuple[str, ...]
    """Beside ``block`` and fold: parameters whose tasks are best run by one worker."""
    method_parameter: str
    """The parameter that is compared (``imputation``)."""
    study_keys: Mapping[str, StudyKey]
    """Keys of ``study.yaml`` that the pipeline reads beside the core's own."""
    most_folds: int | None
    """Most folds that there are, None without a limit; a study without ``folds`` has no more."""
    most_folds_reason: str
    """Why there are no more, and what to do about it; empty without a limit."""

    def of_study(self, options: Mapping[str, Any]) -> Pipeline:
        """The pipeline as a study has it, with the methods or axes that the study adds.

        Args:
            options: Data of the study's keys (``Settings.options``).

        Returns:
            Itself, where a study adds nothing. The name by which workers find the
            pipeline stays the same: they are given the options with the settings.
        """
        ...

    def classifier_reads(self, classifier: str) -> tuple[str, ...]:
        """All parameters that a classifier's leaf task depends on, in grid order."""
        ...

    def disposition(
        self, classifier: str, values: Mapping[str, Value], settings: Settings
    ) -> Disposition:
        """Whether a task is to be run at all."""
        ...

    def context_reads(self) -> tuple[str, ...]:
        """Parameters that decide which code a leaf task runs."""
        ...

    def code_digests(self, classifier: str, values: Mapping[str, Value]) -> Mapping[str, str]:
        """Digest of the code of each stage that a leaf task passes through.

        Args:
            classifier: Which classifier.
            values: Values of ``context_reads()``.
        """
        ...

    def protocol_label(self, settings: Settings) -> str:
        """How tables name the protocol, with what of it the study changes."""
        ...

    def prediction_columns(self, settings: Settings) -> Mapping[str, str]:
        """Columns of the predictions of every test row, where the study keeps them.

        Returns:
            Name to ``text``, ``integer`` or ``number``, in table order; empty where
            none are kept.
        """
        ...

    def read_predictions(self, payloads: Mapping[str, bytes]) -> Mapping[str, Sequence[Any]]:
        """Predictions out of the payloads of a result that was kept.

        Returns:
            Each of ``prediction_columns`` to its values, all of one length.
        """
        ...

    def switches(
        self, settings: Settings, classifier: str, values: Mapping[str, Value]
    ) -> Mapping[str, str]:
        """The protocol's switches and seeds as far as a leaf task's results depend on them.

        Args:
            settings: The study's settings.
            classifier: Which classifier.
            values: Values of ``context_reads()``.
        """
        ...

    def estimate_seconds(self, classifier: str, values: Mapping[str, Value]) -> float:
        """Seconds a task takes, for cutting units before the ledger knows better.

        Args:
            classifier: Which classifier.
            values: Values of ``context_reads()``.
        """
        ...

    def check(self, settings: Settings, values: Mapping[str, Sequence[Value]]) -> Sequence[Fault]:
        """Quick look at paths and headers before anything starts.

        Returns:
            Notes, none of which stops the run.

        Raises:
            InputError: With every fault that a quick look can find.
        """
        ...

    def open_source(
        self, settings: Settings, values: Mapping[str, Sequence[Value]], cache_dir: Path
    ) -> Source:
        """Driver's side; may read the inputs, or find what was read in the cache."""
        ...

    def open_runner(self, settings: Settings, stage_hook: StageHook) -> Runner:
        """Worker's side; starts R."""
        ...


def load_pipeline(name: str = DEFAULT_PIPELINE) -> Pipeline:
    """Import a pipeline by ``"module:ATTRIBUTE"``."""
    module, _, attribute = name.partition(":")
    return cast("Pipeline", getattr(importlib.import_module(module), attribute))


def stage_prefix(pipeline: Pipeline, stage: Stage) -> tuple[str, ...]:
    """Parameters that a stage and the stages it depends on read, in grid order."""
    wanted = set(stage.reads)
    for candidate in _stages_until(pipeline, stage):
        wanted.update(candidate.reads)
    return tuple(p.name for p in pipeline.parameters if p.name in wanted)


def stage_parts(pipeline: Pipeline, stage: Stage) -> dict[str, Mapping[Value, str]]:
    """Parameters of which a stage and the stages it depends on read only a part.

    Returns:
        Parameter, none of those in :func:`stage_prefix`, to the part of each value.
    """
    whole = stage_prefix(pipeline, stage)
    parts: dict[str, Mapping[Value, str]] = {}
    for candidate in _stages_until(pipeline, stage):
        parts.update(candidate.reads_part)
    return {name: part for name, part in parts.items() if name not in whole}


def _stages_until(pipeline: Pipeline, stage: Stage) -> Iterator[Stage]:
    """The stages that a stage depends on, itself included."""
    last = stage.after or stage.name
    for candidate in pipeline.stages:
        yield candidate
        if candidate.name == last:
            break


def iter_parameters(pipeline: Pipeline) -> Iterator[str]:
    """Names of the parameters in grid order."""
    return (parameter.name for parameter in pipeline.parameters)
