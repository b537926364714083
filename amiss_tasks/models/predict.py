"""The table of predictions of a model for the variants of a VCF, labelled or not."""

from __future__ import annotations

import csv
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.models._file import R_PART, RECIPE, ModelFile, no_model, read_model
from amiss_tasks.models._model import Model, Predicted
from amiss_tasks.models._recipe import Recipe, versions_of
from amiss_tasks.models._rows import Row, positions_of, rows_to_predict
from amiss_tasks.models.annotation import Annotation, annotation_of
from amiss_tasks.r.own_file import OWN_CLASSIFIERS, OWN_METHODS, OwnFile, own_files
from amiss_tasks.stages.read import UnlabelledRows, read_unlabelled
from amiss_tasks.study.options import features_of, methods_of
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.errors import Fault, InputError, UserError, counted, time_left
from gridrun.pipeline import Pipeline, TaskFailure
from gridrun.pipeline.models import Report
from gridrun.plan.limits import Limits
from gridrun.store.cache import replacing
from gridrun.store.faults import disk_fault

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

SECONDS = 15.0
"""Time between two words on how far predicting is."""

_POSITIVE_ABOVE = 0.5
_KINDS = {"canonical": "canonical", "mane": "MANE Select"}
_ALONE = "each row is imputed by itself, from what training learnt"
_KEPT = "each row is predicted by itself, its missing values kept"


def predict(
    pipeline: Pipeline, model: Path, inputs: Mapping[str, str], file: Path, *, trust: bool
) -> Generator[str, None, Report]:
    """Predict variants with a model; see ``gridrun.pipeline.models.ModelPipeline``."""
    content = read_model(model)
    recipe = content.recipe
    if not trust:
        _refuse_foreign_code(content, model)
    settings = recipe.settings(inputs)
    pipeline = pipeline.of_study(settings.options)
    features = features_of(settings.options)
    _refuse_other_inputs(recipe, inputs, model)
    annotation = annotation_of(inputs, features)
    _refuse_other_columns(recipe, annotation, Path(inputs["vcf"]))
    with tempfile.TemporaryDirectory(prefix="gridrun-") as directory:
        transcript = str(recipe.parameters["transcript"])
        found = read_unlabelled(
            inputs, transcript, features, Path(directory), most_bytes=Limits().read_bytes
        )
        runner = AmissRunner(settings, lambda *_: None)
        ready = _read(content, runner, model)
        yield "predicting"
        counts, told, began = _Counts(), 0.0, time.monotonic()
        with _table(file) as write:
            for number, piece in enumerate(_pieces(found, ready, features), 1):
                write(piece[0])
                counts.add(*piece)
                passed = time.monotonic() - began
                if passed - told >= SECONDS:
                    told, share = passed, number / len(found)
                    yield (
                        f"predicting: {share:.0%} done "
                        f"({counted(counts.rows, 'row')}), {time_left(passed, share)}"
                    )
    warnings = [
        *_changes(pipeline, recipe, versions_of(runner, own_of(recipe))),
        *_other_releases(recipe, annotation),
        *(note.text() for note in found.notes),
    ]
    return _report(file, recipe, counts, warnings)


def _pieces(
    found: UnlabelledRows, model: Model, features: FeatureSet
) -> Iterator[tuple[Sequence[Mapping[str, Any]], int]]:
    """Rows of the table of predictions, piece by piece, and how many are left out beside them."""
    parameters = {name: str(value) for name, value in model.recipe.parameters.items()}
    for piece in found:
        asked = rows_to_predict(piece, parameters["transcript"], parameters["restriction"])
        at = positions_of(asked.rows)
        predicted = model.predict(piece.read.take(at), features) if len(at) else None
        yield _lines(asked.rows, predicted), asked.other_transcripts


