"""Models of a study, predictions of a model, a fold explained: asked of the pipeline.

Each call runs in a process of its own, since there is R in it.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from gridrun.errors import UserError, did_you_mean
from gridrun.pipeline import Pipeline, load_pipeline, names_of
from gridrun.pipeline.models import Chosen, FoldScores, Recorded, Report
from gridrun.plan.units import State
from gridrun.report.batches import is_finite
from gridrun.report.tables import parts
from gridrun.run import telling
from gridrun.study.state import StudyState
from gridrun.worker.isolated import call_isolated


def chosen_of(study_state: StudyState, combination: int, classifier: str | None) -> Chosen:
    """A combination of a study, held against it.

    Args:
        study_state: The study.
        combination: Number, counted from 1.
        classifier: Which one; None for the first of the study's that is asked for it.

    Raises:
        UserError: There is no such combination or classifier, or it is not to be trained.
    """
    study, pipeline = study_state.study, study_state.pipeline
    if not 1 <= combination <= len(study.grid):
        raise UserError(
            f"there is no combination {combination}",
            where=str(study.path),
            todo=f"combinations are numbered from 1 to {len(study.grid):,}; their numbers are in "
            "column combination of the results",
        )
    values = study.grid.combination(combination - 1)
    known = pipeline.classifiers
    if classifier is not None and classifier not in known:
        near = did_you_mean(classifier, known)
        raise UserError(
            f'unknown classifier "{classifier}"',
            where="--classifier",
            todo=" ".join(filter(None, (near, "known: " + ", ".join(known)))),
        )
    candidates = (classifier,) if classifier is not None else study.classifiers
    for name in candidates:
        decided = pipeline.disposition(name, values, study_state.settings)
        if decided.state == State.WAITING:
            return Chosen(
                study_state.settings,
                study.grid.allowed(),
                combination,
                values,
                name,
                study.paths.cache,
                study.path,
            )
    raise UserError(
        f"combination {combination} has no model of {' or '.join(candidates)}: {decided.reason}",
        where=str(study.path),
        todo="name another combination or --classifier; `gridrun plan` lists what is not run",
    )


def fold_scores(study_state: StudyState, chosen: Chosen) -> FoldScores:
    """What the ledger has of a combination and classifier, fold by fold.

    Args:
        study_state: The study, with this combination alone.
        chosen: Which one.
    """
    pipeline, view = study_state.pipeline, study_state.view
    names = names_of(column for column in pipeline.result_columns if column.headline)
    done, failed = 0, 0
    metrics: dict[str, list[float | None]] = {name: [] for name in names}
    for part in parts(study_state, view) if view is not None else ():
        if part.classifier != chosen.classifier:
            continue
        done += part.state == State.DONE
        failed += part.state == State.FAILED
        for name in names if part.state == State.DONE else ():
            # test tables of one fold are averaged first, as in all means
            known = [row[name] for row in part.rows if is_finite(row.get(name))]
            metrics[name].append(math.fsum(known) / len(known) if known else None)
    return FoldScores(done, failed, study_state.folds - done - failed, metrics)


def export_model(
    study_state: StudyState,
    own_folds: StudyState,
    chosen: Chosen,
    file: Path,
    say: Callable[[str], None],
) -> Report:
    """Train on all labelled rows and write the model; see :class:`ModelPipeline`.

    Args:
        study_state: The study.
        own_folds: The same with this combination and the folds of the last run.
        chosen: What is trained.
        file: The model's file.
        say: Takes how far reading is.
    """
    chosen = _read(study_state, chosen, "export_model", say)
    chosen = replace(chosen, scores=fold_scores(own_folds, chosen))
    arguments = {"chosen": chosen, "file": file}
    return _call(study_state.pipeline_name, chosen.settings.options, "export_model", arguments)


def predict(
    pipeline: str,
    model: Path,
    inputs: Mapping[str, str],
    file: Path,
    *,
    trust: bool,
    say: Callable[[str], None],
) -> Report:
    """Predict rows of new inputs with a model; see :class:`ModelPipeline`.

    Args:
        pipeline: Name of the pipeline.
        model: The model.
        inputs: Role to path.
        file: Table of the predictions.
        trust: Whether code that the model brings along may be run.
        say: Takes how far reading and predicting are.
    """
    arguments = {"model": model, "inputs": dict(inputs), "file": file, "trust": trust}

    has_read = threading.Event()

    def predicted(text: str) -> None:
        has_read.set()
        say(text)

    def read(text: str) -> None:
        if not has_read.is_set():
            say(text)

    @contextlib.contextmanager
    def started(process: int) -> Iterator[Callable[[str], None]]:
        with telling(map(Path, inputs.values()), "reading the inputs", read, process):
            yield predicted

    return _call(pipeline, {}, "predict", arguments, started)


def explain(
    study_state: StudyState, chosen: Chosen, fold: int, file: Path, say: Callable[[str], None]
) -> Report:
    """Write what happened in a fold as a script; see :class:`ModelPipeline`.

    Args:
        study_state: The study, with this combination alone.
        chosen: What is explained.
        fold: Counted from 1.
        file: The script.
        say: Takes how far reading is.

    Raises:
        UserError: There is no such fold.
    """
    if not 1 <= fold <= study_state.folds:
        raise UserError(
            f"there is no fold {fold}",
            where=str(study_state.study.path),
            todo=f"folds are numbered from 1 to {study_state.folds}",
        )
    chosen = _read(study_state, chosen, "explain", say)
    arguments = {
        "chosen": chosen,
        "fold": fold,
        "file": file,
        "recorded": _recorded(study_state, chosen, fold),
    }
    return _call(study_state.pipeline_name, chosen.settings.options, "explain", arguments)


def refuse_to_replace(file: Path, *, force: bool) -> None:
    """Stop where a file exists that may not be replaced.

    Raises:
        UserError: It exists and ``force`` is False, or it cannot be written.
    """
    if file.is_dir():
        raise UserError("is a directory", where=str(file), todo="name a file with --out")
    if file.exists() and not force:
        raise UserError(
            "exists already", where=str(file), todo="name another file with --out, or give --force"
        )


def _call(
    pipeline: str,
    options: Mapping[str, Any],
    method: str,
    arguments: Mapping[str, Any],
    started: Callable[[int], AbstractContextManager[Callable[[str], None]]] | None = None,
) -> Report:
    _require(load_pipeline(pipeline), method)
    return cast("Report", call_isolated(pipeline, options, method, arguments, started))


def _require(offered: Pipeline, method: str) -> None:
    if not hasattr(offered, method):
        raise UserError(
            f"the pipeline {offered.name} has no {method.replace('_', ' ')}",
            todo="use a pipeline that has the methods of gridrun.pipeline.models.ModelPipeline",
        )


def _read(
    study_state: StudyState, chosen: Chosen, method: str, say: Callable[[str], None]
) -> Chosen:
    """Read inputs that were not read as they are now, as a run does, for what is asked next."""
    _require(study_state.pipeline, method)
    with telling(study_state.unread, "reading the inputs", say):
        if study_state.unread:
            study_state.open_source()
    return replace(chosen, settings=study_state.reading_settings)


def _recorded(study_state: StudyState, chosen: Chosen, fold: int) -> Recorded | None:
    """What the ledger has of a fold, if it was done with today's code and inputs."""
    view = study_state.view
    if view is None:
        return None
    for part in parts(study_state, view):
        if (part.classifier, part.fold) == (chosen.classifier, fold):
            return Recorded(part.rows) if part.state == State.DONE else None
    return None
