"""The R script of a fold: its pieces put together, with what they need filled in."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amiss_tasks.classifiers import IN_PYTHON
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.methods import METHODS, MOST_ROWS
from amiss_tasks.models import _snippets as r
from amiss_tasks.protocols import derived_seed
from amiss_tasks.r.own_file import OwnFile
from amiss_tasks.tasks.fold_tables import Cell
from gridrun.pipeline import Value

_HERE = Path(__file__).parents[1]
_MICE = ("pmm", "norm", "norm.predict", "rf")
_WIDTH = 96

FunctionsOf = Callable[[Sequence[Path], Sequence[str]], Sequence[str]]
"""R files and names of functions to the text of those and of what they refer to."""


@dataclass(frozen=True)
class Fold:
    """What a script is about.

    Args:
        cell: Rows, features and method.
        values: Of all parameters.
        classifier: Which classifier.
        features: The study's features.
        chosen: Chosen row of hyperparameters, counted from 1.
        expected: Result rows that the script has to reach.
        recorded: Whether these are the ledger's.
        own: The classifier's file, where it is the user's own.
    """

    cell: Cell
    values: Mapping[str, Value]
    classifier: str
    features: FeatureSet
    chosen: int
    expected: Sequence[Mapping[str, Any]]
    recorded: bool
    own: OwnFile | None = None


def script_of(fold: Fold, head: Sequence[str], tables: str, functions_of: FunctionsOf) -> str:
    """The whole script.

    Args:
        fold: What it is about.
        head: Lines of its head, without the sign of a comment.
        tables: Name of the file with the fold's tables.
        functions_of: Takes functions out of R files.
    """
    parts = [
        *_comments(head),
        _filled(r.START, TABLES=tables),
        "# Random streams as upstream's parallel loops have them.",
        *functions_of([_HERE / "r" / "streams.R"], ["use_stream"]),
        *_sampling(fold),
        *_checks(fold, functions_of),
        *_imputation(fold, functions_of),
        *_training(fold, functions_of),
    ]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _seed(fold: Fold, step: str) -> int:
    return fold.cell.protocol.seed_of(step, fold.cell.fold.number, fold.cell.protocol.model_seed)


def _sampling(fold: Fold) -> list[str]:
    """Stage prepare: rows and features that are drawn."""
    cell, values = fold.cell, fold.values
    own_seeds = "draw_order" in cell.protocol.corrected
    downsampled = values["downsampling"] == "on"
    feature_share = float(values["feature_sampling_percentage"])
    row_share = float(values["training_data_sampling_percentage"])
    parts = [
        _heading("Rows and features"),
        f"numeric <- {_texts(fold.features.numeric)}",
        f"categorical <- {_texts(fold.features.categorical)}",
        "rows <- seq_along(outcome)\ncolumns <- names(train)",
    ]

    def start(step: str) -> None:
        if own_seeds:
            parts.append(f"set.seed({_seed(fold, step)})  # {step}")

    draws = cell.prepared.sampled.hyperparameter_rows
    if draws:
        parts.append(f"set.seed({_seed(fold, 'hyperparameters')})")
        parts += [_predraw(name, rows) for name, rows in draws.items()]
    elif not own_seeds:
        parts.append(f"set.seed({_seed(fold, 'hyperparameters')})  # every draw follows from it")
    if downsampled:
        start("downsampling")
        parts.append(r.DOWNSAMPLING)
    if feature_share != 1:
        start("features")
        parts.append(_filled(r.FEATURE_SAMPLING, SHARE=feature_share))
    if row_share != 1:
        start("rows")
        by_class = "sampling" in cell.protocol.corrected
        text = r.ROW_SAMPLING_BY_CLASS if by_class else r.ROW_SAMPLING
        parts.append(_filled(text, SHARE=row_share))
    if _goes_on(fold):
        parts.append("after_preparing <- generator_state()  # imputation goes on drawing from here")
    parts.append("x <- train[rows, columns, drop = FALSE]\nrownames(x) <- NULL\ny <- outcome[rows]")
    return parts


def _predraw(name: str, drawn: Sequence[int]) -> str:
    return _filled(
        r.HYPERPARAMETER_DRAW,
        METHOD=name,
        ROWS=METHODS[name].rows,
        MOST=MOST_ROWS,
        DRAWN=_integers(drawn),
    )


def _goes_on(fold: Fold) -> bool:
    """Whether the method draws on from where preparing left the generator."""
    return fold.cell.method.reads_generator and "draw_order" not in fold.cell.protocol.corrected


def _is_checked(fold: Fold) -> tuple[bool, bool]:
    values = fold.values
    return values["nonzero_variance_check"] == "on", values["correlation_check"] == "on"


def _checks(fold: Fold, functions_of: FunctionsOf) -> list[str]:
    """Stage prepare: the feature checks."""
    variance, correlation = _is_checked(fold)
    wanted = ["near_zero_variance"] * variance + [
        "correlations",
        "correlated_features",
    ] * correlation
    parts = [_heading("Feature checks"), *functions_of([_HERE / "stages" / "prepare.R"], wanted)]
    if variance:
        parts.append(r.VARIANCE)
    if correlation:
        parts.append(r.CORRELATION)
    parts.append(
        f"stopifnot(nrow(x) == {len(fold.cell.prepared.rows)}, identical(names(x), "
        f"{_texts(fold.cell.prepared.features)}))"
    )
    return parts


def _imputation(fold: Fold, functions_of: FunctionsOf) -> list[str]:
    """Stage impute, with what completes the test rows."""
    method, protocol = fold.cell.method, fold.cell.protocol
    told = protocol.told(method.name)
    rows = [_list({**row, **told}) for row in fold.cell.rows]
    parts = [_heading(f"Imputation: {method.name}"), *_method(fold, functions_of)]
    seed = _seed(fold, "impute")
    parts.append(
        _filled(
            r.IMPUTE,
            HYPERPARAMETERS="list(\n  " + ",\n  ".join(rows) + "\n)",
            GENERATOR="use_generator(after_preparing)"
            if _goes_on(fold)
            else f"use_stream({seed}, k)",
            SEED="" if _is_literal(fold) else f", {seed}",
        )
    )
    variance, correlation = _is_checked(fold)
    if "feature_checks" in protocol.corrected and (variance or correlation):
        checks = r.VARIANCE_AGAIN * variance + r.CORRELATION_AGAIN * correlation
        parts.append(_filled(r.CHECK_AGAIN, CHECKS=checks))
    return parts


def _is_literal(fold: Fold) -> bool:
    """Whether a script calls the method's package itself, rather than functions of our files."""
    name, protocol = fold.cell.method.name, fold.cell.protocol
    if name in r.ESTIMATES:
        return True
    as_upstream = "test_imputation" not in protocol.corrected and not protocol.told(name)
    return as_upstream and name in (*_MICE, "bpca")


