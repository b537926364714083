"""How long tasks take on one core, by what is known before any has run; see ``CostModel``.

Costs are those of the table for the rows and columns that a combination will have: rows by a
quick count of the VCF, columns by the study's features. Sources of the shares of rows:
``upstream-behaviour`` sections 3 to 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from amiss_tasks.evaluation import evaluation_of, keeps_predictions
from amiss_tasks.features.indicators import INDICATORS, has_indicators
from amiss_tasks.methods import MOST_ROWS
from amiss_tasks.protocols import TRAINING_SHARE, protocol_of
from amiss_tasks.stages.added_missingness import OPTION, share_of
from amiss_tasks.stages.files.memory import labelling_bytes, split_bytes, tables_bytes
from amiss_tasks.stages.splits.newer import VCF
from amiss_tasks.stages.splits.shares import test_share
from amiss_tasks.study._cost_table import (
    CLASSIFIER_COSTS,
    EVALUATED,
    METHOD_COSTS,
    OWN_SECONDS,
    PREPARED,
    ROWS,
    Cost,
)
from amiss_tasks.study._disk import (
    PREDICTED_BYTES,
    RESULT_BYTES,
    artifact_bytes,
    read_bytes,
    read_rows,
    was_read,
)
from amiss_tasks.study._row_counts import RowCounts, kept_rows
from amiss_tasks.study.options import features_of, methods_of, significance_of
from gridrun.errors import counted
from gridrun.pipeline import Settings, Value
from gridrun.pipeline.costs import TaskCost

_FEWEST_ROWS = 20.0

_LEVELS = 6
"""Columns that a categorical feature becomes."""

_LEFT_BY_CHECK = 0.75
"""Share of the columns that a feature check leaves."""

_WITH_INDICATORS = 1.7

_TABLES = 4
"""How often a worker holds each number of a block at a time, at least: measured with mean_imp."""

_TESTED = 0.5
"""Test rows for each training row where the table's costs were measured."""

_BLOCK = ("transcript", "quality", "restriction", "vus_inclusion")
_SIZED = ("downsampling", "training_data_sampling_percentage", *_BLOCK)
_READS = (
    *_BLOCK,
    "imputation",
    "downsampling",
    "training_data_sampling_percentage",
    "feature_sampling_percentage",
)


