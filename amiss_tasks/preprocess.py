"""Stage preprocess: labels, split, encoding and a-priori fill of one block.

Source: upstream's S02, ``upstream-behaviour`` section 3, step by step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from amiss_tasks._rowids import row_ids
from amiss_tasks.blocktables import BlockTable, BlockTables, BoolArray, IntArray
from amiss_tasks.clinvar import NEGATIVE, POSITIVE, UNCERTAIN
from amiss_tasks.features import A_PRIORI_ZERO, CATEGORICAL_FEATURES, NUMERIC_FEATURES
from amiss_tasks.protocols import SPLIT_SEED, TRAINING_SHARE
from amiss_tasks.rrandom import RRandom
from amiss_tasks.table import FloatArray, VariantTable
from gridrun.pipeline import TaskFailure

__all__ = ["BlockTable", "BlockTables", "preprocess"]

_MISSING = "MISSING"
_LEAST_ROWS = 3

Categories = dict[str, list[str | None]]


def preprocess(table: VariantTable, vus_inclusion: str, categorical: str) -> BlockTables:
    """Make the training and test part of a block.

    Args:
        table: The block's joined and filtered rows.
        vus_inclusion: ``pathogenic``, ``benign`` or ``exclude``.
        categorical: ``dummy`` or ``factor``.

    Returns:
        Both parts; row ids as upstream writes them.

    Raises:
        TaskFailure: What stops upstream here (duplicate ids, a CLNSIG outside
            the lists, a categorical feature without a value), or leaves
            nothing to train on.
    """
    if table.rows == 0:
        raise TaskFailure("no row is left after filtering")
    ids = row_ids(table)
    distinct = _first_of_duplicates(table)
    kept, positive = _label(table.text["CLNSIG"], distinct, vus_inclusion)
    if categorical == "dummy":
        _require_values(table)
    in_training = RRandom(SPLIT_SEED).uniform(len(kept)) < TRAINING_SHARE
    parts = {"train": kept[in_training], "test": kept[~in_training]}
    labels = {"train": positive[in_training], "test": positive[~in_training]}
    _require_classes(labels["train"])
    categories = _categories(table, parts)
    if categorical == "factor":
        _name_missing(categories)
    features = _numeric(table)
    return BlockTables(
        **{
            part: _part(
                [ids[row] for row in rows],
                labels[part],
                features[rows],
                categories[part],
                categorical,
            )
            for part, rows in parts.items()
        }
    )


def _first_of_duplicates(table: VariantTable) -> IntArray:
    """Rows that repeat no earlier row in all 50 features (step 2)."""
    # adding zero makes -0 and 0 one value; every NaN gets the same bits
    numbers = np.column_stack([table.numeric[name] for name in NUMERIC_FEATURES]) + 0.0
    numbers[np.isnan(numbers)] = np.nan
    texts = zip(*(table.text[name] for name in CATEGORICAL_FEATURES), strict=True)
    seen: set[tuple[bytes, tuple[str | None, ...]]] = set()
    first = []
    for row, text in enumerate(texts):
        key = (numbers[row].tobytes(), text)
        if key not in seen:
            seen.add(key)
            first.append(row)
    return np.array(first, dtype=np.int64)


def _label(
    significance: Sequence[str | None], rows: IntArray, vus_inclusion: str
) -> tuple[IntArray, BoolArray]:
    """Rows with a label, and whether it is positive (step 3).

    Raises:
        TaskFailure: A value is in none of upstream's lists.
    """
    kept, positive = [], []
    unknown: Counter[str] = Counter()
    for row in rows:
        value = significance[row] or "NA"
        if value in POSITIVE or (value in UNCERTAIN and vus_inclusion == "pathogenic"):
            label = True
        elif value in NEGATIVE or (value in UNCERTAIN and vus_inclusion == "benign"):
            label = False
        elif value in UNCERTAIN:
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


def _require_values(table: VariantTable) -> None:
    """Stop as upstream's dummy coding does on a feature without any value.

    R reads such a column as logical, neither number nor text (D19).
    """
    rules = (
        ("Non-numeric columns included in `numeric_features`", NUMERIC_FEATURES),
        ("All columns in `data` must be character vectors", CATEGORICAL_FEATURES),
    )
    for message, features in rules:
        empty = [name for name in features if not _has_value(table, name)]
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


def _categories(table: VariantTable, parts: dict[str, IntArray]) -> dict[str, Categories]:
    """Categorical values per part; test values unseen in training become NA (step 5)."""
    found: dict[str, Categories] = {"train": {}, "test": {}}
    for name in CATEGORICAL_FEATURES:
        values = table.text[name]
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


def _numeric(table: VariantTable) -> FloatArray:
    """The 47 numeric features, those with an a-priori value filled (step 6)."""
    columns = []
    for name in NUMERIC_FEATURES:
        values = table.numeric[name]
        columns.append(np.where(np.isnan(values), 0.0, values) if name in A_PRIORI_ZERO else values)
    return np.column_stack(columns)


def _part(
    ids: list[str],
    positive: BoolArray,
    numeric: FloatArray,
    categories: Categories,
    categorical: str,
) -> BlockTable:
    """One part with its features in upstream's order (step 7)."""
    if categorical == "factor":
        text = {name: [str(value) for value in values] for name, values in categories.items()}
        return BlockTable(ids, positive, numeric, NUMERIC_FEATURES, text)
    dummies = [dummy for name, values in categories.items() for dummy in _dummies(name, values)]
    names = (*NUMERIC_FEATURES, *(name for name, _ in dummies))
    columns = np.column_stack([numeric, *(column for _, column in dummies)])
    return BlockTable(ids, positive, columns, names, {})


def _dummies(name: str, values: Sequence[str | None]) -> list[tuple[str, FloatArray]]:
    """One 0/1 column a level in order of first appearance; none for a single level."""
    levels = list(dict.fromkeys(values))
    if len(levels) <= 1:
        return []
    return [
        (
            f"{name}.{'NA' if level is None else level}",
            np.array([value == level for value in values], dtype=np.float64),
        )
        for level in levels
    ]
