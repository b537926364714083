"""Test rows of each class: whether they are too few for an interval, before and while tasks run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from gridrun.errors import counted
from gridrun.pipeline import NULL_MODELS, HasNullModels, Value, names_of
from gridrun.pipeline.comparison import FEWEST_OF_A_CLASS, ComparesMethods
from gridrun.plan.task_encoding import IntArray
from gridrun.study.state import StudyState

_SAID = 3
"""Blocks that have a sentence of their own while a run makes them: a grid may have many."""

_UNKNOWN = (
    "test rows of each class are not known yet: a run says before the tasks of a block where they "
    f"are about fewer than {FEWEST_OF_A_CLASS}, and later plans count them"
)

Done = Iterable[tuple[int, int, str, IntArray]]
"""Number of a context, fold, classifier, and codes of the done tasks that are meant."""


@dataclass
class ClassRows:
    """What the ledger knows of the test rows of blocks and folds.

    Args:
        parts: Number of blocks and folds that are asked for.
        known: Those whose rows are known.
        few: Those with fewer rows of a class than an interval needs.
        fewest: Rows of the rarest class in any of them; None where nothing is known.
        rarest: That class.
        where: Fold and block of these.
        remedy: What to do about few.
    """

    parts: int
    known: int = 0
    few: int = 0
    fewest: int | None = None
    rarest: str = ""
    where: str = ""
    remedy: str = field(default="", repr=False)

    def add(self, rows: Mapping[str, int], fold: int, block: Mapping[str, Value]) -> None:
        """Take the rows of each class in a fold of a block."""
        rarest = min(rows, key=lambda name: rows[name])
        self.known += 1
        self.few += rows[rarest] < FEWEST_OF_A_CLASS
        if self.fewest is None or rows[rarest] < self.fewest:
            place = ", ".join(f"{name}={value}" for name, value in block.items())
            self.fewest, self.rarest = rows[rarest], rarest
            self.where = f"fold {fold}{' of ' if place else ''}{place}"

    def text(self) -> str:
        """What a plan says."""
        if self.fewest is None:
            return _UNKNOWN
        of = "" if self.known == self.parts else f"; {self.parts - self.known:,} are not known yet"
        least = f"the fewest are {self.fewest:,} {self.rarest} ({self.where})"
        parts = counted(self.known, "test part")
        if not self.few:
            return f"test rows of each class: {least}, in {parts}{of}"
        return (
            f"test rows of each class: fewer than {FEWEST_OF_A_CLASS} of a class in "
            f"{self.few:,} of {parts}, so that an interval is of little use there; {least}{of}; "
            f"{self.remedy}"
        )


def class_rows_of(study_state: StudyState, done: Done) -> ClassRows | None:
    """Count the test rows of the blocks and folds that have a done task.

    They are those of the null models, which are made on the same rows.

    Args:
        study_state: The study and which of its tasks are meant.
        done: Its done tasks.

    Returns:
        None where the pipeline does not say which result columns are rows of a class.
    """
    pipeline, book, view = study_state.pipeline, study_state.tables.book, study_state.view
    if not isinstance(pipeline, ComparesMethods) or not isinstance(pipeline, HasNullModels):
        return None
    classes = pipeline.class_counts
    if not {n for names in classes.values() for n in names} <= {
        *names_of(pipeline.null_model_columns)
    }:
        return None
    bits, tables = book.mask(pipeline.block), study_state.tables
    asked = [np.unique(one.codes[tables.is_run(one)] & bits) for one in tables.tables]
    blocks = len(np.unique(np.concatenate(asked))) if asked else 0
    found = ClassRows(blocks * study_state.folds, remedy=_remedy(pipeline.block))
    seen: set[tuple[int, int]] = set()
    varying = {name for name, those in study_state.study.grid.allowed().items() if len(those) > 1}
    for context, fold, classifier, codes in done:
        for block, first in zip(*np.unique(codes & bits, return_index=True), strict=True):
            place, code = (int(block), fold), int(codes[first])
            result = view.result(context, fold, code) if view and place not in seen else None
            payload = json.loads(result.payloads).get(NULL_MODELS) if result else None
            if view is None or result is None or payload is None or not result.is_whole:
                continue
            seen.add(place)
            row = pipeline.read_null_models(view.payload(payload))[0]
            rows = {name: sum(row[n] for n in names) for name, names in classes.items()}
            reads = pipeline.classifier_reads(classifier)
            values = book.values(code, [name for name in pipeline.block if name in reads])
            # what all blocks have in common says nothing of one
            found.add(rows, fold, {n: value for n, value in values.items() if n in varying})
    return found


class FewRows:
    """Sentences on blocks with few rows of a class, each block once."""

    def __init__(self) -> None:
        self._blocks: set[str] = set()

    def of(self, block: Mapping[str, Value], rows: Mapping[str, float]) -> str:
        """What is to be said of a block; empty where there is nothing, or enough was said.

        Args:
            block: The values of its parameters.
            rows: Class to about how many rows of it a test part has.
        """
        few = [counted(int(n), f"{name} row") for name, n in rows.items() if n < FEWEST_OF_A_CLASS]
        place = ", ".join(f"{name}={value}" for name, value in block.items())
        if not few or place in self._blocks:
            return ""
        self._blocks.add(place)
        if len(self._blocks) > _SAID:
            return (
                "test parts of further blocks have few rows of a class too (fewer than "
                f"{FEWEST_OF_A_CLASS}): `gridrun plan` counts them once they have results"
            )
        return (
            f"a test part has about {' and '.join(few)} ({place}): with fewer than "
            f"{FEWEST_OF_A_CLASS} of a class an interval is of little use; {_remedy(block)}"
        )


def _remedy(block: Iterable[str]) -> str:
    """What to do about few rows, with the parameters that decide which there are."""
    return f"let in more rows, by the inputs or by other values of {', '.join(block)}"
