"""The R script of a fold: the functions that ran, and the values that they were given.

Its code is ``explain.R``, section by section, each after the values and the functions that
it uses; the functions are taken out of the R files that a worker loads.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from amiss_tasks.classifiers import IN_PYTHON
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.methods import MOST_ROWS
from amiss_tasks.models._r import ModelCalls
from amiss_tasks.models._r_text import WIDTH, r_columns, r_text, raw_text
from amiss_tasks.r.own_file import OwnFile
from amiss_tasks.tasks.fold_tables import Cell
from amiss_tasks.tasks.r_calls import GUARD_R, SHARED_R
from gridrun.pipeline import Value

COMPARED = ("TP", "FP", "FN", "TN", "MCC", "AUC")
"""Columns of a result that a script reaches."""

_SECTION = "# ---- "
_DRAWING = ("hyperparameters", "downsampling", "features", "rows")


@dataclass(frozen=True)
class Fold:
    """What a script is about.

    Args:
        cell: Rows, features and method.
        values: Of all parameters.
        classifier: Which classifier.
        features: The study's features.
        predraw: Method to the number of its rows of hyperparameters that some are drawn of.
        search: How the classifier's hyperparameters are searched; empty where it has none.
        search_seeds: Seeds of random settings and of the inner folds.
        chosen: Chosen row of hyperparameters, counted from 1.
        expected: Result rows that the script has to reach.
        recorded: Whether these are the ledger's.
        accepts_missing: Whether the classifier is given tables with missing values.
        own: The classifier's file, where it is the user's own.
    """

    cell: Cell
    values: Mapping[str, Value]
    classifier: str
    features: FeatureSet
    predraw: Mapping[str, int]
    search: str
    search_seeds: Mapping[str, int]
    chosen: int
    expected: Sequence[Mapping[str, Any]]
    recorded: bool
    accepts_missing: bool = False
    own: OwnFile | None = None

    @property
    def ends_in_python(self) -> bool:
        """Whether the classifier is in Python, so that no R script can train it."""
        return self.classifier in IN_PYTHON or (self.own is not None and self.own.is_python)

    def seed(self, step: str) -> int:
        """Seed of a step that draws."""
        protocol = self.cell.protocol
        return protocol.seed_of(step, self.cell.fold.number, protocol.model_seed)

    def is_on(self, parameter: str) -> bool:
        """Whether a parameter with the values on and off is on."""
        return self.values[parameter] == "on"

    @property
    def is_checked_again(self) -> bool:
        """Whether features are checked once more on the imputed tables (D15)."""
        again = "feature_checks" in self.cell.protocol.corrected
        checks = ("nonzero_variance_check", "correlation_check")
        return again and any(self.is_on(check) for check in checks)


def script_of(fold: Fold, head: Sequence[str], tables: str, calls: ModelCalls) -> str:
    """The whole script.

    Args:
        fold: What it is about.
        head: Lines of its head, without the sign of a comment.
        tables: Name of the file with the fold's tables.
        calls: Takes functions out of R files.
    """
    return _Writer(fold, calls).script(head, tables)


class _Writer:
    def __init__(self, fold: Fold, calls: ModelCalls) -> None:
        self._fold = fold
        self._calls = calls
        self._sections = _sections(calls.text_of("models/explain.R"))
        self._shared = [calls.text_of(name) for name in (GUARD_R, *SHARED_R)]
        self._written: set[str] = set()

    def script(self, head: Sequence[str], tables: str) -> str:
        fold = self._fold
        parts = [
            *_comments(head),
            *self._section("The fold's tables", fold_file=r_text(tables)),
            *self._section("Stage prepare", **_values(_preparing(fold))),
            *self._section(
                "Stage impute: the training table",
                self._method(),
                f", by {fold.cell.method.name}",
                **_values(_imputing(fold)),
            ),
        ]
        if fold.is_checked_again:
            parts += self._section("Stage impute: the feature checks")
        if fold.ends_in_python:
            parts += self._section("The training matrix", chosen=r_text(fold.chosen))
        else:
            parts += [
                *self._section(
                    "Stage train",
                    self._classifier(),
                    f": {fold.classifier}",
                    **_values(_training(fold)),
                ),
                *self._section("Stage impute-test", **_values(_testing(fold))),
                *self._section("Stage evaluate", [self._expected()]),
            ]
        return "\n".join(part.strip("\n") + "\n" for part in parts)

    def _section(
        self, start: str, before: Sequence[str] = (), of: str = "", **values: str
    ) -> list[str]:
        """Heading, values, functions of the stages, then ``before``, then the code."""
        (title,) = [title for title in self._sections if title.startswith(start)]
        body = self._sections[title]
        text = "\n".join(f"{name} <- {value}" for name, value in values.items())
        uses = self._calls.names_used("\n".join([*before, body]))
        functions = self._new(self._calls.functions_of(self._shared, uses))
        return [_heading(title + of), *([text] if text else []), *functions, *before, body]

    def _new(self, functions: Sequence[str]) -> list[str]:
        """Those functions that no section before has."""
        new = [text for text in functions if text not in self._written]
        self._written.update(new)
        return new

    def _method(self) -> list[str]:
        """The functions of the method's file and of those that it shares."""
        method, protocol = self._fold.cell.method, self._fold.cell.protocol
        indicated = ["method <- with_indicators(method)"] if method.indicators else []
        if method.own is not None:
            return [_own("method", "own_method", method.own), *indicated]
        learnt = "test_imputation" in protocol.corrected
        wanted = ["impute_train", "impute_test_learnt" if learnt else "impute_test"]
        files = [*method.helpers, f"{method.name}.R"]
        return [*self._environment("method", "imputation", files, wanted), *indicated]

    def _classifier(self) -> list[str]:
        """The functions of the classifier's file."""
        fold = self._fold
        if fold.own is not None:
            return [_own("classifier", "own_classifier", fold.own)]
        wanted = ["fit", "predict_positive"]
        if fold.search == "random":
            wanted.append("draw_settings")
        return self._environment("classifier", "classifiers", [f"{fold.classifier}.R"], wanted)

    def _environment(
        self, name: str, folder: str, files: Sequence[str], wanted: Sequence[str]
    ) -> list[str]:
        """Functions of files in an environment of their own, as the stages are given them."""
        paths = [f"{folder}/{file}" for file in files]
        texts = [self._calls.text_of(path) for path in paths]
        functions = "\n\n".join(self._calls.functions_of(texts, wanted))
        where = " and ".join(paths)
        inside = f"local({{\n{functions}\n}}, envir = {name})"
        return [f"# What the stages call of {where}.\n{name} <- new.env()\n{inside}"]

    def _expected(self) -> str:
        ledger = " in its ledger" if self._fold.recorded else ""
        said = f"# What gridrun has{ledger}, one row for each model and imputed test table."
        return f"{said}\nexpected <- {r_columns(self._fold.expected, COMPARED)}"


