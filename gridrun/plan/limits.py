"""What a task may use, and which of a study's limits hold for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gridrun.pipeline import TaskSpec

CLASSIFIER = "classifier"
"""What stands before the name of a classifier where limits name one, as a parameter does."""


@dataclass(frozen=True)
class Limit:
    """What something may use; None where nothing is said.

    Args:
        seconds: Wall seconds.
        memory: Bytes of memory of its own: resident and not shared with others.
    """

    seconds: float | None = None
    memory: int | None = None

    def over(self, other: Limit) -> Limit:
        """This one, and what it does not say as the other has it."""
        return Limit(
            other.seconds if self.seconds is None else self.seconds,
            other.memory if self.memory is None else self.memory,
        )


@dataclass(frozen=True)
class Limits:
    """What tasks may use, and the reading of the inputs.

    Args:
        task: Of each task.
        stages: Name of a stage to what it may use in a task: seconds since it began, and memory
            in place of the task's.
        values: ``PARAMETER=VALUE``, or ``classifier=NAME``, to what tasks with it may use in
            place of ``task``; of several that a task has the largest.
        read_bytes: Memory of reading and joining the inputs; what has no room there goes to disk.
    """

    task: Limit = Limit()
    stages: Mapping[str, Limit] = field(default_factory=dict)
    values: Mapping[str, Limit] = field(default_factory=dict)
    read_bytes: int = 1_500_000_000

    def of(self, task: TaskSpec) -> Limit:
        """What a task may use."""
        found = [self.values[name] for name in names_of(task) if name in self.values]
        seconds = [each.seconds for each in found if each.seconds is not None]
        memory = [each.memory for each in found if each.memory is not None]
        own = Limit(max(seconds, default=None), max(memory, default=None))
        return own.over(self.task)

    def of_stage(self, stage: str) -> Limit:
        """What a stage may use."""
        return self.stages.get(stage, Limit())

    @property
    def longest(self) -> float | None:
        """Seconds that no task may pass; None where some may take as long as they like."""
        if self.task.seconds is None:
            return None
        more = (each.seconds for each in self.values.values() if each.seconds is not None)
        return max([self.task.seconds, *more])

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Limits:
        """From plain data, as ``dataclasses.asdict`` makes it of limits."""
        many = {
            name: {key: Limit(**each) for key, each in data[name].items()}
            for name in ("stages", "values")
        }
        return cls(Limit(**data["task"]), read_bytes=data["read_bytes"], **many)


def names_of(task: TaskSpec) -> Iterator[str]:
    """What a task may be called by: ``PARAMETER=VALUE`` and ``classifier=NAME``."""
    yield f"{CLASSIFIER}={task.classifier}"
    for name, value in task.values.items():
        yield f"{name}={value}"
