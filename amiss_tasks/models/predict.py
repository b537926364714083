"""The table of predictions of a model for the variants of a VCF, labelled or not."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from amiss_tasks.models._file import RECIPE, read_model
from amiss_tasks.models._model import Model, Predicted
from amiss_tasks.models._recipe import Recipe, versions_of
from amiss_tasks.models._rows import Row, RowsToPredict, positions_of, rows_to_predict
from amiss_tasks.models.annotation import Annotation, annotation_of
from amiss_tasks.r.own_file import OWN_CLASSIFIERS, OWN_METHODS, OwnFile, own_files
from amiss_tasks.stages.read import read_unlabelled
from amiss_tasks.study.options import features_of, methods_of
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.errors import Fault, InputError, UserError, counted
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
_KINDS = {"canonical": "canonical", "mane": "MANE Select"}
_ALONE = "each row is imputed by itself, from what training learnt"
_KEPT = "each row is predicted by itself, its missing values kept"


def predict(
    pipeline: Pipeline, model: Path, inputs: Mapping[str, str], file: Path, *, trust: bool
) -> Report:
    """Predict variants with a model; see ``gridrun.pipeline.models.ModelPipeline``."""
    content = read_model(model)
    recipe = content.recipe
    if not trust:
        _refuse_foreign_code(recipe, model)
    settings = recipe.settings(inputs)
    pipeline = pipeline.of_study(settings.options)
    features = features_of(settings.options)
    parameters = {name: str(value) for name, value in recipe.parameters.items()}
    _refuse_other_inputs(recipe, inputs, model)
    annotation = annotation_of(inputs, features)
    _refuse_other_columns(recipe, annotation, Path(inputs["vcf"]))
    found = read_unlabelled(inputs, parameters["transcript"], features)
    asked = rows_to_predict(found, parameters["transcript"], parameters["restriction"])
    runner = AmissRunner(settings, lambda *_: None)
    ready = Model(content, runner)
    at = positions_of(asked.rows)
    predicted = ready.predict(found.read.take(at), features) if len(at) else None
    lines = _lines(asked.rows, predicted)
    _write(file, lines)
    warnings = [
        *_changes(pipeline, recipe, versions_of(runner, own_of(recipe))),
        *_other_releases(recipe, annotation),
        *(note.text() for note in found.read.notes),
    ]
    return _report(file, recipe, asked, lines, warnings)


def own_of(recipe: Recipe) -> list[OwnFile]:
    """Files of the study's own that a model runs."""
    method = own_files(recipe.options, OWN_METHODS).get(str(recipe.imputation["method"]))
    classifier = own_files(recipe.options, OWN_CLASSIFIERS).get(str(recipe.classifier["name"]))
    return [file for file in (method, classifier) if file is not None]


def _refuse_foreign_code(recipe: Recipe, model: Path) -> None:
    """Stop before anything is run that the model's author wrote."""
    files = [
        f"{file.file} (of {file.name}, {counted(len(file.text.splitlines()), 'line')})"
        for file in own_of(recipe)
    ] + [f"{name}.py beside it" for file in own_of(recipe) for name, _ in file.modules]
    if files:
        raise UserError(
            f"predicting with this model would run code that it brings along: {', '.join(files)}",
            where=str(model),
            todo=f'read it below "options" in its {RECIPE}, for the model is a zip file; if you '
            "trust it, give --trust",
        )


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


def _refuse_other_inputs(recipe: Recipe, inputs: Mapping[str, str], model: Path) -> None:
    """Stop where the model would be given other inputs than it was trained with."""
    lacking = [role for role in recipe.inputs if role not in inputs]
    more = [role for role in inputs if role not in recipe.inputs]
    if recipe.inputs and (lacking or more):
        advice = [f"give it {', '.join(lacking)} too"] if lacking else []
        advice += [f"leave {', '.join(more)} out"] if more else []
        raise UserError(
            f"the model was trained with {', '.join(recipe.inputs)} and predicts from nothing else",
            where=str(model),
            todo=", and ".join(advice),
        )


def _refuse_other_columns(recipe: Recipe, here: Annotation, vcf: Path) -> None:
    """Stop where the model would be given another column than it was trained on."""
    final = recipe.features["final"]
    others = [
        (name, column, here.sources[name])
        for name, column in recipe.sources.items()
        # a dummy's name begins with its feature's
        if here.sources.get(name, column) != column and any(f.startswith(name) for f in final)
    ]
    if others:
        raise InputError(
            [
                Fault(
                    vcf,
                    f"feature {name} was learnt from {column}, and would be read from {other} here",
                    todo=f"annotate these variants with {column} as well, or train a model on "
                    f"{other}: the two are different scores",
                )
                for name, column, other in others
            ]
        )


def _other_releases(recipe: Recipe, here: Annotation) -> list[str]:
    return [
        f"the model was trained on {release}; input {role} here comes from {here.releases[role]}"
        for role, release in recipe.releases.items()
        if here.releases.get(role, release) != release
    ]


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
    asked: RowsToPredict,
    lines: Sequence[Mapping[str, Any]],
    warnings: Sequence[str],
) -> Report:
    done = [line for line in lines if line["predicted_class"]]
    positive = sum(line["predicted_class"] == "positive" for line in done)
    reasons = Counter(_reason(line["note"]) for line in lines if not line["predicted_class"])
    filled = sum(bool(line["missing"]) for line in done)
    model = f"combination {recipe.combination} of {recipe.study}, {recipe.classifier['name']}"
    refused = len(lines) - len(done)
    keeps = methods_of(recipe.options)[str(recipe.imputation["method"])].keeps_missing
    said = [
        f"{model}, protocol {recipe.protocol['label']}: {_KEPT if keeps else _ALONE}",
        *recipe.folds_said(),
        (
            f"{counted(len(lines), 'row')}, {len(done):,} predicted: {positive:,} positive and "
            f"{len(done) - positive:,} negative; {filled:,} of them had features "
            + ("missing" if keeps else "imputed")
        ),
        f"{refused:,} not predicted" + (":" if refused else ""),
        *(f"  {count:,} x {reason}" for reason, count in reasons.most_common()),
    ]
    if asked.other_transcripts:
        kind = _KINDS.get(str(recipe.parameters["transcript"]), "")
        said.append(
            f"left out {counted(asked.other_transcripts, 'row')} of other transcripts: the model "
            f"is of {kind} ones"
        )
    counts = {
        "rows": len(lines),
        "predicted": len(done),
        "positive": positive,
        "filled": filled,
        "not_predicted": dict(reasons),
        "other_transcripts": asked.other_transcripts,
        "folds": recipe.folds,
    }
    return Report(file, said, warnings, counts)


def _reason(note: str) -> str:
    return note.removeprefix("not predicted: ").split("; ")[0]