class AmissCosts:
    """Costs of a study's tasks.

    Args:
        settings: The study's settings.
        values: Of the grid. Of parameters that change columns a little the mean over these is
            taken: a grid of all of them would have ten times as many costs.
        cache_dir: The study's cache.
    """

    reads: tuple[str, ...] = _READS
    is_measured = True

    def __init__(
        self, settings: Settings, values: Mapping[str, Sequence[Value]], cache_dir: Path
    ) -> None:
        self._values, self._cache_dir = values, cache_dir
        self._settings = settings
        self._methods = methods_of(settings.options)
        self._features = features_of(settings.options)
        self._rows = _counted(settings, cache_dir)
        self._test_share = test_share(settings)
        self._holds_out = evaluation_of(settings.options).holds_out
        self._classes_of = cache(self._classes)
        # a grid has thousands of costs, of some hundred sizes of tables
        self._sizes_of = cache(self._sizes)
        self._own_of = cache(self._own)
        self._prepared_of = cache(PREPARED.of)
        self._columns = self._columns_of(values)
        added = (INDICATORS, OPTION)
        self.reads = (*_READS, *(name for name in added if name in settings.options))

    @property
    def assumes(self) -> tuple[str, ...]:
        """What is assumed of rows and columns."""
        kinds = self._features
        columns = f"{counted(len(kinds.numeric) + len(kinds.categorical), 'feature')}"
        if self._rows is None:
            return (
                f"{counted(ROWS, 'training row')}, since the inputs cannot be looked at here",
                columns,
            )
        rows = self._rows.said
        if self._settings.rows is not None and self._settings.rows < self._rows.starred:
            rows += f", {self._settings.rows:,} of which are drawn"
        return (rows, columns, "no two combinations have equal tables, which are computed once")

    def cost(self, classifier: str, values: Mapping[str, Value]) -> TaskCost:
        """Of a task."""
        train, test = self._sizes_of(*(values[name] for name in _SIZED))
        columns = self.columns_of(values)
        method = self._methods[str(values["imputation"])]
        tables = min(method.rows, MOST_ROWS) or 1
        trained, evaluated = self._own_of(classifier, train, test, columns)
        # test rows are imputed once, by the row of hyperparameters that was chosen
        more = 1 + (test / train - _TESTED) / (1 + _TESTED) / tables
        imputed = METHOD_COSTS.get(method.name, Cost(OWN_SECONDS if method.own else 0.0))
        shared = imputed.of(train * max(more, 0.5), columns)
        return TaskCost(
            trained * tables + evaluated, shared + self._prepared_of(train + test, columns)
        )

    def fragility(self, values: Mapping[str, Value]) -> float:
        """Columns for each training row, and the more the larger the share that is removed."""
        columns = self.columns_of(values)
        train, _ = self._sizes_of(*(values[name] for name in _SIZED))
        return columns / train / (1.0 - min(share_of(values), 0.99))

    def reading_bytes(self) -> float:
        """Of the table of joined rows, and what is kept until it is there; see ``KnowsDisk``."""
        if self._rows is None or was_read(self._cache_dir):
            return 0.0
        rows = read_rows(self._rows, self._values) * self._drawn_share(self._rows)
        return read_bytes(rows, self._features, self._settings.read_bytes)

    def block_bytes(self, values: Mapping[str, Value]) -> float:
        """Of a block's rows."""
        return artifact_bytes(self._labelled(values), self._features, self._dummies(values))

    def making_bytes(self, values: Mapping[str, Value]) -> float:
        """Of a block's rows while its artifact is made; see ``KnowsMemory``."""
        if self._rows is None:
            return 0.0
        block = (str(values[name]) for name in _BLOCK[:-1])
        made = labelling_bytes(self._rows.read(*block) * self._drawn_share(self._rows))
        if self._holds_out or "dummy_levels" in protocol_of(self._settings).corrected:
            return made
        return max(made, split_bytes(self._labelled(values), self._all_columns(values)))

    def training_bytes(self, values: Mapping[str, Value]) -> float:
        """Of its tables in a worker, as they are made, cut, handed to R and completed."""
        if self._rows is None:
            return 0.0
        return tables_bytes(self._labelled(values), self._all_columns(values), _TABLES)

    def _labelled(self, values: Mapping[str, Value]) -> float:
        return sum(self._classes_of(*(str(values[name]) for name in _BLOCK)))

    def _dummies(self, values: Mapping[str, Value]) -> int:
        return _LEVELS * len(self._features.categorical) * (values["categorical"] == "dummy")

    def _all_columns(self, values: Mapping[str, Value]) -> int:
        return len(self._features.numeric) + self._dummies(values)

    def task_bytes(self, values: Mapping[str, Value]) -> float:
        """Of a result, and of the predictions of its test rows if they are kept."""
        if not keeps_predictions(self._settings.options):
            return RESULT_BYTES
        rows = self._labelled(values)
        return RESULT_BYTES + PREDICTED_BYTES * rows * self._tested_share

    def columns_of(self, values: Mapping[str, Value]) -> float:
        """Columns of the tables of a combination."""
        share = float(values["feature_sampling_percentage"])
        more = _WITH_INDICATORS if has_indicators(values) else 1.0
        return max(1.0, self._columns * share * more)

    @staticmethod
    def _own(classifier: str, train: float, test: float, columns: float) -> tuple[float, float]:
        """Seconds of training on one table, and of evaluating."""
        trained = CLASSIFIER_COSTS.get(classifier, Cost(OWN_SECONDS)).of(train, columns)
        return trained, EVALUATED.of(test, columns)

    def _sizes(self, downsampling: Value, sampled: Value, *block: Value) -> tuple[float, float]:
        """Training and test rows, by values of ``_SIZED``."""
        positive, negative = self._classes_of(*map(str, block))
        rows = positive + negative
        train = rows * TRAINING_SHARE
        test = rows - train
        if not self._holds_out:
            train, test = train * (1 - self._test_share), train * self._test_share
        if downsampling == "on" and rows:
            train *= 2 * min(positive, negative) / rows
        train *= float(sampled)
        return max(train, _FEWEST_ROWS), max(test, _FEWEST_ROWS)

    def _classes(self, *block: str) -> tuple[float, float]:
        if self._rows is None:
            whole = ROWS / TRAINING_SHARE / (1.0 if self._holds_out else 1 - self._test_share)
            return whole / 2, whole / 2
        positive, negative = self._rows.classes(*block)
        share = self._drawn_share(self._rows)
        return positive * share, negative * share

    def _drawn_share(self, rows: RowCounts) -> float:
        """Share of the rows that ``--rows`` draws."""
        drawn = self._settings.rows
        return min(1.0, drawn / rows.starred) if drawn and rows.starred else 1.0

    @property
    def _tested_share(self) -> float:
        """Share of a block's rows that a fold tests."""
        if self._holds_out:
            return 1 - TRAINING_SHARE
        return TRAINING_SHARE * self._test_share

    def _columns_of(self, values: Mapping[str, Sequence[Value]]) -> float:
        """Columns of all features, after the checks."""
        dummies = _LEVELS * values["categorical"].count("dummy")
        levels = (dummies + values["categorical"].count("factor")) / len(values["categorical"])
        columns = len(self._features.numeric) + levels * len(self._features.categorical)
        for check in ("nonzero_variance_check", "correlation_check"):
            checked = values[check].count("on") / len(values[check])
            columns *= 1 - checked * (1 - _LEFT_BY_CHECK)
        return columns


def _counted(settings: Settings, cache_dir: Path) -> RowCounts | None:
    """Rows of the study's VCF; None where it is not here."""
    file, significance = settings.inputs.get(VCF), significance_of(settings.options)
    if not file:
        return None
    known = settings.input_digests.get(VCF)
    return kept_rows(Path(file), significance, known, cache_dir)
