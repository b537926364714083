"""What a majority of the training rows says of test rows; for pipeline and tasks."""

from amiss_tasks.stages.null_models._evaluate import Shares, null_models, shares_of
from amiss_tasks.stages.null_models._levels import (
    KnownLevels,
    Levels,
    arrays_of,
    levels_of,
    load_levels,
    missing_of,
)
from amiss_tasks.stages.null_models._missingness import COLUMNS as MISSINGNESS_COLUMNS
from amiss_tasks.stages.null_models._missingness import count_missing, missing_rows
from amiss_tasks.stages.null_models._payload import COLUMNS, pack, unpack

__all__ = [
    "COLUMNS",
    "MISSINGNESS_COLUMNS",
    "KnownLevels",
    "Levels",
    "Shares",
    "arrays_of",
    "count_missing",
    "levels_of",
    "load_levels",
    "missing_of",
    "missing_rows",
    "null_models",
    "pack",
    "shares_of",
    "unpack",
]
