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
        "rf": Cost(3.1, 1.13, 0.36),
        "xgboost": Cost(12.6, 0.42, 0.18),
        "lr": Cost(0.18, 0.14, 0.72),
        "pattern_lr": Cost(3.0, 1.17, 1.12),
    }
)
"""Of training on one imputed table, and predicting half as many test rows.

``pattern_lr`` trains a model for each pattern: the recorded input has many, 7.8 s. Real annotations
have few, and took a quarter of that; this is between both.
"""

METHOD_COSTS: Mapping[str, Cost] = MappingProxyType(
    {
        "knnImputation": Cost(2.2, 1.34, 0.84),
        "gower_knn": Cost(2.7, 1.37, 1.11),
        "bpca": Cost(25.0, 1.05, 0.5),
        "missForest": Cost(790.0, 1.4, 1.4),
        "missForest_ranger": Cost(45.0, 1.47, 1.58),
        "pmm": Cost(36.0, 0.25, 1.11),
        "norm": Cost(20.0, 0.18, 1.1),
        "norm.predict": Cost(18.0, 0.17, 1.1),
        "rf": Cost(67.0, 0.6, 1.2),
        "cart": Cost(60.0, 0.21, 1.08),
        "midastouch": Cost(70.0, 0.7, 0.92),
        "lasso.norm": Cost(260.0, 0.4, 1.2),
    }
)
"""Of imputing a training table by all rows of hyperparameters that are tried, and half as many test
rows; methods that are not here put one value for each feature, or none.

They grow with the number of features that lack values and of values that these lack. Where the
recorded input and real annotations (600 rows, 40 columns) differed, this is between both.
``bpca`` takes three times as long on the recorded input as here, where many rows have a pattern of
their own. ``missForest``, ``rf`` and ``lasso.norm`` rest on one time each (``docs/methods.md``).
"""

PREPARED = Cost(0.06, 0.5, 0.5)
"""Of cutting and checking the tables of a fold."""

EVALUATED = Cost(0.03, 0.5, 0.0)
"""Of evaluating predictions."""

OWN_SECONDS = 5.0
"""Of a method or classifier of the user's own, of which nothing is known."""