def _method(fold: Fold, functions_of: FunctionsOf) -> list[str]:
    method = fold.cell.method
    if method.own is not None:
        return [_filled(r.OWN_METHOD, FILE=method.own.file, TEXT=method.own.text)]
    if _is_literal(fold):
        if method.name in r.ESTIMATES:
            estimate, words = r.ESTIMATES[method.name]
            return [_filled(r.SINGLE_VALUE, ESTIMATE=estimate, WORDS=words)]
        return [r.BPCA if method.name == "bpca" else _filled(r.MICE, METHOD=method.name)]
    learnt = "test_imputation" in fold.cell.protocol.corrected
    completes = "impute_test_learnt" if learnt else "impute_test"
    folder = _HERE / "imputation"
    files = [_HERE / "r" / "guard.R", _HERE / "r" / "tables.R"]
    files += [folder / name for name in (*method.helpers, f"{method.name}.R")]
    functions = functions_of(files, ["impute_train", completes])
    return [*functions, f"impute_test <- {completes}"] if learnt else list(functions)


def _training(fold: Fold, functions_of: FunctionsOf) -> list[str]:
    """Stages train, impute-test and evaluate."""
    protocol = fold.cell.protocol
    factors = "categorical_factor" in protocol.corrected
    scale = _filled(r.SCALE, TEXT=r.AS_FACTORS if factors else r.AS_MATRIX)
    if fold.classifier in IN_PYTHON:
        return [_heading("Training"), scale, _filled(r.PREPARED_ONLY, CHOSEN=fold.chosen)]
    one_sided = (
        "if (is.nan(value)) 0 else value" if "one_sided_mcc" in protocol.corrected else "value"
    )
    is_literal = _is_literal(fold)
    test_seed = _seed(fold, "test imputation")
    model, choice = _classifier(fold, functions_of)
    return [
        _heading(f"Training: {fold.classifier}"),
        scale,
        _filled(r.MCC, ONE_SIDED=one_sided),
        *model,
        _filled(r.TRAIN, SEED=_seed(fold, f"train {fold.classifier}"), CHOICE=choice),
        f"stopifnot(chosen == {fold.chosen})",
        _heading("Test rows"),
        _filled(
            r.EVALUATE,
            SEED=test_seed,
            STATE_SEED="" if is_literal else f", {test_seed}",
            RECORDED=" in its ledger" if fold.recorded else "",
            EXPECTED=_expected(fold.expected),
        ),
    ]


