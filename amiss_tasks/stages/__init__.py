"""The stages, one module or R file each, and what each reads; for all above.

Source: ``upstream-behaviour`` sections 1 to 7; the table is the design's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from amiss_tasks.features.indicators import INDICATORS
from amiss_tasks.stages.added_missingness import MECHANISM, OPTION, STAGE
from amiss_tasks.stages.feature_groups import FEATURE_GROUPS
from amiss_tasks.stages.splits.split_by import SPLIT_BY
from gridrun.errors import EnvironmentFault
from gridrun.pipeline import Parameter, Stage

PREPROCESS = "preprocess"
"""The stage that labels, splits and encodes rows."""

PREPARE = "prepare"
"""The stage that draws rows and features, and checks these."""

IMPUTE = "impute"
"""The stage that imputes training tables."""

_PREPARE_READS = (
    "downsampling",
    "nonzero_variance_check",
    "correlation_check",
    "training_data_sampling_percentage",
    "feature_sampling_percentage",
)


_ADDED_READS = {
    PREPROCESS: (SPLIT_BY,),
    STAGE: (OPTION, MECHANISM),
    PREPARE: (FEATURE_GROUPS,),
    IMPUTE: (INDICATORS,),
}
"""Stage to the parameters it reads that only a key of the study adds to the grid."""


def stages_of(added: Collection[str] = ()) -> tuple[Stage, ...]:
    """The stages of a study.

    Args:
        added: Names of the parameters that keys of the study add to the grid.
    """
    reads = {
        stage: tuple(name for name in names if name in added)
        for stage, names in _ADDED_READS.items()
    }
    ampute = (Stage(STAGE, reads[STAGE], per_fold=True),) if reads[STAGE] else ()
    return (
        Stage("read", (), on_driver=True),
        Stage("filter", ("transcript", "quality", "restriction"), on_driver=True),
        Stage(PREPROCESS, ("vus_inclusion", "categorical", *reads[PREPROCESS]), on_driver=True),
        Stage("fold", (), per_fold=True),
        *ampute,
        Stage(PREPARE, (*_PREPARE_READS, *reads[PREPARE]), per_fold=True),
        Stage(IMPUTE, ("imputation", *reads[IMPUTE]), per_fold=True),
        Stage("train", ("hyperparameter_search_type",), per_fold=True, per_classifier=True),
        Stage("impute-test", (), per_fold=True, after=IMPUTE),
        Stage("evaluate", (), per_fold=True, per_classifier=True),
    )


def refuse_unread(stages: Sequence[Stage], parameters: Sequence[Parameter]) -> None:
    """Stop where stages and parameters do not name each other.

    Raises:
        EnvironmentFault: A stage reads what is no parameter, or none reads a parameter.
    """
    names = {parameter.name for parameter in parameters}
    for stage in stages:
        unknown = [name for name in stage.reads if name not in names]
        if unknown:
            raise EnvironmentFault(
                f'stage {stage.name} reads "{unknown[0]}", which is not a parameter',
                where="amiss_tasks/stages/__init__.py",
                todo="declare it in amiss_tasks/parameters.py, or take it out of the stage",
            )
    unread = names.difference(*(stage.reads for stage in stages))
    if unread:
        raise EnvironmentFault(
            f'no stage reads the parameter "{min(unread)}"',
            where="amiss_tasks/parameters.py",
            todo="name it at the stage that reads it in amiss_tasks/stages/__init__.py, "
            "or take it out",
        )
