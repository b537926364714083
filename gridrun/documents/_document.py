"""A JSON or YAML file, by its ending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gridrun.documents._jsontree import parse_json
from gridrun.documents._yamltree import parse_yaml
from gridrun.documents.textfile import read_text_file
from gridrun.documents.tree import Document

YAML_SUFFIXES = (".yaml", ".yml")
GRID_SUFFIXES = (".json", *YAML_SUFFIXES)


def read_document(path: Path, suffixes: Sequence[str] = GRID_SUFFIXES) -> Document:
    """Read and parse a file.

    Args:
        path: As the user named it.
        suffixes: Allowed endings.

    Raises:
        InputError: The file cannot be read, or is not what its ending says.
    """
    file = read_text_file(path, suffixes)
    parse = parse_json if path.suffix.lower() == ".json" else parse_yaml
    document = parse(path, file.text)
    return replace(document, notes=(*file.notes, *document.notes))
