"""Blocks of a study, described one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from amiss_tasks.describe._correlations import CORRELATION_COLUMNS, correlation_rows
from amiss_tasks.describe._data import BlockData, data_of
from amiss_tasks.describe._features import FEATURE_COLUMNS, feature_rows
from amiss_tasks.describe._missing import (
    BLOCK_COLUMNS,
    CONSEQUENCE_COLUMNS,
    LEVEL_COLUMNS,
    MISSINGNESS_COLUMNS,
    POSSIBLE_COLUMNS,
    block_row,
    consequence_rows,
    level_rows,
    missingness_rows,
)
from amiss_tasks.protocols import protocol_of
from amiss_tasks.stages.preprocess import parts_of
from amiss_tasks.stages.splits.split_by import SPLIT_BY, split_parameters
from amiss_tasks.study.options import features_of
from amiss_tasks.tasks.source import AmissSource
from gridrun.errors import Fault
from gridrun.pipeline import Settings, TaskFailure, Value
from gridrun.pipeline.description import BlockDescription

_Rows = Callable[[BlockData], Iterable[dict[str, Any]]]
_TABLES: Mapping[str, tuple[tuple[str, ...], _Rows]] = {
    "blocks": (BLOCK_COLUMNS, lambda data: [block_row(data)]),
    "consequences": (CONSEQUENCE_COLUMNS, consequence_rows),
    "features": (FEATURE_COLUMNS, feature_rows),
    "missingness": (MISSINGNESS_COLUMNS, missingness_rows),
    "levels": (LEVEL_COLUMNS, level_rows),
    "correlations": (CORRELATION_COLUMNS, correlation_rows),
}
"""Table to its columns and what makes its rows."""


_POSSIBLE = dict(zip(POSSIBLE_COLUMNS, ("cannot exist", "missing where it can"), strict=True))
"""Further columns to their headings."""


class AmissDescriber:
    """Describes the data of a study; see ``gridrun.pipeline.description.Describer``.

    Args:
        settings: The study's settings.
        values: Values of the grid, which decide what the inputs must contain.
        cache_dir: The study's cache.

    Raises:
        InputError: With every fault found in the inputs.
    """

    parameters: tuple[str, ...] = ("transcript", "quality", "restriction", "vus_inclusion")
    _headline: Mapping[str, Mapping[str, str]] = {
        "blocks": {
            "rows": "rows",
            "variants": "variants",
            "positive": "positive",
            "negative": "negative",
            "missing_share": "missing",
            "complete_rows": "complete",
            "filled_missing_share": "missing*",
            "filled_complete_rows": "complete*",
        },
        "consequences": {
            "consequence": "consequence",
            "rows": "rows",
            "positive": "positive",
            "negative": "negative",
            "missing_share": "missing",
        },
        "features": {
            "feature": "feature",
            "missing_share": "missing",
            "missing_share_positive": "in positive",
            "missing_share_negative": "in negative",
            "missingness_p_adjusted": "p",
            "median": "median",
            "median_positive": "of positive",
            "median_negative": "of negative",
            "class_p_adjusted": "p",
        },
    }
    legend: str = (
        "missing: share of the values; *: of numeric features, after a-priori values; "
        "p: of a difference between the classes, adjusted for the number of features"
    )

    def __init__(
        self, settings: Settings, values: Mapping[str, Sequence[Value]], cache_dir: Path
    ) -> None:
        if split_parameters(settings.options):
            self.parameters = (*self.parameters, SPLIT_BY)
        self._source = AmissSource(settings, values, cache_dir)
        self._features = features_of(settings.options)
        self._protocol = protocol_of(settings)
        says_possible = any(feature.applies_to for feature in self._features.features)
        more = POSSIBLE_COLUMNS if says_possible else ()
        self.columns: Mapping[str, tuple[str, ...]] = {
            name: (*columns, *more) if name in ("features", "missingness") else columns
            for name, (columns, _) in _TABLES.items()
        }
        features = {**self._headline["features"], **{name: _POSSIBLE[name] for name in more}}
        self.headline: Mapping[str, Mapping[str, str]] = {**self._headline, "features": features}

    @property
    def input_digests(self) -> Mapping[str, str]:
        """Role to SHA-256 of each input; see ``gridrun.pipeline.TakesDigests``."""
        return self._source.input_digests

    def notes(self) -> Sequence[Fault]:
        """What reading the inputs found worth saying."""
        return self._source.notes()

    def describe(
        self, blocks: Sequence[Mapping[str, Value]], part: str
    ) -> Iterator[BlockDescription]:
        """Describe blocks one after another; one without data says why."""
        for values in blocks:
            try:
                data = self._data(values, part)
            except TaskFailure as failure:
                yield BlockDescription(values, failure=failure.message)
                continue
            if not data.rows:
                yield BlockDescription(values, failure=f"part {part} has no row")
                continue
            tables = {name: list(rows(data)) for name, (_, rows) in _TABLES.items()}
            yield BlockDescription(values, tables)

    def _data(self, values: Mapping[str, Value], part: str) -> BlockData:
        # with factor, text is as it is
        labelled = self._source.labelled({**values, "categorical": "factor"})
        return data_of(labelled, parts_of(labelled, self._protocol), self._features, part)
