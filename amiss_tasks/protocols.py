"""Protocols: named switches that say how the comparison is made. Data, not code.

One switch for each upstream choice or defect whose correction changes numbers.
Protocol ``amiss`` has every switch as upstream, ``corrected`` has every one
corrected; a study may toggle single ones. Defect numbers are those of
``docs/protocols.md``; D11, D16, D17 and D18 are handled alike under both protocols.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from amiss_tasks.classifiers import HELD_OUT, SEARCHED, TAKING_TEXT
from amiss_tasks.evaluation import evaluation_of
from amiss_tasks.methods import COMPLETED_AMONG_THEMSELVES
from gridrun.errors import UserError, did_you_mean
from gridrun.pipeline import Settings

SPLIT_SEED = 10
"""Seed of the split into training and test part (S02)."""

FOLD_SEED = 10
"""Seed of the permutation and the draws of cross-validation (S11)."""

MODEL_SEED = 42
"""Seed of everything in a fold: downsampling, samples, imputation, classifiers."""

HOLD_OUT_SEED = 10
"""Seed of the same when the part held out is tested on: upstream's README has it so."""

TRAINING_SHARE = 0.7
"""Share of the rows that the training part is drawn with, and each fold's larger part has."""

FOLD_TEST_SHARE = 0.7
"""Share of the training part that a fold *tests* on, as upstream has it (D1)."""

AMISS, CORRECTED = "amiss", "corrected"
"""Names of the protocols, and what a switch can be set to."""

SWITCHES_KEY = "switches"
"""Key of ``study.yaml``, and name of its data in ``Settings.options``."""

_MOST_SEED = 2**31 - 1
_MICE = ("pmm", "norm", "norm.predict", "rf", "cart", "midastouch", "lasso.norm")


@dataclass(frozen=True)
class Switch:
    """One choice of a protocol.

    Args:
        name: Stable name, part of fingerprints and of protocol labels.
        defect: Number of the upstream defect, accepted in its place; empty without one.
        amiss: What protocol ``amiss`` does.
        corrected: What protocol ``corrected`` does.
        classifiers: Those that it concerns; empty for all.
        methods: Imputation methods that it concerns; empty for all.
        hyperparameter: By which the method learns of the correction; empty where the
            stages see to it.
        except_classifiers: Classifiers that it does not concern.
    """

    name: str
    defect: str
    amiss: str
    corrected: str
    classifiers: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    hyperparameter: str = ""
    except_classifiers: tuple[str, ...] = ()

    def concerns(self, classifier: str, method: str) -> bool:
        """Whether results of a classifier and an imputation method depend on it."""
        if classifier in self.except_classifiers:
            return False
        if self.classifiers and classifier not in self.classifiers:
            return False
        return not self.methods or method in self.methods


