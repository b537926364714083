"""Inspecting input files before there is a study: what a pipeline may offer, and what it saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

OK, NOTE, DAMAGED = "ok", "note", "damaged"


@dataclass(frozen=True)
class Observation:
    """One thing that was seen in an input.

    Args:
        what: What was inspected.
        verdict: ``ok``, ``note`` or ``damaged``: no study can read the file.
        found: What was found.
        todo: What to do about it, or empty.
    """

    what: str
    verdict: str
    found: str
    todo: str = ""


@runtime_checkable
class InspectsInputs(Protocol):
    """A pipeline that can inspect inputs without a study."""

    def inspect_inputs(self, files: Sequence[Path], records: int) -> Iterator[Observation]:
        """Say what files hold, what is odd in them, and what a study could use of them.

        Args:
            files: Input files of any role.
            records: How many records of a file are read at most, from its beginning.

        Raises:
            UserError: The files do not belong together.
        """
        ...
