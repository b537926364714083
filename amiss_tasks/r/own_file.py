"""R files of the user's own, as they travel with a study's settings: whole texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from gridrun.plan.fingerprint import digest_of, digest_of_text, r_text_code

OWN_METHODS, OWN_CLASSIFIERS = "own_methods", "own_classifiers"
"""Keys of ``study.yaml``, and names of their data in ``Settings.options``."""


@dataclass(frozen=True)
class OwnFile:
    """One R file that a study names.

    Args:
        name: Name of the method or classifier.
        file: Name of the file, for messages and R's line numbers.
        text: All of the file.
        axes: Hyperparameter to its values, in the study's order.
    """

    name: str
    file: str
    text: str
    axes: tuple[tuple[str, tuple[int | float | str, ...]], ...] = ()

    @cached_property
    def code(self) -> str:
        """Digest of what the file does: comments, blank lines and its name left out."""
        return digest_of([r_text_code(self.text), self.axes])

    @cached_property
    def text_digest(self) -> str:
        """Digest of the file as it stands, whose line numbers messages have."""
        return digest_of_text(f"{self.file}\n{self.text}")

    def plain(self) -> dict[str, Any]:
        """The same as data that JSON can hold."""
        axes = [[name, list(values)] for name, values in self.axes]
        return {"name": self.name, "file": self.file, "text": self.text, "hyperparameters": axes}

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Self:
        """What :meth:`plain` gave."""
        axes = tuple((name, tuple(values)) for name, values in data["hyperparameters"])
        return cls(data["name"], data["file"], data["text"], axes)


def own_files(options: Mapping[str, Any], key: str) -> Mapping[str, OwnFile]:
    """Name to file of a key's data, in the study's order; empty without the key."""
    files = [OwnFile.from_plain(data) for data in options.get(key, ())]
    return {file.name: file for file in files}
