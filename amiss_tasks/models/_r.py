"""Calls into R for a finished model: the functions of ``models.R``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from amiss_tasks.methods import Method
from amiss_tasks.models._plain import Plain
from amiss_tasks.r.arrays import FloatArray, IntArray
from amiss_tasks.r.session import RObject
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.tasks import python_classifiers
from amiss_tasks.tasks.fold_tables import FoldTables
from amiss_tasks.tasks.r_stages import RStages
from amiss_tasks.tasks.stage_results import PythonModel


class ModelCalls:
    """Calls the functions of ``models.R``.

    Args:
        stages: R with the stages' functions.
    """

    def __init__(self, stages: RStages) -> None:
        self._stages = stages
        self._call = stages.calls
        self._models = self._call.file("models", "models", ("plain.R",))

    def lean(self, classifier: str, models: RObject) -> RObject:
        """Drop from R's models what they keep of each training row."""
        return self._do("lean_models", self._stages.classifier_file(classifier), models)

    def recipes(self, models: Sequence[PythonModel]) -> RObject:
        """Columns and scaling of each model in Python, as one list in R."""
        return self._do("together", *[model.recipe for model in models])

    def holds_rows(self, value: RObject, rows: int) -> bool:
        """Whether some part of a value has an element for each of ``rows`` training rows."""
        return bool(self._do("holds_rows", value, rows).python()[0])

    def kept(self, state: RObject, models: RObject) -> RObject:
        """What is kept of a model: a list with ``state`` and ``models``."""
        return self._do("kept_of", state, models)

    def plain(self, kept: RObject) -> Plain:
        """What is kept of a model, as numbers and text.

        Raises:
            TaskFailure: There is something else in it.
        """
        with _two_files() as (doubles, integers):
            nodes = self._do("take_apart", kept, str(doubles), str(integers)).python()
            return Plain(
                kinds=nodes["kinds"],
                sizes=nodes["sizes"].tolist(),
                counts=nodes["counts"].tolist(),
                attributes=nodes["attributes"],
                text=nodes["text"],
                doubles=np.fromfile(doubles, "<f8"),
                integers=np.fromfile(integers, "<i4"),
            )

    def of_plain(self, plain: Plain) -> RObject:
        """What :meth:`plain` was given.

        Raises:
            TaskFailure: R can make nothing of it.
        """
        with _two_files() as (doubles, integers):
            plain.doubles.tofile(doubles)
            plain.integers.tofile(integers)
            nodes = (plain.kinds, np.array(plain.sizes, np.int64), np.array(plain.counts, np.int64))
            more = (plain.attributes, plain.text, str(doubles), str(integers))
            return self._do("put_together", *nodes, *more)

    def require_forests(self, models: RObject) -> None:
        """Stop at a random forest that its package did not grow.

        Raises:
            TaskFailure: One is none.
        """
        self._do("require_forests", models)

    def write_serialised(self, path: Path, kept: RObject) -> None:
        """Write what is kept of a model as R serialises it."""
        self._do("keep_model", str(path), kept)

    def read_serialised(self, path: Path) -> RObject:
        """Read what :meth:`write_serialised` wrote; this can run code that is in the file."""
        return self._do("read_model", str(path))

    def table(self, table: BlockTable) -> RObject:
        """Rows to predict, as a data frame."""
        return self._do(
            "prediction_table", table.numeric, list(table.numeric_names), dict(table.text) or None
        )

    def complete(self, method: Method, data: RObject, state: RObject, seed: int) -> RObject:
        """Impute each row as if it were the only one; returns the imputed tables."""
        file = self._stages.method_file(method)
        return self._do("complete_alone", file, data, state, seed)

    def left_missing(self, tables: RObject, model: RObject) -> list[str]:
        """For each row, the model's columns that some imputed table leaves missing."""
        found: list[str] = self._do("left_missing", tables, model["columns"]).python()
        return found

    def predict(
        self,
        classifier: str,
        model: RObject | PythonModel,
        data: RObject,
        rows: IntArray,
        *,
        accepts_missing: bool,
    ) -> FloatArray:
        """P(positive) of these rows (from 0) of an imputed table."""
        if isinstance(model, PythonModel):
            return python_classifiers.predict(
                self._call, model, data, rows, accepts_missing=accepts_missing
            )[0].probability
        file = self._stages.classifier_file(classifier)
        found: FloatArray = self._do(
            "predict_alone", file, model, data, rows + 1, accepts_missing
        ).python()
        return found

    def functions_of(self, texts: Sequence[str], wanted: Sequence[str]) -> list[str]:
        """Source text of some functions, and of what they refer to in the same R files."""
        found: list[str] = self._do("functions_of", list(texts), list(wanted)).python()
        return found

    def text_of(self, file: str) -> str:
        """Text of an R file of this package, as R was given it."""
        return self._call.text_of(file)

    def names_used(self, code: str) -> list[str]:
        """Names that R code refers to."""
        found: list[str] = self._do("names_used", code).python()
        return found

    def matrix(self, recipe: RObject, data: RObject) -> RObject:
        """An imputed training table as the matrix that a model in Python takes."""
        return self._do("training_matrix", recipe, data)

    def keep_fold(self, path: Path, fold: FoldTables, matrix: RObject | None) -> None:
        """Write a fold's tables, and the matrix that a model was given."""
        parts = (fold.train, fold.outcome, fold.test, fold.test_positive, matrix)
        self._do("keep_fold", str(path), *parts, fold.train_groups)

    def _do(self, function: str, *args: Any) -> RObject:
        return self._call(function, *args, where=self._models).value


@contextmanager
def _two_files() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory(prefix="gridrun-") as directory:
        yield Path(directory) / "doubles", Path(directory) / "integers"
