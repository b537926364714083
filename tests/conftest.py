"""Fixtures that several folders of tests use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toystudies import SMALL_GRID, open_toy, write_study

from gridrun.api import OpenStudy

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of inputs and golden files beside the project; a user's clone has none."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("../shared (inputs and golden files beside the project) is not there")
    return path


@pytest.fixture
def toy_study(tmp_path: Path) -> Callable[..., OpenStudy]:
    """Make a toy study of 48 combinations; keywords are the toy's options."""

    def make(*, grid: dict[str, list[Any]] | None = None, name: str = "study", **options: Any):
        directory = tmp_path / name
        if not (directory / "study.yaml").exists() or grid is not None:
            write_study(directory, grid or SMALL_GRID)
        return open_toy(directory, **options)

    return make