def _classifier(fold: Fold, functions_of: FunctionsOf) -> tuple[list[str], str]:
    """Functions of a classifier, and by which MCC rows of hyperparameters are compared."""
    protocol, number = fold.cell.protocol, fold.cell.fold.number
    compared = "imputation_choice" in protocol.corrected and len(fold.cell.rows) > 1
    if fold.own is None and fold.classifier == "rf":
        step = f"search {fold.classifier}"
        seed = protocol.seed_of(step, number, derived_seed(protocol.model_seed, step, number))
        is_random = fold.values["hyperparameter_search_type"] == "random"
        mtry = _filled(r.RF_RANDOM, SEED=seed) if is_random else r.RF_GRID
        return [_filled(r.RF, MTRY=mtry)], "training_mcc(model, m, y)"
    model = r.LR + r.LR_RESUBSTITUTION
    if fold.own is not None:
        model = _filled(r.OWN_CLASSIFIER, FILE=fold.own.file, TEXT=fold.own.text)
    if not compared:
        return [model], "training_mcc(model, m, y)"
    upstream = derived_seed(protocol.model_seed, "selection", number)
    seed = protocol.seed_of("selection", number, upstream)
    folds = functions_of([_HERE / "stages" / "train.R"], [".inner_folds"])
    choice = "held_out_mcc(data, y)"
    if fold.own is not None:
        choice = "if (isTRUE(model$held_out)) training_mcc(model, m, y) else held_out_mcc(data, y)"
    return [model, *folds, _filled(r.HELD_OUT, SEED=seed)], choice


def _expected(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = []
    for name in ("TP", "FP", "FN", "TN", "MCC", "AUC"):
        values = ", ".join(_number(row[name]) for row in rows)
        columns.append(_wrapped(f"{name} = c({values})", "  "))
    return ",\n".join(columns)


def _comments(lines: Sequence[str]) -> list[str]:
    wrapped = [
        part
        for line in lines
        for part in (textwrap.wrap(line, _WIDTH, subsequent_indent="  ") or [""])
    ]
    return ["\n".join(f"# {line}".rstrip() for line in wrapped)]


def _heading(text: str) -> str:
    return f"# ---- {text} {'-' * max(4, 70 - len(text))}"


def _filled(text: str, **given: object) -> str:
    for name, value in given.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def _texts(values: Sequence[str]) -> str:
    """An R vector of text."""
    quoted = ('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    inner = _wrapped(", ".join(quoted), "  ")
    return f"c(\n{inner}\n)" if values else "character()"


def _integers(values: Sequence[int]) -> str:
    return f"c({', '.join(f'{value}L' for value in values)})"


def _list(values: Mapping[str, Any]) -> str:
    """An R list of scalars."""
    return f"list({', '.join(f'{name} = {_number(value)}' for name, value in values.items())})"


def _number(value: Any) -> str:
    """An R number, exact to the last bit."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if value is None:
        return "NA"
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _wrapped(text: str, indent: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
