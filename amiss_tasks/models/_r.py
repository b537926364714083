"""Calls into R for a finished model: the functions of ``models.R``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from amiss_tasks.methods import Method
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
        self._models = self._call.file("models", "models")

    def lean(self, classifier: str, models: RObject) -> RObject:
        """Drop from R's models what they keep of each training row."""
        return self._do("lean_models", self._stages.classifier_file(classifier), models)

    def recipes(self, models: Sequence[PythonModel]) -> RObject:
        """Columns and scaling of each model in Python, as one list in R."""
        return self._do("together", *[model.recipe for model in models])

    def holds_rows(self, value: RObject, rows: int) -> bool:
        """Whether some part of a value has an element for each of ``rows`` training rows."""
        return bool(self._do("holds_rows", value, rows).python()[0])

    def keep(self, path: Path, state: RObject, models: RObject) -> None:
        """Write the state of the imputation and the models."""
        self._do("keep_model", str(path), state, models)

    def read(self, path: Path) -> RObject:
        """Read what :meth:`keep` wrote: a list with ``state`` and ``models``."""
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
