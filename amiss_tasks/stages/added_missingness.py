"""Missing values added to training tables: shares, parameter, seeds. Data, not code.

amiss's simulation experiment: known values are removed completely at random (MCAR), the
methods impute them, and the imputed values are compared with the removed ones. Source:
upstream's scripts ``06_generate_simulated_data`` to ``09_analyze_simulation_results`` and
the section "Simulation" of the paper's draft.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amiss_tasks.protocols import MODEL_SEED, Protocol, derived_seed
from gridrun.pipeline import Column, Parameter, Value

OPTION = "added_missingness"
"""Key of ``study.yaml``, name of its data in ``Settings.options``, and of the parameter."""

RMSE = "RMSE"
"""Name of the result column that a study with added missingness has beside the others."""

RMSE_COLUMN = Column(RMSE, "number", headline=True)

STAGE = "ampute"
"""Stage that removes values, between fold and prepare."""

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""The paper's shares."""


def shares_of(options: Mapping[str, Any]) -> tuple[float, ...]:
    """The study's shares; empty for a study that adds no missing values."""
    return tuple(float(share) for share in options.get(OPTION, ()))


def share_of(values: Mapping[str, Value]) -> float:
    """The share of a task; 0 where the study adds no missing values."""
    return float(values.get(OPTION, 0.0))


def parameter_of(shares: tuple[float, ...]) -> Parameter:
    """The axis of the grid; a grid that does not name it has all shares."""
    return Parameter(
        OPTION,
        shares,
        "Share of the training table's known values that is removed at random.",
        default=shares,
    )


def removal_seed(protocol: Protocol, share: float, fold: int) -> int:
    """Seed of what is removed: one for each fold and share, the same for every method.

    Args:
        protocol: The protocol whose seeds are used.
        share: Share of the values.
        fold: Fold, counted from 1.
    """
    step = f"{OPTION} {share!r}"
    return protocol.seed_of(step, fold, derived_seed(MODEL_SEED, step, fold))
