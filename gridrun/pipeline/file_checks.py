"""Trying a file of the user's own: what a pipeline may offer, and what one check found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

OK, WARNING, FAILED = "ok", "warning", "failed"
TRYING = "trying"
"""Verdict of a check that has begun and not ended."""

METHOD, CLASSIFIER = "method", "classifier"
"""What a file may be."""


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Args:
        what: What was checked.
        verdict: ``ok``, ``warning`` or ``failed``.
        found: One sentence on what was found.
        printed: What the file's code printed meanwhile.
    """

    what: str
    verdict: str = TRYING
    found: str = ""
    printed: str = ""


@runtime_checkable
class TriesFiles(Protocol):
    """A pipeline that can try a file of the user's own."""

    def try_file(self, kind: str, path: Path, params: Mapping[str, Any]) -> Iterator[Check]:
        """Check after check, each announced by one without a verdict; stops where it must.

        Args:
            kind: ``method`` or ``classifier``.
            path: The R or Python file.
            params: Hyperparameters it is tried with.

        Raises:
            UserError: There is no such file, or it does not parse.
        """
        ...
