"""Labels of a block's rows: named, without duplicates, positive or negative (steps 1 to 3).

Source: upstream's S02, ``upstream-behaviour`` section 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import GENE, TIME, FeatureSet
from amiss_tasks.protocols import UPSTREAM_PROTOCOL, Protocol
from amiss_tasks.r.arrays import BoolArray, FloatArray, IntArray
from amiss_tasks.stages.columns.words import Words, filled, is_none
from amiss_tasks.stages.labelled_rows import Labelled
from amiss_tasks.stages.null_models import count_missing, levels_of, missing_of
from amiss_tasks.stages.row_ids import row_names
from amiss_tasks.stages.significance import UPSTREAM_SIGNIFICANCE, Significance
from amiss_tasks.stages.table import Made, VariantTable
from gridrun.errors import GridrunError, counted
from gridrun.pipeline import TaskFailure

_POSITIVE, _NEGATIVE, _NEITHER, _UNKNOWN = 1, 0, -1, -2
_SHARES = 16
"""In how many rounds repeats of rows are found."""

_OF_UNCERTAIN = {"pathogenic": _POSITIVE, "benign": _NEGATIVE}
"""Value of ``vus_inclusion`` to what uncertain variants count as."""


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
    names = row_names(table, as_text="row_ids" in protocol.corrected)
    # an optional feature without any value says nothing of these rows
    present = [f.name for f in features.features if not f.optional or _has_value(table, f.name)]
    of_numbers = [name for name in features.numeric if name in present]
    numeric = Made(of_numbers, table.numeric.__getitem__)
    of_text = [name for name in features.categorical if name in present]
    text = Made(of_text, table.text.__getitem__)
    every = np.arange(table.rows)
    by_variant = "split_by" in protocol.corrected
    # Where variants are split, duplicates are dropped after the split, in each part by itself:
    # dropped here, a row could be lost because it repeats one of the other part.
    distinct = every if by_variant else first_of_duplicates(numeric, text, every)
    kept, positive = _label(Words.of(table.text["CLNSIG"]), distinct, vus_inclusion, significance)
    del every, distinct
    if categorical == "dummy":
        _require_values(table, features.of_table(present))
    levels = levels_of(table, features, present, names.consequences)
    levels = {name: values[kept] for name, values in levels.items()}
    names = names.take(kept)

    def words(name: str) -> Words[str | None]:
        return Words.of(table.text[name]).take(kept)

    missing = missing_of(table, features, present)
    vep = words("Consequence.y")
    return Labelled(
        row_ids=names.ids,
        variants=names.variants,
        positive=positive,
        numeric=Made(tuple(numeric), lambda name: numeric[name][kept]),
        text={name: words(name) for name in text},
        has_dummies=categorical == "dummy",
        # if some feature cannot exist on all
        vep_consequences=vep if any(f.applies_to for f in features.features) else [],
        levels=levels,
        missingness=count_missing(
            Made(tuple(missing), lambda name: missing[name][kept]),
            names.consequences.beside(vep),
            positive,
        ),
        genes=words(GENE) if GENE in table.text else (),
        times=words(TIME) if TIME in table.text else (),
    )


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
    rows = np.asarray(rows, np.int64)
    columns = Made((*numeric, *text), lambda name: _bits(name, numeric, text)[rows])
    keys = np.zeros((2, len(rows)), np.uint64)
    for name in columns:
        _mix(keys, columns[name])
    again, before = _repeats(keys)
    del keys
    for name in columns if len(again) else ():
        values = columns[name]
        if not np.array_equal(values[again], values[before]):
            other = values[again] != values[before]
            raise GridrunError(
                f"rows {rows[before][other][0] + 1:,} and {rows[again][other][0] + 1:,} of a block "
                f"differ in {name}, and have one number of 128 bits by which equal rows are known",
                todo="no number was computed of it; that is one chance in 10^20, so please report "
                "it. Another selection of the block's rows (transcript, quality, restriction) runs",
            )
    kept = np.ones(len(rows), np.bool_)
    kept[again] = False
    return rows[kept]


def _bits(
    name: str, numeric: Mapping[str, FloatArray], text: Mapping[str, Sequence[str | None]]
) -> npt.NDArray[np.uint64]:
    """The values of a feature as whole numbers, the same for equal ones alone."""
    if name not in numeric:
        return Words.of(text[name]).codes.astype(np.uint64)
    # adding zero makes -0 and 0 one value; every NaN gets the same bits
    found = numeric[name] + 0.0
    found[np.isnan(found)] = np.nan
    return found.view(np.uint64)


def _mix(keys: npt.NDArray[np.uint64], bits: npt.NDArray[np.uint64]) -> None:
    """Take a column into the keys of rows. Source: the rounds of splitmix64, with two seeds."""
    for row, seed in enumerate((0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)):
        key = keys[row]
        key += np.uint64(seed)
        key ^= bits
        key ^= key >> np.uint64(30)
        key *= np.uint64(0xBF58476D1CE4E5B9)
        key ^= key >> np.uint64(27)
        key *= np.uint64(0x94D049BB133111EB)
        key ^= key >> np.uint64(31)


def _repeats(keys: npt.NDArray[np.uint64]) -> tuple[IntArray, IntArray]:
    """Rows whose key an earlier row has, and of each the first that has it.

    Rows are compared a share at a time, by their last bits, so that sorting holds little.
    """
    found = []
    for share in range(_SHARES):
        own = np.flatnonzero(keys[0] % np.uint64(_SHARES) == share)
        order = own[np.lexsort(keys[:, own])]
        is_first = np.ones(len(order), np.bool_)
        in_order = keys[:, order]
        is_first[1:] = (in_order[:, 1:] != in_order[:, :-1]).any(axis=0)
        firsts = order[is_first][np.cumsum(is_first) - 1]
        found.append((order[~is_first], firsts[~is_first]))
    again, before = zip(*found, strict=True)
    return np.concatenate(again), np.concatenate(before)


def _label(
    values: Words[str | None], rows: IntArray, vus_inclusion: str, significance: Significance
) -> tuple[IntArray, BoolArray]:
    """Rows with a label, and whether it is positive (step 3).

    Raises:
        TaskFailure: A value counts as nothing that is known.
    """
    labels = {
        **dict.fromkeys(significance.uncertain, _OF_UNCERTAIN.get(vus_inclusion, _NEITHER)),
        **dict.fromkeys(significance.negative, _NEGATIVE),
        **dict.fromkeys(significance.positive, _POSITIVE),
    }
    named = filled(values, "NA")
    found = np.array([labels.get(value, _UNKNOWN) for value in named.distinct], np.int8)
    found = found[named.codes[rows]]
    unknown = Counter(named.take(rows[found == _UNKNOWN]))
    if unknown:
        said = ", ".join(
            f'"{value}" (' + counted(count, "row") + ")" for value, count in unknown.most_common()
        )
        raise TaskFailure(f"CLNSIG has values that upstream cannot label: {said}")
    is_kept = found >= 0
    return rows[is_kept], found[is_kept] == _POSITIVE


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
    return not Words.of(table.text[feature]).are(is_none).all()
