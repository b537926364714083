"""Predictions of a model for the variants of a VCF, labelled or not.

Each row is predicted by itself: what it gets does not depend on the rows beside it,
under protocol ``amiss`` too, whose way of completing test rows needs a table (D7).
"""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from amiss_tasks.classifiers import IN_PYTHON, load
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.models._file import R_PART, ModelFile, read_model
from amiss_tasks.models._r import ModelCalls
from amiss_tasks.models._recipe import Recipe
from amiss_tasks.models._rows import AskedRows, Row, asked_rows, positions_of
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
from amiss_tasks.stages.read import read_unlabelled
from amiss_tasks.stages.table import VariantTable
from amiss_tasks.study.options import features_of
from amiss_tasks.tasks.runner import AmissRunner
from amiss_tasks.tasks.stage_results import PythonModel, PythonModels
from gridrun.errors import UserError, counted
from gridrun.pipeline import Pipeline
from gridrun.pipeline.models import Report
from gridrun.store.cache import with_replacement

COLUMNS = (
    "chromosome",
    "position",
    "ref",
    "alt",
    "transcript",
    "consequence",
    "vep_consequence",
    "probability",
    "predicted_class",
    "averaged",
    "missing",
    "missing_features",
    "note",
)
"""Columns of the table of predictions; see ``docs/models.md``."""

_POSITIVE_ABOVE = 0.5
_ALONE = "each row is imputed by itself, from what training learnt"


@dataclass(frozen=True)
class Predicted:
    """What a model says of some rows.

    Args:
        probability: P(positive), the mean over models and completions; NaN where
            there is none, shape (rows,).
        averaged: Number of probabilities that it is the mean of.
        missing: For each row the final features that it had no value for.
        notes: For each row what is to be said of it.
        refused: For each row why there is no probability, or empty.
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
    """

    def __init__(self, file: ModelFile, runner: AmissRunner) -> None:
        self.recipe = file.recipe
        self._chain = runner.chain
        self._calls = ModelCalls(runner.chain.r)
        self._classifier = str(self.recipe.classifier["name"])
        with tempfile.TemporaryDirectory(prefix="gridrun-") as directory:
            path = Path(directory) / R_PART
            path.write_bytes(file.parts[R_PART])
            kept = self._calls.read(path)
        self._state: RObject = kept["state"]
        self._in_r: RObject = kept["models"]
        self._models: RObject | PythonModels = self._in_r
        if self._classifier in IN_PYTHON:
            read = load(self._classifier).load
            self._models = PythonModels(
                PythonModel(
                    self._classifier, read(file.parts[f"model-{n + 1}.json"]), self._in_r.at(n)
                )
                for n in range(len(self._in_r))
            )

    def predict(self, table: VariantTable, features: FeatureSet) -> Predicted:
        """Predict rows, each as if it were alone.

        Raises:
            TaskFailure: R stops on them.
        """
        encoded, notes = encode(table, features, self.recipe.coding)
        final = list(self.recipe.features["final"])
        every = np.arange(table.rows)
        data = self._chain.r.cut(self._calls.table(encoded), every, final)
        method = self._chain.methods[str(self.recipe.imputation["method"])]
        seed = self.recipe.seeds["test imputation"]
        tables = self._calls.complete(method, data, self._state, seed)
        refused = [""] * table.rows
        for number in range(len(self._in_r)):
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
                        self._classifier, self._models.at(number), tables.at(completion), able
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

    A value of a categorical feature that training has not is taken as missing, as in a
    study's test part.

    Returns:
        The rows; for each, categorical features with such a value, and what to say.
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
                notes[row].append((name, f"{name} is {value}, which training has not"))
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


def predict(pipeline: Pipeline, model: Path, inputs: Mapping[str, str], file: Path) -> Report:
    """Predict variants with a model; see ``gridrun.pipeline.models.ModelPipeline``."""
    content = read_model(model)
    recipe = content.recipe
    settings = recipe.settings(inputs)
    pipeline = pipeline.of_study(settings.options)
    features = features_of(settings.options)
    parameters = {name: str(value) for name, value in recipe.parameters.items()}
    found = read_unlabelled(inputs, parameters["transcript"], features)
    asked = asked_rows(found, parameters["transcript"], parameters["restriction"])
    runner = AmissRunner(settings, lambda *_: None)
    ready = Model(content, runner)
    at = positions_of(asked.rows)
    predicted = ready.predict(found.read.take(at), features) if len(at) else None
    lines = _lines(asked.rows, predicted)
    _write(file, lines)
    warnings = [
        *_changes(pipeline, recipe, runner.environment()),
        *(note.text() for note in found.read.notes),
    ]
    return _report(file, recipe, asked, lines, warnings)