SWITCHES = (
    Switch(
        "fold_shares",
        "D1",
        "each fold trains on the 30 % that were not drawn and tests on the 70 % that were",
        "each fold trains on the 70 % and tests on the rest",
    ),
    Switch(
        "random_search",
        "D2",
        "random search trains no classifier that has hyperparameters",
        "random search draws as many settings as the grid has rows, by a seed of its own",
        classifiers=SEARCHED,
    ),
    Switch(
        "categorical_factor",
        "D3",
        "text features reach the forest as codes among the values of the very table predicted",
        "text features are factors with the levels of the training table",
        classifiers=TAKING_TEXT,
    ),
    Switch(
        "imputation_choice",
        "D4",
        "rows of an imputation's hyperparameters are compared by the MCC of training rows",
        "they are compared by the MCC of rows that the model was not fitted to",
        except_classifiers=HELD_OUT,  # their MCC is of held-out rows already
    ),
    Switch(
        "mice_hyperparameters",
        "D5",
        "hyperparameters never reach mice",
        "mice is given its hyperparameters",
        methods=("pmm", "rf"),
        hyperparameter="reach_mice",
    ),
    Switch(
        "draw_order",
        "D6",
        "one generator for all draws of a fold, so methods that draw first get other rows",
        "every step of every fold has a seed of its own, derived from the study's",
    ),
    Switch(
        "test_imputation",
        "D7",
        "the seven model-based methods impute test rows from the test rows alone",
        "each test row is imputed from what was learnt on training rows",
        methods=COMPLETED_AMONG_THEMSELVES,
    ),
    Switch(
        "balanced_downsampling",
        "D8",
        "downsampling of classes of equal size leaves no row",
        "downsampling of classes of equal size drops nothing",
    ),
    Switch(
        "split_by",
        "D9",
        "rows are split, so transcripts of one variant may stand in training and test alike",
        "variants are split; duplicates are dropped within training and test separately",
    ),
    Switch(
        "one_sided_mcc",
        "D10",
        "MCC is NaN when all predictions or all labels are of one class",
        "MCC is 0 then",
    ),
    Switch(
        "bpca_means",
        "",
        "values fitted by bpca vary around 0, since it is run without centring; it fails where a "
        "row has no value, or where there are not more features than components",
        "bpca is centred, so that fitted values vary around the feature's mean, and a row without "
        "values gets the means; there are fewer components than features",
        methods=("bpca",),
        hyperparameter="center",
    ),
    Switch(
        "mice_units",
        "",
        "mice sees features in their own units and takes small ones for constant or useless",
        "features are standardised by the training rows for mice, and put back",
        methods=_MICE,
        hyperparameter="own_units",
    ),
    Switch(
        "mice_constants",
        "",
        "mice leaves the missing values of a constant feature missing",
        "they become the feature's only value",
        methods=_MICE,
        hyperparameter="fill_constants",
    ),
    Switch(
        "mice_collinear",
        "",
        "mice leaves the missing values of a collinear feature missing",
        "collinear features take part and are imputed",
        methods=_MICE,
        hyperparameter="keep_collinear",
    ),
    Switch(
        "mice_predictors",
        "",
        "every other feature predicts in mice, also where there are fewer values than features",
        "at most 15 most correlated features do, and one for three known values of the feature",
        methods=_MICE,
        hyperparameter="choose_predictors",
    ),
    Switch(
        "mice_ridge",
        "",
        "regressions of mice are least squares, and stop where predictors are collinear",
        "they are ridge regressions with a ridge of 0.01",
        methods=("pmm", "norm", "norm.predict", "midastouch"),
        hyperparameter="use_ridge",
    ),
    Switch(
        "knn_distances",
        "",
        "neighbours of kNN are complete rows only; without two of them it stops",
        "they have the wanted value, and distances are over the features that both rows have",
        methods=("knnImputation",),
        hyperparameter="common",
    ),
    Switch(
        "dummies",
        "D12",
        "every level of a categorical feature gets a dummy",
        "the alphabetically first level of a categorical feature gets no dummy",
    ),
    Switch(
        "missingness_indicators",
        "D13",
        "one constant indicator stays; a single pattern of missingness stops the method",
        "constant indicators are dropped; without any other the table is imputed only",
        methods=("missingness_indicators",),
        hyperparameter="drop_constants",
    ),
    Switch(
        "eta_zero",
        "D14",
        "a third of the grid of boosted trees has a learning rate of 0",
        "these settings are left out",
        classifiers=("xgboost",),
    ),
    Switch(
        "feature_checks",
        "D15",
        "near-zero variance and correlation are judged before missing values are imputed",
        "they are judged again on the imputed training table",
    ),
    Switch(
        "row_ids",
        "D20",
        "numbers in row ids are padded to the widest; an all-T allele column reads TRUE",
        "row ids are made of the text in the input",
    ),
    Switch(
        "dummy_columns",
        "D21",
        "training and test part get the dummies of their own levels",
        "the test part gets the dummies of the training part; an absent level is 0",
    ),
    Switch(
        "sampling",
        "D22",
        "neither the split nor any sample looks at the classes",
        "split, folds and row samples keep the share of each class",
    ),
    Switch(
        "thresholds",
        "D29",
        "a probability of one half is positive for the MCC and negative for the counts",
        "it is negative for both",
    ),
    Switch(
        "dummy_levels",
        "D30",
        "dummies are those of the whole training part, a fold's test rows included",
        "dummies are those of the fold's training rows, sorted by name",
    ),
)
"""Upstream's choices and their corrections, in the order of the defects."""

NAMES: Mapping[str, Switch] = {switch.name: switch for switch in SWITCHES}
"""Stable name to switch."""

DEFECTS: Mapping[str, str] = {switch.defect: switch.name for switch in SWITCHES if switch.defect}
"""Number of the defect to the name of its switch."""

PREPROCESS = (
    "draw_order",
    "split_by",
    "dummies",
    "row_ids",
    "dummy_columns",
    "sampling",
    "dummy_levels",
)
"""Switches that the stages before the folds read."""

PROTOCOLS: Mapping[str, str] = {
    AMISS: "upstream's numbers: its seeds, draw order and selection rules, defects included",
    CORRECTED: "upstream's question with its defects corrected: paired rows, "
    "everything learnt on training rows only",
}
"""Name to one sentence."""


