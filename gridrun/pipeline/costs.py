"""What a pipeline may know of the time, disk and memory that its tasks take, before any has run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from gridrun.pipeline._axes import Value
from gridrun.pipeline._contract import Pipeline
from gridrun.pipeline._tasks import Settings


@dataclass(frozen=True)
class TaskCost:
    """Processor seconds of a task on one core.

    Args:
        own: Of what no other task has any use for: training, predicting, evaluating.
        shared: Of what the classifiers share, which the first of their tasks computes.
    """

    own: float
    shared: float = 0.0


class CostModel(Protocol):
    """The costs of a study's tasks."""

    reads: tuple[str, ...]
    """Parameters that costs depend on."""
    is_measured: bool
    """Whether they rest on measured times; else they are a rough guess."""

    @property
    def assumes(self) -> Sequence[str]:
        """What is assumed of what is not known yet, as clauses."""
        ...

    def cost(self, classifier: str, values: Mapping[str, Value]) -> TaskCost:
        """Of a task.

        Args:
            classifier: Which classifier.
            values: Of the parameters among ``reads`` that it reads.
        """
        ...

    def fragility(self, values: Mapping[str, Value]) -> float:
        """How easily a combination fails, as few rows or many missing values make it; or 0.

        Args:
            values: Of the parameters among ``reads``.
        """
        ...


@runtime_checkable
class KnowsDisk(Protocol):
    """A cost model that knows what is written, too, in bytes and about."""

    def reading_bytes(self) -> float:
        """Of what reading the inputs leaves in the study's cache; 0 where they were read before."""
        ...

    def block_bytes(self, values: Mapping[str, Value]) -> float:
        """Of the artifact of a block.

        Args:
            values: Of the parameters of a block.
        """
        ...

    def task_bytes(self, values: Mapping[str, Value]) -> float:
        """Of what a task leaves in the ledger and in the tables.

        Args:
            values: Of the parameters of a block.
        """
        ...


@runtime_checkable
class KnowsMemory(Protocol):
    """A cost model that knows how much memory the rows of a block take, too, in bytes and about."""

    def making_bytes(self, values: Mapping[str, Value]) -> float:
        """Of the process that makes the artifact of a block.

        Args:
            values: Of the parameters of a block.
        """
        ...

    def training_bytes(self, values: Mapping[str, Value]) -> float:
        """Of a process that runs the cheapest task on it.

        Args:
            values: Of the parameters of a block.
        """
        ...


@runtime_checkable
class KnowsCosts(Protocol):
    """A pipeline with a table of costs."""

    def cost_model(
        self, settings: Settings, values: Mapping[str, Sequence[Value]], cache_dir: Path
    ) -> CostModel:
        """The costs of a study's tasks; what is known of its inputs is looked up quickly.

        Args:
            settings: The study's settings.
            values: Of the grid.
            cache_dir: Where ``open_source`` keeps what it has read, which need not be there.
        """
        ...


class GuessedCosts:
    """Costs of a pipeline that has no table: what it cuts its first units by.

    Args:
        pipeline: The pipeline.
    """

    is_measured = False
    assumes: Sequence[str] = ()

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.reads = pipeline.context_reads()

    def cost(self, classifier: str, values: Mapping[str, Value]) -> TaskCost:
        """The pipeline's estimate."""
        return TaskCost(self._pipeline.estimate_seconds(classifier, values))

    def fragility(self, values: Mapping[str, Value]) -> float:
        """Unknown."""
        del values
        return 0.0


def cost_model_of(
    pipeline: Pipeline, settings: Settings, values: Mapping[str, Sequence[Value]], cache_dir: Path
) -> CostModel:
    """The costs of a study's tasks, from the pipeline's table or its guess."""
    if isinstance(pipeline, KnowsCosts):
        return pipeline.cost_model(settings, values, cache_dir)
    return GuessedCosts(pipeline)
