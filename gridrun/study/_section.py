"""Values behind the keys of one mapping of a file, with all that is wrong with them."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from gridrun.documents.tree import Entries, Leaf, Node, kind_of, known_list, quoted, shown
from gridrun.errors import Fault, did_you_mean, in_bytes
from gridrun.pipeline import InputRole
from gridrun.study._reader import KeyReader

_MOST_UNKNOWN = 20
FILE_NAME = r"[A-Za-z][A-Za-z0-9_-]*"
"""Name that a study gives an input file of its own; without a dot, which joins it to the role."""
_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
SWITCH: Mapping[object, bool] = {"yes": True, "no": False, True: True, False: False}
"""What is written for true and for false."""

SIZE = rf"([0-9]{{1,9}}(?:\.[0-9]{{1,9}})?) ?({'|'.join(_UNITS)})"
"""A size of memory as people write it."""

_TYPING_ERROR = 0.75
"""Similarity, by difflib, from which on a key is another one mistyped."""

T = TypeVar("T")


class Section:
    """Values behind the keys of one mapping.

    A value is None where the key is not given, and where it is wrong, which is a fault.

    Args:
        reader: Takes the faults: wrong values, unknown and repeated keys, keys that are no text.
        entries: The mapping.
        known: Keys that may occur.
        what: What a key is called in messages.
        also: Keys that the caller has something to say about; never advised.
        hint: Further advice for unknown keys that are not a typing error.
    """

    def __init__(
        self,
        reader: KeyReader,
        entries: Entries,
        known: Sequence[str],
        what: str,
        *,
        also: Sequence[str] = (),
        hint: str = "",
    ) -> None:
        self.reader = reader
        """Takes the faults."""
        self._what = what
        self.keys: dict[str, Node] = {}
        """Keys that are given, in the order of the file."""
        self.nodes: dict[str, Node] = {}
        """The nodes behind them."""
        lines: dict[str, list[int]] = {}
        unknown = 0
        for key, node in entries.pairs:
            name = key.text
            if name is None:
                reader.fault(f"the key {shown(key)} is not text", key, f"a key is a {what}")
                continue
            lines.setdefault(name, []).append(key.line)
            if len(lines[name]) > 1:
                continue
            if name in known or name in also:
                self.keys[name], self.nodes[name] = key, node
                continue
            unknown += 1
            if unknown <= _MOST_UNKNOWN:
                todo = self._advice(name, known, hint)
                reader.fault(f"unknown {what} {quoted(name)}", key, todo)
        if unknown > _MOST_UNKNOWN:
            reader.fault(f"{unknown - _MOST_UNKNOWN:,} more unknown {what}s")
        for name, (*earlier, last) in lines.items():
            if earlier:
                where = f"lines {known_list(earlier)} and {last}"
                message = f"{what} {quoted(name)} is given more than once: {where}"
                reader.faults.append(Fault(reader.file, message, last, "keep one of them"))

    def inner(
        self, key: str, known: Sequence[str], what: str, todo: str, *, expected: str = ""
    ) -> Section | None:
        """Values behind the keys of the mapping behind a key; None where there is none.

        Args:
            key: The key.
            known: Keys of the inner mapping.
            what: What those are called in messages.
            todo: Advice where the key has something else.
            expected: What the inner mapping would hold, for messages.
        """
        node = self.nodes.get(key)
        if node is None:
            return None
        entries = self.reader.entries(node, f'{self._what} "{key}"', todo, expected=expected)
        return Section(self.reader, entries, known, what) if entries is not None else None

    def given(self, readers: Mapping[str, Callable[[Section, str], Any]]) -> dict[str, Any]:
        """Values of the keys that are given, by methods of this class."""
        return {key: read(self, key) for key, read in readers.items() if key in self.nodes}

    def text(self, key: str) -> str | None:
        """Text that is not blank."""

        def meant(node: Node) -> str | None:
            return node.text if (node.text or "").strip() else None

        return self._value(key, meant, "allowed: text")

    def path(self, key: str) -> Path | None:
        """A path relative to the file."""
        node = self.nodes.get(key)
        return self.reader.path(f'{self._what} "{key}"', node) if node is not None else None

    def word(self, key: str, known: Sequence[str]) -> str | None:
        """One of some words."""
        node = self.nodes.get(key)
        return self.reader.word(f'{self._what} "{key}"', node, known) if node is not None else None

    def whole(self, key: str, least: int, most: int | None = None, why: str = "") -> int | None:
        """A whole number within bounds; ``why`` says for people where one comes from."""

        def fits(number: float | None) -> bool:
            return number is not None and number >= least and (most is None or number <= most)

        def meant(node: Node) -> int | None:
            return node.number if isinstance(node.number, int) and fits(node.number) else None

        near = _whole(self.nodes[key]) if key in self.nodes else None
        hint = f"did you mean {near}? " if fits(near) else ""
        allowed = f"a whole number, at least {least:,}" + (f", at most {most:,}" if most else "")
        allowed += f" ({why})" if why else ""
        return self._value(key, meant, f"{hint}allowed: {allowed}")

    def number(
        self, key: str, most: float = math.inf, allowed: str = "a number above 0"
    ) -> float | None:
        """A number above 0."""

        def meant(node: Node) -> float | None:
            number = math.nan if node.number is None else node.number
            return float(number) if 0 < number <= most and math.isfinite(number) else None

        limit = f", at most {most:g}" if math.isfinite(most) else ""
        return self._value(key, meant, f"allowed: {allowed}{limit}")

    def size(self, key: str, least: int = 1) -> int | None:
        """A number of bytes with its unit, as 500 MB or 1.5 GB."""

        def meant(node: Node) -> int | None:
            written = re.fullmatch(SIZE, node.text or "")
            size = round(float(written[1]) * _UNITS[written[2]]) if written else 0
            return size if size >= least else None

        more = f", at least {in_bytes(least)}" if least > 1 else ""
        units = ", ".join(_UNITS)
        return self._value(key, meant, f"allowed: a number and a unit ({units}), as 1.5 GB{more}")

    def files(
        self, inputs: Mapping[str, InputRole], read: Callable[[Section, str], T | None]
    ) -> dict[str, T]:
        """Input files that are given: their values by role, ``ROLE.NAME`` where there may be many.

        Args:
            inputs: Those that may be given.
            read: Reads the value behind a key of a section.
        """
        found = {}
        for role, it in inputs.items():
            section = self._named_files(role) if it.many else self
            for key in section.nodes if it.many and section else (role,):
                value = read(section, key) if section and key in section.nodes else None
                if value is not None:
                    found[f"{role}.{key}" if it.many else role] = value
        return found

    def _named_files(self, role: str) -> Section | None:
        """The section of files with names of the study's own; None where there is none."""
        node = self.nodes.get(role)
        if node is None:
            return None
        advice = f"give each file its name: {role}: {{NAME: PATH}}"
        entries = self.reader.entries(
            node, f'{self._what} "{role}"', advice, expected="names with paths", least=1
        )
        if entries is None:
            return None
        given = [key.text for key, _ in entries.pairs if key.text is not None]
        names = [name for name in given if re.fullmatch(FILE_NAME, name)]
        section = Section(self.reader, entries, names, f"name below {role}", also=given)
        for name in section.keys:
            if name not in names:
                self.reader.fault(
                    f"{quoted(name)} cannot be the name of a file below {role}",
                    section.keys[name],
                    "a name begins with a letter and has letters, digits, _ and - alone",
                )
                del section.nodes[name]
        return section

    def switch(self, key: str) -> bool | None:
        """True or false, which may be written yes or no."""

        def meant(node: Node) -> bool | None:
            value = node.value if isinstance(node, Leaf) else None
            return SWITCH.get(value) if isinstance(value, bool | str) else None

        return self._value(key, meant, "allowed: true, false, yes, no")

    def texts(self, key: str) -> Mapping[str, str] | None:
        """A mapping of texts."""

        def meant(node: Node) -> dict[str, str] | None:
            pairs = node.pairs if isinstance(node, Entries) else []
            texts = [
                (name.written, value.written)
                for name, value in pairs
                if isinstance(name, Leaf) and isinstance(value, Leaf) and value.value is not None
            ]
            is_whole = isinstance(node, Entries) and len(texts) == len(pairs)
            return dict(texts) if is_whole else None

        return self._value(key, meant, "allowed: NAME: TEXT, each on a line of its own")

    def _value(self, key: str, meant: Callable[[Node], T | None], todo: str) -> T | None:
        """What the node behind a key means; a fault where that is nothing."""
        node = self.nodes.get(key)
        value = meant(node) if node is not None else None
        if node is not None and value is None:
            self.reader.fault(f'{self._what} "{key}" has {kind_of(node)}', node, todo)
        return value

    def _advice(self, name: str, known: Sequence[str], hint: str) -> str:
        """What an unknown key was perhaps meant to be."""
        near = did_you_mean(name, known)
        todo = near or f"known {self._what}s: {known_list(known)}"
        if not hint or difflib.get_close_matches(name, known, 1, _TYPING_ERROR):
            return todo
        return f"{todo} {hint}" if near else f"{todo}; {hint}"


def _whole(node: Node) -> int | None:
    """The whole number that 10.0 or "10" was meant to be."""
    given = node.number if node.text is None else node.text
    with suppress(ValueError):
        number = math.nan if given is None else float(given)
        return int(number) if number.is_integer() else None
    return None
