"""The result of a leaf task: trained, predicted, evaluated, with the facts worth keeping."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from amiss_tasks.r.arrays import IntArray
from amiss_tasks.r.session import RObject
from amiss_tasks.stages.added_missingness import MCAR, OPTION, RMSE
from amiss_tasks.stages.evaluate import Prediction, evaluate
from amiss_tasks.stages.predictions import Predictions, pack, pooled_row
from amiss_tasks.tasks.fold_tables import Cell
from amiss_tasks.tasks.stage_results import ImputationError, Imputed, PythonModel, Trained
from amiss_tasks.tasks.stage_runner import StageRunner, search_of
from gridrun.errors import counted
from gridrun.pipeline import TaskResult, TaskSpec


class LeafTask:
    """One leaf task on its way through the chain; each step is made when asked for.

    Args:
        chain: The stages.
        task: What to run.
        artifact: The block's artifact.

    Raises:
        TaskFailure: A step before training has no result.
    """

    def __init__(self, chain: StageRunner, task: TaskSpec, artifact: Path | None) -> None:
        self.chain = chain
        self.task = task
        self.cell: Cell = chain.cell(task, artifact)
        self.content_key: str = chain.content_key(task, self.cell)

    @cached_property
    def checked(self) -> Imputed:
        """Imputed training tables."""
        return self.chain.checked(
            self.cell,
            self.task.values,
            accepts_missing=self.chain.r.accepts_missing(self.task.classifier, self.cell.method),
        )

    @cached_property
    def trained(self) -> Trained:
        """Models of the chosen row of hyperparameters."""
        return self.chain.train(
            self.cell,
            self.task.classifier,
            self.checked,
            search_of(self.task),
            self.content_key,
        )


def outcome_of(leaf: LeafTask) -> TaskResult:
    """Train, impute the test rows, predict and evaluate.

    Raises:
        TaskFailure: R stopped with a message, or upstream has no result here.
    """
    chain, cell, classifier = leaf.chain, leaf.cell, leaf.task.classifier
    trained, imputed = leaf.trained, leaf.checked
    completed = chain.imputed_test(cell, trained.row)
    chain.hook("evaluate", leaf.content_key)
    notes = [*_mechanism_notes(cell), *cell.prepared.notes]
    notes += [*imputed.notes, *trained.notes, *completed.notes]

    def predict(
        model: RObject | PythonModel, data: RObject, rows: IntArray | None = None
    ) -> Prediction:
        found, warned = chain.r.predict(classifier, model, data, rows, cell.method)
        notes.extend(warned)
        return found

    fold, corrected = cell.fold, chain.protocol.corrected
    if fold.twins:
        of = counted(len(fold.test_positive), "test row")
        notes.append(f"{fold.twins} of {of} equal a training row in all features")
    # with D3, text is coded anew in every table that is predicted
    text_is_coded_anew = fold.has_text and "categorical_factor" not in corrected
    one_sided_mcc = 0.0 if "one_sided_mcc" in corrected else math.nan
    half_is_positive = "thresholds" not in corrected
    rows, details, errors = [], [], []
    tables, probabilities = [], []
    for number, facts in enumerate(trained.facts):
        model = trained.models.at(number)
        error = chain.imputation_error(cell, trained.row, number)
        extra: dict[str, Any] = {}
        if chain.adds_missingness:
            extra[RMSE] = error.rmse if error is not None else None
        if error is not None:
            errors.append(error)
            notes.extend(_unfilled(error))
        for completion in range(completed.count):
            of_table = partial(predict, model, completed.tables.at(completion))
            prediction = of_table()
            found = evaluate(
                fold.test_positive,
                fold.groups,
                prediction,
                of_table if text_is_coded_anew else None,
                one_sided_mcc,
                half_is_positive=half_is_positive,
            )
            names = _names(number, completion)
            tables.append((names["model_ix"], names["test_completion_ix"]))
            probabilities.append(prediction.probability)
            rows.append(_row({**found.overall, **extra}, names, facts))
            details.append([_row(one, names, facts) for one in found.per_consequence])
    predicted = Predictions(fold.test_ids, fold.test_positive, tables, np.array(probabilities))
    return TaskResult(
        rows=rows,
        # consequence after consequence, as upstream's table has them
        details=[one for group in zip(*details, strict=True) for one in group],
        notes=_counted(notes),
        facts={**_facts(leaf), **_removal(cell, errors)},
        pooled=pooled_row(predicted, one_sided_mcc, half_is_positive=half_is_positive),
        payloads=pack(predicted) if chain.keeps_predictions else {},
    )


def _facts(leaf: LeafTask) -> dict[str, Any]:
    cell, checked, trained = leaf.cell, leaf.checked, leaf.trained
    fold, prepared = cell.fold, cell.prepared
    return {
        "features": list(prepared.features),
        "n_rows": len(prepared.rows),
        "n_variants": len({fold.train_variants[row] for row in prepared.rows}),
        "n_test_rows": len(fold.test_positive),
        "n_test_variants": fold.n_test_variants,
        "low_variance": list(prepared.low_variance),
        "correlated": list(prepared.correlated),
        "dropped_after_imputation": list(checked.dropped[trained.row]),
        **_indicators(leaf),
        **_choice(cell, trained),
        "fits": trained.fits,
        **_settings(leaf),
    }


def _indicators(leaf: LeafTask) -> dict[str, Any]:
    """Features that have an indicator, in a combination with these."""
    if not leaf.cell.method.indicators:
        return {}
    state = leaf.chain.imputed(leaf.cell, accepts_missing=True).states.at(leaf.trained.row)
    return {"indicators": list(state["indicators"].python())}


def _settings(leaf: LeafTask) -> dict[str, Any]:
    """The classifier's settings; what there is to know of files of the user's own."""
    chain, classifier, method = leaf.chain, leaf.task.classifier, leaf.cell.method
    settings: Mapping[str, Any] = leaf.trained.facts[0]["settings"]
    own = [chain.own_classifiers[classifier]] if classifier in chain.own_classifiers else []
    # a setting of one's own may have any name
    found = {"settings": dict(settings)} if own else dict(settings)
    if method.own is not None:
        own.append(method.own)
    if own:
        found["own_packages"] = chain.r.own_packages(own)
    return found


def _choice(cell: Cell, trained: Trained) -> dict[str, Any]:
    """Facts about the rows of hyperparameters that were compared."""
    own = [facts["selection_mcc"] for facts in trained.facts]
    found: dict[str, Any] = {"selection_mcc": sum(own) / len(own)}
    if cell.method.axes:
        found["imputation_row"] = trained.row + 1
        found["imputation_hp"] = dict(cell.rows[trained.row])
        found["imputation_rows"] = compared_rows(cell, trained)
    return found


def compared_rows(cell: Cell, trained: Trained) -> list[dict[str, Any]]:
    """Rows of hyperparameters with the MCC they were compared by; None where there is none."""
    return [
        {**row, "selection_mcc": None if mcc == -math.inf else mcc}
        for row, mcc in zip(cell.rows, trained.mcc, strict=True)
    ]


def _unfilled(error: ImputationError) -> list[str]:
    """A note on removed values that the method did not impute."""
    if not error.unfilled:
        return []
    note = f"{error.unfilled} of {counted(error.cells, 'removed value')} got no value in their "
    "place"
    return [f"{note}, so there is no {RMSE}"]


def _removal(cell: Cell, errors: Sequence[ImputationError]) -> dict[str, Any]:
    """Facts about what was removed; those by feature are of model_1."""
    removed = cell.fold.removed
    if removed is None:
        return {}
    found = removed.amputed
    facts: dict[str, Any] = {
        "known": found.known,
        "removed": found.removed,
        "achieved_share": found.removed / found.known if found.known else None,
        "compared": errors[0].cells,
        "rmse_by_feature": dict(errors[0].by_feature),
    }
    if removed.mechanism != MCAR:
        facts["mechanism"] = removed.mechanism
        facts["driver"] = found.driver
        facts["at_random"] = found.at_random
    return {OPTION: facts}


def _mechanism_notes(cell: Cell) -> list[str]:
    """Notes where the removal of values is not, or not for the method, what it is called."""
    removed = cell.fold.removed
    if removed is None:
        return []
    notes, found, driver = [], removed.amputed, removed.amputed.driver
    if found.at_random:
        lacks = f"their row has no value of {driver}, or " if driver else ""
        notes.append(
            f"{found.at_random} of {counted(found.known, 'known value')} were removed or kept at "
            f"random, not by {removed.mechanism}: {lacks}their feature has too few values"
        )
    if driver is not None and driver not in cell.prepared.features:
        notes.append(
            f"values were removed by {driver} ({removed.mechanism}), which is not among the "
            "features of this combination: for the method they are missing not at random"
        )
    return notes


def _names(model: int, completion: int) -> dict[str, str]:
    """Upstream's names of a model and of an imputed test table, both counted from 0."""
    return {"model_ix": f"model_{model + 1}", "test_completion_ix": f"imp_{completion + 1}"}


def _row(
    found: Mapping[str, Any], names: Mapping[str, str], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Upstream's columns of a result row, after its consequence if it has one."""
    row = dict(found)
    head = {"consequence": row.pop("consequence")} if "consequence" in row else {}
    te_time = row.pop("te_time")
    return {**head, **names, **row, "tr_time": facts["seconds"], "te_time": te_time}


def _counted(notes: Iterable[str]) -> list[str]:
    """Each warning once, with how often it came."""
    return [
        f"{note} ({count} times)" if count > 1 else note for note, count in Counter(notes).items()
    ]
