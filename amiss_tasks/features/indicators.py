"""Indicators of missing values beside any imputation: the key, the parameter and its method.

For each feature that some training rows lack and others have, a 0/1 column that says where it was
missing is added to what the method imputes; the code is ``stages/indicators.R``. Source: Van Ness
et al. 2023, Le Morvan et al. 2021 and Sperrin et al. 2020 (``docs/no-imputation.md``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from amiss_tasks.methods import Method
from amiss_tasks.protocols import CORRECTED
from gridrun.pipeline import Parameter, Value

INDICATORS = "indicators"
"""Key of ``study.yaml``, name of its data in ``Settings.options``, and of the parameter."""

OFF, ON = "off", "on"


def indicators_of(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The study's values; empty for a study without the key."""
    return tuple(str(value) for value in options.get(INDICATORS, ()))


def indicator_parameters(options: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """The axis of the grid in a study with the key; a grid without it has all values."""
    values = indicators_of(options)
    axis = Parameter(
        INDICATORS,
        values,
        "Whether features that were imputed get a 0/1 column each that says where.",
        default=values,
        only_under={ON: CORRECTED} if ON in values else {},
        only_under_reason="amiss, whose numbers it stands for, adds none",
    )
    return (axis,) if values else ()


def has_indicators(values: Mapping[str, Value]) -> bool:
    """Whether a combination has indicators; it has none where the study has no such parameter."""
    return values.get(INDICATORS) == ON


def method_with(method: Method, values: Mapping[str, Value]) -> Method:
    """The method of a combination: with indicators where the combination has them."""
    return replace(method, indicators=True) if has_indicators(values) else method
