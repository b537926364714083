"""Costs of imputation methods and classifiers, by ``benchmarks/bench_costs.py``. Data, no code."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

ROWS, COLUMNS = 400, 30
"""Training rows and columns of the tables that ``Cost.seconds`` is of."""


class Cost(NamedTuple):
    """Processor seconds: ``seconds x (rows / ROWS)^by_rows x (columns / COLUMNS)^by_columns``.

    Args:
        seconds: Of one core.
        by_rows: Exponent of the number of training rows.
        by_columns: Exponent of the number of columns.
    """

    seconds: float
    by_rows: float = 1.0
    by_columns: float = 1.0

    def of(self, rows: float, columns: float) -> float:
        """Seconds of a table of this size."""
        grown = (rows / ROWS) ** self.by_rows * (columns / COLUMNS) ** self.by_columns
        return float(self.seconds * grown)


CLASSIFIER_COSTS: Mapping[str, Cost] = MappingProxyType(
    {
        "rf": Cost(2.95, 1.13, 0.247),
        "xgboost": Cost(11.8, 0.389, 0.03),
        "lr": Cost(0.17, 0.1, 0.66),
        "pattern_lr": Cost(7.9, 1.18, 1.14),
    }
)
"""Of training on one imputed table, and predicting half as many test rows."""

METHOD_COSTS: Mapping[str, Cost] = MappingProxyType(
    {
        "knnImputation": Cost(2.2, 1.35, 0.81),
        "gower_knn": Cost(2.75, 1.38, 1.13),
        "bpca": Cost(20.0, 1.0, 2.0),
        "missForest": Cost(600.0, 1.5, 1.5),
        "missForest_ranger": Cost(20.0, 1.0, 1.5),
        "pmm": Cost(60.0, 0.6, 2.0),
        "norm": Cost(25.0, 0.3, 2.0),
        "norm.predict": Cost(25.0, 0.3, 2.0),
        "rf": Cost(100.0, 0.8, 1.5),
        "cart": Cost(70.0, 1.0, 1.5),
        "midastouch": Cost(60.0, 1.0, 1.5),
        "lasso.norm": Cost(300.0, 0.6, 1.5),
    }
)
"""Of imputing a training table by all rows of hyperparameters that are tried, and half as many test
rows; methods that are not here put one value for each feature, or none."""

PREPARED = Cost(0.06, 0.5, 0.5)
"""Of cutting and checking the tables of a fold."""

EVALUATED = Cost(0.03, 0.5, 0.0)
"""Of evaluating predictions."""

OWN_SECONDS = 5.0
"""Of a method or classifier of the user's own, of which nothing is known."""
