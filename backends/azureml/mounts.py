"""Names of what SDK v2 has the platform mount for a child, and their arguments. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from backends.azureml.settings import AzureData

BLOCKS = "blocks"
"""The folder with the tables of blocks."""

_INPUT = "input_"
_ARGUMENT = "--mount-"


def input_names(data: AzureData) -> Mapping[str, str]:
    """Role of an input to the name of its mount; roles may have characters that names have not."""
    return {role: f"{_INPUT}{number}" for number, role in enumerate(data.inputs)}


def argument_of(name: str) -> str:
    """The argument that tells a child the path of a mount."""
    return f"{_ARGUMENT}{name}"


def mounts_in(arguments: Sequence[str]) -> Mapping[str, Path]:
    """Name to path of the mounts that a child is given; none where SDK v1 has sent it."""
    return {
        name.removeprefix(_ARGUMENT): Path(path)
        for name, path in pairwise(arguments)
        if name.startswith(_ARGUMENT)
    }