def _preparing(fold: Fold) -> dict[str, Any]:
    prepared = fold.cell.prepared
    drawn = prepared.sampled.hyperparameter_rows
    return {
        "predraw": dict(fold.predraw),
        "drawn_rows": MOST_ROWS,
        "drawn": [drawn[name] for name in fold.predraw],
        "downsampling": fold.is_on("downsampling"),
        "feature_share": float(fold.values["feature_sampling_percentage"]),
        "row_share": float(fold.values["training_data_sampling_percentage"]),
        "numeric": tuple(fold.features.numeric),
        "categorical": tuple(fold.features.categorical),
        "seeds": {step: fold.seed(step) for step in _DRAWING},
        "corrected": tuple(sorted(fold.cell.protocol.corrected)),
        "variance": fold.is_on("nonzero_variance_check"),
        "correlation": fold.is_on("correlation_check"),
        "rows_left": len(prepared.rows),
        "features_left": tuple(prepared.features),
    }


def _imputing(fold: Fold) -> dict[str, Any]:
    method, protocol = fold.cell.method, fold.cell.protocol
    corrections = protocol.corrections_for(method.name)
    return {
        "hyperparameters": [{**row, **corrections} for row in fold.cell.rows],
        # whether the method draws on from where preparing left the generator
        "goes_on": method.reads_generator and "draw_order" not in protocol.corrected,
        "impute_seed": fold.seed("impute"),
        "fails_fold": method.fails_fold,
        "accepts_missing": fold.accepts_missing,
        "indicators": method.indicators,
    }


def _training(fold: Fold) -> dict[str, Any]:
    return {
        "train_seed": fold.seed(f"train {fold.classifier}"),
        "search": fold.search,
        "search_seeds": dict(fold.search_seeds),
        "chosen": fold.chosen,
    }


def _testing(fold: Fold) -> dict[str, Any]:
    return {
        "test_seed": fold.seed("test imputation"),
        "learnt": "test_imputation" in fold.cell.protocol.corrected,
    }


def _own(name: str, loader: str, file: OwnFile) -> str:
    """The study's own file, loaded as the stages load it."""
    call = f"{loader}({raw_text(file.text)}, {r_text(file.file)})"
    return f"# The study's own file.\n{name} <- {call}"


def _values(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: r_text(value) for name, value in values.items()}


def _sections(text: str) -> dict[str, str]:
    """Title to code of each section of ``explain.R``."""
    parts = text.split(_SECTION)[1:]
    return {title: body for title, _, body in (part.partition("\n") for part in parts)}


def _comments(lines: Sequence[str]) -> list[str]:
    wrapped = [
        part
        for line in lines
        for part in (textwrap.wrap(line, WIDTH, subsequent_indent="  ") or [""])
    ]
    return ["\n".join(f"# {line}".rstrip() for line in wrapped)]


def _heading(text: str) -> str:
    return f"{_SECTION}{text} {'-' * max(4, 70 - len(text))}"
