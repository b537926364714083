"""Fixtures for the tests of people who write methods, classifiers or backends.

Import them in a ``conftest.py``: ``from gridrun.testing.fixtures import local_ray``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import pytest

from gridrun.run.backend import load_backend

_WORKERS = 2


@runtime_checkable
class _StaysUp(Protocol):
    """A backend that others of the same process can share."""

    def keep_up(self) -> None:
        """Be there until it is closed, without running anything."""
        ...


@pytest.fixture(scope="session")
def local_ray() -> Iterator[str]:
    """One Ray with two workers for all tests of a session, ended with it.

    Yields:
        Name of the backend that runs there: ``study.run(backend=local_ray)``.
    """
    name = "local"
    backend = load_backend(name, workers=_WORKERS)
    try:
        # a Ray that this process has started is used by every backend that is opened later
        if isinstance(backend, _StaysUp):
            backend.keep_up()
        yield name
    finally:
        backend.close()
