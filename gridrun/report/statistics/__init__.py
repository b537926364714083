"""Comparisons of methods with intervals, pure functions of long frames; for report.

Nothing here knows a study, a ledger or a pipeline: a frame has one row for each method, cell (the
values of all other parameters, and the classifier) and fold.
"""

from gridrun.report.statistics._adjust import holm
from gridrun.report.statistics._calibration import recalibrated, reliability
from gridrun.report.statistics._differences import IS_REFERENCE, Question, differences
from gridrun.report.statistics._effects import Design, interactions, main_effects
from gridrun.report.statistics._fallback import fallen_back, is_lacking
from gridrun.report.statistics._group_bootstrap import (
    WEIGHTED,
    GroupedRows,
    group_weights,
)
from gridrun.report.statistics._groups import MethodGroups, best_shares, letters_of, method_groups
from gridrun.report.statistics._resampled import FoldMeans, over_folds, variance_factor
from gridrun.report.statistics._scores import Columns, Scale
from gridrun.report.statistics._views import View

__all__ = [
    "IS_REFERENCE",
    "WEIGHTED",
    "Columns",
    "Design",
    "FoldMeans",
    "GroupedRows",
    "MethodGroups",
    "Question",
    "Scale",
    "View",
    "best_shares",
    "differences",
    "fallen_back",
    "group_weights",
    "holm",
    "interactions",
    "is_lacking",
    "letters_of",
    "main_effects",
    "method_groups",
    "over_folds",
    "recalibrated",
    "reliability",
    "variance_factor",
]
