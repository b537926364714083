"""Stage preprocess: labels, split, encoding and a-priori fill of one block.

Source: upstream's S02, ``upstream-behaviour`` section 3, step by step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from amiss_tasks._encoding import Categories, levels_of, part_of
from amiss_tasks._rowids import row_ids
from amiss_tasks.blocktables import BlockTable, BlockTables, BoolArray, IntArray
from amiss_tasks.features import AMISS
from amiss_tasks.featureset import VARIANT, FeatureSet
from amiss_tasks.protocols import SPLIT_SEED, TRAINING_SHARE, Protocol
from amiss_tasks.protocols import UPSTREAM as AS_UPSTREAM
from amiss_tasks.rrandom import RRandom
from amiss_tasks.significance import UPSTREAM, Significance
from amiss_tasks.split import draw_rows
from amiss_tasks.table import FloatArray, VariantTable
from gridrun.pipeline import TaskFailure

__all__ = ["BlockTable", "BlockTables", "preprocess"]

_MISSING = "MISSING"
_LEAST_ROWS = 3


def preprocess(
    table: VariantTable,
    vus_inclusion: str,
    categorical: str,
    features: FeatureSet = AMISS,
    significance: Significance = UPSTREAM,
    *,
    protocol: Protocol = AS_UPSTREAM,
) -> BlockTables:
    """Make the training and test part of a block.

    Args:
        table: The block's joined and filtered rows.
        vus_inclusion: ``pathogenic``, ``benign`` or ``exclude``.
        categorical: ``dummy`` or ``factor``.
        features: The study's features.
        significance: What values of CLNSIG count as.
        protocol: How rows are named, split and encoded (D6, D9, D12, D20 to D22).

    Returns:
        Both parts; row ids as upstream writes them, unless the protocol says otherwise.

    Raises:
        TaskFailure: What stops upstream here (duplicate ids, a CLNSIG outside
            the lists, a categorical feature without a value), or leaves
            nothing to train on.
    """
    if table.rows == 0:
        raise TaskFailure("no row is left after filtering")
    ids = row_ids(table, as_text="row_ids" in protocol.corrected)
    every = np.arange(table.rows)
    by_variant = "split_by" in protocol.corrected
    distinct = every if by_variant else _first_of_duplicates(table, every, features)
    kept, positive = _label(table.text["CLNSIG"], distinct, vus_inclusion, significance)
    if categorical == "dummy":
        _require_values(table, features)
    in_training = _draw_training(table, kept, positive, protocol)
    parts = {"train": kept[in_training], "test": kept[~in_training]}
    if by_variant:
        parts = {n: _first_of_duplicates(table, rows, features) for n, rows in parts.items()}
    label_of = np.zeros(table.rows, dtype=np.bool_)
    label_of[kept] = positive
    labels = {name: label_of[rows] for name, rows in parts.items()}
    _require_classes(labels["train"])
    categories = _categories(table, parts, features)
    if categorical == "factor":
        _name_missing(categories)
    numbers = _numeric(table, features)
    levels = {part: levels_of(categories, part, protocol) for part in parts}
    return BlockTables(
        **{
            part: part_of(
                [ids[row] for row in rows],
                labels[part],
                {name: values[rows] for name, values in numbers.items()},
                categories[part],
                levels[part] if categorical == "dummy" else None,
            )
            for part, rows in parts.items()
        }
    )


def _draw_training(
    table: VariantTable, rows: IntArray, positive: BoolArray, protocol: Protocol
) -> BoolArray:
    """Which of the labelled rows are drawn for the training part (step 4)."""
    if not {"draw_order", "split_by", "sampling"} & protocol.corrected:
        return RRandom(SPLIT_SEED).uniform(len(rows)) < TRAINING_SHARE
    keys = [table.text[name] for name in VARIANT]
    return draw_rows(
        [tuple(values[row] for values in keys) for row in rows],
        positive,
        share=TRAINING_SHARE,
        seed=protocol.seed_of("split", 0, SPLIT_SEED),
        by_group="split_by" in protocol.corrected,
        stratified="sampling" in protocol.corrected,
    )


def _first_of_duplicates(table: VariantTable, rows: IntArray, features: FeatureSet) -> IntArray:
    """Those of some rows that repeat no earlier one of them in all features (step 2)."""
    # adding zero makes -0 and 0 one value; every NaN gets the same bits
    numbers = np.column_stack([table.numeric[name] for name in features.numeric]) + 0.0
    numbers[np.isnan(numbers)] = np.nan
    texts = [table.text[name] for name in features.categorical]
    seen: set[tuple[bytes, tuple[str | None, ...]]] = set()
    first = []
    for row in rows:
        key = (numbers[row].tobytes(), tuple(values[row] for values in texts))
        if key not in seen:
            seen.add(key)
            first.append(row)
    return np.array(first, dtype=np.int64)


def _label(
    values: Sequence[str | None], rows: IntArray, vus_inclusion: str, significance: Significance
) -> tuple[IntArray, BoolArray]:
    """Rows with a label, and whether it is positive (step 3).

    Raises:
        TaskFailure: A value counts as nothing that is known.
    """
    positives, negatives = significance.positive, significance.negative
    uncertain = significance.uncertain
    kept, positive = [], []
    unknown: Counter[str] = Counter()
    for row in rows:
        value = values[row] or "NA"
        if value in positives or (value in uncertain and vus_inclusion == "pathogenic"):
            label = True
        elif value in negatives or (value in uncertain and vus_inclusion == "benign"):
            label = False
        elif value in uncertain:
            continue
        else:
            unknown[value] += 1
            continue
        kept.append(row)
        positive.append(label)
    if unknown:
        found = ", ".join(f'"{value}" ({count} rows)' for value, count in unknown.most_common())
        raise TaskFailure(f"CLNSIG has values that upstream cannot label: {found}")
    return np.array(kept, dtype=np.int64), np.array(positive, dtype=np.bool_)


def _require_values(table: VariantTable, features: FeatureSet) -> None:
    """Stop as upstream's dummy coding does on a feature without any value.

    R reads such a column as logical, neither number nor text (D19).
    """
    rules = (
        ("Non-numeric columns included in `numeric_features`", features.numeric),
        ("All columns in `data` must be character vectors", features.categorical),
    )
    for message, names in rules:
        empty = [name for name in names if not _has_value(table, name)]
        if empty:
            raise TaskFailure(
                f"{message}: no value in any of the {table.rows} rows for {', '.join(empty)}"
            )


def _has_value(table: VariantTable, feature: str) -> bool:
    if feature in table.numeric:
        return not bool(np.isnan(table.numeric[feature]).all())
    return any(value is not None for value in table.text[feature])


def _require_classes(positive: BoolArray) -> None:
    """Stop where every fold would fail for want of rows or of a class."""
    rows, positives = len(positive), int(positive.sum())
    if rows < _LEAST_ROWS:
        raise TaskFailure(
            f"the training part has {rows} rows; folds need at least {_LEAST_ROWS} to draw from"
        )
    if positives in (0, rows):
        only = "positive" if positives else "negative"
        raise TaskFailure(
            f"all {rows} rows of the training part are {only}; a classifier needs both classes"
        )


def _categories(
    table: VariantTable, parts: dict[str, IntArray], features: FeatureSet
) -> dict[str, Categories]:
    """Categorical values per part; test values unseen in training become NA (step 5)."""
    found: dict[str, Categories] = {"train": {}, "test": {}}
    for name in features.categorical:
        meant = features.a_priori.get(name)
        values = table.text[name]
        if meant is not None:
            values = [str(meant) if value is None else value for value in values]
        training = [values[row] for row in parts["train"]]
        known = set(training)
        found["train"][name] = training
        found["test"][name] = [
            values[row] if values[row] in known else None for row in parts["test"]
        ]
    return found


def _name_missing(categories: dict[str, Categories]) -> None:
    """With ``factor``, NA becomes a value of its own."""
    for part in categories.values():
        for name, values in part.items():
            part[name] = [_MISSING if value is None else value for value in values]


def _numeric(table: VariantTable, features: FeatureSet) -> dict[str, FloatArray]:
    """The numeric features, those with an a-priori value filled (step 6)."""
    numbers = {}
    for name in features.numeric:
        values, meant = table.numeric[name], features.a_priori.get(name)
        numbers[name] = values if meant is None else np.where(np.isnan(values), meant, values)
    return numbers
