"""JSON with lines: the standard parser judges the syntax, a tokeniser keeps the places."""

from __future__ import annotations

import json
import re
from pathlib import Path

from gridrun.documents.tree import DEEPEST, Document, Entries, Items, Leaf, Node, number_of
from gridrun.errors import Fault, InputError

# only ever run on text that the json module has accepted
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s{}\[\]:,"]+')

_WORDS = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}


def parse_json(file: Path, text: str) -> Document:
    """Content of a JSON file.

    ``NaN`` and numbers that overflow are let through as such, so that the
    reader of the content can name the key they belong to.

    Raises:
        InputError: With line and column, when it is not JSON.
    """
    try:
        # numbers stay text: Python refuses to convert very long ones
        json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise InputError([_syntax(file, text, error)]) from None
    except RecursionError:
        raise InputError([_too_deep(file)]) from None
    return Document(_build(file, text))


def _build(file: Path, text: str) -> Node:
    top: list[Node] = []
    opened: list[tuple[Node, list[Node]]] = []
    nodes = top
    line, position = 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        word = match.group()
        if word in ("[", "{"):
            if len(opened) >= DEEPEST:
                raise InputError([_too_deep(file, line)])
            node: Node = Items(line) if word == "[" else Entries(line)
            nodes.append(node)
            opened.append((node, nodes))
            nodes = node.nodes if isinstance(node, Items) else []
        elif word in ("]", "}"):
            node, outer = opened.pop()
            if isinstance(node, Entries):
                node.pairs.extend(zip(nodes[::2], nodes[1::2], strict=True))
            nodes = outer
        else:
            nodes.append(_leaf(word, line))
    return top[0]


def _leaf(word: str, line: int) -> Leaf:
    if word.startswith('"'):
        value = json.loads(word)
        return Leaf(line, value, value)
    if word in _WORDS:
        return Leaf(line, _WORDS[word], word)
    return Leaf(line, number_of(word), word)


def _too_deep(file: Path, line: int | None = None) -> Fault:
    return Fault(
        file,
        f"is nested too deep: more than {DEEPEST} lists or objects inside each other",
        line,
        "a grid is one object with a value or a list of values for each parameter",
    )


def _syntax(file: Path, text: str, error: json.JSONDecodeError) -> Fault:
    """The parser's finding, with what people mostly did."""
    at = error.pos
    rest = text[at : at + 2]
    # newer parsers point at the comma, older ones at the bracket behind it
    comma = re.compile(r",\s*(?=[}\]])").match(text, at)
    if comma is not None:
        at = comma.end()
    line, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
    if at >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        last = text.rstrip().count("\n") + 1
        return Fault(
            file,
            f"is not complete JSON: unexpected end of the file in line {last}",
            last,
            "was the file cut short?",
        )
    place = f"line {line} column {column}"
    if text[at : at + 1] in ("}", "]") and text[:at].rstrip().endswith(","):
        return Fault(
            file, f"is not JSON: a comma before {text[at]!r}, {place}", line, "remove the comma"
        )
    if rest in ("//", "/*") or rest[:1] == "#":
        return Fault(
            file,
            f"is not JSON: a comment, {place}",
            line,
            "JSON has no comments: remove it, or name the file .yaml and write # comments",
        )
    if rest[:1] == "'":
        return Fault(
            file, f"is not JSON: a single quote, {place}", line, 'JSON text is in double quotes: "'
        )
    quote = "is a closing quote missing?" if error.msg.startswith("Invalid control") else None
    return Fault(file, f"is not JSON: {error.msg}, {place}", line, quote)