@dataclass(frozen=True)
class Protocol:
    """The protocol of a study, with the switches that it sets.

    Args:
        name: ``amiss`` or ``corrected``.
        toggled: Switches set otherwise than the protocol has them, name to value.
        seed: The study's seed.
        model_seed: Upstream's seed of everything in a fold.
    """

    name: str = AMISS
    toggled: Mapping[str, str] = field(default_factory=dict)
    seed: int = 1
    model_seed: int = MODEL_SEED

    @cached_property
    def corrected(self) -> frozenset[str]:
        """Names of the switches that are corrected."""
        return frozenset(
            switch.name
            for switch in SWITCHES
            if self.toggled.get(switch.name, self.name) == CORRECTED
        )

    @property
    def label(self) -> str:
        """How tables name it.

        ``amiss+test_imputation`` is amiss with one switch corrected,
        ``corrected-test_imputation`` corrected with that switch as upstream.
        """
        sign = "+" if self.name == AMISS else "-"
        names = [s.name for s in SWITCHES if self.toggled.get(s.name, self.name) != self.name]
        return "".join([self.name, *(f"{sign}{name}" for name in names)])

    def corrections_for(self, method: str) -> dict[str, bool]:
        """Hyperparameters by which an imputation method learns of corrections."""
        return {
            switch.hyperparameter: True
            for switch in SWITCHES
            if switch.hyperparameter and method in switch.methods and switch.name in self.corrected
        }

    def completes_by_training(self, method: str) -> bool:
        """Whether test rows are imputed from what training learnt, where that is corrected.

        Asked where the switch concerns the method alone: its key has the switch only there.
        """
        switch = NAMES["test_imputation"]
        return method in switch.methods and switch.name in self.corrected

    def seed_of(self, step: str, fold: int, upstream: int) -> int:
        """Seed of one step of one fold.

        Under D6 it is a hash of the study's seed, the fold and the step's name, so
        that steps do not share random numbers and a step draws the same whatever
        was drawn before it (the scheme of R's package targets).

        Args:
            step: Name of the step.
            fold: Fold, counted from 1; 0 for what precedes the folds.
            upstream: Seed that upstream has there.
        """
        return derived_seed(self.seed, step, fold) if "draw_order" in self.corrected else upstream

    def split_seed(self, repeat: int) -> int:
        """Seed of a split into training and test part.

        Args:
            repeat: Which split, counted from 1; the first is the one that
                cross-validation takes the training part of.
        """
        if repeat == 1:
            return self.seed_of("split", 0, SPLIT_SEED)
        return self.seed_of("split", repeat, derived_seed(SPLIT_SEED, "split", repeat))

    def components(self, classifier: str, method: str) -> dict[str, str]:
        """Switches and seeds that results of a classifier and a method depend on."""
        found = {
            switch.name: CORRECTED if switch.name in self.corrected else AMISS
            for switch in SWITCHES
            if switch.concerns(classifier, method)
        }
        return found | self._seeds()

    def preprocess_components(self) -> dict[str, str]:
        """Switches and seeds that the stages before the folds read."""
        found = {name: CORRECTED for name in PREPROCESS if name in self.corrected}
        return found | (self._seeds() if "draw_order" in self.corrected else {})

    def _seeds(self) -> dict[str, str]:
        if "draw_order" in self.corrected:
            return {"seed": str(self.seed)}
        return {
            "split_seed": str(SPLIT_SEED),
            "fold_seed": str(FOLD_SEED),
            "model_seed": str(self.model_seed),
        }


UPSTREAM_PROTOCOL = Protocol()
"""Protocol ``amiss`` without any switch toggled."""


def derived_seed(seed: int, step: str, fold: int) -> int:
    """A seed for R's ``set.seed`` out of a seed, the name of a step and a fold."""
    digest = hashlib.blake2b(f"{seed}:{fold}:{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % _MOST_SEED


def switch_name(text: str) -> str | None:
    """Stable name of a switch given by name or number of its defect; None if unknown."""
    return text if text in NAMES else DEFECTS.get(text.upper())


def advice_for(switch: str) -> str:
    """End of a message on a defect that fails a task: the switch by which the task runs."""
    return f"; to run it, set switches: {{{switch}: corrected}} in study.yaml"


def protocol_of(settings: Settings) -> Protocol:
    """Protocol of a study's settings.

    Raises:
        UserError: There is no such protocol, or no such switch.
    """
    if settings.protocol not in PROTOCOLS:
        raise UserError(
            f'there is no protocol "{settings.protocol}"',
            todo=f"{did_you_mean(settings.protocol, PROTOCOLS)} "
            f"known protocols: {', '.join(PROTOCOLS)}".strip(),
        )
    given: Mapping[str, Any] = settings.options.get(SWITCHES_KEY, {})
    unknown = [name for name in given if name not in NAMES]
    if unknown:
        raise UserError(
            f'there is no switch "{unknown[0]}"',
            todo=f"{did_you_mean(unknown[0], NAMES)} known switches: {', '.join(NAMES)}".strip(),
        )
    toggled = {name: str(value) for name, value in given.items()}
    model_seed = HOLD_OUT_SEED if evaluation_of(settings.options).holds_out else MODEL_SEED
    return Protocol(settings.protocol, toggled, settings.seed, model_seed)
