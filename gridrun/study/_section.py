"""Values behind the keys of one mapping of a study file, gathering faults."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gridrun.documents.tree import Entries, Leaf, Node, kind_of, read_keys
from gridrun.study._keys import KeyReader


class Section:
    """Values behind the keys of one mapping.

    Args:
        reader: Takes the faults.
        entries: The mapping.
        known: Its keys.
        what: What a key is called in messages.
    """

    def __init__(
        self, reader: KeyReader, entries: Entries, known: Sequence[str], what: str
    ) -> None:
        self._reader = reader
        self._what = what
        self._found = read_keys(reader.file, entries, known, what, reader.faults)

    def has(self, key: str) -> bool:
        """Whether a key is given."""
        return key in self._found

    def at(self, key: str) -> Node:
        """The node behind a key."""
        return self._found[key][1]

    def text(self, key: str, default: str) -> str:
        """Text that is not blank."""
        if not self.has(key):
            return default
        node = self.at(key)
        value = node.value if isinstance(node, Leaf) else None
        if isinstance(value, str) and value.strip():
            return value
        self._fault(key, node, "allowed: text")
        return default

    def path(self, key: str) -> Path | None:
        """A path relative to the study file."""
        if not self.has(key):
            return None
        return self._reader.path(f'{self._what} "{key}"', self.at(key))

    def word(self, key: str, known: Sequence[str], default: str | None) -> str | None:
        """One of some words."""
        if not self.has(key):
            return default
        return self._reader.word(key, self.at(key), known)

    def whole(self, key: str, default: int | None, least: int, most: int | None = None) -> Any:
        """A whole number within bounds."""
        return self._reader.whole(key, self.at(key), least, most) if self.has(key) else default

    def number(self, key: str, default: float | None, most: float = math.inf) -> float | None:
        """A number above 0."""
        if not self.has(key):
            return default
        node = self.at(key)
        value = node.number() if isinstance(node, Leaf) else None
        if value is not None and 0 < value <= most and math.isfinite(value):
            return float(value)
        limit = f", at most {most:g}" if math.isfinite(most) else ""
        self._fault(key, node, f"allowed: a number above 0{limit}")
        return default

    def switch(self, key: str) -> bool:
        """True or false; false when not given."""
        if not self.has(key):
            return False
        node = self.at(key)
        if isinstance(node, Leaf) and isinstance(node.value, bool):
            return node.value
        self._fault(key, node, "allowed: true, false")
        return False

    def texts(self, key: str) -> Mapping[str, str]:
        """A mapping of texts."""
        if not self.has(key):
            return {}
        node = self.at(key)
        found: dict[str, str] = {}
        pairs = node.pairs if isinstance(node, Entries) else None
        for name, value in pairs or []:
            if isinstance(name, Leaf) and isinstance(value, Leaf) and value.value is not None:
                found[name.written] = value.written
            else:
                pairs = None
        if pairs is None:
            self._fault(key, node, "allowed: NAME: TEXT, each on a line of its own")
        return found

    def _fault(self, key: str, node: Node, advice: str) -> None:
        self._reader.fault(f'{self._what} "{key}" has {kind_of(node)}', node, advice)
