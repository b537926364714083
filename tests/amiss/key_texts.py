"""What the tests of amiss's keys of study.yaml share: a key's text, read as a study reads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from amiss_tasks.study.keys import STUDY_KEYS
from gridrun.documents import read_document
from gridrun.documents.tree import Entries
from gridrun.errors import InputError
from gridrun.pipeline.study_keys import KeyValue


def read_key(directory: Path, text: str) -> KeyValue:
    """Data and notes of the one key that a text holds."""
    path = directory / "study.yaml"
    path.write_text(text, encoding="utf-8")
    root = read_document(path).root
    assert isinstance(root, Entries)
    ((key, node),) = root.pairs
    return STUDY_KEYS[key.value].read(node, path)


def assert_refused(directory: Path, text: str, line: int | None, parts: Sequence[str]) -> None:
    """The text has one fault, at a line of its own, whose message has these parts."""
    with pytest.raises(InputError) as caught:
        read_key(directory, text)
    (fault,) = caught.value.faults
    assert fault.line == line
    for part in parts:
        assert part in fault.text()
