"""The stages of amiss and the parameters that each reads. Data, not code.

Source: ``upstream-behaviour`` sections 1 to 7; the table is the design's.
"""

from __future__ import annotations

from amiss_tasks.stages.added_missingness import OPTION, STAGE
from gridrun.pipeline import Stage

PREPARE = "prepare"
"""The stage that draws rows and features, and checks these."""

_PREPARE_READS = (
    "downsampling",
    "nonzero_variance_check",
    "correlation_check",
    "training_data_sampling_percentage",
    "feature_sampling_percentage",
)


def stages_of(*, adds_missingness: bool) -> tuple[Stage, ...]:
    """The stages of a study.

    Args:
        adds_missingness: Whether known values are removed from training tables.
    """
    ampute = (Stage(STAGE, (OPTION,), per_fold=True),) if adds_missingness else ()
    return (
        Stage("read", (), on_driver=True),
        Stage("filter", ("transcript", "quality", "restriction"), on_driver=True),
        Stage("preprocess", ("vus_inclusion", "categorical"), on_driver=True),
        Stage("fold", (), per_fold=True),
        *ampute,
        Stage(PREPARE, _PREPARE_READS, per_fold=True),
        Stage("impute", ("imputation",), per_fold=True),
        Stage("train", ("hyperparameter_search_type",), per_fold=True, per_classifier=True),
        Stage("impute-test", (), per_fold=True, after="impute"),
        Stage("evaluate", (), per_fold=True, per_classifier=True),
    )
