"""Fixtures that several folders of tests use."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gridrun.api import OpenStudy
from gridrun.pipeline import load_pipeline
from gridrun.study import load_study

ROOT = Path(__file__).resolve().parent.parent
TOY = "gridrun.testing.toy:PIPELINE"

SMALL_GRID = {
    "transcript": ["canonical", "keep_all"],
    "quality": ["onestar"],
    "restriction": ["all"],
    "vus_inclusion": ["exclude"],
    "categorical": ["dummy", "factor"],
    "imputation": ["zero_imp", "max_imp", "mean_imp"],
    "downsampling": ["on"],
    "hyperparameter_search_type": ["grid", "random"],
    "nonzero_variance_check": ["on", "off"],
    "correlation_check": ["on"],
    "training_data_sampling_percentage": [1.0],
    "feature_sampling_percentage": [0.33],
}
"""48 combinations with every disposition in them."""


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of inputs and golden files beside the project; a user's clone has none."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("../shared (inputs and golden files beside the project) is not there")
    return path


def write_study(directory: Path, grid: dict[str, list[Any]], **keys: Any) -> Path:
    """A study directory with stand-in inputs, which the toy pipeline never opens."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("a.vcf", "b.tsv", "c.tsv"):
        (directory / name).write_text(name)
    keys = {"folds": 2, "seed": 1, **keys}
    lines = ["inputs: {vcf: a.vcf, cadd_snv: b.tsv, cadd_indel: c.tsv}"]
    lines += [f"{key}: {value}" for key, value in keys.items()]
    lines += ["grid:", *(f"  {name}: {values!r}" for name, values in grid.items())]
    (directory / "study.yaml").write_text("\n".join(lines) + "\n")
    return directory


def open_toy(directory: Path, **options: Any) -> OpenStudy:
    """Open a study with the toy pipeline, steered by options."""
    study = load_study(directory, load_pipeline(TOY))
    return OpenStudy(dataclasses.replace(study, options=options), TOY)


@pytest.fixture
def toy_study(tmp_path: Path) -> Callable[..., OpenStudy]:
    """Make a toy study of 48 combinations; keywords are the toy's options."""

    def make(*, grid: dict[str, list[Any]] | None = None, name: str = "study", **options: Any):
        directory = tmp_path / name
        if not (directory / "study.yaml").exists() or grid is not None:
            write_study(directory, grid or SMALL_GRID)
        return open_toy(directory, **options)

    return make
