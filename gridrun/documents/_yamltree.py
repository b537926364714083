"""YAML 1.2 with lines: ruamel.yaml's events, read without constructing any object.

Words mean what YAML 1.2's core schema says (section 10.3.2 of the
specification), so ``on``, ``off``, ``yes`` and ``no`` are text.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from gridrun.documents.tree import DEEPEST, Document, Entries, Items, Leaf, Node, number_of, quoted
from gridrun.errors import Fault, InputError

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_BREAK = re.compile("[\x85\u2028\u2029]")
"""Line breaks in YAML 1.1 and none in 1.2, so parsers differ in what they read."""
_NO_CHARACTER = re.compile(r"\\U(?!000|0010)[0-9a-fA-F]{8}")
_BASED = re.compile(r"0o[0-7]{1,18}|0x[0-9a-fA-F]{1,15}")


def parse_yaml(file: Path, text: str) -> Document:
    """Content of a YAML file with one document.

    Tags are not supported: each is a fault of the document.

    Raises:
        InputError: It is not YAML, has several documents, or nests too deep.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.reader import ReaderError

    if found := _BREAK.search(text):
        raise InputError([_character(file, text, found.start())])
    builder = _Builder(file)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            builder.take(event)
    except MarkedYAMLError as error:
        raise InputError([_syntax(file, text, error)]) from None
    except ReaderError as error:
        raise InputError([_character(file, text, error.position)]) from None
    except (ValueError, OverflowError) as error:
        raise InputError([_escape(file, text, error)]) from None
    return builder.document()


class _Builder:
    """Makes nodes of events, one at a time."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.top: list[Node] = []
        self.faults: list[Fault] = []
        self.documents = 0
        self.anchors: dict[str, Node] = {}
        self.opened: list[tuple[Node, list[Node]]] = []
        self.nodes = self.top

    def take(self, event: Any) -> None:
        """One event of ruamel.yaml's parser."""
        line = event.start_mark.line + 1
        match type(event).__name__:
            case "DocumentStartEvent":
                self.documents += 1
                if self.documents > 1:
                    raise InputError(
                        [Fault(self.file, "a second document begins", line, "keep one document")]
                    )
            case "MappingStartEvent":
                self._open(Entries(line), event)
            case "SequenceStartEvent":
                self._open(Items(line), event)
            case "MappingEndEvent" | "SequenceEndEvent":
                self._close()
            case "ScalarEvent":
                self._add(_leaf(event, self._line_of_value(event.value, line)), event)
            case "AliasEvent":
                self._alias(event.anchor, line)

    def document(self) -> Document:
        """The document that the events describe."""
        if not self.top:
            raise InputError([Fault(self.file, "is empty: it has comments only")])
        return Document(self.top[0], tuple(self.faults))

    def _open(self, node: Items | Entries, event: Any) -> None:
        if len(self.opened) >= DEEPEST:
            message = f"is nested too deep: more than {DEEPEST} lists or mappings inside each other"
            raise InputError([Fault(self.file, message, node.line)])
        self._add(node, event)
        self.opened.append((node, self.nodes))
        self.nodes = node.nodes if isinstance(node, Items) else []

    def _close(self) -> None:
        node, outer = self.opened.pop()
        if isinstance(node, Entries):
            node.pairs.extend(zip(self.nodes[::2], self.nodes[1::2], strict=True))
        self.nodes = outer

    def _line_of_value(self, written: str, line: int) -> int:
        """The key's line for a value that is not there, which the parser puts further down."""
        in_entries = bool(self.opened) and isinstance(self.opened[-1][0], Entries)
        return self.nodes[-1].line if not written and in_entries and len(self.nodes) % 2 else line

    def _add(self, node: Node, event: Any) -> None:
        if event.ctag is not None:
            self.faults.append(
                Fault(
                    self.file,
                    f"the tag {quoted(str(event.ctag))} is not supported",
                    node.line,
                    "remove the tag: values are text and numbers",
                )
            )
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        self.nodes.append(node)

    def _alias(self, name: str, line: int) -> None:
        if name not in self.anchors:
            message = f"the alias {quoted('*' + name)} has no anchor {quoted('&' + name)} before it"
            raise InputError([Fault(self.file, message, line)])
        self.nodes.append(self.anchors[name])


def _character(file: Path, text: str, at: int) -> Fault:
    message = f"is not YAML: the character U+{ord(text[at]):04X} may not occur"
    return Fault(file, message, text.count("\n", 0, at) + 1)


def _escape(file: Path, text: str, error: Exception) -> Fault:
    """The parser asks Python for the character of an escape, whatever its number."""
    found = _NO_CHARACTER.search(text)
    if found is None:
        return Fault(file, f"is not YAML: {error}")
    message = f"is not YAML: the escape {found.group()} is no character"
    return Fault(file, message, text.count("\n", 0, found.start()) + 1)


def _leaf(event: Any, line: int) -> Leaf:
    written: str = event.value
    plain = event.style is None and event.ctag is None
    return Leaf(line, _meaning(written) if plain else written, written)


def _meaning(written: str) -> str | float | bool | None:
    """What a word without quotes means."""
    if written in _WORDS:
        return _WORDS[written]
    if _NUMBER.fullmatch(written):
        return number_of(written)
    if _BASED.fullmatch(written):
        return int(written, 0)
    if match := _INFINITE.fullmatch(written):
        return float(f"{match[1]}inf")
    return written


def _syntax(file: Path, text: str, error: Any) -> Fault:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "it cannot be read"
    if mark is None:
        return Fault(file, f"is not YAML: {problem}")
    place = f"line {mark.line + 1} column {mark.column + 1}"
    if text[mark.index : mark.index + 1] == "\t":
        return Fault(
            file, f"is not YAML: a tab as indentation, {place}", mark.line + 1, "indent with spaces"
        )
    if mark.index >= len(text.rstrip()):
        return Fault(file, f"is not complete YAML: {problem}, {place}", mark.line + 1)
    return Fault(file, f"is not YAML: {problem}, {place}", mark.line + 1)
