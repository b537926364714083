"""How much disk a run takes: said before anything is read, by what its pipeline knows of it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gridrun.errors import counted, in_bytes
from gridrun.pipeline import Value
from gridrun.pipeline.costs import KnowsDisk
from gridrun.plan.tasks import Pending
from gridrun.study.state import StudyState

_LEAST_SAID = 10**6
"""Bytes below which a part is not worth a word."""


@dataclass(frozen=True)
class DiskEstimate:
    """Bytes that a run leaves below the study's directory, about.

    Args:
        reading: Of the rows that are read, 0 where they were before.
        blocks: Of the artifacts of blocks.
        tasks: Of the ledger and the tables.
        artifacts: How many artifacts there are.
        outcomes: How many tasks.
        free: Bytes that are free.
        place: Where.
    """

    reading: int
    blocks: int
    tasks: int
    artifacts: int
    outcomes: int
    free: int
    place: Path

    @property
    def total(self) -> int:
        """All of them."""
        return self.reading + self.blocks + self.tasks

    def text(self) -> str:
        """The parts in words, and what is free."""
        parts = [
            (self.reading, "the rows that are read"),
            (self.blocks, counted(self.artifacts, "block")),
            (self.tasks, f"the results of {counted(self.outcomes, 'task')}"),
        ]
        named = [f"{about(size)} for {what}" for size, what in parts if size >= _LEAST_SAID]
        of = f" ({', '.join(named)})" if len(named) > 1 else ""
        return f"disk: about {about(self.total)}{of}; {in_bytes(self.free)} are free"

    def warning(self) -> str:
        """What is to be done where there may be too little; empty where there is enough."""
        if self.total <= self.free:
            return ""
        return (
            f"the disk may become full: the run takes about {about(self.total)}, and "
            f"{in_bytes(self.free)} are free at {self.place}; free some space there, or move the "
            "study to another disk. It goes on, and what it has committed is kept"
        )


def disk_of(study_state: StudyState, pending: Sequence[Pending]) -> DiskEstimate | None:
    """What tasks take on disk.

    Args:
        study_state: The study and the request.
        pending: The tasks that are to be run.

    Returns:
        None where the pipeline knows nothing of it, nothing is to be run, or the inputs, and what
        is made of them, are elsewhere.
    """
    model = study_state.costs
    tasks = blocks_of(study_state, pending)
    if not isinstance(model, KnowsDisk) or not tasks or study_state.study.inputs_elsewhere:
        return None
    blocks = [values for values, _ in tasks]
    state = study_state.study.paths.state
    place = next(path for path in (state, *state.parents) if path.exists())
    return DiskEstimate(
        reading=round(model.reading_bytes()),
        blocks=round(sum(map(model.block_bytes, blocks))),
        tasks=round(sum(model.task_bytes(values) * count for values, count in tasks)),
        artifacts=len(blocks),
        outcomes=sum(count for _, count in tasks),
        free=shutil.disk_usage(place).free,
        place=place,
    )


def blocks_of(
    study_state: StudyState, pending: Sequence[Pending]
) -> list[tuple[dict[str, Value], int]]:
    """The blocks that tasks work on: values of its parameters, and how many tasks.

    Args:
        study_state: The study and the request.
        pending: The tasks that are to be run.
    """
    codes = np.concatenate([np.zeros(0, np.int64), *(fold.codes for fold in pending)])
    pipeline, book = study_state.pipeline, study_state.tables.book
    found, counts = np.unique(codes & study_state.tables.block_mask, return_counts=True)
    reads = [pipeline.classifier_reads(name) for name in study_state.tables.classifiers]
    names = [name for name in pipeline.block if all(name in those for those in reads)]
    blocks = (book.values(code, names) for code in found.tolist())
    return [*zip(blocks, counts.tolist(), strict=True)]


def about(size: int) -> str:
    """With two digits, for it is an estimate."""
    digits = max(0, len(str(size)) - 2)
    return in_bytes(round(size, -digits))