def _lines(rows: Sequence[Row], predicted: Predicted | None) -> list[dict[str, Any]]:
    """Rows of the table of predictions."""
    lines, at = [], 0
    for row in rows:
        line: dict[str, Any] = dict.fromkeys(COLUMNS, "")
        line |= dict(zip(COLUMNS, row.variant, strict=False))
        line["transcript"] = row.transcript
        line["consequence"], line["vep_consequence"] = row.consequence, row.vep_consequence
        line["note"] = f"not predicted: {row.reason}" if row.reason else ""
        if row.joined is not None:
            assert predicted is not None
            line |= _predicted_line(predicted, at)
            at += 1
        lines.append(line)
    return lines


def _predicted_line(predicted: Predicted, at: int) -> dict[str, Any]:
    missing, notes = predicted.missing[at], list(predicted.notes[at])
    found = {"missing": len(missing), "missing_features": "; ".join(missing)}
    if predicted.refused[at]:
        return {**found, "note": "; ".join([f"not predicted: {predicted.refused[at]}", *notes])}
    probability = float(predicted.probability[at])
    return {
        **found,
        "probability": repr(probability),
        "predicted_class": "positive" if probability > _POSITIVE_ABOVE else "negative",
        "averaged": predicted.averaged,
        "note": "; ".join(notes),
    }


def _write(file: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    def write(aside: Path) -> None:
        with aside.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(lines)

    try:
        with_replacement(file, write)
    except OSError as error:
        raise UserError(
            f"the predictions cannot be written: {error.strerror or error}",
            where=str(file),
            todo="name a place for them with --out",
        ) from error


def _changes(pipeline: Pipeline, recipe: Recipe, here: Mapping[str, str]) -> list[str]:
    """What is not as it was when the model was trained."""
    context = {name: recipe.parameters[name] for name in pipeline.context_reads()}
    code = pipeline.code_digests(str(recipe.classifier["name"]), context)
    warnings = [
        f"{name} is {here.get(name, 'not here')}, the model was trained with {version}: "
        "predictions may differ"
        for name, version in recipe.environment.items()
        if here.get(name) != version
    ]
    changed = [stage for stage, digest in recipe.code.items() if code.get(stage) != digest]
    if changed:
        warnings.append(
            f"gridrun's code has changed since the model was trained ({', '.join(changed)}): "
            "predictions may differ from those of the version that trained it"
        )
    return warnings


def _report(
    file: Path,
    recipe: Recipe,
    asked: AskedRows,
    lines: Sequence[Mapping[str, Any]],
    warnings: Sequence[str],
) -> Report:
    done = [line for line in lines if line["predicted_class"]]
    positive = sum(line["predicted_class"] == "positive" for line in done)
    reasons = Counter(_reason(line["note"]) for line in lines if not line["predicted_class"])
    filled = sum(bool(line["missing"]) for line in done)
    model = f"combination {recipe.combination} of {recipe.study}, {recipe.classifier['name']}"
    refused = len(lines) - len(done)
    said = [
        f"{model}, protocol {recipe.protocol['label']}: {_ALONE}",
        (
            f"{counted(len(lines), 'row')}, {len(done):,} predicted: {positive:,} positive and "
            f"{len(done) - positive:,} negative; {filled:,} of them had features imputed"
        ),
        f"{refused:,} not predicted" + (":" if refused else ""),
        *(f"  {count:,} x {reason}" for reason, count in reasons.most_common()),
    ]
    if asked.other_transcripts:
        said.append(
            f"left out {counted(asked.other_transcripts, 'row')} of other transcripts: the model "
            f"is of canonical ones"
        )
    counts = {
        "rows": len(lines),
        "predicted": len(done),
        "positive": positive,
        "filled": filled,
        "not_predicted": dict(reasons),
        "other_transcripts": asked.other_transcripts,
    }
    return Report(file, said, warnings, counts)


def _reason(note: str) -> str:
    return note.removeprefix("not predicted: ").split("; ")[0]
