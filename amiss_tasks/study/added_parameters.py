"""Parameters that keys of a study add to the grid, after amiss's twelve: one line for each.

Which stage reads which is in ``stages/__init__.py``, as for the twelve.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amiss_tasks.features.indicators import indicator_parameters
from amiss_tasks.stages import feature_groups
from amiss_tasks.stages.added_missingness import removal_parameters
from amiss_tasks.stages.splits.split_by import split_parameters
from gridrun.pipeline import Parameter


def added_parameters(options: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """The parameters that a study has beside amiss's own, in the order of the grid.

    Args:
        options: Data of the study's keys.
    """
    groups = feature_groups.values_of(options)
    return (
        *split_parameters(options),
        *removal_parameters(options),
        *((feature_groups.parameter_of(groups),) if groups else ()),
        *indicator_parameters(options),
    )
