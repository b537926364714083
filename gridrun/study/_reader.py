"""What is wrong with a file, or worth saying, gathered while it is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from gridrun.documents import path_behind
from gridrun.documents.tree import (
    Document,
    Entries,
    Node,
    by_line,
    kind_of,
    known_list,
    quoted,
)
from gridrun.errors import Fault, InputError, did_you_mean


class HasLine(Protocol):
    """What stands in a line of a file, or in none: nodes, and what was made of them."""

    @property
    def line(self) -> int | None:
        """The line, from 1."""


class KeyReader:
    """Gathers faults and notes of a file.

    Args:
        file: The file, as the user named it.
        document: Its content, whose own faults and notes count among them.
    """

    def __init__(self, file: Path, document: Document | None = None) -> None:
        self.file = file
        self.faults: list[Fault] = [*document.faults] if document else []
        self.notes: list[Fault] = [*document.notes] if document else []

    def fault(self, message: str, at: HasLine | None = None, todo: str | None = None) -> None:
        """Take down a fault, at the line of what it is about."""
        line = at.line if at is not None else None
        self.faults.append(Fault(self.file, message, line, todo or None))

    def note(self, message: str, node: Node) -> None:
        """Take down something worth saying that stops nothing."""
        self.notes.append(Fault(self.file, message, node.line))

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Take down the faults of an ``InputError``, which ends the block alone."""
        try:
            yield
        except InputError as error:
            self.faults.extend(error.faults)

    def finish(self) -> tuple[Fault, ...]:
        """The notes in the order of the file, where there is no fault.

        Raises:
            InputError: With all faults; those of another file stay together behind.
        """
        if self.faults:
            own = [fault for fault in self.faults if fault.file == self.file]
            others = [fault for fault in self.faults if fault.file != self.file]
            raise InputError([*by_line(own), *others])
        return tuple(by_line(self.notes))

    def entries(
        self, node: Node, name: str, todo: str, *, expected: str = "", least: int = 0
    ) -> Entries | None:
        """The mapping that a node is; anything else is a fault, and None.

        Args:
            node: The node.
            name: What it stands behind, for messages: ``key "inputs"``.
            todo: What would be right.
            expected: What the mapping would hold, for messages.
            least: Least number of its keys.
        """
        if isinstance(node, Entries) and len(node.pairs) >= least:
            return node
        self.fault(f"{name} has {kind_of(node)}{expected and f', expected {expected}'}", node, todo)
        return None

    def one_of(self, node: Node, known: Collection[str], message: str, todo: str) -> str | None:
        """One of some words; anything else is a fault with this message, and what was meant."""
        if node.text in known:
            return node.text
        near = did_you_mean(node.text, known) if node.text is not None else ""
        self.fault(message, node, f"{near} {todo}".strip())
        return None

    def word(self, name: str, node: Node, known: Sequence[str]) -> str | None:
        """One of some words behind what messages call ``name``."""
        what = f"{kind_of(node)}, expected a name"
        if node.text is not None:
            what = f"unknown value {quoted(node.text)}"
        return self.one_of(node, known, f"{name} has {what}", f"known values: {known_list(known)}")

    def path(self, name: str, node: Node) -> Path | None:
        """A path relative to the file, ``~`` expanded."""
        with self.gathering():
            return path_behind(self.file, name, node)
        return None

    def named(
        self, entries: Entries | None, name_of: Callable[[Node], str | None], given: str
    ) -> Iterator[tuple[str, Node, Node]]:
        """Names of a mapping with key and value nodes, each once; a second one is a fault.

        Args:
            entries: The mapping; None has no names.
            name_of: Name that a key stands for; None where it took down why it is none.
            given: What is said of a name, ``{}``, that is given twice.
        """
        lines: dict[str, int] = {}
        for key, value in entries.pairs if entries else ():
            name = name_of(key)
            if name in lines:
                twice = f"{given.format(quoted(name))} twice: lines {lines[name]} and {key.line}"
                self.fault(twice, key, "keep one of the two")
            elif name is not None:
                lines[name] = key.line
                yield name, key, value
