"""What null models know of a row though no feature says it: its gene, which frequencies it lacks.

Each becomes a column of the joined table, with a name in brackets that no feature can have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss_tasks.features.feature_set import VEP, FeatureSet
from amiss_tasks.features.frequencies import is_frequency
from amiss_tasks.features.sources import located
from amiss_tasks.r.names import positions
from amiss_tasks.stages.columns.coded import Cells, Coded
from amiss_tasks.stages.table import GENE, LACKS
from amiss_tasks.stages.values.parsing import MISSING

_GENES = ("SYMBOL", "Gene")
"""CSQ fields that name the gene: the symbol, and where a row has none the identifier."""


@dataclass(frozen=True)
class Beside:
    """Cells of a CSQ block that are read beside those of features.

    Args:
        frequencies: Column to the place of its allele frequency in a block.
        genes: Places of the names of the gene, the one that is used first.
    """

    frequencies: Mapping[str, int] = field(default_factory=dict)
    genes: Sequence[int] = ()

    @property
    def places(self) -> tuple[int, ...]:
        """Where these cells are in a block."""
        return (*self.frequencies.values(), *self.genes)

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each of these cells."""
        return (*self.frequencies, *(f"{GENE}{number}" for number in range(len(self.genes))))

    def columns(self, cells: Mapping[str, Cells]) -> dict[str, Any]:
        """Arrow columns of the cells of some rows.

        Args:
            cells: Each of ``names`` to its cells.
        """
        import pyarrow as pa

        coded = {name: Coded.of_cells(column) for name, column in cells.items()}
        found = {
            name: pa.array(
                np.array(_are_missing(coded[name].distinct), np.bool_)[coded[name].codes]
            )
            for name in self.frequencies
        }
        if self.genes:
            first, *others = (_known(coded[name]) for name in self.names[len(self.frequencies) :])
            for other in others:
                first = np.where(first == None, other, first)  # noqa: E711  # of each element
            found[GENE] = pa.array(first, pa.string())
        return found


def beside_of(fields: Sequence[str], features: FeatureSet) -> Beside:
    """What a VCF has beside the features.

    Args:
        fields: CSQ fields.
        features: The study's features; whether those are missing is known of them.
    """
    at = positions(fields, (*filter(is_frequency, fields), *_GENES))
    read = set(located(features.of(VEP), {*fields}).values())
    frequencies = {f"{LACKS}{name}": at[name] for name in at if name not in {*read, *_GENES}}
    return Beside(frequencies, [at[name] for name in _GENES if name in at])


def _are_missing(cells: Sequence[str]) -> list[bool]:
    # a list of which nothing is known is as good as missing
    empty = {cell for cell in set(cells) if cell in MISSING or not cell.strip(".&")}
    return [cell in empty for cell in cells]


def _known(column: Coded) -> npt.NDArray[np.object_]:
    known = [None if cell in MISSING else cell for cell in column.distinct]
    found: npt.NDArray[np.object_] = np.array([*known, None], dtype=object)[column.codes]
    return found
