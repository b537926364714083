"""Protocols: named switches that say how the comparison is made. Data, not code.

One switch for each upstream choice or defect that this version implements, so
that a second protocol can differ in one of them. Defect numbers are those of
``upstream-behaviour`` section 9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gridrun.errors import UserError, did_you_mean

SPLIT_SEED = 10
"""Seed of the split into training and test part (S02)."""

FOLD_SEED = 10
"""Seed of the permutation and the draws of cross-validation (S11)."""

MODEL_SEED = 42
"""Seed of everything in a fold: downsampling, samples, imputation, classifiers."""

TRAINING_SHARE = 0.7
"""A row goes to the training part when its uniform draw is below this."""

FOLD_TEST_SHARE = 0.7
"""Share of the training part that a fold *tests* on (D1)."""


@dataclass(frozen=True)
class Switch:
    """One choice of a protocol.

    Args:
        name: Stable name, part of fingerprints.
        value: What this protocol does.
        defect: Number of the upstream defect that it keeps, or an empty string.
        description: One line for people.
    """

    name: str
    value: str
    defect: str
    description: str


AMISS = (
    Switch(
        "fold_shares",
        f"test={FOLD_TEST_SHARE}",
        "D1",
        "each fold trains on the 30 % that were not drawn and tests on the 70 % that were",
    ),
    Switch(
        "random_search",
        "untrained",
        "D2",
        "random search trains no classifier that has hyperparameters",
    ),
    Switch(
        "categorical_factor",
        "codes of the table given",
        "D3",
        "text features reach the forest as codes among the values of the very table predicted",
    ),
    Switch(
        "imputation_choice",
        "MCC on the training rows",
        "D4",
        "of several rows of imputation hyperparameters a classifier takes the one with the largest "
        "MCC on the rows it was trained on; random forest by its out-of-bag votes",
    ),
    Switch(
        "mice_hyperparameters",
        "lost",
        "D5",
        "hyperparameters of pmm and rf never reach mice: their rows differ by random numbers alone",
    ),
    Switch(
        "draw_order",
        "one stream",
        "D6",
        "a method's rows of hyperparameters, downsampling, features and rows are drawn in this "
        "order from one generator, so that methods with more than eight rows get other data",
    ),
    Switch(
        "test_imputation",
        "among the test rows",
        "D7",
        "MICE, missForest, bpca and kNN complete a test table by itself, with nothing learnt from "
        "training but the chosen row of hyperparameters",
    ),
    Switch(
        "balanced_downsampling",
        "removes every row",
        "D8",
        "downsampling of classes of equal size leaves no row",
    ),
    Switch(
        "split_by",
        "row",
        "D9",
        "transcripts of one variant may stand in training and test table alike",
    ),
    Switch(
        "one_sided_mcc",
        "NaN",
        "D10",
        "MCC is NaN when all predictions or all labels are of one class",
    ),
    Switch(
        "bpca_means",
        "left out",
        "",
        "values fitted by bpca vary around 0, since it is run without centring",
    ),
    Switch(
        "dummies",
        "every level",
        "D12",
        "no reference level is left out, so logistic regression is rank-deficient",
    ),
    Switch(
        "missingness_indicators",
        "first complete column keeps its indicator",
        "D13",
        "one constant indicator stays; a single pattern of missingness stops the method",
    ),
    Switch(
        "boosting_rates",
        "0, 0.5, 1",
        "D14",
        "a third of XGBoost's settings has learning rate 0 and predicts one half; it may win ties",
    ),
    Switch(
        "feature_checks",
        "before imputation",
        "D15",
        "near-zero variance and correlation are judged before missing values are filled",
    ),
    Switch(
        "failing_fold",
        "recorded alone",
        "D16",
        "a fold that fails is recorded as failed, the other folds are kept",
    ),
    Switch(
        "row_ids",
        "padded, typed by content",
        "D20",
        "numbers in row ids are padded to the widest; an all-T allele column reads TRUE",
    ),
    Switch(
        "dummy_columns",
        "each table by itself",
        "D21",
        "training and test part get the dummies of their own levels",
    ),
    Switch(
        "sampling",
        "not stratified",
        "D22",
        "neither the split nor any sample looks at the classes",
    ),
)
"""Upstream's choices and defects that protocol ``amiss`` keeps."""

SWITCHES: Mapping[str, tuple[Switch, ...]] = {"amiss": AMISS}
"""Protocol name to its switches."""


def switches(protocol: str) -> Mapping[str, str]:
    """Names and values of a protocol's switches and seeds, as far as results depend on them.

    Args:
        protocol: Name of the protocol.

    Raises:
        UserError: There is no such protocol in this version.
    """
    if protocol not in SWITCHES:
        raise UserError(
            f'there is no protocol "{protocol}"',
            todo=f"{did_you_mean(protocol, SWITCHES)} known protocols: {', '.join(SWITCHES)}",
        )
    seeds = {
        "split_seed": str(SPLIT_SEED),
        "training_share": str(TRAINING_SHARE),
        "fold_seed": str(FOLD_SEED),
        "model_seed": str(MODEL_SEED),
    }
    return {**{switch.name: switch.value for switch in SWITCHES[protocol]}, **seeds}
