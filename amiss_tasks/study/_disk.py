"""How many bytes rows take on disk: measured with amiss's features, and about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.stages.files.memory import BASE_BYTES, HELD_BYTES
from amiss_tasks.stages.usable import widest_filter, widest_transcripts
from amiss_tasks.study._row_counts import RowCounts
from gridrun.pipeline import Value

_NUMBER = 8
_TEXT = 20
"""Bytes of a number, and of a text, in a cell."""

_READ_BYTES = 190
"""Of a joined row, beside its features: its keys, class and review, and the lines it came from."""

_IN_MEMORY, _MEANWHILE = 2.1, 1.1
"""Bytes of rows while they are read, in memory and on disk, for each of the table's."""

_ARTIFACT_BYTES = 160
"""Of a row of an artifact, beside its features: its names, class, and what null models ask."""

RESULT_BYTES = 9_000
"""Of an outcome: 6 kB in the ledger, the rest in the tables."""

PREDICTED_BYTES = 200
"""Of a test row whose predictions are kept, in the ledger and in the tables."""


def read_rows(rows: RowCounts, grid_values: Mapping[str, Sequence[Value]]) -> float:
    """Rows that some combination of a grid can use.

    Args:
        rows: Of the VCF.
        grid_values: Parameter to the values of the grid.
    """
    widest = widest_filter(grid_values)
    kept = (rows.read(each, **widest) for each in widest_transcripts(grid_values))
    return max(kept)


def read_bytes(rows: float, features: FeatureSet, most: int | None) -> float:
    """Bytes of the table of joined rows, and of rows that are on disk until they are joined.

    Args:
        rows: How many.
        features: The study's features.
        most: Memory that reading may take, None for any number.
    """
    table = rows * (_READ_BYTES + _of(features))
    goes_to_disk = most is not None and _IN_MEMORY * table > min(most - BASE_BYTES, 2 * HELD_BYTES)
    return table * (1 + _MEANWHILE * goes_to_disk)


def artifact_bytes(rows: float, features: FeatureSet, columns: float) -> float:
    """Bytes of the artifact of a block.

    Args:
        rows: Its labelled rows.
        features: The study's features.
        columns: Columns that its categorical features become; 0 where they stay text.
    """
    more = _NUMBER * columns
    return rows * (_ARTIFACT_BYTES + _of(features) + more)


def was_read(cache_dir: Path) -> bool:
    """Whether the study's cache has some table of joined rows, most probably the one needed."""
    return any(cache_dir.glob("read-*.arrow"))


def _of(features: FeatureSet) -> float:
    return _NUMBER * len(features.numeric) + _TEXT * len(features.categorical)
