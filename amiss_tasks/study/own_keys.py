"""The keys ``own_methods`` and ``own_classifiers`` of ``study.yaml``."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

from amiss_tasks.classifiers import NAMES as CLASSIFIERS
from amiss_tasks.methods import METHODS, MOST_ROWS
from amiss_tasks.r.own_file import OWN_CLASSIFIERS, OWN_METHODS, PYTHON_SUFFIX, OwnFile
from amiss_tasks.study.python_source import modules_beside
from gridrun.documents import path_behind
from gridrun.documents.textfile import read_text_file
from gridrun.documents.tree import Entries, Leaf, Node, kind_of, shown
from gridrun.pipeline.study_keys import KeyValue, StudyKey
from gridrun.study import KeyReader, Section

SUFFIXES = (".r", PYTHON_SUFFIX)
"""Endings of files, lower case."""

HYPERPARAMETERS, ACCEPTS_MISSING = "hyperparameters", "accepts_missing"
"""Keys of an entry beside its file: the one of methods, the other of classifiers."""

OWN_NAME = r"[A-Za-z][A-Za-z0-9_.]*"
MOST_LETTERS = 40
"""Names that files and hyperparameters of the user's own may have, and their greatest length."""

_NAME = re.compile(OWN_NAME)
_ALLOWED_NAME = f"a letter, then letters, digits, _ or ., at most {MOST_LETTERS} in all"

Axes = tuple[tuple[str, tuple[int | float | str, ...]], ...]


def read_own_file(path: Path) -> str:
    """Text of an R or Python file, with line ends as R's parser takes them.

    Raises:
        InputError: It is no such file that can be read.
    """
    return read_text_file(path, SUFFIXES).text.replace("\r\n", "\n")


def own_file(name: str, path: Path, axes: Axes = (), *, accepts_missing: bool = False) -> OwnFile:
    """A file as it travels with a study, with the modules beside it that it imports.

    Raises:
        InputError: It cannot be read; or it is in Python, which cannot parse it or a module.
    """
    text = read_own_file(path)
    modules: tuple[tuple[str, str], ...] = ()
    if path.suffix.lower() == PYTHON_SUFFIX:
        modules = modules_beside(path, text, read_own_file)
    return OwnFile(name, path.name, text, axes, modules, accepts_missing)


