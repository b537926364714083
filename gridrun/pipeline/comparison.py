"""How a pipeline's results are compared: the reference, and what its metrics can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gridrun.pipeline._axes import Value
from gridrun.pipeline._tasks import Settings

FEWEST_OF_A_CLASS = 10
"""Test rows of a class below which a fold's metric is too coarse for an interval to mean much: a
single row moves its sensitivity or specificity by more than a tenth. A convention, no theorem."""


@dataclass(frozen=True)
class Score:
    """A result column that methods are compared by.

    Args:
        worst: The worst value that it can have.
        best: The best.
        equivalent: Difference below which methods are as good as equal to people who use them.
    """

    worst: float
    best: float
    equivalent: float = 0.01


@runtime_checkable
class ComparesMethods(Protocol):
    """A pipeline whose methods are compared with one of them."""

    reference_method: Value
    """Value of ``Pipeline.method_parameter`` that the others are compared with."""
    scores: Mapping[str, Score]
    """Result column to what it can be; ``Pipeline.leading_metric`` is among them."""
    class_counts: Mapping[str, tuple[str, ...]]
    """Class of the outcome to the result columns that add up to its test rows."""

    def test_share(self, settings: Settings) -> float:
        """Share of a fold's rows that it tests on, as the protocol draws folds.

        For results that do not say how many rows they were trained and tested on.
        """
        ...


@runtime_checkable
class CountsClasses(Protocol):
    """A source that knows, before any task has run, how many rows folds test on."""

    def class_rows(self, digest: str) -> Mapping[str, float]:
        """Class of the outcome to about how many rows of it a test part of a block has.

        Args:
            digest: Of the block's artifact.

        Returns:
            By the shares in which the protocol draws test parts: a fold may have a few more or
            less.
        """
        ...
