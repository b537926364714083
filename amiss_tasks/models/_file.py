"""The file of a model: a zip of its recipe and of what R and Python keep of it."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from amiss_tasks.models._recipe import Recipe
from gridrun.errors import UserError
from gridrun.store.cache import DAMAGED_ARCHIVE, with_replacement
from gridrun.store.faults import disk_fault

RECIPE = "recipe.json"
R_PART = "model.rds"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip file can hold


@dataclass(frozen=True)
class ModelFile:
    """What a file of a model holds.

    Args:
        recipe: What it is.
        parts: Name to content of its other files.
    """

    recipe: Recipe
    parts: Mapping[str, bytes]


def digest_of_part(content: bytes) -> str:
    """SHA-256 of one of a model's files."""
    return hashlib.sha256(content).hexdigest()


def write_model(file: Path, model: ModelFile) -> None:
    """Write a model aside and rename it; equal models have equal bytes.

    Raises:
        UserError: It cannot be written there.
    """

    def write(aside: Path) -> None:
        with zipfile.ZipFile(aside, "w") as archive:
            for name, content in {RECIPE: model.recipe.text().encode(), **model.parts}.items():
                entry = zipfile.ZipInfo(name, date_time=_EPOCH)
                # R has packed its part already
                packed = zipfile.ZIP_STORED if name == R_PART else zipfile.ZIP_DEFLATED
                archive.writestr(entry, content, compress_type=packed)

    try:
        with_replacement(file, write)
    except OSError as error:
        raise disk_fault(error, file) or UserError(
            f"the model cannot be written: {error.strerror or error}",
            where=str(file),
            todo="name a place for it with --out",
        ) from error


def read_model(file: Path) -> ModelFile:
    """Read what :func:`write_model` wrote.

    Raises:
        UserError: The file is not there, or no model that this version can use.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
        recipe = Recipe.from_text(contents.pop(RECIPE).decode())
    except DAMAGED_ARCHIVE as error:
        raise _no_model(file, "it is no model that `gridrun export-model` wrote") from error
    except (ValueError, TypeError) as error:
        raise _no_model(file, f"its recipe cannot be used: {error}") from error
    except OSError as error:
        raise UserError(
            f"cannot be read: {error.strerror or error}", where=str(file), todo="name a model file"
        ) from error
    for name, digest in recipe.files.items():
        if digest_of_part(contents.get(name, b"")) != digest:
            raise _no_model(file, f"its {name} is damaged, or not the one its recipe is about")
    return ModelFile(recipe, contents)


def _no_model(file: Path, message: str) -> UserError:
    return UserError(message, where=str(file), todo="export it again: gridrun export-model")
