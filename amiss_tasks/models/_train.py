"""A model of one combination and classifier on given tables, trained as a fold trains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from amiss_tasks.protocols import protocol_of
from amiss_tasks.r.arrays import IntArray
from amiss_tasks.r.session import RObject
from amiss_tasks.stages.block_tables import BlockTable, BlockTables
from amiss_tasks.stages.preprocess import Whole, whole
from amiss_tasks.study.options import features_of
from amiss_tasks.tasks.fold_tables import Cell, FoldTables, tables_of
from amiss_tasks.tasks.source import AmissSource
from amiss_tasks.tasks.stage_results import Imputed, Trained
from amiss_tasks.tasks.stage_runner import StageRunner, search_of
from gridrun.pipeline import TaskSpec, Value
from gridrun.pipeline.models import Chosen

ALL_ROWS = 0
"""Number that stands for a fold's where all rows are trained on: folds count from 1, so where
each fold has seeds of its own, so has this one."""


@dataclass(frozen=True)
class TrainedModel:
    """A trained model, with the tables it was trained on.

    Args:
        cell: Rows, features and method.
        checked: Imputed training tables.
        trained: Models of the chosen row of hyperparameters.
        state: What imputing other rows needs to know of training, in R.
    """

    cell: Cell
    checked: Imputed
    trained: Trained
    state: RObject


def train(
    chain: StageRunner, fold: FoldTables, values: Mapping[str, Value], classifier: str
) -> TrainedModel:
    """Prepare, impute and train on a fold's training table.

    Args:
        chain: The stages.
        fold: The tables; its number decides the seeds.
        values: Of all parameters.
        classifier: Which classifier.

    Raises:
        TaskFailure: A stage has no result.
    """
    task = TaskSpec(0, 0, fold.number, classifier, values)
    cell = chain.cell_of(fold, values)
    accepts_missing = chain.r.accepts_missing(classifier, cell.method)
    checked = chain.checked(cell, values, accepts_missing=accepts_missing)
    key = chain.content_key(task, cell)
    trained = chain.train(cell, classifier, checked, search_of(task), key)
    imputed = chain.imputed(cell, accepts_missing=accepts_missing)
    return TrainedModel(cell, checked, trained, imputed.states.at(trained.row))


def all_rows(chosen: Chosen) -> Whole:
    """All labelled rows of a combination's block, through the study's cache as a run reads them.

    Raises:
        InputError: The inputs are at fault.
        TaskFailure: The block cannot be made.
    """
    source = AmissSource(chosen.settings, chosen.allowed, chosen.cache)
    rows = source.labelled(chosen.values)
    return whole(rows, features_of(chosen.settings.options), protocol_of(chosen.settings))


def tables_without_test(
    chain: StageRunner, table: BlockTable, number: int = ALL_ROWS
) -> FoldTables:
    """A table to be trained on, with no row to be tested."""
    none: IntArray = table.positive.nonzero()[0][:0]
    return tables_of(chain.r, BlockTables(table, table.take(none)), number, chain.protocol)


def settings_of(found: TrainedModel) -> list[dict[str, Any]]:
    """Chosen settings of each model, with the MCC that the row of hyperparameters was chosen by."""
    return [
        {"selection_mcc": facts["selection_mcc"], **facts["settings"]}
        for facts in found.trained.facts
    ]
