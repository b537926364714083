"""A null experiment: labels are shuffled over variants, so that there is nothing to learn.

Each repetition is a shuffle of its own, in a fold of its own, and gives one value of a metric:
the mean over the imputed test sets. Repetitions are independent, for given features, as the
shuffles are; so the standard error of their mean is that of a sample of so many values.
Rows that share a variant share its label, as in a real study.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from amissstudies import amiss_values
from test_learnt_on_training import FEW, few_fits
from test_other_test_rows import FEATURES

from amiss_tasks.classifiers import AMISS_CLASSIFIERS as CLASSIFIERS
from amiss_tasks.classifiers._tuning import SETTINGS
from amiss_tasks.methods import MODEL_BASED_METHODS, SINGLE_VALUE_METHODS
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.protocols import protocol_of
from amiss_tasks.stages.labelled_rows import Labelled
from amiss_tasks.stages.preprocess import split
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.pipeline import Settings, TaskSpec

SEED = 1811
"""Of all shuffles, fixed before any result was looked at."""

NULL = {"MCC": 0.0, "AUC": 0.5}
"""What a metric is where there is nothing to learn."""

SURE = 3
"""Standard errors that a mean may be away."""

MOST_TRANSCRIPTS = 5
LEVELS = ("SYNONYMOUS", "NON_SYNONYMOUS", "STOP_GAINED", "UPSTREAM")


@dataclass(frozen=True)
class Rows:
    """Rows without labels.

    Args:
        variant: Number of each row's variant.
        numeric: Features; all but the last are the variant's, gaps included.
        levels: Consequence of each row.
    """

    variant: np.ndarray
    numeric: dict[str, np.ndarray]
    levels: list[str | None]


@cache
def rows_of(variants: int) -> Rows:
    """One to five transcripts a variant, features of two factors, more gaps where one is large."""
    random = np.random.default_rng([SEED, variants])
    variant = np.arange(variants).repeat(random.integers(1, MOST_TRANSCRIPTS + 1, variants))
    names = FEATURES.numeric
    factors = random.normal(size=(variants, 2))
    values = factors @ random.normal(size=(2, len(names)))
    values += random.normal(0, 0.3, values.shape)
    values[random.random(values.shape) < 0.1 + 0.2 * (factors[:, :1] > 0)] = math.nan
    values = values[variant]
    values[:, -1] = random.normal(size=len(variant))
    levels = [LEVELS[level] for level in random.integers(0, len(LEVELS), len(variant))]
    return Rows(variant, dict(zip(names, values.T, strict=True)), levels)


def shuffled(variants: int, repetition: int) -> Labelled:
    """Rows whose labels, half of them positive, were drawn for variants without their features."""
    rows = rows_of(variants)
    positive = np.arange(variants) < variants / 2
    positive = np.random.default_rng([SEED, variants, repetition]).permutation(positive)
    places = list(zip(rows.variant.tolist(), rows.levels, strict=True))
    return Labelled(
        row_ids=[f"1:{at}:A:C:T{number}:{level}" for number, (at, level) in enumerate(places)],
        variants=[f"1\t{at}\tA\tC" for at, _ in places],
        positive=positive[rows.variant],
        numeric=rows.numeric,
        text={"Consequence.x": rows.levels},
        has_dummies=True,
    )


@dataclass(frozen=True)
class Mean:
    """A metric over repetitions.

    Args:
        mean: Over the repetitions.
        error: Its standard error.
    """

    mean: float
    error: float


class Experiment:
    """Repetitions under one protocol."""

    def __init__(self, protocol: str, directory: Path, variants: int) -> None:
        self.settings = Settings({}, protocol, 1, options={"features": FEATURES.plain()})
        self.runner = AmissRunner(self.settings, lambda *_: None)
        self.directory = directory
        self.variants = variants

    def artifact(self, repetition: int) -> Path:
        """Block of a repetition, as the driver makes it."""
        path = self.directory / f"{self.settings.protocol}-{self.variants}-{repetition}.npz"
        if not path.exists():
            protocol = protocol_of(self.settings)
            rows = shuffled(self.variants, repetition)
            if "dummy_levels" in protocol.corrected:
                rows.save(path)
            else:
                split(rows, FEATURES, protocol).save(path)
        return path

    def values(self, method: str, classifier: str, repetition: int) -> dict[str, float]:
        """Each metric in the fold of that number."""
        given = amiss_values(transcript="keep_all", imputation=method)
        reads = PIPELINE.classifier_reads(classifier)
        task = TaskSpec(0, 0, repetition, classifier, {name: given[name] for name in reads})
        rows = self.runner.run(task, self.artifact(repetition)).rows
        return {name: float(np.mean([row[name] for row in rows])) for name in NULL}

    def means(self, method: str, classifier: str, repetitions: int) -> dict[str, Mean]:
        """Each metric's mean."""
        found = [self.values(method, classifier, at) for at in range(1, repetitions + 1)]
        columns = {name: np.array([values[name] for values in found]) for name in NULL}
        return {
            name: Mean(float(of.mean()), float(of.std(ddof=1) / math.sqrt(len(of))))
            for name, of in columns.items()
        }


