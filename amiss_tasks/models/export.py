"""A model on all labelled rows of a combination, written to a file."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from amiss_tasks.classifiers import load
from amiss_tasks.models._file import R_PART, ModelFile, digest_of_part, write_model
from amiss_tasks.models._r import ModelCalls
from amiss_tasks.models._recipe import (
    FORMAT,
    Recipe,
    options_of,
    protocol_data,
    seeds_of,
    versions_of,
)
from amiss_tasks.models._train import (
    TrainedModel,
    all_rows,
    settings_of,
    tables_without_test,
    train,
)
from amiss_tasks.models.annotation import Annotation, annotation_of
from amiss_tasks.stages.added_missingness import OPTION, share_of
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.stages.preprocess import Whole
from amiss_tasks.study.options import features_of
from amiss_tasks.tasks.results import compared_rows
from amiss_tasks.tasks.runner import AmissRunner
from amiss_tasks.tasks.stage_results import PythonModels
from gridrun._version import __version__
from gridrun.errors import UserError, counted
from gridrun.pipeline import Pipeline
from gridrun.pipeline.models import Chosen, Report
from gridrun.plan.fingerprint import digest_of_input

_SHOWN = 12


def export_model(pipeline: Pipeline, chosen: Chosen, file: Path) -> Report:
    """Train on all labelled rows and write the model; see ``ModelPipeline``.

    Training is a fold's: the same stages, and under protocol ``amiss`` the same seeds;
    where steps derive seeds from the fold, this is fold 0.
    """
    if share_of(chosen.values):
        raise UserError(
            "a study that removes values has no model to be used: it would be trained on data made "
            "worse",
            where=str(chosen.study),
            todo=f'export from a study with the same combination and without "{OPTION}"',
        )
    runner = AmissRunner(chosen.settings, lambda *_: None)
    rows = all_rows(chosen)
    tables = tables_without_test(runner.chain, rows.table)
    found = train(runner.chain, tables, chosen.values, chosen.classifier)
    model = model_of(pipeline, chosen, runner, rows, found)
    write_model(file, model)
    return _report(file, model.recipe, found)


def model_of(
    pipeline: Pipeline, chosen: Chosen, runner: AmissRunner, rows: Whole, found: TrainedModel
) -> ModelFile:
    """What the file of a trained model holds."""
    chain, protocol = runner.chain, runner.chain.protocol
    method_file = found.cell.method.own
    classifier_file = chain.own_classifiers.get(chosen.classifier)
    files = [file for file in (method_file, classifier_file) if file is not None]
    kept = _kept(ModelCalls(chain.r), chosen.classifier, found, is_own=bool(files))
    # what a file of the user's own keeps is not for us to know
    own = {"imputation": method_file is not None, "models": classifier_file is not None}
    context = {name: chosen.values[name] for name in pipeline.context_reads()}
    inputs, columns = chosen.settings.inputs, rows.table.columns
    features = features_of(chosen.settings.options).of_table(columns)
    annotation = annotation_of(inputs, features) if inputs else Annotation({}, {})
    recipe = Recipe(
        format=FORMAT,
        gridrun=__version__,
        study=chosen.study.parent.name,
        protocol=protocol_data(protocol),
        seeds=seeds_of(protocol, chosen.classifier, found.cell.fold.number),
        combination=chosen.combination,
        parameters=dict(chosen.values),
        classifier={"name": chosen.classifier, "models": settings_of(found)},
        imputation={"method": found.cell.method.name, **_compared(found)},
        rows=_counts(rows.table, found),
        features=_features(rows.table, found),
        levels=rows.coding.levels,
        dummies=rows.coding.dummies,
        holds_training_rows={part: kept.holds_rows[part] or own[part] for part in own},
        sampled_variants=chosen.settings.rows,
        options=options_of(chosen.settings, columns, files),
        inputs={
            role: chosen.settings.input_digests.get(role) or digest_of_input(Path(path))
            for role, path in chosen.settings.inputs.items()
        },
        sources=dict(annotation.sources),
        releases=dict(annotation.releases),
        code=dict(pipeline.code_digests(chosen.classifier, context)),
        environment=versions_of(runner, files),
        files={name: digest_of_part(content) for name, content in kept.parts.items()},
        folds=asdict(chosen.scores) if chosen.scores is not None else None,
    )
    return ModelFile(recipe, kept.parts)


@dataclass(frozen=True)
class _Kept:
    """Files of a model, and which of its parts hold training rows."""

    parts: dict[str, bytes]
    holds_rows: dict[str, bool]


def _kept(calls: ModelCalls, classifier: str, found: TrainedModel, *, is_own: bool) -> _Kept:
    # a file of the user's own may keep anything, and is code itself
    trained, parts = found.trained, {}
    if isinstance(trained.models, PythonModels):
        in_r = calls.recipes(trained.models)
        for number, model in enumerate(trained.models, 1):
            parts[f"model-{number}.json"] = load(classifier).dump(model.model)
    else:
        in_r = calls.lean(classifier, trained.models)
    rows = len(found.cell.prepared.rows)
    holds = {
        "imputation": calls.holds_rows(found.state, rows),
        "models": calls.holds_rows(in_r, rows),
    }
    kept = calls.kept(found.state, in_r)
    if not is_own:
        return _Kept(parts | calls.plain(kept).parts(), holds)
    with tempfile.TemporaryDirectory(prefix="gridrun-") as directory:
        path = Path(directory) / R_PART
        calls.write_serialised(path, kept)
        parts[R_PART] = path.read_bytes()
    return _Kept(parts, holds)


def _compared(found: TrainedModel) -> dict[str, Any]:
    """Chosen hyperparameters of the imputation, and all that were compared."""
    cell, trained = found.cell, found.trained
    if not cell.method.axes:
        return {"hyperparameters": {}, "compared": []}
    chosen = dict(cell.rows[trained.row])
    return {"hyperparameters": chosen, "compared": compared_rows(cell, trained)}


def _counts(table: BlockTable, found: TrainedModel) -> dict[str, int]:
    used = table.take(found.cell.prepared.rows)
    return {
        "labelled": table.rows,
        "labelled_positive": int(table.positive.sum()),
        "trained_on": used.rows,
        "trained_on_positive": int(used.positive.sum()),
        "trained_on_variants": len(set(used.variants())),
    }


def _features(table: BlockTable, found: TrainedModel) -> dict[str, list[str]]:
    """Final features, and what became of the others."""
    prepared = found.cell.prepared
    again = list(found.checked.dropped[found.trained.row])
    dropped = {*prepared.low_variance, *prepared.correlated}
    seen = {*prepared.features, *dropped}
    return {
        "final": list(prepared.features),
        "not_drawn": [name for name in table.columns if name not in seen],
        "low_variance": list(prepared.low_variance),
        "correlated": list(prepared.correlated),
        "dropped_after_imputation": again,
    }


def _report(file: Path, recipe: Recipe, found: TrainedModel) -> Report:
    rows, classifier = recipe.rows, recipe.classifier["name"]
    trained_on, positive = rows["trained_on"], rows["trained_on_positive"]
    hyperparameters = recipe.imputation["hyperparameters"]
    chosen = " ".join(f"{name}={value}" for name, value in hyperparameters.items())
    method = recipe.imputation["method"] + (f" ({chosen})" if chosen else "")
    said = [
        f"combination {recipe.combination}, {classifier}, protocol {recipe.protocol['label']}",
        (
            f"trained on {counted(trained_on, 'row')} of "
            f"{counted(rows['trained_on_variants'], 'variant')} ({positive:,} positive, "
            f"{trained_on - positive:,} negative), of {counted(rows['labelled'], 'labelled row')}"
        ),
        f"{counted(len(recipe.features['final']), 'feature')}; imputation {method}",
        "no row was held out: how good such a model is, the folds say",
        *recipe.folds_said(),
    ]
    warnings = []
    if recipe.sampled_variants is not None:
        warnings.append(f"trained on at most {counted(recipe.sampled_variants, 'variant')} (rows)")
    holds = "may hold" if found.cell.method.own is not None else "holds"
    if recipe.holds_training_rows["imputation"]:
        warnings.append(
            f"the file {holds} the features of the {counted(trained_on, 'training row')}, without "
            f"ids: {recipe.imputation['method']} imputes other rows from them. Give the file only "
            "to people who may have the data"
        )
    if recipe.holds_training_rows["models"]:
        warnings.append(
            "the models hold, or may hold, a value for each training row. Give the file only to "
            "people who may have the data"
        )
    notes = [*found.checked.notes, *found.trained.notes]
    warnings += list(dict.fromkeys(notes))[:_SHOWN]
    facts = {"rows": dict(rows), "features": recipe.features["final"], "folds": recipe.folds}
    return Report(file, said, warnings, facts)
