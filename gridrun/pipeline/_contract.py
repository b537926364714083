"""The calls that the core makes of a pipeline, on the driver and in a worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from gridrun.errors import Fault
from gridrun.pipeline._axes import Parameter, Stage, Value
from gridrun.pipeline._columns import Column
from gridrun.pipeline._inputs import InputRole
from gridrun.pipeline._tasks import Disposition, Settings, TaskResult, TaskSpec
from gridrun.pipeline._words import LeadingMetric, Words
from gridrun.pipeline.study_keys import StudyKey


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
"""Called with (stage, key) before a stage starts, so that a death is attributed to its stage."""


class Pipeline(Protocol):
    """A pipeline as the core sees it; ``gridrun.testing.toy`` is a small one to start from."""

    name: str
    words: Words
    """What its rows are called, and its predictions."""
    inputs: Mapping[str, InputRole]
    """Role to the input file that has it, in the order of tables and help; no role has the name
    of an option of ``gridrun init`` or ``predict``."""
    study_start: str
    """Text of a new study down to its grid. ``{inputs}`` stands for the lines below that key,
    ``{protocol}`` for the first of the protocols, ``{classifiers}`` for those of a study that
    names none."""
    parameters: tuple[Parameter, ...]
    stages: tuple[Stage, ...]
    classifiers: tuple[str, ...]
    """In the order of table rows; what a study gets when it names none, but for those of
    ``LimitsClassifiers``."""
    protocols: Mapping[str, str]
    """Protocol name to one sentence; a study that names none has the first."""
    result_columns: tuple[Column, ...]
    """Columns of a result row, in table order; a row with another one is refused."""
    leading_metric: LeadingMetric
    """The number to show where there is room for one."""
    summary_parameters: tuple[str, ...]
    """Parameters beside the compared one that the means of headline columns are grouped by."""
    pooled_columns: tuple[Column, ...]
    """Columns of a row pooled over all test tables, in table order; empty for no such table."""
    disposition_reads: tuple[str, ...]
    """Parameters that ``disposition`` looks at."""
    block: tuple[str, ...]
    """Parameters of a block: those the driver's stages read."""
    affinity: tuple[str, ...]
    """Beside ``block`` and fold: parameters whose tasks are best run by one worker."""
    method_parameter: str
    """The parameter that is compared: the methods are its values."""
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

    def reads_part(self, stage: Stage, settings: Settings) -> Mapping[str, Mapping[Value, str]]:
        """Parameters of which a stage itself reads only a part.

        Returns:
            Parameter to, for each value, the part that is read: an equal one for
            values that make no difference.
        """
        ...

    def protocol_label(self, settings: Settings) -> str:
        """How tables name the protocol, with what of it the study changes."""
        ...

    def prediction_columns(self, settings: Settings) -> tuple[Column, ...]:
        """Columns of the predictions of every test row, where the study keeps them.

        Returns:
            In table order; empty where none are kept.
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


@runtime_checkable
class SeparatesTasks(Protocol):
    """A runner some of whose tasks may change the process that they run in."""

    @property
    def is_spent(self) -> bool:
        """Whether a task has changed the process, so that no other may run in it."""
        ...

    def company(self, task: TaskSpec) -> str:
        """Which tasks may share a process: those with the same answer.

        Args:
            task: A task; one with an empty answer runs nobody else's code.
        """
        ...


@runtime_checkable
class KnowsVersions(Protocol):
    """A pipeline that knows of versions with which its results are not what they stand for."""

    def version_notes(
        self,
        environment: Mapping[str, str],
        settings: Settings | None = None,
        values: Mapping[str, Sequence[Value]] | None = None,
    ) -> Mapping[str, str]:
        """What is known of versions, for people: said before anything is computed with them.

        Args:
            environment: What ``Runner.environment`` gives.
            settings: The settings of the study that is to be run, or None for any study.
            values: Values of the grid, or None for all.

        Returns:
            Name in the environment to what differs with its version, as a sentence; empty
            where nothing is known to.
        """
        ...


@runtime_checkable
class NeedsMore(Protocol):
    """A pipeline with values that need something of a worker which other studies do without."""

    def needs(self, values: Mapping[str, Sequence[Value]]) -> Sequence[str]:
        """What the values of a grid need, by names of the pipeline's own: ``Settings.needs``.

        ``Runner.environment`` raises ``EnvironmentFault`` where one is not there, before any task
        runs, and has its version under the same name.
        """
        ...


@runtime_checkable
class ChecksCode(Protocol):
    """A pipeline whose workers refuse to run other code than the tasks were planned for."""

    def code_in_use(self) -> Mapping[str, str]:
        """The code that this process runs, as plain data: becomes ``Settings.code``.

        Asked before ``code_digests``; ``open_runner`` is given it, compares it with what
        its own process runs, and raises ``EnvironmentFault`` where they differ.
        """
        ...
