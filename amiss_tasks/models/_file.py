"""The file of a model: a zip of its recipe and of what R and Python keep of it.

It may come from anybody, so all that is read here is data, of a bounded size. R's own
serialisation is read nowhere but in :mod:`amiss_tasks.models._model`, and by those who trust it.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from amiss_tasks.models._plain import DOUBLES, INTEGERS, NODES
from amiss_tasks.models._recipe import Recipe
from amiss_tasks.models._recipe_checks import check_recipe
from gridrun.errors import UserError
from gridrun.store.cache import DAMAGED_ARCHIVE, with_replacement
from gridrun.store.faults import disk_fault

RECIPE = "recipe.json"
R_PART = "model.rds"
"""R's own serialisation of what files of the user's own keep; every model had it in format 3."""

_PARTS = re.compile(
    rf"{RECIPE}|{R_PART}|{NODES}|{DOUBLES}|{INTEGERS}|model-[1-9][0-9]{{0,2}}\.json"
)
_MOST_TIMES_PACKED = 200
_SMALL = 2**24
_MOST_BYTES = 2**33
"""Bounds on what a model is unpacked to: gridrun's own are 3 to 60 times as large as packed."""

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

    @property
    def is_serialised(self) -> bool:
        """Whether reading it can run code, as it holds R's own serialisation."""
        return R_PART in self.parts


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
    if file.exists() and not (file.is_file() or file.is_dir()):
        raise no_model(file, "it is no regular file")  # a device may have no end
    try:
        with zipfile.ZipFile(file) as archive:
            fault = _fault_of(archive.infolist())
            if fault:
                raise no_model(file, fault)
            contents = {name: archive.read(name) for name in archive.namelist()}
        recipe = Recipe.from_text(contents.pop(RECIPE))
        check_recipe(recipe)
    except (*DAMAGED_ARCHIVE, NotImplementedError) as error:  # zipfile's, of a method of packing
        raise no_model(file, "it is no model that `gridrun export-model` wrote") from error
    except (ValueError, TypeError) as error:
        raise no_model(file, f"its recipe cannot be used: {error}") from error
    except OSError as error:
        raise disk_fault(error, file) or UserError(
            f"cannot be read: {error.strerror or error}", where=str(file), todo="name a model file"
        ) from error
    if set(recipe.files) != set(contents):
        raise no_model(file, "it has other parts than its recipe names")
    for name, digest in recipe.files.items():
        if digest_of_part(contents[name]) != digest:
            raise no_model(file, f"its {name} is damaged, or not the one its recipe is about")
    return ModelFile(recipe, contents)


def _fault_of(parts: Sequence[zipfile.ZipInfo]) -> str:
    """Why an archive is not to be unpacked; empty where it may be."""
    names = [part.filename for part in parts]
    # shown as code, for a name may have anything in it
    odd = [repr(name) for name in names if not _PARTS.fullmatch(name)]
    if odd or len(set(names)) < len(names):
        return f"it has parts that no model has: {', '.join(odd[:3]) or 'one of them twice'}"
    large = sum(part.file_size for part in parts) > _MOST_BYTES
    if large or any(
        part.file_size > _SMALL + _MOST_TIMES_PACKED * part.compress_size for part in parts
    ):
        return "it would be unpacked to far more than a model takes"
    return ""


def no_model(file: Path, message: str) -> UserError:
    """The error of a file that cannot be used as a model."""
    return UserError(
        message,
        where=str(file),
        todo="get it again from whoever exported it, or export it again: gridrun export-model",
    )