class _OwnReader(KeyReader):
    """Reads the entries of one of the keys, gathering faults.

    Args:
        file: The study file.
        key: The key.
        noun: What an entry is.
        taken: Names of amiss's own.
        more: Key that an entry may have beside its file.
    """

    def __init__(self, file: Path, key: str, noun: str, taken: Collection[str], more: str) -> None:
        super().__init__(file)
        self._key = key
        self._noun = noun
        self._taken = taken
        self._more = more

    def read(self, node: Node) -> list[OwnFile]:
        """All entries, in their order."""
        give = f"give each {self._noun} its file: {self._key}: {{my_{self._noun}: my.R}}"
        where = f'key "{self._key}"'
        entries = self.entries(node, where, give, expected="names and files", least=1)
        given = self.named(entries, self._name, f"{self._noun} {{}} is given")
        found = [self._entry(name, value) for name, _, value in given]
        return [file for file in found if file is not None]

    def _name(self, node: Node) -> str | None:
        name = node.text
        what = f"{shown(node)} cannot be the name of a {self._noun} of your own"
        if name is None or not _NAME.fullmatch(name) or len(name) > MOST_LETTERS:
            self.fault(what, node, f"allowed: {_ALLOWED_NAME}")
        elif name in self._taken:
            self.fault(f"{what}: amiss has one", node, f"names of amiss: {', '.join(self._taken)}")
        else:
            return name
        return None

    def _entry(self, name: str, node: Node) -> OwnFile | None:
        where = f'{self._noun} "{name}"'
        file: Node = node
        axes: Axes = ()
        accepts_missing = False
        if isinstance(node, Entries):
            found = Section(self, node, ("file", self._more), "key").nodes
            if "file" not in found:
                self.fault(f"{where} has no file", node, "add file: PATH")
                return None
            file = found["file"]
            if HYPERPARAMETERS in found:
                axes = self._axes(where, found[HYPERPARAMETERS])
            if ACCEPTS_MISSING in found:
                accepts_missing = self._yes_or_no(where, found[ACCEPTS_MISSING])
        with self.gathering():
            path = path_behind(self.file, where, file)
            return own_file(name, path, axes, accepts_missing=accepts_missing)
        return None

    def _yes_or_no(self, where: str, node: Node) -> bool:
        value = node.value if isinstance(node, Leaf) else None
        if not isinstance(value, bool):
            message = f'"{ACCEPTS_MISSING}" of {where} has {kind_of(node)}'
            self.fault(message, node, "allowed: true, false")
        return value is True

    def _axes(self, where: str, node: Node) -> Axes:
        """Hyperparameters in the order given, each with its values."""
        if not isinstance(node, Entries):
            message = f"hyperparameters of {where} are {kind_of(node)}"
            self.fault(message, node, "give each its values: hyperparameters: {k: [1, 5]}")
            return ()

        def name_of(key: Node) -> str | None:
            if key.text is not None and _NAME.fullmatch(key.text):
                return key.text
            message = f"{shown(key)} cannot be the name of a hyperparameter of {where}"
            self.fault(message, key, f"allowed: {_ALLOWED_NAME}")
            return None

        given = self.named(node, name_of, f"hyperparameter {{}} of {where} is given")
        axes = {
            name: self._values(f'hyperparameter "{name}" of {where}', value)
            for name, _, value in given
        }
        rows = math.prod(map(len, axes.values()))
        if rows > MOST_ROWS:
            self.fault(
                f"{where} has {rows} rows of hyperparameters, every value with every other",
                node,
                f"at most {MOST_ROWS} are tried: to draw some of them, as amiss does of its own, "
                "would shift the draws of rows and features; leave values out",
            )
        return tuple(axes.items())

    def _values(self, where: str, node: Node) -> tuple[int | float | str, ...]:
        values: list[int | float | str] = []
        for item in node.items:
            value = item.value if isinstance(item, Leaf) else None
            if value is None or (isinstance(value, float) and not math.isfinite(value)):
                message = f"{where} has {kind_of(item)}"
                self.fault(message, item, "allowed: numbers, text, true and false")
            elif any(value == other and type(value) is type(other) for other in values):
                self.fault(f"{where} has {shown(item)} more than once", item, "keep one of them")
            else:
                values.append(value)
        if not node.items:
            self.fault(f"{where} has an empty list, so nothing would be tried", node)
        return tuple(values)


def _read(node: Node, file: Path, *, key: str, noun: str, taken: Collection[str]) -> KeyValue:
    more = HYPERPARAMETERS if key == OWN_METHODS else ACCEPTS_MISSING
    reader = _OwnReader(file, key, noun, taken, more)
    found = reader.read(node)
    return KeyValue([own.plain() for own in found], reader.finish())


def _only_some_tasks(_: object) -> None:
    """No part of every task's fingerprint: the code digests of its own tasks have it."""


OWN_KEYS: Mapping[str, StudyKey] = {
    OWN_METHODS: StudyKey(
        "Imputation methods of your own: name and R or Python file of each.",
        partial(_read, key=OWN_METHODS, noun="method", taken=(*METHODS, "all")),
        _only_some_tasks,
    ),
    OWN_CLASSIFIERS: StudyKey(
        "Classifiers of your own: name and R or Python file of each.",
        partial(_read, key=OWN_CLASSIFIERS, noun="classifier", taken=CLASSIFIERS),
        _only_some_tasks,
    ),
}
"""Name of the key to how it is read."""
