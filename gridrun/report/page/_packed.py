"""Columns of numbers in few characters, for the browser's own decompression.

A column is kept as whole numbers of a unit (``10 ** -decimals``), byte by byte of significance:
first the low bytes of all rows, then the next ones. High bytes differ little from row to row, so
they cost next to nothing when compressed.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gridrun.report.page._known import FloatArray

_LEVEL = 9
_SMALL = 32_000
"""Numbers beyond it take four bytes, not two; the smallest of either stands for no number."""


@dataclass(frozen=True)
class Packed:
    """Columns for a script.

    Args:
        columns: Name, decimals and bytes of each, in the order that they are packed in.
        rows: Rows of each.
        text: All of it, compressed (zlib), in base64.
    """

    columns: tuple[Mapping[str, Any], ...]
    rows: int
    text: str


def pack(columns: Mapping[str, tuple[FloatArray, int]]) -> Packed:
    """Pack columns of one length.

    Args:
        columns: Name to values, shape ``(rows,)``, NaN where there is none, and to how many
            decimals are kept.
    """
    heads, planes, rows = [], [], 0
    for name, (values, decimals) in columns.items():
        whole = np.rint(values * 10.0**decimals)
        largest = np.nanmax(np.abs(whole), initial=0.0)
        kind: Any = np.int16 if largest < _SMALL else np.int32
        none = np.iinfo(kind).min
        numbers = np.where(np.isnan(whole), none, whole).astype(kind)
        size = numbers.itemsize
        little = numbers.astype(f"<i{size}").view(np.uint8).reshape(-1, size)
        planes += [little[:, at].tobytes() for at in range(size)]
        heads.append({"name": name, "decimals": decimals, "bytes": size})
        rows = len(values)
    data = zlib.compress(b"".join(planes), _LEVEL)
    return Packed(tuple(heads), rows, base64.b64encode(data).decode())


def unpack(heads: Sequence[Mapping[str, Any]], rows: int, text: str) -> dict[str, FloatArray]:
    """What ``pack`` packed, as its script reads it: for tests of pages.

    Args:
        heads: Name, decimals and bytes of each column.
        rows: Rows of each.
        text: The packed text.
    """
    data = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    found: dict[str, FloatArray] = {}
    at = 0
    for head in heads:
        size = head["bytes"]
        planes = data[at : at + size * rows].reshape(size, rows)
        at += size * rows
        numbers = np.ascontiguousarray(planes.T).view(f"<i{size}").ravel()
        none = np.iinfo(numbers.dtype).min
        found[head["name"]] = np.where(numbers == none, np.nan, numbers / 10.0 ** head["decimals"])
    return found
