"""The quickstart's study keeps what the documentation says of it."""

from __future__ import annotations

from pathlib import Path

from amiss_tasks.parameters import SINGLE_VALUE_METHODS
from amiss_tasks.pipeline import PIPELINE
from gridrun.study import load_study

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"
FORESTS_PER_TASK = 6
"""Five values of mtry and the final fit (upstream-behaviour, section 5)."""


def test_the_quickstart_is_a_grid_of_moderate_size():
    """12 to 24 combinations in 3 folds, at least 16 of them `grid` + `dummy`."""
    study = load_study(QUICKSTART, PIPELINE)
    combinations = list(study.grid.combinations(range(len(study.grid))))
    assert 12 <= len(combinations) <= 24
    assert study.folds == 3
    trained = [
        c
        for c in combinations
        if c["hyperparameter_search_type"] == "grid" and c["categorical"] == "dummy"
    ]
    assert len(trained) >= 16
    assert len(trained) * study.folds * FORESTS_PER_TASK >= 100


def test_the_quickstart_compares_all_single_value_methods():
    """Each of the seven imputations takes part, on the same data sets."""
    study = load_study(QUICKSTART, PIPELINE)
    assert set(study.grid.allowed()["imputation"]) == set(SINGLE_VALUE_METHODS)


def test_the_inputs_are_in_the_clone():
    """Nothing has to be made or downloaded before the first run."""
    study = load_study(QUICKSTART, PIPELINE)
    assert all(path.is_file() for path in study.inputs.values())
    assert not study.notes
