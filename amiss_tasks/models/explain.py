"""What happened in a fold, as an R script that reaches its numbers without gridrun."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from amiss_tasks.methods import predraws
from amiss_tasks.models._r import ModelCalls
from amiss_tasks.models._script import COMPARED, Fold, script_of
from amiss_tasks.protocols import SWITCHES, protocol_of
from amiss_tasks.stages.added_missingness import MAR, MCAR, MNAR
from amiss_tasks.stages.splits.split_by import GENE, TIME, kind_of
from amiss_tasks.study.options import methods_of
from amiss_tasks.tasks.results import LeafTask, outcome_of
from amiss_tasks.tasks.runner import AmissRunner
from amiss_tasks.tasks.source import AmissSource
from amiss_tasks.tasks.stage_results import PythonModel
from amiss_tasks.tasks.stage_runner import search_of
from gridrun._version import __version__
from gridrun.errors import UserError, counted
from gridrun.pipeline import Pipeline, TaskResult, TaskSpec
from gridrun.pipeline.models import Chosen, Recorded, Report
from gridrun.store.cache import with_replacement
from gridrun.store.faults import disk_fault

_CLOSE = 1e-9


def explain(
    pipeline: Pipeline, chosen: Chosen, number: int, file: Path, recorded: Recorded | None
) -> Report:
    """Run a fold once more and write its script; see ``gridrun.pipeline.models.ModelPipeline``."""
    method = methods_of(chosen.settings.options)[str(chosen.values["imputation"])]
    if method.own is not None and method.own.is_python:
        raise UserError(
            f"{method.name} is in Python ({method.own.file}), so no R script can impute by it",
            where=str(chosen.study),
            todo="explain a combination with a method in R",
        )
    source = AmissSource(chosen.settings, chosen.allowed, chosen.cache)
    artifact = source.path(source.artifact({name: chosen.values[name] for name in pipeline.block}))
    runner = AmissRunner(chosen.settings, lambda *_: None)
    reads = pipeline.classifier_reads(chosen.classifier)
    task = TaskSpec(0, 0, number, chosen.classifier, {name: chosen.values[name] for name in reads})
    leaf = LeafTask(runner.chain, task, artifact)
    result = outcome_of(leaf)
    tables = file.with_suffix(".rds")
    if tables == file:
        raise UserError("the script needs another name than its tables", where=str(file))
    rows = result.rows if recorded is None else recorded.rows
    fold = Fold(
        cell=leaf.cell,
        values=chosen.values,
        classifier=chosen.classifier,
        features=runner.chain.features_in(leaf.cell.fold, chosen.values),
        predraw=predraws(leaf.cell.method, all_methods=runner.chain.evaluation.holds_out),
        search=search_of(task),
        search_seeds=runner.chain.r.own_seeds(chosen.classifier, number),
        chosen=leaf.trained.row + 1,
        expected=rows,
        recorded=recorded is not None,
        accepts_missing=runner.chain.r.accepts_missing(chosen.classifier, leaf.cell.method),
        own=runner.chain.own_classifiers.get(chosen.classifier),
    )
    calls = ModelCalls(runner.chain.r)
    said = _said(chosen, leaf, result)
    head = [
        *said,
        "",
        *_words(chosen, runner.environment()),
        "",
        f"Written by gridrun {__version__}, of which nothing is needed here: run it with",
        f"Rscript --vanilla {file.name}",
    ]
    text = script_of(fold, head, tables.name, calls)
    _write(file, tables, text, leaf, calls, ends_in_python=fold.ends_in_python)
    return Report(
        file, [*said, f"tables: {tables}"], _differences(result, recorded), _facts(result)
    )


def _write(
    file: Path, tables: Path, text: str, leaf: LeafTask, calls: ModelCalls, *, ends_in_python: bool
) -> None:
    fold = leaf.cell.fold
    model = leaf.trained.models.at(0)
    data = leaf.checked.tables.at(leaf.trained.row).at(0)
    recipe = model.recipe if isinstance(model, PythonModel) else model
    matrix = calls.matrix(recipe, data) if ends_in_python else None
    try:
        with_replacement(tables, lambda path: calls.keep_fold(path, fold, matrix))
        with_replacement(file, lambda path: _write_text(path, text))
    except OSError as error:
        raise disk_fault(error, file) or UserError(
            f"the script cannot be written: {error.strerror or error}",
            where=str(file),
            todo="name a place for it with --out",
        ) from error


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")


def _said(chosen: Chosen, leaf: LeafTask, result: TaskResult) -> list[str]:
    """What happened, for people."""
    fold, facts = leaf.cell.fold, result.facts
    prepared, method = leaf.cell.prepared, leaf.cell.method
    protocol = leaf.chain.protocol
    positive = int(sum(fold.test_positive))
    lines = [
        (
            f"combination {chosen.combination} of {chosen.study.parent.name}, fold {fold.number}, "
            f"{chosen.classifier}, protocol {protocol.label}"
        ),
        (
            f"rows: {len(fold.train_variants):,} to train on and {len(fold.test_positive):,} to "
            f"test on ({positive:,} positive), {_drawn(leaf)}"
        ),
        *_removed(leaf),
        f"after downsampling and row sampling {len(prepared.rows):,} rows are trained on",
        (
            f"features: {counted(len(prepared.sampled.handle['columns']), 'column')} drawn, "
            f"{len(prepared.features):,} left"
        ),
        f"dropped by near-zero variance: {_named(prepared.low_variance)}",
        f"dropped by correlation: {_named(prepared.correlated)}",
    ]
    again = facts["dropped_after_imputation"]
    if again:
        lines.append(f"dropped after imputation: {_named(again)}")
    lines.append(f"imputation: {method.name}")
    if method.indicators:
        lines.append(f"indicators: {_named(facts['indicators'])}")
    for row in facts.get("imputation_rows", ()):
        settings = ", ".join(f"{k}={v}" for k, v in row.items() if k != "selection_mcc")
        mcc = row["selection_mcc"]
        shown = "no table or no MCC" if mcc is None else f"MCC {mcc:.4f}"
        is_chosen = {k: v for k, v in row.items() if k != "selection_mcc"} == facts["imputation_hp"]
        lines.append(f"  tried {settings}: {shown}{', chosen' if is_chosen else ''}")
    settings = ", ".join(
        f"{name}={value}" for name, value in leaf.trained.facts[0]["settings"].items()
    )
    lines.append(f"model: {chosen.classifier} with {settings}" + _search(leaf))
    for row in result.rows:
        shown = ", ".join(f"{name} {row[name]}" for name in COMPARED)
        lines.append(f"{row['model_ix']}, {row['test_completion_ix']}: {shown}")
    return lines


def _removed(leaf: LeafTask) -> list[str]:
    """What was taken out of the training table, in a study that does that."""
    removed = leaf.cell.fold.removed
    if removed is None:
        return []
    how = {
        MCAR: "at random",
        MAR: f"by the values of {removed.amputed.driver} (MAR)",
        MNAR: "by the values themselves (MNAR)",
    }[removed.mechanism]
    what = f"of the training table's known values were removed {how}, and are not in the tables"
    return [f"{removed.share:.0%} {what}"]


def _drawn(leaf: LeafTask) -> str:
    """How a fold's rows were drawn."""
    corrected, evaluation = leaf.chain.protocol.corrected, leaf.chain.evaluation
    by = "variants" if "split_by" in corrected else "rows"
    if kind_of(leaf.task.values) == GENE:
        by = "groups of genes"
    if kind_of(leaf.task.values) == TIME:
        return "the newer variants, by a field of their records"
    if evaluation.holds_out:
        return f"a random split of the block's labelled {by}"
    shares = "the larger part trains" if "fold_shares" in corrected else "the smaller part trains"
    return f"a random split of the {by} of the block's training part, of which {shares} (D1)"


