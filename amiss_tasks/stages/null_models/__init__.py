"""What a majority of the training rows says of test rows; for pipeline and tasks."""

from amiss_tasks.stages.null_models._evaluate import Shares, null_models, shares_of
from amiss_tasks.stages.null_models._levels import (
    KnownLevels,
    Levels,
    arrays_of,
    levels_of,
    load_levels,
)
from amiss_tasks.stages.null_models._payload import COLUMNS, pack, unpack

__all__ = [
    "COLUMNS",
    "KnownLevels",
    "Levels",
    "Shares",
    "arrays_of",
    "levels_of",
    "load_levels",
    "null_models",
    "pack",
    "shares_of",
    "unpack",
]
