"""Labels of a block's rows: named, without duplicates, positive or negative (steps 1 to 3).

Source: upstream's S02, ``upstream-behaviour`` section 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import GENE, TIME, VARIANT, FeatureSet
from amiss_tasks.protocols import UPSTREAM_PROTOCOL, Protocol
from amiss_tasks.r.arrays import BoolArray, FloatArray, IntArray
from amiss_tasks.stages.block_tables import consequence_of
from amiss_tasks.stages.labelled_rows import Labelled
from amiss_tasks.stages.null_models import count_missing, levels_of, missing_of
from amiss_tasks.stages.row_ids import row_ids
from amiss_tasks.stages.significance import UPSTREAM_SIGNIFICANCE, Significance
from amiss_tasks.stages.table import VariantTable
from gridrun.errors import counted
from gridrun.pipeline import TaskFailure


def label(
    table: VariantTable,
    vus_inclusion: str,
    categorical: str,
    features: FeatureSet = AMISS,
    significance: Significance = UPSTREAM_SIGNIFICANCE,
    *,
    protocol: Protocol = UPSTREAM_PROTOCOL,
) -> Labelled:
    """The rows of a block that have a label (steps 1 to 3).

    Args:
        table: The block's joined and filtered rows.
        vus_inclusion: ``pathogenic``, ``benign`` or ``exclude``.
        categorical: ``dummy`` or ``factor``.
        features: The study's features.
        significance: What values of CLNSIG count as.
        protocol: How rows are named and repeats of them dropped (D9, D20).

    Returns:
        The rows; ids as upstream writes them, unless the protocol says otherwise.

    Raises:
        TaskFailure: What stops upstream here (no row, duplicate ids, a CLNSIG outside
            the lists, a categorical feature without a value).
    """
    if table.rows == 0:
        raise TaskFailure("no row is left after filtering")
    ids = row_ids(table, as_text="row_ids" in protocol.corrected)
    # an optional feature without any value says nothing of these rows
    present = [f.name for f in features.features if not f.optional or _has_value(table, f.name)]
    numeric = {name: table.numeric[name] for name in features.numeric if name in present}
    text = {name: table.text[name] for name in features.categorical if name in present}
    every = np.arange(table.rows)
    by_variant = "split_by" in protocol.corrected
    # Where variants are split, duplicates are dropped after the split, in each part by itself:
    # dropped here, a row could be lost because it repeats one of the other part.
    distinct = every if by_variant else first_of_duplicates(numeric, text, every)
    kept, positive = _label(table.text["CLNSIG"], distinct, vus_inclusion, significance)
    if categorical == "dummy":
        _require_values(table, features.of_table(present))
    levels = levels_of(table, features, present, ids)
    return Labelled(
        row_ids=[ids[row] for row in kept],
        variants=["\t".join(table.text[name][row] or "NA" for name in VARIANT) for row in kept],
        positive=positive,
        numeric={name: values[kept] for name, values in numeric.items()},
        text={name: [values[row] for row in kept] for name, values in text.items()},
        has_dummies=categorical == "dummy",
        vep_consequences=_consequences(table, features, kept),
        levels={name: values[kept] for name, values in levels.items()},
        missingness=count_missing(
            {name: flags[kept] for name, flags in missing_of(table, features, present).items()},
            [(consequence_of(ids[row]), table.text["Consequence.y"][row]) for row in kept],
            positive,
        ),
        genes=[table.text[GENE][row] for row in kept] if GENE in table.text else (),
        times=[table.text[TIME][row] for row in kept] if TIME in table.text else (),
    )


def _consequences(table: VariantTable, features: FeatureSet, rows: IntArray) -> list[str | None]:
    """VEP's consequence of rows, if some feature cannot exist on all."""
    if not any(feature.applies_to for feature in features.features):
        return []
    return [table.text["Consequence.y"][row] for row in rows]


def first_of_duplicates(
    numeric: Mapping[str, FloatArray], text: Mapping[str, Sequence[str | None]], rows: IntArray
) -> IntArray:
    """Rows that repeat no earlier one of them in all features (step 2).

    Args:
        numeric: Feature to the values of all rows; -0 is 0, NaN equals NaN.
        text: Feature to the words of all rows.
        rows: Positions among all rows, in the order in which they are looked at.

    Returns:
        Those positions, in the same order.
    """
    # adding zero makes -0 and 0 one value; every NaN gets the same bits
    numbers = np.column_stack([*numeric.values()]) + 0.0
    numbers[np.isnan(numbers)] = np.nan
    texts = [*text.values()]
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
        found = ", ".join(
            f'"{value}" (' + counted(count, "row") + ")" for value, count in unknown.most_common()
        )
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
                f"{message}: no value in any of {counted(table.rows, 'row')} for {', '.join(empty)}"
            )


def _has_value(table: VariantTable, feature: str) -> bool:
    if feature in table.numeric:
        return not bool(np.isnan(table.numeric[feature]).all())
    return any(value is not None for value in table.text[feature])
