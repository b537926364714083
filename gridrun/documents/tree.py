"""Content of a JSON or YAML file as a tree that knows its lines.

Trees are made without recursion. A YAML alias is the very node its anchor
names, so a tree takes no more room than its file, but may contain itself:
nobody may walk it without a bound.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gridrun.errors import Fault, did_you_mean

DEEPEST = 32
"""Lists and mappings inside each other; a grid has two levels, a study three."""

_MOST_UNKNOWN = 20
_MOST_SHOWN = 60
_MOST_DIGITS = 18
_TYPING_ERROR = 0.75
"""Similarity, by difflib, from which on a key is another one mistyped."""


@dataclass(frozen=True, eq=False)
class Leaf:
    """Text, a number, true, false or null.

    Args:
        line: Line in the file, from 1.
        value: What it means.
        written: How a number or word is written; of text, the text itself.
    """

    line: int
    value: str | float | bool | None
    written: str

    def number(self) -> int | float | None:
        """The number it is, or None (true and false are no numbers here)."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            return None
        return self.value


@dataclass(frozen=True, eq=False)
class Items:
    """A list."""

    line: int
    nodes: list[Node] = field(default_factory=list, repr=False)


@dataclass(frozen=True, eq=False)
class Entries:
    """A mapping (JSON: an object); its keys as they stand, repeated ones too."""

    line: int
    pairs: list[tuple[Node, Node]] = field(default_factory=list, repr=False)


Node = Leaf | Items | Entries


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
    return "".join(
        # a terminal must not obey what a file says
        character if character.isprintable() else f"\\u{ord(character):04x}"
        for character in json.dumps(text, ensure_ascii=False)
    )


def shown(node: Node, levels: int = 2) -> str:
    """A node as it may stand in a message: on one line, cut when long or deep."""
    if isinstance(node, Leaf):
        if isinstance(node.value, str):
            return quoted(node.value)
        return node.written[:_MOST_SHOWN] or "null"
    open_, close = ("[", "]") if isinstance(node, Items) else ("{", "}")
    if levels == 0:
        return f"{open_}…{close}"
    if isinstance(node, Items):
        parts = [shown(item, levels - 1) for item in node.nodes[:3]]
        more = len(node.nodes) > len(parts)
    else:
        parts = [
            f"{shown(key, levels - 1)}: {shown(value, levels - 1)}" for key, value in node.pairs[:3]
        ]
        more = len(node.pairs) > len(parts)
    return f"{open_}{', '.join([*parts, '…'] if more else parts)}{close}"


def kind_of(node: Node) -> str:
    """What a node is, in words."""
    if isinstance(node, Items):
        return "a list"
    if isinstance(node, Entries):
        return "a mapping"
    if isinstance(node.value, str):
        return f"the text {quoted(node.value)}"
    number = node.number()
    if number is None:
        return "null" if node.value is None else node.written
    written = node.written[:_MOST_SHOWN]
    if math.isfinite(number):
        return f"the number {written}"
    big = any(character.isdigit() for character in written)
    return f"{written} ({'too large for a number' if big else 'not a number'})"


def known_list(names: Iterable[object], most: int = 14) -> str:
    """Names joined by commas, cut when there are many."""
    texts = [str(name) for name in names]
    return ", ".join([*texts[:most], "…"] if len(texts) > most else texts)


def read_keys(
    file: Path,
    entries: Entries,
    known: Sequence[str],
    what: str,
    faults: list[Fault],
    *,
    also: Sequence[str] = (),
    hint: str = "",
) -> dict[str, tuple[Leaf, Node]]:
    """Known keys of a mapping with key and value nodes, in the order of the file.

    Args:
        file: For the messages.
        entries: The object.
        known: Keys that may occur.
        what: ``parameter`` or ``key``.
        faults: Takes unknown and repeated keys, and those that are not text.
        also: Keys that the caller has something to say about; never advised.
        hint: Further advice for unknown keys that are not a typing error.
    """
    found: dict[str, tuple[Leaf, Node]] = {}
    lines: dict[str, list[int]] = {}
    unknown = 0
    for key, value in entries.pairs:
        if not isinstance(key, Leaf) or not isinstance(key.value, str):
            faults.append(
                Fault(file, f"the key {shown(key)} is not text", key.line, f"a key is a {what}")
            )
            continue
        name = key.value
        lines.setdefault(name, []).append(key.line)
        if len(lines[name]) > 1:
            continue
        if name in known or name in also:
            found[name] = (key, value)
            continue
        unknown += 1
        if unknown <= _MOST_UNKNOWN:
            near = did_you_mean(name, known)
            todo = near or f"known {what}s: {known_list(known)}"
            if hint and not difflib.get_close_matches(name, known, 1, _TYPING_ERROR):
                todo = f"{todo} {hint}" if near else f"{todo}; {hint}"
            faults.append(Fault(file, f"unknown {what} {quoted(name)}", key.line, todo))
    if unknown > _MOST_UNKNOWN:
        faults.append(Fault(file, f"{unknown - _MOST_UNKNOWN:,} more unknown {what}s"))
    faults.extend(
        Fault(
            file,
            f"{what} {quoted(name)} is given more than once: lines "
            f"{known_list(where[:-1])} and {where[-1]}",
            where[-1],
            "keep one of them",
        )
        for name, where in lines.items()
        if len(where) > 1
    )
    return found


def by_line(faults: Iterable[Fault]) -> list[Fault]:
    """Faults in the order of the file, those without a line last."""
    return sorted(faults, key=lambda fault: math.inf if fault.line is None else fault.line)
