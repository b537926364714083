"""Rows of a block that have a label, before they are split and encoded.

The artifact of a block where the study evaluates on held-out parts, or encodes each fold by its
own training rows (D30): every repeat splits the same rows, so one file serves them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from amiss_tasks.r.arrays import BoolArray, FloatArray, IntArray
from amiss_tasks.stages.block_tables import (
    Kept,
    Lines,
    Stacked,
    save_arrays,
    text_array,
    text_of,
    variant_of,
)
from amiss_tasks.stages.columns.words import Words, filled, is_none


@dataclass(frozen=True)
class Labelled:
    """Rows with a label, in the order of the inputs.

    Args:
        row_ids: One per row.
        variants: Variant of each row.
        positive: Outcome of each row, shape (rows,).
        numeric: Numeric feature to its values, as read; NaN is NA.
        text: Categorical feature to its values, as read; None is NA.
        has_dummies: Whether categorical features become dummies.
        vep_consequences: VEP's consequence of each row, for descriptions; not kept in files.
        levels: What null models know of each row; files have it among ``more``.
        missingness: How often features are missing, as a payload of results; the same.
        genes: Gene of each row, where some rows are split by genes; not kept in files.
        times: Date or number of each row's record, where rows are split by time; not kept in files.
        groups: Group of each row that is not to be split, from 0; None where those are variants.
        parts: Part of each row (``features.cut``), where it is not drawn; else None.
    """

    row_ids: Sequence[str]
    variants: Sequence[str]
    positive: BoolArray
    numeric: Mapping[str, FloatArray]
    text: Mapping[str, Sequence[str | None]]
    has_dummies: bool
    vep_consequences: Sequence[str | None] = ()
    levels: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    missingness: bytes = b""
    genes: Sequence[str | None] = ()
    times: Sequence[str | None] = ()
    groups: IntArray | None = None
    parts: IntArray | None = None

    @property
    def group_of(self) -> Mapping[str, int]:
        """Variant, as in row ids, to its group; empty where groups are variants."""
        if self.groups is None:
            return {}
        pairs = zip(self.row_ids, self.groups.tolist(), strict=True)
        return {variant_of(row_id): group for row_id, group in pairs}

    def save(self, path: Path, more: Mapping[str, npt.NDArray[np.generic]] | None = None) -> None:
        """Write an ``.npz`` with the same bytes for the same content.

        Args:
            path: File to write; taken as it is, no suffix is added.
            more: Further arrays.
        """
        arrays: dict[str, Kept] = {
            "row_ids": Lines(self.row_ids),
            "variants": Lines(self.variants),
            "positive": self.positive,
            "has_dummies": np.array([self.has_dummies]),
            "numeric_names": text_array(tuple(self.numeric)),
            "numeric": Stacked(self.numeric, len(self.positive)),
            "text_names": text_array(tuple(self.text)),
        }
        for name, values in self.text.items():
            words = Words.of(values)
            arrays[f"text:{name}"] = Lines(filled(words, ""))
            arrays[f"missing:{name}"] = words.are(is_none)
        given = {"groups": self.groups, "parts": self.parts}
        arrays |= {name: array for name, array in given.items() if array is not None}
        save_arrays(path, arrays | {**(more or {})})

    @classmethod
    def load(cls, path: Path) -> Labelled:
        """Read what ``save`` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            names = text_of(arrays["numeric_names"])
            columns = np.asarray(arrays["numeric"], dtype=np.float64)
            return cls(
                row_ids=text_of(arrays["row_ids"]),
                variants=text_of(arrays["variants"]),
                positive=arrays["positive"].astype(np.bool_),
                numeric={name: columns[:, number] for number, name in enumerate(names)},
                text={
                    name: [
                        None if missing else value
                        for value, missing in zip(
                            text_of(arrays[f"text:{name}"]),
                            arrays[f"missing:{name}"].tolist(),
                            strict=True,
                        )
                    ]
                    for name in text_of(arrays["text_names"])
                },
                has_dummies=bool(arrays["has_dummies"][0]),
                **{n: arrays[n].astype(np.int64) for n in ("groups", "parts") if n in arrays},
            )


def is_labelled(path: Path) -> bool:
    """Whether a block's artifact has rows before they are split, rather than both parts."""
    with np.load(path, allow_pickle=False) as arrays:
        return "row_ids" in arrays