def require_null(found: dict[str, Mean], most_error: float) -> None:
    """Each mean is known well enough, and is what it is without anything to learn."""
    for name, null in NULL.items():
        # a model that predicts a constant could not fail
        assert 0 < found[name].error <= most_error, (name, found[name])
        assert abs(found[name].mean - null) <= SURE * found[name].error, (name, found[name])


@pytest.fixture(scope="module")
def directory(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("null")


@cache
def experiment(protocol: str, directory: Path, variants: int) -> Experiment:
    return Experiment(protocol, directory, variants)


@pytest.mark.parametrize(
    ("method", "classifier", "variants", "repetitions", "most_error"),
    [
        ("mean_imp", "lr", 200, 20, 0.04),
        ("missingness_indicators", "lr", 200, 20, 0.04),
        ("zero_imp", "rf", 100, 10, 0.1),
    ],
)
def test_noise_is_noise(directory, method, classifier, variants, repetitions, most_error):
    """Under corrected MCC is 0 and AUC 0.5, in the few repetitions that a quick test can do."""
    found = experiment("corrected", directory, variants)
    require_null(found.means(method, classifier, repetitions), most_error)


def test_noise_is_not_noise_where_rows_are_split(directory):
    """D9: with keep_all, under amiss a forest has seen the variants, as its tables say."""
    found = experiment("amiss", directory, 200).means("mean_imp", "rf", 4)
    assert found["AUC"].mean == pytest.approx(0.74, abs=0.03)
    assert found["MCC"].mean == pytest.approx(0.36, abs=0.06)


def few_trees(monkeypatch) -> None:
    """Boosted trees of two settings that find splits in noise as well, in three inner folds."""
    few_fits(monkeypatch)
    splitting = [setting for setting in SETTINGS if setting.learns and setting.gamma == 0]
    monkeypatch.setattr("amiss_tasks.classifiers.xgboost.SETTINGS", splitting[:2])


CHEAP = {"lr": (500, 130), "rf": (200, 400), "xgboost": (200, 400)}
"""Classifier to variants and repetitions by which the standard errors are at most 0.01."""

DEAR = (200, 16)
"""The same for 0.05."""


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("method", SINGLE_VALUE_METHODS)
def test_noise_is_noise_to_a_hundredth(directory, method, classifier, monkeypatch):
    """Every method without a model, with every classifier (boosted trees of few settings)."""
    few_trees(monkeypatch)
    variants, repetitions = CHEAP[classifier]
    found = experiment("corrected", directory, variants)
    require_null(found.means(method, classifier, repetitions), 0.01)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("method", SINGLE_VALUE_METHODS)
def test_noise_is_noise_to_boosted_trees_of_all_settings(directory, method):
    """The settings that XGBoost chooses from all of the grid have learnt nothing either."""
    variants, repetitions = DEAR
    found = experiment("corrected", directory, variants)
    require_null(found.means(method, "xgboost", repetitions), 0.05)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("method", MODEL_BASED_METHODS)
def test_noise_is_noise_to_methods_with_models(directory, method, classifier, monkeypatch):
    """Every other method, with two rows of its hyperparameters where it has many."""
    few_trees(monkeypatch)
    if method in FEW:
        monkeypatch.setattr("amiss_tasks.tasks.fold_tables.Cell.rows", FEW[method])
    variants, repetitions = DEAR
    found = experiment("corrected", directory, variants)
    require_null(found.means(method, classifier, repetitions), 0.05)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("classifier", ["xgboost", "pattern_lr"])
def test_noise_is_noise_where_missing_values_are_kept(directory, classifier, monkeypatch):
    """Neither the side that a missing value goes to nor a model for each pattern learns noise."""
    few_trees(monkeypatch)
    variants, repetitions = DEAR
    found = experiment("corrected", directory, variants)
    require_null(found.means("none", classifier, repetitions), 0.05)
