"""The tables of a block: what ``preprocess`` makes and the workers' stages start from.

Saved as an ``.npz`` that numpy reads without pickle and whose bytes depend on
nothing but the content, so that an artifact's digest is one of content.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from amiss_tasks.r.arrays import BoolArray, FloatArray, IntArray

_VARIANT_PARTS = 4
_AT_ONCE = 10_000
"""Texts that are joined at once."""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip file can hold


@dataclass(frozen=True)
class BlockTable:
    """One part (training or test) of a block.

    Args:
        row_ids: One per row, as upstream writes them: leading blanks belong to them.
        positive: Outcome per row.
        numeric: float64, shape (rows, numeric columns); NaN is NA.
        numeric_names: Column names: numeric features, then dummies.
        text: Text feature to its values; only with ``categorical=factor``.
    """

    row_ids: Sequence[str]
    positive: BoolArray
    numeric: FloatArray
    numeric_names: tuple[str, ...]
    text: Mapping[str, Sequence[str]]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.row_ids)

    @property
    def columns(self) -> tuple[str, ...]:
        """All column names, in upstream's order."""
        return (*self.numeric_names, *self.text)

    def consequences(self) -> list[str]:
        """Consequence of each row: the text after the last colon of its id."""
        return [consequence_of(row_id) for row_id in self.row_ids]

    def variants(self) -> list[str]:
        """Variant of each row: chromosome, position, Ref and Alt, the first parts of its id."""
        return [variant_of(row_id) for row_id in self.row_ids]

    def take(self, rows: IntArray) -> BlockTable:
        """The rows at these positions, in this order."""
        return BlockTable(
            row_ids=[self.row_ids[row] for row in rows],
            positive=self.positive[rows],
            numeric=self.numeric[rows],
            numeric_names=self.numeric_names,
            text={name: [values[row] for row in rows] for name, values in self.text.items()},
        )


@dataclass(frozen=True)
class BlockTables:
    """Both parts of a block.

    Args:
        train: Training part; cross-validation takes place within it.
        test: Test part, held out of cross-validation.
    """

    train: BlockTable
    test: BlockTable

    def save(self, path: Path, more: Mapping[str, npt.NDArray[np.generic]] | None = None) -> None:
        """Write an ``.npz`` with the same bytes for the same content.

        Args:
            path: File to write; taken as it is, no suffix is added.
            more: Further arrays.
        """
        parts = (("train", self.train), ("test", self.test))
        own = {f"{part}_{name}": a for part, table in parts for name, a in _arrays(table).items()}
        save_arrays(path, own | {**(more or {})})

    @classmethod
    def load(cls, path: Path) -> BlockTables:
        """Read what ``save`` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(
                train=_table({key[6:]: arrays[key] for key in arrays if key[:6] == "train_"}),
                test=_table({key[5:]: arrays[key] for key in arrays if key[:5] == "test_"}),
            )


def consequence_of(row_id: str) -> str:
    """Consequence of a row: the text after the last colon of its id."""
    return row_id.rpartition(":")[2]


def variant_of(row_id: str) -> str:
    """Variant of a row: chromosome, position, Ref and Alt, the first parts of its id."""
    return ":".join(part.strip() for part in row_id.split(":", _VARIANT_PARTS)[:_VARIANT_PARTS])


@dataclass(frozen=True)
class Stacked:
    """Columns side by side, as an array that is written column after column.

    Args:
        columns: Name to values, float64, shape (rows,); each is asked for once.
        rows: Number of rows.
    """

    columns: Mapping[str, FloatArray]
    rows: int

    def write(self, stream: IO[bytes]) -> None:
        """Write it as numpy writes an array of shape (rows, columns)."""
        about = {
            "descr": "<f8",
            "fortran_order": True,
            "shape": (self.rows, len(self.columns)),
        }
        np.lib.format.write_array_header_1_0(stream, about)
        for name in self.columns:
            stream.write(np.ascontiguousarray(self.columns[name], "<f8").data)


@dataclass(frozen=True)
class Lines:
    """Text without line ends, as an array of bytes that is written some lines at a time.

    Args:
        values: The text of each line; asked for twice.
    """

    values: Sequence[str]

    def write(self, stream: IO[bytes]) -> None:
        """Write it as numpy writes what ``text_array`` gives."""
        size = sum(map(len, self._pieces()))
        about = {"descr": "|u1", "fortran_order": False, "shape": (size,)}
        np.lib.format.write_array_header_1_0(stream, about)
        for piece in self._pieces():
            stream.write(piece)

    def _pieces(self) -> Iterator[bytes]:
        for begin in range(0, len(self.values), _AT_ONCE):
            some = self.values[begin : begin + _AT_ONCE]
            yield "".join([f"{value}\n" for value in some]).encode()


Kept = npt.NDArray[np.generic] | Stacked | Lines
"""An array of an artifact, or what is written as one."""


def save_arrays(path: Path, arrays: Mapping[str, Kept]) -> None:
    """Write an ``.npz`` that depends on nothing but names and content of the arrays."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            with archive.open(entry, "w", force_zip64=True) as stream:
                if isinstance(array, Stacked | Lines):
                    array.write(stream)
                else:
                    np.lib.format.write_array(stream, array, allow_pickle=False)


def _arrays(table: BlockTable) -> dict[str, Kept]:
    """A table as arrays; text as the bytes of lines, which ids and levels cannot break."""
    arrays: dict[str, Kept] = {
        "row_ids": Lines(table.row_ids),
        "positive": table.positive,
        "numeric": np.asfortranarray(table.numeric),
        "numeric_names": text_array(table.numeric_names),
        "text_names": text_array(tuple(table.text)),
    }
    for name, values in table.text.items():
        arrays[f"text:{name}"] = Lines(values)
    return arrays


def _table(arrays: Mapping[str, npt.NDArray[np.generic]]) -> BlockTable:
    return BlockTable(
        row_ids=text_of(arrays["row_ids"]),
        positive=arrays["positive"].astype(np.bool_),
        numeric=np.asarray(arrays["numeric"], dtype=np.float64),
        numeric_names=tuple(text_of(arrays["numeric_names"])),
        text={name: text_of(arrays[f"text:{name}"]) for name in text_of(arrays["text_names"])},
    )


def text_array(values: Sequence[str]) -> npt.NDArray[np.generic]:
    """Text without line ends as an array of bytes."""
    return np.frombuffer("".join([f"{value}\n" for value in values]).encode(), dtype=np.uint8)


def text_of(array: npt.NDArray[np.generic]) -> list[str]:
    """The text that ``text_array`` took."""
    return array.tobytes().decode().split("\n")[:-1]
