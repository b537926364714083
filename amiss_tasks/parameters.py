"""The parameters of amiss: names, values, upstream's spelling and order. Data, not code.

Source: upstream's ``parameter_grid.json`` and the checks of its
``impute_and_train`` and ``S00`` to ``S11``.
"""

from __future__ import annotations

from gridrun.pipeline import Parameter

SINGLE_VALUE_METHODS = (
    "zero_imp",
    "max_imp",
    "min_imp",
    "outlier_imp",
    "mean_imp",
    "median_imp",
    "missingness_indicators",
)
"""Imputation by one value per feature; no random draws. Upstream's grid has these."""

MODEL_BASED_METHODS = ("knnImputation", "bpca", "missForest", "pmm", "norm", "norm.predict", "rf")
"""Imputation from the other features; many times slower. Upstream has them, its grid has not."""

PARAMETERS = (
    Parameter(
        "transcript",
        ("canonical", "keep_all"),
        "Ensembl transcripts kept: the canonical one of each gene, or all.",
    ),
    Parameter(
        "quality",
        ("clingen", "twostar", "onestar"),
        "ClinVar review status at least: expert panel, two stars, one star.",
    ),
    Parameter(
        "restriction",
        ("missense", "all"),
        "Consequences kept: those with missense_variant, or all.",
    ),
    Parameter(
        "vus_inclusion",
        ("pathogenic", "benign", "exclude"),
        "Variants of uncertain significance: counted as positive, as negative, or left out.",
    ),
    Parameter(
        "categorical",
        ("dummy", "factor"),
        "Categorical features: one 0/1 column a level, or the text itself.",
    ),
    Parameter(
        "imputation",
        (*SINGLE_VALUE_METHODS, *MODEL_BASED_METHODS),
        "How missing annotations are handled: the question amiss asks.",
        shorthands={"all": (*SINGLE_VALUE_METHODS, *MODEL_BASED_METHODS)},
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
