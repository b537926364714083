"""The parameters of amiss: the one table that declares each. Data, not code.

Names, spelling and order are upstream's; which stage reads which is in ``stages/__init__.py``.

Source: upstream's ``parameter_grid.json`` and the checks of its
``impute_and_train`` and ``S00`` to ``S11``.
"""

from __future__ import annotations

from amiss_tasks.methods import (
    AMISS_METHODS,
    BEYOND_AMISS,
    METHODS,
    MODEL_BASED_METHODS,
    SINGLE_VALUE_METHODS,
)
from amiss_tasks.protocols import CORRECTED
from gridrun.pipeline import Parameter

__all__ = ["MODEL_BASED_METHODS", "PARAMETERS", "SINGLE_VALUE_METHODS"]

PARAMETERS = (
    Parameter(
        "transcript",
        ("canonical", "keep_all", "mane"),
        "Transcripts kept: the canonical one of each gene, all, or the MANE Select one.",
        start=("canonical",),
        only_under={"mane": CORRECTED},
        only_under_reason="amiss, whose numbers it stands for, has no such filter",
    ),
    Parameter(
        "quality",
        ("clingen", "twostar", "onestar"),
        "ClinVar review status at least: expert panel, two stars, one star.",
        start=("onestar",),
    ),
    Parameter(
        "restriction",
        ("missense", "all"),
        "Consequences kept: those with missense_variant, or all.",
        start=("all",),
    ),
    Parameter(
        "vus_inclusion",
        ("pathogenic", "benign", "exclude"),
        "Variants of uncertain significance: counted as positive, as negative, or left out.",
        start=("exclude",),
    ),
    Parameter(
        "categorical",
        ("dummy", "factor"),
        "Categorical features: one 0/1 column a level, or the text itself.",
        start=("dummy",),
    ),
    Parameter(
        "imputation",
        tuple(METHODS),
        "How missing annotations are handled: the question amiss asks.",
        shorthands={"all": AMISS_METHODS},
        start=SINGLE_VALUE_METHODS,
        start_lacks="at many times the cost",
        only_under=dict.fromkeys(BEYOND_AMISS, CORRECTED),
        only_under_reason="amiss, whose numbers it stands for, has no such method",
    ),
    Parameter(
        "downsampling",
        ("on", "off"),
        "Whether the larger class is cut to the size of the smaller one.",
    ),
    Parameter(
        "hyperparameter_search_type",
        ("grid", "random"),
        "How a classifier's hyperparameters are searched (logistic regression has none).",
        start=("grid",),
    ),
    Parameter(
        "nonzero_variance_check",
        ("on", "off"),
        "Whether features with near-zero variance are dropped.",
    ),
    Parameter(
        "correlation_check",
        ("on", "off"),
        "Whether one of two numeric features correlated above 0.9 is dropped.",
    ),
    Parameter(
        "training_data_sampling_percentage",
        (0.33, 0.66, 1.0),
        "Share of the training rows that are used.",
    ),
    Parameter(
        "feature_sampling_percentage",
        (0.33, 0.66, 1.0),
        "Share of the features (amiss: 50) that are used.",
    ),
)
