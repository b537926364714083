"""Memory that a run's blocks take: said before anything is read, by what its pipeline knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gridrun.pipeline.costs import KnowsMemory
from gridrun.plan.tasks import Pending
from gridrun.report.disk import about, blocks_of
from gridrun.study.state import StudyState
from gridrun.worker import total_memory

_ELSEWHERE = (
    "run the study where there is more, or let the grid keep fewer rows (--rows draws some)"
)


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that the largest block of a run takes in memory, about.

    Args:
        making: While it is made.
        training: In each process that trains on it, at least.
        there: Bytes that this machine has, a limit of its container or job counted.
    """

    making: int
    training: int
    there: int

    @property
    def is_enough(self) -> bool:
        """Whether there is as much as the block takes."""
        return max(self.making, self.training) <= self.there

    def text(self) -> str:
        """What is needed, and what is there."""
        return (
            f"about {about(self.making)} to make the largest block, and {about(self.training)} or "
            f"more in each process that trains on it; {self._there}"
        )

    def todo(self) -> str:
        """What is to be done where there may be too little; empty where there is enough."""
        return "" if self.is_enough else _ELSEWHERE

    def warning(self) -> str:
        """The same for a run that goes on; empty where there is enough."""
        if self.is_enough:
            return ""
        return (
            f"memory may not suffice for the largest block: about {about(self.making)} to make it, "
            f"and {about(self.training)} or more in each process that trains on it; {self._there}. "
            f"{_ELSEWHERE.capitalize()}. It goes on; what memory has no room for ends as a "
            "failure, and what is committed is kept"
        )

    @property
    def _there(self) -> str:
        return f"this machine has {about(self.there)}, a limit of its container or job counted"


def memory_of(study_state: StudyState, pending: Sequence[Pending]) -> MemoryEstimate | None:
    """What the largest block takes.

    Args:
        study_state: The study and the request.
        pending: The tasks that are to be run.

    Returns:
        None where the pipeline knows nothing of it, nothing is to be run, or the inputs, and what
        is made of them, are elsewhere.
    """
    model = study_state.costs
    blocks = [values for values, _ in blocks_of(study_state, pending)]
    if not isinstance(model, KnowsMemory) or not blocks or study_state.study.inputs_elsewhere:
        return None
    return MemoryEstimate(
        making=round(max(map(model.making_bytes, blocks))),
        training=round(max(map(model.training_bytes, blocks))),
        there=total_memory(),
    )
