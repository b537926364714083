"""Fixtures for the tests of people who write methods, classifiers or backends.

Import them in a ``conftest.py``: ``from gridrun.testing.fixtures import local_ray``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import pytest

from gridrun.backend import load_backend
from gridrun.testing.units import toy_content, toy_job

_WORKERS = 2


@runtime_checkable
class _ComesUp(Protocol):
    """A backend that is not ready at once."""

    def wait(self) -> None:
        """Wait until it is."""
        ...


@pytest.fixture(scope="session")
def local_ray() -> Iterator[str]:
    """One Ray with two workers for all tests of a session, ended with it.

    Yields:
        Name of the backend that runs there: ``study.run(backend=local_ray)``.
    """
    name = "local"
    backend = load_backend(name, workers=_WORKERS)
    # a Ray that this process has started is used by every backend that is opened later
    backend.open(toy_job(), toy_content)
    try:
        if isinstance(backend, _ComesUp):
            backend.wait()
        yield name
    finally:
        backend.close()
