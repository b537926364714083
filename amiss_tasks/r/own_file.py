"""R and Python files of the user's own, as they travel with a study's settings: whole texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from gridrun.plan.fingerprint import digest_of, digest_of_text, python_text_code, r_text_code

PYTHON_SUFFIX = ".py"
"""Ending of Python files, lower case."""

OWN_METHODS, OWN_CLASSIFIERS = "own_methods", "own_classifiers"
"""Keys of ``study.yaml``, and names of their data in ``Settings.options``."""


@dataclass(frozen=True)
class OwnFile:
    """One R or Python file that a study names.

    Args:
        name: Name of the method or classifier.
        file: Name of the file, for messages and line numbers.
        text: All of the file.
        axes: Hyperparameter to its values, in the study's order.
        modules: Of a Python file, name and text of the modules beside it that it imports,
            and that these import.
        accepts_missing: Of a classifier, whether it is given tables with missing values.
    """

    name: str
    file: str
    text: str
    axes: tuple[tuple[str, tuple[int | float | str, ...]], ...] = ()
    modules: tuple[tuple[str, str], ...] = ()
    accepts_missing: bool = False

    @property
    def is_python(self) -> bool:
        """Whether the file is in Python."""
        return self.file.lower().endswith(PYTHON_SUFFIX)

    @cached_property
    def code(self) -> str:
        """Digest of what the file does: comments, blank lines and its name left out."""
        code = _python_code(self.text) if self.is_python else r_text_code(self.text)
        more: list[Any] = [[name, _python_code(text)] for name, text in self.modules]
        if self.accepts_missing:
            more.append("accepts missing values")
        return digest_of([code, self.axes, *more])

    @cached_property
    def text_digest(self) -> str:
        """Digest of the file as it stands, whose line numbers messages have."""
        beside = "".join(f"\0{name}\n{text}" for name, text in self.modules)
        return digest_of_text(f"{self.file}\n{self.text}{beside}")

    def plain(self) -> dict[str, Any]:
        """The same as data that JSON can hold."""
        axes = [[name, list(values)] for name, values in self.axes]
        found: dict[str, Any] = {"name": self.name, "file": self.file, "text": self.text}
        found["hyperparameters"] = axes
        if self.modules:
            found["modules"] = dict(self.modules)
        if self.accepts_missing:
            found["accepts_missing"] = True
        return found

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Self:
        """What :meth:`plain` gave."""
        axes = tuple((name, tuple(values)) for name, values in data["hyperparameters"])
        modules = tuple(data.get("modules", {}).items())
        accepts = data.get("accepts_missing", False)
        return cls(data["name"], data["file"], data["text"], axes, modules, accepts)


def _python_code(text: str) -> str:
    try:
        return python_text_code(text)
    except SyntaxError:
        return digest_of_text(text)  # an older Python than the study's: loading it says so


def own_files(options: Mapping[str, Any], key: str) -> Mapping[str, OwnFile]:
    """Name to file of a key's data, in the study's order; empty without the key."""
    files = [OwnFile.from_plain(data) for data in options.get(key, ())]
    return {file.name: file for file in files}
