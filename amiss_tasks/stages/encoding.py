"""Encoding of a part's features: numbers, and text as it is or as dummies.

Source: upstream's S02, ``upstream-behaviour`` section 3, steps 5 and 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.protocols import Protocol
from amiss_tasks.r.arrays import BoolArray, FloatArray
from amiss_tasks.r.collation import Key, text_key
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.stages.table import Made

Categories = dict[str, list[str | None]]
"""Categorical feature to the value of each row, or to some levels; None is NA."""

MISSING = "MISSING"
"""With ``factor``, NA is a value of its own, of this name."""


@dataclass(frozen=True)
class Coding:
    """How the categorical features of a table were coded.

    Args:
        levels: Categorical feature to its values, in order of first appearance; None is NA.
        dummies: Those of them that have a dummy; None where the text was left as it is.
    """

    levels: Categories
    dummies: Categories | None


def numbers_of(numeric: Mapping[str, FloatArray], features: FeatureSet) -> Made[FloatArray]:
    """The numeric features, those with an a-priori value filled (step 6)."""

    def filled(name: str) -> FloatArray:
        values, meant = numeric[name], features.a_priori.get(name)
        return values if meant is None else np.where(np.isnan(values), meant, values)

    return Made(tuple(numeric), filled)


def words_of(text: Mapping[str, Sequence[str | None]], features: FeatureSet) -> Categories:
    """The categorical features, those with an a-priori value filled."""
    words: Categories = {}
    for name, values in text.items():
        meant = features.a_priori.get(name)
        filled = None if meant is None else str(meant)
        words[name] = [filled if value is None else value for value in values]
    return words


def name_missing(categories: Categories) -> Categories:
    """With ``factor``, NA becomes a value of its own."""
    return {
        name: [MISSING if value is None else value for value in values]
        for name, values in categories.items()
    }


def part_of(
    ids: Sequence[str],
    positive: BoolArray,
    numbers: Mapping[str, FloatArray],
    categories: Categories,
    levels: Categories | None,
) -> BlockTable:
    """One part with its features in upstream's order (step 7).

    ``levels`` are those of each categorical that get a dummy; None without dummies.
    """
    if levels is None:
        text = {name: [str(value) for value in values] for name, values in categories.items()}
        return BlockTable(ids, positive, _stacked(numbers, len(ids)), tuple(numbers), text)
    dummies = [(name, level) for name in categories for level in levels[name]]
    names = (*numbers, *(f"{name}.{_level_name(level)}" for name, level in dummies))
    return BlockTable(ids, positive, _stacked(numbers, len(ids), categories, dummies), names, {})


def _stacked(
    numbers: Mapping[str, FloatArray],
    rows: int,
    categories: Categories | None = None,
    dummies: Sequence[tuple[str, str | None]] = (),
) -> FloatArray:
    """Numbers and dummies side by side, in the order of memory in which they are kept.

    Each column is made once, and none is held beside the table.
    """
    table = np.empty((rows, len(numbers) + len(dummies)), np.float64, order="F")
    for place, name in enumerate(numbers):
        table[:, place] = numbers[name]
    for place, (name, level) in enumerate(dummies, len(numbers)):
        values = (categories or {})[name]
        table[:, place] = np.fromiter((value == level for value in values), np.bool_, rows)
    return table


def levels_of(categories: dict[str, Categories], part: str, protocol: Protocol) -> Categories:
    """Levels of each categorical that get a dummy in a part, in order of first appearance.

    A single level gets none. Corrected, the test part has the training part's (D21),
    they are sorted by name (D30), and one level is left out for the others to be read
    against (D12): the first in alphabetical order, which no row has a say in.
    """
    learnt = {"dummy_columns", "dummy_levels"} & protocol.corrected
    source = "train" if learnt else part
    found: Categories = {}
    for name, values in categories[source].items():
        levels = list(dict.fromkeys(values))
        if "dummy_levels" in protocol.corrected:
            levels.sort(key=_level_key)
        if len(levels) <= 1:
            levels = []
        elif "dummies" in protocol.corrected:
            levels.remove(min(levels, key=_level_key))
        found[name] = levels
    return found


def _level_name(level: str | None) -> str:
    return "NA" if level is None else level


def _level_key(level: str | None) -> Key:
    return text_key(_level_name(level))