def _search(leaf: LeafTask) -> str:
    search = search_of(leaf.task)
    return f", found by {search} search" if search else ""


def _words(chosen: Chosen, versions: Mapping[str, str]) -> list[str]:
    """Parameters, corrections and versions."""
    protocol = protocol_of(chosen.settings)
    corrected = [
        s.name + (f" ({s.defect})" if s.defect else "")
        for s in SWITCHES
        if s.name in protocol.corrected
    ]
    return [
        ", ".join(f"{name}={value}" for name, value in chosen.values.items()),
        f"corrected: {_named(corrected)}",
        ", ".join(f"{name}: {version}" for name, version in versions.items()),
    ]


def _named(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"


def _differences(result: TaskResult, recorded: Recorded | None) -> list[str]:
    """Where the ledger has other numbers than the fold has now."""
    if recorded is None:
        return ["the ledger has no result of this fold: the script is held to what came out now"]
    if len(result.rows) != len(recorded.rows):
        had = counted(len(recorded.rows), "row")
        return [f"the ledger has {had} of this fold, now there are {len(result.rows)}"]
    found = []
    for ours, theirs in zip(result.rows, recorded.rows, strict=True):
        odd = [name for name in COMPARED if not _alike(ours[name], theirs[name])]
        found += [
            f"{name} of {ours['test_completion_ix']} is {ours[name]} now and {theirs[name]} in the "
            "ledger, to which the script is held"
            for name in odd
        ]
    return found


def _alike(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    both_nan = math.isnan(one) and math.isnan(other)
    return both_nan or math.isclose(one, other, rel_tol=_CLOSE)


def _facts(result: TaskResult) -> dict[str, Any]:
    return {"rows": [dict(row) for row in result.rows], **result.facts}
