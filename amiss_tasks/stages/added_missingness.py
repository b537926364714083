"""Missing values added to training tables: shares, mechanisms, parameters, seeds. Data, not code.

amiss's simulation experiment: known values are removed, the methods impute them, and the
imputed values are compared with the removed ones. Source: upstream's scripts
``06_generate_simulated_data`` to ``09_analyze_simulation_results`` and the section
"Simulation" of the paper's draft. The mechanisms are Rubin's (1976,
doi:10.1093/biomet/63.3.581).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amiss_tasks.protocols import MODEL_SEED, Protocol, derived_seed
from gridrun.pipeline import Column, Parameter, Value

OPTION = "added_missingness"
"""Key of ``study.yaml``, name of its data in ``Settings.options``, and of the parameter."""

MECHANISM = "added_mechanism"
"""Name of the parameter that a study with other mechanisms than MCAR has beside it."""

SHARES_KEY, MECHANISMS_KEY = "shares", "mechanisms"
"""Keys below that of the study."""

RMSE = "RMSE"
"""Name of the result column that a study with added missingness has beside the others."""

RMSE_COLUMN = Column(RMSE, "number", headline=True)

STAGE = "ampute"
"""Stage that removes values, between fold and prepare."""

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""The paper's shares."""

MCAR, MAR, MNAR = "MCAR", "MAR", "MNAR"

MECHANISMS = (MCAR, MAR, MNAR)
"""Of what it depends whether a value goes: nothing, another feature's value, itself."""


def shares_of(options: Mapping[str, Any]) -> tuple[float, ...]:
    """The study's shares; empty for a study that adds no missing values."""
    data = options.get(OPTION, ())
    shares = data[SHARES_KEY] if isinstance(data, Mapping) else data
    return tuple(float(share) for share in shares)


def share_of(values: Mapping[str, Value]) -> float:
    """The share of a task; 0 where the study adds no missing values."""
    return float(values.get(OPTION, 0.0))


def mechanism_of(values: Mapping[str, Value]) -> str:
    """The mechanism of a task; MCAR where the study names no other."""
    return str(values.get(MECHANISM, MCAR))


def removal_parameters(options: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """The axes of the grid; a grid that does not name one has all of its values.

    Args:
        options: Data of the study's keys: below :data:`OPTION` a list of shares, or a mapping
            of shares and mechanisms where there are others than MCAR.
    """
    data, shares = options.get(OPTION), shares_of(options)
    if not shares:
        return ()
    share = Parameter(
        OPTION,
        shares,
        "Share of the training table's known values that is removed at random.",
        default=shares,
    )
    if not isinstance(data, Mapping):
        return (share,)
    mechanisms = tuple(data[MECHANISMS_KEY])
    about = "What the removal of a value depends on: nothing, another feature's value, itself."
    return share, Parameter(MECHANISM, mechanisms, about, default=mechanisms)


def removal_seed(protocol: Protocol, share: float, fold: int, mechanism: str = MCAR) -> int:
    """Seed of what is removed: one for each fold, share and mechanism, the same for every method.

    Args:
        protocol: The protocol whose seeds are used.
        share: Share of the values.
        fold: Fold, counted from 1.
        mechanism: What the removal depends on.
    """
    step = f"{OPTION} {share!r}"
    if mechanism != MCAR:
        step = f"{step} {mechanism}"
    return protocol.seed_of(step, fold, derived_seed(MODEL_SEED, step, fold))
