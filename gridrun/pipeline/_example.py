"""A first study that a pipeline may offer, with its inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable


@runtime_checkable
class HasExample(Protocol):
    """A pipeline that comes with a study to begin with, for ``gridrun init --example``."""

    def example(self) -> Path:
        """The study's directory: ``study.yaml``, and its inputs below ``data``; never written to.

        Raises:
            EnvironmentFault: This installation does not have it.
        """
        ...
