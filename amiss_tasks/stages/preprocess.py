"""Stage preprocess after the labels (``label``): split, encoding and a-priori fill of one block.

In two steps, since rows that have a label can be split more than once: where the
study evaluates on held-out parts, each split is made by the worker that needs it.
Source: upstream's S02, ``upstream-behaviour`` section 3, step by step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.cut import NEWER, OLDER
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.protocols import TRAINING_SHARE, UPSTREAM_PROTOCOL, Protocol
from amiss_tasks.r.arrays import BoolArray, FloatArray, IntArray
from amiss_tasks.r.random import RRandom
from amiss_tasks.stages.block_tables import BlockTable, BlockTables
from amiss_tasks.stages.columns.words import Names
from amiss_tasks.stages.encoding import (
    Categories,
    Coding,
    levels_of,
    name_missing,
    numbers_of,
    part_of,
    words_of,
)
from amiss_tasks.stages.fold import FoldRows, rows_of_fold, rows_of_group_fold
from amiss_tasks.stages.label import first_of_duplicates
from amiss_tasks.stages.labelled_rows import Labelled
from amiss_tasks.stages.splits.draws import draw_groups, draw_rows
from amiss_tasks.stages.splits.gene_groups import require_classes, require_splittable
from amiss_tasks.stages.table import Made
from gridrun.errors import counted
from gridrun.pipeline import TaskFailure

_LEAST_ROWS = 3


def split(
    rows: Labelled,
    features: FeatureSet = AMISS,
    protocol: Protocol = UPSTREAM_PROTOCOL,
    repeat: int = 1,
) -> BlockTables:
    """Part labelled rows into training and test part, and encode both (steps 4 to 7).

    Args:
        rows: The block's rows.
        features: The study's features.
        protocol: How rows are split and encoded.
        repeat: Which split, counted from 1.

    Raises:
        TaskFailure: The training part has too few rows, or rows of one class.
    """
    return split_with_places(rows, features, protocol, repeat)[0]


def split_with_places(
    rows: Labelled,
    features: FeatureSet = AMISS,
    protocol: Protocol = UPSTREAM_PROTOCOL,
    repeat: int = 1,
) -> tuple[BlockTables, IntArray]:
    """As :func:`split`, and where the rows of both parts were, those of the training part first.

    Arguments and errors are those of :func:`split`.
    """
    parts = parts_of(rows, protocol, repeat)
    if rows.parts is not None:
        require_classes(rows.positive, parts, "a split by time")
    if rows.groups is not None:
        require_splittable(rows.groups, rows.positive, repeat)
        require_classes(rows.positive, parts, f"fold {repeat} of a split by gene")
    tables, _ = _encoded(rows, parts, features, protocol)
    return tables, np.concatenate([parts["train"], parts["test"]])


def fold_parts(
    rows: Labelled, fold: int, features: FeatureSet = AMISS, protocol: Protocol = UPSTREAM_PROTOCOL
) -> BlockTables:
    """Training and test rows of a fold, each encoded by what the training rows have (D30).

    So no test row has a say in which rows are trained on or what columns they have: what is
    drawn depends on variants and classes alone, and duplicates are dropped after it.

    Args:
        rows: The block's rows.
        fold: Fold, counted from 1.
        features: The study's features.
        protocol: How rows are split, drawn and encoded.

    Raises:
        TaskFailure: There are too few training rows, or rows of one class.
    """
    if rows.parts is not None:
        return split(rows, features, protocol)
    within = _drawn_parts(rows, protocol, 1)["train"]
    drawn = _fold_within(rows, within, fold, protocol)
    parts = {"train": within[drawn.train], "test": within[drawn.test]}
    if rows.groups is not None:
        require_classes(rows.positive, parts, f"fold {fold} of a split by gene")
    return _encoded(rows, _distinct(rows, parts, protocol), features, protocol)[0]


def _fold_within(rows: Labelled, within: IntArray, fold: int, protocol: Protocol) -> FoldRows:
    """Rows of a fold, as positions among those of the training part."""
    positive = rows.positive[within]
    if rows.groups is not None:
        groups = rows.groups[within]
        require_splittable(groups, positive, fold)
        return rows_of_group_fold(groups, positive, fold, protocol)
    ids = [rows.row_ids[row] for row in within.tolist()]
    unread = BlockTable(ids, positive, np.empty((len(ids), 0)), (), {})
    return rows_of_fold(unread, fold, protocol)


def require_trainable(rows: Labelled, protocol: Protocol, *, holds_out: bool = False) -> None:
    """Stop where no fold of a block can be trained.

    Args:
        rows: The block's rows.
        protocol: How rows are split.
        holds_out: Whether folds are splits of all rows, not of the training part.

    Raises:
        TaskFailure: The training part has too few rows, or rows of one class; or what is split
            has too few groups.
    """
    if rows.parts is not None:
        require_classes(rows.positive, parts_of(rows, protocol), "a split by time")
        return
    if holds_out and rows.groups is not None:
        require_splittable(rows.groups, rows.positive, 1)
    if holds_out:
        return
    drawn = _drawn_parts(rows, protocol, 1)
    within = _distinct(rows, {"train": drawn["train"]}, protocol)["train"]
    _require_classes(rows.positive[within])
    if rows.groups is not None:
        require_splittable(rows.groups[within], rows.positive[within], 1)


@dataclass(frozen=True)
class Whole:
    """All labelled rows of a block, for a model that is to be used.

    Args:
        table: The rows, encoded as a training part of theirs alone.
        coding: How their categorical features were coded.
    """

    table: BlockTable
    coding: Coding


def whole(
    rows: Labelled, features: FeatureSet = AMISS, protocol: Protocol = UPSTREAM_PROTOCOL
) -> Whole:
    """Encode all labelled rows as one training part (steps 5 to 7).

    Args:
        rows: The block's rows.
        features: The study's features.
        protocol: How rows are encoded; where variants are split, duplicates are dropped here.

    Raises:
        TaskFailure: There are too few rows, or rows of one class.
    """
    every = np.arange(len(rows.positive))
    if "split_by" in protocol.corrected:
        every = first_of_duplicates(rows.numeric, rows.text, every)
    tables, coding = _encoded(rows, {"train": every, "test": every[:0]}, features, protocol)
    return Whole(tables.train, coding)


def _encoded(
    rows: Labelled, parts: dict[str, IntArray], features: FeatureSet, protocol: Protocol
) -> tuple[BlockTables, Coding]:
    """Both parts encoded, and how the training part was."""
    _require_classes(rows.positive[parts["train"]])
    categories = _categories(rows.text, parts, features)
    known: Categories = {n: list(dict.fromkeys(v)) for n, v in categories["train"].items()}
    if not rows.has_dummies:
        categories = {part: name_missing(values) for part, values in categories.items()}
    numbers = numbers_of(rows.numeric, features)
    levels = {part: levels_of(categories, part, protocol) for part in parts}
    tables = BlockTables(
        **{
            part: part_of(
                _ids(rows.row_ids, of_part),
                rows.positive[of_part],
                _taken(numbers, of_part),
                categories[part],
                levels[part] if rows.has_dummies else None,
            )
            for part, of_part in parts.items()
        }
    )
    return tables, Coding(known, levels["train"] if rows.has_dummies else None)


def _ids(ids: Sequence[str], rows: IntArray) -> Sequence[str]:
    """Ids of some rows; those that are put together when they are asked for stay so."""
    return ids.take(rows) if isinstance(ids, Names) else [ids[row] for row in rows.tolist()]


def _taken(numbers: Mapping[str, FloatArray], rows: IntArray) -> Mapping[str, FloatArray]:
    return Made(tuple(numbers), lambda name: numbers[name][rows])


def parts_of(
    rows: Labelled, protocol: Protocol = UPSTREAM_PROTOCOL, repeat: int = 1
) -> dict[str, IntArray]:
    """Positions of the training (``train``) and test rows (``test``) among labelled rows (step 4).

    Arguments are those of :func:`split`.
    """
    return _distinct(rows, _drawn_parts(rows, protocol, repeat), protocol)


def _drawn_parts(rows: Labelled, protocol: Protocol, repeat: int) -> dict[str, IntArray]:
    if rows.parts is not None:
        return {n: np.flatnonzero(rows.parts == p) for n, p in (("train", OLDER), ("test", NEWER))}
    in_training = _draw_training(rows, protocol, repeat)
    return {"train": np.flatnonzero(in_training), "test": np.flatnonzero(~in_training)}


def _distinct(
    rows: Labelled, parts: dict[str, IntArray], protocol: Protocol
) -> dict[str, IntArray]:
    """Parts without duplicates within each, where those were not dropped before (D9)."""
    if "split_by" not in protocol.corrected:
        return parts
    return {n: first_of_duplicates(rows.numeric, rows.text, p) for n, p in parts.items()}


def _draw_training(rows: Labelled, protocol: Protocol, repeat: int) -> BoolArray:
    """Which of the labelled rows are drawn for the training part (step 4)."""
    seed = protocol.split_seed(repeat)
    if rows.groups is not None:
        return draw_groups(rows.groups, rows.positive, share=TRAINING_SHARE, seed=seed)
    if not {"draw_order", "split_by", "sampling"} & protocol.corrected:
        # upstream decides row by row, so the part has that share on average only
        return RRandom(seed).uniform(len(rows.positive)) < TRAINING_SHARE
    return draw_rows(
        rows.variants,
        rows.positive,
        share=TRAINING_SHARE,
        seed=seed,
        by_group="split_by" in protocol.corrected,
        stratified="sampling" in protocol.corrected,
    )


def _require_classes(positive: BoolArray) -> None:
    """Stop where every fold would fail for want of rows or of a class."""
    rows, positives = len(positive), int(positive.sum())
    if rows < _LEAST_ROWS:
        raise TaskFailure(
            f"the training part has {counted(rows, 'row')}; at least {_LEAST_ROWS} are needed"
        )
    if positives in (0, rows):
        only = "positive" if positives else "negative"
        raise TaskFailure(
            f"all {rows} rows of the training part are {only}; a classifier needs both classes"
        )


def _categories(
    text: Mapping[str, Sequence[str | None]], parts: dict[str, IntArray], features: FeatureSet
) -> dict[str, Categories]:
    """Categorical values per part; test values unseen in training become NA (step 5)."""
    found: dict[str, Categories] = {"train": {}, "test": {}}
    for name, values in words_of(text, features).items():
        training = [values[row] for row in parts["train"]]
        known = set(training)
        found["train"][name] = training
        found["test"][name] = [
            values[row] if values[row] in known else None for row in parts["test"]
        ]
    return found
