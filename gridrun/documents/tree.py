"""Content of a JSON or YAML file as a tree that knows its lines.

Trees are made without recursion. A YAML alias is the very node its anchor
names, so a tree takes no more room than its file, but may contain itself:
nobody may walk it without a bound.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gridrun.errors import Fault, printable

DEEPEST = 32
"""Lists and mappings inside each other; a grid has two levels, a study three."""

_MOST_SHOWN = 60
_MOST_DIGITS = 18


@dataclass(frozen=True, eq=False)
class Node:
    """Anything in a file.

    Args:
        line: Line in the file, from 1.
    """

    line: int

    @property
    def text(self) -> str | None:
        """The text it is, or None."""
        return self.value if isinstance(self, Leaf) and isinstance(self.value, str) else None

    @property
    def number(self) -> int | float | None:
        """The number it is, or None (true and false are no numbers here)."""
        if isinstance(self, Leaf) and not isinstance(self.value, bool | str):
            return self.value
        return None

    @property
    def items(self) -> Sequence[Node]:
        """The nodes of a list; anything else stands for a list of itself."""
        return self.nodes if isinstance(self, Items) else [self]


@dataclass(frozen=True, eq=False)
class Leaf(Node):
    """Text, a number, true, false or null.

    Args:
        line: Line in the file, from 1.
        value: What it means.
        written: How a number or word is written; of text, the text itself.
    """

    value: str | float | bool | None
    written: str


@dataclass(frozen=True, eq=False)
class Items(Node):
    """A list."""

    nodes: list[Node] = field(default_factory=list, repr=False)


@dataclass(frozen=True, eq=False)
class Entries(Node):
    """A mapping (JSON: an object); its keys as they stand, repeated ones too."""

    pairs: list[tuple[Node, Node]] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class Document:
    """A file's content.

    Args:
        root: Its only node at the top.
        faults: What is wrong with it as JSON or YAML though it could be read.
        notes: What is noteworthy.
    """

    root: Node
    faults: tuple[Fault, ...] = ()
    notes: tuple[Fault, ...] = ()


def number_of(written: str) -> int | float:
    """Value of a decimal number; one that no float can hold becomes infinite."""
    try:
        if len(written) <= _MOST_DIGITS:
            return int(written)
    except ValueError:
        pass
    return float(written)


def quoted(text: str) -> str:
    """Text in double quotes on one line, cut when long."""
    if len(text) > _MOST_SHOWN:
        text = f"{text[:_MOST_SHOWN]}…"
    return printable(json.dumps(text, ensure_ascii=False))


def shown(node: Node, levels: int = 2) -> str:
    """A node as it may stand in a message: on one line, cut when long or deep."""
    if isinstance(node, Leaf):
        return node.written[:_MOST_SHOWN] or "null" if node.text is None else quoted(node.text)
    open_, close = ("[", "]") if isinstance(node, Items) else ("{", "}")
    if levels == 0:
        return f"{open_}…{close}"
    if isinstance(node, Entries):
        parts = [
            f"{shown(key, levels - 1)}: {shown(value, levels - 1)}" for key, value in node.pairs[:3]
        ]
        more = len(node.pairs) > len(parts)
    else:
        parts = [shown(item, levels - 1) for item in node.items[:3]]
        more = len(node.items) > len(parts)
    return f"{open_}{', '.join([*parts, '…'] if more else parts)}{close}"


def kind_of(node: Node) -> str:
    """What a node is, in words."""
    if not isinstance(node, Leaf):
        return "a list" if isinstance(node, Items) else "a mapping"
    if node.text is not None:
        return f"the text {quoted(node.text)}"
    if node.number is None:
        return "null" if node.value is None else node.written
    written = node.written[:_MOST_SHOWN]
    if math.isfinite(node.number):
        return f"the number {written}"
    big = any(character.isdigit() for character in written)
    return f"{written} ({'too large for a number' if big else 'not a number'})"


def known_list(names: Iterable[object], most: int = 14) -> str:
    """Names joined by commas, cut when there are many."""
    texts = [str(name) for name in names]
    return ", ".join([*texts[:most], "…"] if len(texts) > most else texts)


def by_line(faults: Iterable[Fault]) -> list[Fault]:
    """Faults in the order of the file, those without a line last."""
    return sorted(faults, key=lambda fault: math.inf if fault.line is None else fault.line)
