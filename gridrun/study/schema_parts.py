"""Parts of the JSON Schema of a study: what the readers of its keys accept, as editors check it.

Draft 7, which all editors know. A schema refuses what the file alone shows to be wrong; whether
files exist, and what else the readers look at, is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from gridrun.pipeline import InputRole
from gridrun.study._section import FILE_NAME, SWITCH, Section
from gridrun.study._section import SIZE as _SIZE

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string", "pattern": r"\S"}
"""Text that is not blank; paths are such."""

SIZE: Schema = {"type": "string", "pattern": f"^{_SIZE}$"}
"""A size of memory."""


def one_of(known: Sequence[object]) -> Schema:
    """One of some values."""
    return {"enum": [*known]}


def one_or_more(item: Schema) -> Schema:
    """One value, or a list of them that is not empty."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def mapping(properties: Mapping[str, Schema], required: Sequence[str] = (), **more: Any) -> Schema:
    """A mapping with these keys alone.

    Args:
        properties: Key to the schema of its value.
        required: Keys that have to be there.
        more: Further words of the schema.
    """
    schema = {"type": "object", "properties": {**properties}, "additionalProperties": False}
    return {**schema, **({"required": [*required]} if required else {}), **more}


def whole(least: int, most: int | None = None) -> Schema:
    """A whole number within bounds."""
    bounds = {"minimum": least} if most is None else {"minimum": least, "maximum": most}
    return {"type": "integer", **bounds}


def number(most: float | None = None) -> Schema:
    """A number above 0."""
    return {"type": "number", "exclusiveMinimum": 0, **({} if most is None else {"maximum": most})}


def settings(reads: Mapping[str, Callable[[Section, str], Any]]) -> dict[str, Schema]:
    """Schemas of settings that are read by methods of ``Section``.

    Args:
        reads: Setting to how it is read, with bounds and words where it has some.

    Returns:
        Setting to its schema; anything where another function reads it.
    """
    return {name: _setting(read) for name, read in reads.items()}


def _setting(read: Callable[[Section, str], Any]) -> Schema:
    bound: Mapping[str, Any] = {}
    if isinstance(read, partial):
        bound = read.keywords
        read = read.func
    # the readers and their schemas, side by side
    schemas: Mapping[object, Callable[..., Schema]] = {
        Section.text: lambda: TEXT,
        Section.path: lambda: TEXT,
        Section.word: one_of,
        Section.whole: whole,
        Section.number: number,
        Section.switch: lambda: one_of([*SWITCH]),
        Section.texts: lambda: {
            "type": "object",
            "additionalProperties": {"type": ["string", "number", "boolean"]},
        },
    }
    return schemas[read](**bound) if read in schemas else {}


def input_files(inputs: Mapping[str, InputRole]) -> Mapping[str, Schema]:
    """Role of each input to the schema of its path, or of paths by name where there are many."""
    named = {
        "type": "object",
        "propertyNames": {"pattern": f"^{FILE_NAME}$"},
        "additionalProperties": TEXT,
        "minProperties": 1,
    }
    return {
        role: {**(named if it.many else TEXT), "description": it.description}
        for role, it in inputs.items()
    }


def inputs_together(inputs: Mapping[str, InputRole]) -> Mapping[str, Any]:
    """Words for a mapping that has inputs among its keys: which are required, which go together."""
    required = [role for role, it in inputs.items() if not it.group and not it.many]
    together = {
        role: [other for other, that in inputs.items() if that.group == it.group and other != role]
        for role, it in inputs.items()
        if it.group
    }
    return {"required": required, "dependencies": together}
