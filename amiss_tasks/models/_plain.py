"""What R keeps of a model as JSON and arrays: data, of which reading runs nothing.

The R side is ``plain.R``, which says how a value lies in nodes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

NODES, DOUBLES, INTEGERS = "objects.json", "objects.doubles.npy", "objects.integers.npy"
"""Names of the parts of a model file."""

_KINDS = {"null", "list", "double", "integer", "logical", "text"}
_ATTRIBUTES = {"names", "dim", "dimnames", "class", "levels", "row.names"}
_CLASSES = {"data.frame", "factor", "randomForest"}
_KEYS = ("kinds", "sizes", "counts", "attributes", "text")
_DEEPEST = 32
_MOST_NAMES = len(_ATTRIBUTES)


@dataclass(frozen=True)
class Plain:
    """A value of R's in nodes, each before what is below it.

    Args:
        kinds: Of each node its kind.
        sizes: Of each its length, or number of elements.
        counts: Of each its number of attributes.
        attributes: Names of the attributes of all nodes, in their order.
        text: All text, in the order of the nodes; None is NA.
        doubles: All doubles.
        integers: All integers and logicals; R's NA is the least of them.
    """

    kinds: Sequence[str]
    sizes: Sequence[int]
    counts: Sequence[int]
    attributes: Sequence[str]
    text: Sequence[str | None]
    doubles: npt.NDArray[np.float64]
    integers: npt.NDArray[np.int32]

    def parts(self) -> dict[str, bytes]:
        """Name to content of the parts of a model file."""
        nodes = {key: list(getattr(self, key)) for key in _KEYS}
        return {
            NODES: (json.dumps(nodes, ensure_ascii=False) + "\n").encode(),
            DOUBLES: _saved(self.doubles),
            INTEGERS: _saved(self.integers),
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, bytes]) -> Plain:
        """What :meth:`parts` gave, if R can make a value of it.

        Raises:
            ValueError: It is damaged, or something else than numbers and text.
        """
        nodes = json_of(parts.get(NODES, b""), NODES)
        if not isinstance(nodes, dict) or sorted(nodes) != sorted(_KEYS):
            _refuse(f"the keys of {NODES} are not {', '.join(_KEYS)}")
        doubles = _array(parts.get(DOUBLES, b""), "<f8", DOUBLES)
        integers = _array(parts.get(INTEGERS, b""), "<i4", INTEGERS)
        lists = {key: _list(nodes[key], key) for key in _KEYS}
        found = cls(doubles=doubles, integers=integers, **lists)
        _check(found)
        return found


def json_of(content: bytes, name: str) -> Any:
    """What a JSON part of a model holds, in which no key stands twice.

    Raises:
        ValueError: It is none.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            _refuse(f"{name} has a key twice")
        return dict(pairs)

    try:
        return json.loads(content, object_pairs_hook=once)
    except RecursionError:
        _refuse(f"{name} is nested too deeply")
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{name} is no JSON: {error}") from None


def _saved(array: npt.NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _array(content: bytes, kind: str, name: str) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{name} is no array: {error}") from None
    if not isinstance(array, np.ndarray) or array.dtype != np.dtype(kind) or array.ndim != 1:
        _refuse(f"{name} is no array of one dimension of {kind}")
    return array


def _list(values: Any, key: str) -> list[Any]:
    kinds = {"sizes": int, "counts": int, "text": str | None}
    wanted = kinds.get(key, str)
    if not isinstance(values, list) or not all(
        isinstance(value, wanted) and not isinstance(value, bool) for value in values
    ):
        _refuse(f"{key} of {NODES} has something else than it should")
    if wanted is not int and any("\0" in value for value in values if value):
        _refuse(f"{key} of {NODES} has text with a null character")
    return values


def _check(plain: Plain) -> None:
    """Stop where the nodes are no tree of what is there."""
    if not len(plain.kinds) == len(plain.sizes) == len(plain.counts):
        _refuse(f"the nodes of {NODES} are not as many everywhere")
    if not set(plain.kinds) <= _KINDS or not set(plain.attributes) <= _ATTRIBUTES:
        _refuse(f"{NODES} has a kind or an attribute that no model has")
    if any(size < 0 for size in plain.sizes) or not all(
        0 <= n <= _MOST_NAMES for n in plain.counts
    ):
        _refuse(f"{NODES} has a length that is none")
    held = dict.fromkeys(_KINDS, 0)
    for kind, size in zip(plain.kinds, plain.sizes, strict=True):
        held[kind] += size
    there = (held["double"], held["integer"] + held["logical"], held["text"], sum(plain.counts))
    lengths = (len(plain.doubles), len(plain.integers), len(plain.text), len(plain.attributes))
    if there != lengths or held["null"]:
        _refuse(f"{NODES} and its arrays are not of the same model")
    walk = _Walk(plain)
    walk.node(_DEEPEST)
    if walk.at != len(plain.kinds):
        _refuse(f"{NODES} has a node outside of its tree")


class _Walk:
    """Goes over the nodes as R will."""

    def __init__(self, plain: Plain) -> None:
        self._plain = plain
        self._attribute = self._word = self.at = 0

    def node(self, levels: int, attribute: str = "") -> None:
        """One node, with all that is below it."""
        plain, at = self._plain, self.at
        if at == len(plain.kinds) or not levels:
            _refuse(f"{NODES} ends early, or is nested too deeply")
        self.at += 1
        kind, size = plain.kinds[at], plain.sizes[at]
        names = plain.attributes[self._attribute : self._attribute + plain.counts[at]]
        self._attribute += len(names)
        words = plain.text[self._word : self._word + size] if kind == "text" else []
        self._word += len(words)
        if attribute == "class" and (kind != "text" or not _CLASSES.issuperset(words)):
            _refuse(f"{NODES} has a class that no model has")
        for _ in range(size if kind == "list" else 0):
            self.node(levels - 1)
        for name in names:
            self.node(levels - 1, name)


def _refuse(message: str) -> NoReturn:
    raise ValueError(message)
