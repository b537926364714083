"""A small study, for tests of people who write methods and classifiers; for tests.

Import it in a ``conftest.py``: ``from amiss_tasks.testing import small_study``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amiss_tasks.parameters import PARAMETERS
from amiss_tasks.testing._made_up import FEATURES, write_inputs
from gridrun.api import OpenStudy, open_study

GRID = {
    "transcript": "canonical",
    "quality": "onestar",
    "restriction": "all",
    "vus_inclusion": "exclude",
    "categorical": "dummy",
    "imputation": "mean_imp",
    "downsampling": "off",
    "hyperparameter_search_type": "grid",
    "nonzero_variance_check": "off",
    "correlation_check": "off",
    "training_data_sampling_percentage": 1.0,
    "feature_sampling_percentage": 1.0,
}
"""What the study's grid has where nothing else is given: one combination."""

_FOLDS = 2


def write_small_study(directory: Path, *, variants: int = 150, **given: Any) -> Path:
    """Write a study of made-up variants with a handful of features.

    Args:
        directory: Where to; made if need be.
        variants: Number of variants.
        given: Parameters of the grid, and keys of ``study.yaml``, by name. A
            ``Path`` is written absolute, text as it stands.

    Returns:
        The directory.
    """
    directory.mkdir(parents=True, exist_ok=True)
    names = {parameter.name for parameter in PARAMETERS}
    grid = GRID | {name: value for name, value in given.items() if name in names}
    keys = {name: value for name, value in given.items() if name not in names}
    study = {
        "inputs": write_inputs(directory, variants),
        "features": FEATURES,
        "folds": _FOLDS,
        **keys,
        "grid": grid,
    }
    # JSON is YAML, too
    text = json.dumps(study, indent=2, default=lambda path: str(Path(path).absolute()))
    (directory / "study.yaml").write_text(f"{text}\n", encoding="utf-8")
    return directory


@pytest.fixture
def small_study(tmp_path: Path) -> Callable[..., OpenStudy]:
    """Make and open a small study below ``tmp_path``; a few seconds with one classifier.

    Called with ``name`` (of its directory), and the arguments of
    :func:`write_small_study`: ``small_study(imputation=["ridge", "mean_imp"],
    own_methods={"ridge": Path("ridge.R")}, classifiers=["lr"])``.
    """

    def make(*, name: str = "study", **given: Any) -> OpenStudy:
        return open_study(write_small_study(tmp_path / name, **given))

    return make