class _Counts:
    """What is said of a table of predictions."""

    def __init__(self) -> None:
        self.rows = self.done = self.positive = self.filled = self.other_transcripts = 0
        self.reasons: Counter[str] = Counter()

    def add(self, lines: Sequence[Mapping[str, Any]], other_transcripts: int) -> None:
        """Take in rows, and how many of other transcripts are left out beside them."""
        done = [line for line in lines if line["predicted_class"]]
        self.rows += len(lines)
        self.done += len(done)
        self.positive += sum(line["predicted_class"] == "positive" for line in done)
        self.filled += sum(bool(line["missing"]) for line in done)
        self.reasons.update(_reason(line["note"]) for line in lines if not line["predicted_class"])
        self.other_transcripts += other_transcripts


def own_of(recipe: Recipe) -> list[OwnFile]:
    """Files of the study's own that a model runs."""
    method = own_files(recipe.options, OWN_METHODS).get(str(recipe.imputation["method"]))
    classifier = own_files(recipe.options, OWN_CLASSIFIERS).get(str(recipe.classifier["name"]))
    return [file for file in (method, classifier) if file is not None]


def _refuse_foreign_code(content: ModelFile, model: Path) -> None:
    """Stop before anything is run that the model's author wrote."""
    # all that it brings along, whether or not its method and classifier are said to be among them
    own = [
        file
        for key in (OWN_METHODS, OWN_CLASSIFIERS)
        for file in own_files(content.recipe.options, key).values()
    ]
    files = [
        f"{file.file} (of {file.name}, {counted(len(file.text.splitlines()), 'line')})"
        for file in own
    ] + [f"{name}.py beside it" for file in own for name, _ in file.modules]
    if files:
        raise UserError(
            f"predicting with this model would run code that it brings along: {', '.join(files)}",
            where=str(model),
            todo=f'read it below "options" in its {RECIPE}, for the model is a zip file; if you '
            "trust it, give --trust",
        )
    if content.is_serialised:
        raise UserError(
            f"its {R_PART} is R's own serialisation, which can run code of whoever wrote the file "
            "when it is read",
            where=str(model),
            todo="export the model again with this version of gridrun, which writes arrays and "
            "JSON; if the file is your own, or you trust whoever wrote it, give --trust",
        )


def _read(content: ModelFile, runner: AmissRunner, model: Path) -> Model:
    try:
        return Model(content, runner)
    except (ValueError, TaskFailure) as error:
        raise no_model(model, f"what it keeps of training cannot be used: {error}") from error


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


@contextmanager
def _table(file: Path) -> Iterator[Callable[[Sequence[Mapping[str, Any]]], None]]:
    """A table of predictions on its way; it is at its place once all rows are written."""
    try:
        with replacing(file) as aside, aside.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            writer.writeheader()
            yield writer.writerows
    except OSError as error:
        raise disk_fault(error, file) or UserError(
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


def _report(file: Path, recipe: Recipe, counts: _Counts, warnings: Sequence[str]) -> Report:
    done, positive = counts.done, counts.positive
    model = f"combination {recipe.combination} of {recipe.study}, {recipe.classifier['name']}"
    refused = counts.rows - done
    keeps = methods_of(recipe.options)[str(recipe.imputation["method"])].keeps_missing
    said = [
        f"{model}, protocol {recipe.protocol['label']}: {_KEPT if keeps else _ALONE}",
        *recipe.folds_said(),
        (
            f"{counted(counts.rows, 'row')}, {done:,} predicted: {positive:,} positive and "
            f"{done - positive:,} negative; {counts.filled:,} of them had features "
            + ("missing" if keeps else "imputed")
        ),
        f"{refused:,} not predicted" + (":" if refused else ""),
        *(f"  {count:,} x {reason}" for reason, count in counts.reasons.most_common()),
    ]
    if counts.other_transcripts:
        kind = _KINDS.get(str(recipe.parameters["transcript"]), "")
        said.append(
            f"left out {counted(counts.other_transcripts, 'row')} of other transcripts: the model "
            f"is of {kind} ones"
        )
    facts = {
        "rows": counts.rows,
        "predicted": done,
        "positive": positive,
        "filled": counts.filled,
        "not_predicted": dict(counts.reasons),
        "other_transcripts": counts.other_transcripts,
        "folds": recipe.folds,
    }
    return Report(file, said, warnings, facts)


def _reason(note: str) -> str:
    return note.removeprefix("not predicted: ").split("; ")[0]
