"""How a pipeline's results are compared: the reference, and what its metrics can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gridrun.pipeline._axes import Value
from gridrun.pipeline._tasks import Settings


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
