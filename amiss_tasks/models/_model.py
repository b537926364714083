"""A model that was read from its file, and how it predicts rows.

Each row is predicted by itself: what it gets does not depend on the rows beside it,
under protocol ``amiss`` too, which imputes test rows from the whole test table (D7).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from amiss_tasks.classifiers import IN_PYTHON, load
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.models._boosted import check_boosted
from amiss_tasks.models._file import R_PART, ModelFile
from amiss_tasks.models._plain import Plain
from amiss_tasks.models._r import ModelCalls
from amiss_tasks.r.arrays import FloatArray
from amiss_tasks.r.session import RObject
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.stages.encoding import (
    Categories,
    Coding,
    name_missing,
    numbers_of,
    part_of,
    words_of,
)
from amiss_tasks.stages.table import VariantTable
from amiss_tasks.tasks.runner import AmissRunner
from amiss_tasks.tasks.stage_results import PythonModel, PythonModels

_FOREST = "rf"
_CHECKS: Mapping[str, Callable[[bytes, int], None]] = {"xgboost": check_boosted}
"""What looks at the models of each classifier in Python before they are read."""


@dataclass(frozen=True)
class Predicted:
    """Predictions of some rows.

    Args:
        probability: P(positive), the mean over models and imputed tables; NaN where
            there is none, shape (rows,).
        averaged: Number of probabilities that it is the mean of.
        missing: For each row, the final features that it had no value for.
        notes: For each row, notes for the table.
        refused: For each row, why there is no probability, or empty.
    """

    probability: FloatArray
    averaged: int
    missing: Sequence[Sequence[str]]
    notes: Sequence[Sequence[str]]
    refused: Sequence[str]


class Model:
    """A model that was read, ready to predict.

    Args:
        file: What the file holds.
        runner: R, with the settings of the recipe.

    Raises:
        ValueError: The file holds no such model.
        TaskFailure: The same, in R's words.
    """

    def __init__(self, file: ModelFile, runner: AmissRunner) -> None:
        self.recipe = file.recipe
        self._chain = runner.chain
        self._calls = ModelCalls(runner.chain.r)
        self._classifier = str(self.recipe.classifier["name"])
        kept = self._kept(file)
        self._state: RObject = kept["state"]
        self._in_r: RObject = kept["models"]
        self._models: RObject | PythonModels = self._in_r
        if self._classifier in IN_PYTHON:
            self._models = PythonModels(
                PythonModel(self._classifier, self._boosted(file, number), self._in_r.at(number))
                for number in range(len(self._in_r))
            )

    def _kept(self, file: ModelFile) -> RObject:
        """What R keeps of the model."""
        if not file.is_serialised:
            kept = self._calls.of_plain(Plain.from_parts(file.parts))
            if self._classifier == _FOREST:
                self._calls.require_forests(kept["models"])
            return kept
        with tempfile.TemporaryDirectory(prefix="gridrun-") as directory:
            path = Path(directory) / R_PART
            path.write_bytes(file.parts[R_PART])
            return self._calls.read_serialised(path)

    def _boosted(self, file: ModelFile, number: int) -> Any:
        """A model in Python, counted from 0."""
        content = file.parts[f"model-{number + 1}.json"]
        if not file.is_serialised:
            _CHECKS[self._classifier](content, len(self._in_r.at(number)["columns"]))
        return load(self._classifier).load(content)

    def predict(self, table: VariantTable, features: FeatureSet) -> Predicted:
        """Predict rows, each as if it were alone.

        Raises:
            TaskFailure: R stops on them.
        """
        encoded, notes = encode(table, features, self.recipe.coding)
        final = list(self.recipe.features["final"])
        every = np.arange(table.rows)
        data = self._chain.r.cut(self._calls.table(encoded), every, final)
        method = self._chain.method_of(self.recipe.parameters)
        accepts_missing = self._chain.r.accepts_missing(self._classifier, method)
        seed = self.recipe.seeds["test imputation"]
        tables = self._calls.complete(method, data, self._state, seed)
        refused = [""] * table.rows
        for number in range(0 if accepts_missing else len(self._in_r)):
            left = self._calls.left_missing(tables, self._in_r.at(number))
            refused = [
                before or (f"imputation leaves no value for {names}" if names else "")
                for before, names in zip(refused, left, strict=True)
            ]
        able = np.flatnonzero([not reason for reason in refused])
        probability = np.full(table.rows, np.nan)
        if len(able):
            # one after another: a mean of numpy's may round otherwise for another shape
            total = np.zeros(len(able))
            for number in range(len(self._in_r)):
                for completion in range(len(tables)):
                    total = total + self._calls.predict(
                        self._classifier,
                        self._models.at(number),
                        tables.at(completion),
                        able,
                        accepts_missing=accepts_missing,
                    )
            probability[able] = total / (len(self._in_r) * len(tables))
        return Predicted(
            probability,
            len(self._in_r) * len(tables),
            missing_of(encoded, final),
            [[note for name, note in said if _is_used(name, final)] for said in notes],
            refused,
        )


def encode(
    table: VariantTable, features: FeatureSet, coding: Coding
) -> tuple[BlockTable, list[list[tuple[str, str]]]]:
    """Rows encoded as the training table was.

    A value of a categorical feature that did not occur in training is taken as missing, as in
    a study's test part.

    Returns:
        The rows; for each, the categorical features with such a value, each with a note.
    """
    numeric = {name: table.numeric[name] for name in features.numeric}
    text = {name: table.text[name] for name in features.categorical}
    notes: list[list[tuple[str, str]]] = [[] for _ in range(table.rows)]
    words: Categories = {}
    for name, values in words_of(text, features).items():
        known = set(coding.levels[name])
        words[name] = [value if value in known else None for value in values]
        for row, value in enumerate(values):
            if value is not None and value not in known:
                notes[row].append((name, f"{name} is {value}, which did not occur in training"))
    if coding.dummies is None:
        words = name_missing(words)
    return (
        part_of(
            [""] * table.rows,
            np.zeros(table.rows, dtype=np.bool_),
            numbers_of(numeric, features),
            words,
            coding.dummies,
        ),
        notes,
    )


def missing_of(table: BlockTable, features: Sequence[str]) -> list[list[str]]:
    """For each row the numeric ones of these features that it has no value for."""
    at = [name for name in features if name in table.numeric_names]
    columns = [table.numeric_names.index(name) for name in at]
    gaps = np.isnan(table.numeric[:, columns])
    return [[at[column] for column in np.flatnonzero(row)] for row in gaps]


def _is_used(categorical: str, final: Sequence[str]) -> bool:
    """Whether a categorical feature, or a dummy of it, is among the final ones."""
    return any(name == categorical or name.startswith(f"{categorical}.") for name in final)
