"""Checks of an imputation method of the user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import ClassVar

from amiss_tasks.own._check_base import SEED, FileChecks, Finding, Step
from amiss_tasks.r.session import RObject
from amiss_tasks.tasks.r_calls import scalar
from gridrun.errors import counted
from gridrun.pipeline import TaskFailure
from gridrun.pipeline.file_checks import FAILED, OK, WARNING

_TABLE_CHECKS = {
    "frame": "data frames",
    "rows": "rows kept",
    "columns": "columns kept",
    "types": "types kept",
    "gaps": "no value missing",
    "finite": "finite values",
}


class MethodChecks(FileChecks):
    """Checks of an imputation method."""

    functions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "impute_train": ("data", "params", "seed"),
        "impute_test": ("data", "state", "seed"),
    }
    needed: ClassVar[Sequence[str]] = (
        "packages",
        "loads",
        "functions",
        "training",
        *_TABLE_CHECKS.values(),
        "test rows",
    )

    def steps(self) -> Iterator[tuple[str, Step]]:
        """Names and checks, in their order."""
        yield from super().steps()
        yield "hyperparameters", self.hyperparameters
        yield "training", self.training
        for check, what in _TABLE_CHECKS.items():
            yield what, partial(self.table_check, check)
        yield "observed values", self.observed
        yield "test rows", self.testing
        yield "test rows alone", self.alone
        yield "empty test column", self.empty_column
        yield "same seed", self.same_seed
        yield "saved state", self.saved
        yield "process", lambda: self.traces("impute_train", self.train, self.params, SEED)

    def hyperparameters(self) -> Finding:
        """Those that are read are given."""
        read = self.found("params_read", self.text, self.file) or []
        absent = [name for name in read if name not in self.params]
        given = ", ".join(f"{name} = {value}" for name, value in self.params.items()) or "none"
        if absent:
            advice = " ".join(f"--param {name}=VALUE" for name in absent)
            names = ", ".join(f"params${name}" for name in absent)
            return WARNING, f"{names} is read but not given: {advice}"
        return OK, given

    def training(self) -> Finding:
        """The training table is completed."""
        value, seconds = self.timed("impute_train", self.train, self.params, SEED)
        found = self.call("as_training", value, "impute_train").value
        self.completed, self.state = found["completed"], found["state"]
        size = f"{counted(self.rows, 'row')} in {seconds:.2g} s"
        return OK, f"{_counted(self.completed)} of {size}"

    def table_check(self, check: str) -> Finding:
        """One of the checks on completed training tables."""
        fault = self.found("tables_fault", check, self.completed, self.train)[0]
        return FAILED if fault else OK, fault or "as it has to be"

    def observed(self) -> Finding:
        """Values that were there stay."""
        changed = self.found("columns_changed", self.completed, self.train)
        if changed:
            return WARNING, f"values that were there are changed: {', '.join(changed)}"
        return OK, "unchanged"

    def testing(self) -> Finding:
        """Test rows are completed from the state."""
        self.tested, seconds = self._tested(self.test, self.state)
        lost = self.found("columns_lost", self.completed, self.tested)
        if lost:
            return FAILED, f"columns of the training table are not there: {_few(lost)}"
        size = f"{counted(self.test_rows, 'row')} in {seconds:.2g} s"
        return OK, f"{_counted(self.tested)} of {size}"

    def alone(self) -> Finding:
        """Each test row comes out the same without the others."""
        arguments = (self.own, self.test, self.state, SEED, self.tested)
        changed = int(scalar(self.found("rows_changed_alone", *arguments)))
        if changed:
            rows = f"{changed} of {counted(self.test_rows, 'row')}"
            why = "imputed values depend on the other test rows, or are drawn at random"
            return WARNING, f"{rows} come out otherwise when imputed by themselves: {why}"
        return OK, "each comes out as with the others"

    def empty_column(self) -> Finding:
        """A test column without any value is completed."""
        data = self.call("without_first_column", self.test).value
        try:
            self._tested(data, self.state)
        except TaskFailure as failure:
            reason = f"a column without any value, which a fold may have, fails: {failure.message}"
            return WARNING, reason
        return OK, "imputed as well"

    def same_seed(self) -> Finding:
        """The same call gives the same tables."""
        value, _ = self.timed("impute_train", self.train, self.params, SEED)
        again = self.call("as_training", value, "impute_train").value["completed"]
        tables, _ = self._tested(self.test, self.state)
        for what, one, other in (
            ("training", again, self.completed),
            ("test", tables, self.tested),
        ):
            if not self.found("is_same", one, other)[0]:
                return FAILED, f"another {what} table when called again"
        return OK, "same tables when called again"

    def saved(self) -> Finding:
        """A state that was saved imputes test rows as before."""
        state = self.call("after_saving", self.state).value
        tables, _ = self._tested(self.test, state)
        if not self.found("is_same", tables, self.tested)[0]:
            return WARNING, "a state that was saved and read imputes test rows otherwise"
        return OK, "imputes test rows as before"

    def _tested(self, data: RObject, state: RObject) -> tuple[RObject, float]:
        """Completed and checked tables of test rows, and seconds."""
        value, seconds = self.timed("impute_test", data, state, SEED)
        tables = self.call("as_tables", value, "impute_test").value
        return self.call("checked_tables", tables, data, "impute_test").value, seconds


def _few(names: Sequence[str], most: int = 5) -> str:
    more = [f"{len(names) - most} more"] if len(names) > most else []
    return ", ".join([*names[:most], *more])


def _counted(tables: RObject) -> str:
    return "1 imputed table" if len(tables) == 1 else f"{len(tables)} imputed tables"
