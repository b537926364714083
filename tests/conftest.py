"""Fixtures that several folders of tests use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toystudies import SMALL_GRID, open_toy, write_study

from gridrun.api import OpenStudy

ROOT = Path(__file__).resolve().parent.parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests run in one process, and all that need Ray in one: there is one Ray."""
    for item in items:
        with_ray = item.get_closest_marker("ray") is not None
        item.add_marker(pytest.mark.xdist_group("ray" if with_ray else item.path.name))
    # what takes longest begins first, so that all processes end at about the same time
    items.sort(key=lambda item: item.get_closest_marker("ray") is None)


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
