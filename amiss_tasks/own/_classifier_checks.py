"""Checks of a classifier of the user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from amiss_tasks.own._check_base import SEED, FileChecks, Finding, Step
from amiss_tasks.r.session import RObject
from amiss_tasks.tasks.r_calls import scalar
from gridrun.errors import counted
from gridrun.pipeline import TaskFailure
from gridrun.pipeline.file_checks import FAILED, OK, WARNING

_LEAST_IN_ORDER = 0.5


class ClassifierChecks(FileChecks):
    """Checks of a classifier."""

    functions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "fit": ("x", "y"),
        "predict_positive": ("model", "x"),
    }
    needed: ClassVar[Sequence[str]] = ("packages", "loads", "functions", "fit", "probabilities")

    def steps(self) -> Iterator[tuple[str, Step]]:
        """Names and checks, in their order."""
        yield from super().steps()
        yield "fit", self.fit
        yield "probabilities", self.probabilities
        yield "positive", self.positive
        yield "rows alone", self.alone
        yield "same seed", self.same_seed
        yield "saved model", self.saved
        yield "missing values", self.missing
        yield "process", lambda: self.traces("fit", self.x, self.outcome)

    def fit(self) -> Finding:
        """A model of the toy, completed by zeros."""
        scaled = self.call("scaled_toy", self._filled(self.train), self._filled(self.test)).value
        self.x, self.test_x = scaled["train"], scaled["test"]
        value, seconds = self.timed("fit", self.x, self.outcome)
        fault = self.found(".fit_fault", value, self.rows)[0]
        if fault:
            return FAILED, f"it {fault}"
        self.model = value["model"]
        return OK, f"a model of {counted(self.rows, 'row')} in {seconds:.2g} s"

    def probabilities(self) -> Finding:
        """One for each row, from 0 to 1."""
        self.predicted, _ = self.timed("predict_positive", self.model, self.test_x)
        fault = self.found(".probability_fault", self.predicted, self.test_rows)[0]
        return FAILED if fault else OK, f"it {fault}" if fault else "from 0 to 1"

    def positive(self) -> Finding:
        """They are those of the first level."""
        share = self.found("pairs_in_order", self.predicted, self.test_outcome)[0]
        found = f"AUC on the toy's test rows {share:.2f}"
        if share < _LEAST_IN_ORDER:
            advice = "these look like the probabilities of negative; return those of positive"
            return WARNING, f"{found}: {advice}"
        return OK, found

    def alone(self) -> Finding:
        """Each row is predicted the same without the others."""
        arguments = (self.own, self.model, self.test_x, SEED, self.predicted)
        changed = int(scalar(self.found("predictions_changed_alone", *arguments)))
        if changed:
            rows = f"{changed} of {counted(self.test_rows, 'row')}"
            return WARNING, f"{rows} get another probability when predicted by themselves"
        return OK, "each is predicted as with the others"

    def same_seed(self) -> Finding:
        """The same call gives the same predictions."""
        value, _ = self.timed("fit", self.x, self.outcome)
        again, _ = self.timed("predict_positive", value["model"], self.test_x)
        if not self.found("is_same", again, self.predicted)[0]:
            return FAILED, "other predictions when fitted again"
        return OK, "same predictions when fitted again"

    def saved(self) -> Finding:
        """A model that was saved predicts as before."""
        model = self.call("after_saving", self.model).value
        again, _ = self.timed("predict_positive", model, self.test_x)
        if not self.found("is_same", again, self.predicted)[0]:
            return WARNING, "a model that was saved and read predicts otherwise"
        return OK, "predicts as before"

    def missing(self) -> Finding:
        """Whether it may be given tables with missing values."""
        scaled = self.call("scaled_toy", self.train, self.test).value
        try:
            value, _ = self.timed("fit", scaled["train"], self.outcome)
            found, _ = self.timed("predict_positive", value["model"], scaled["test"])
        except TaskFailure:
            found = None
        if found is None or self.found(".probability_fault", found, self.test_rows)[0]:
            return OK, "not accepted; only imputed tables are given to it"
        return OK, "accepted: `accepts_missing: true` in study.yaml gives it tables with them"

    def _filled(self, data: RObject) -> RObject:
        return self.call("zero_filled", data).value
