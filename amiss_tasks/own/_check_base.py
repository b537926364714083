"""Checks of any file of the user's own, and the toy that it is tried on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from amiss_tasks.own._languages import language_of
from amiss_tasks.own.toy import toy
from amiss_tasks.protocols import MODEL_SEED
from amiss_tasks.r.session import RObject
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.study.own_keys import own_file
from amiss_tasks.tasks.r_calls import RCalls, scalar
from gridrun.pipeline.file_checks import FAILED, OK, WARNING

SEED = MODEL_SEED
"""Seed that the functions are called with."""

Finding = tuple[str, str]
"""Verdict of a check, and what was found."""

Step = Callable[[], Finding]


class FileChecks:
    """Checks that both kinds of file share.

    Args:
        path: The file.
        params: Hyperparameters.
    """

    functions: ClassVar[Mapping[str, tuple[str, ...]]]
    """Functions that it has to define, with their arguments."""
    needed: ClassVar[Sequence[str]]
    """Checks without which the rest cannot be tried."""

    def __init__(self, path: Path, params: Mapping[str, Any]) -> None:
        self.params = dict(params)
        self.call = RCalls()
        self.call.source("own/checks.R")
        self.language = language_of(own_file(path.stem, path), path, self.call)
        parts = toy()
        self.train, self.test = map(self.table, (parts.train, parts.test))
        self.outcome = self.call("outcome_factor", parts.train.positive).value
        self.test_outcome = self.call("outcome_factor", parts.test.positive).value
        self.rows, self.test_rows = parts.train.rows, parts.test.rows
        self.own: RObject

    def table(self, part: BlockTable) -> RObject:
        """A part of the toy as a fold's table."""
        return self.call("fold_table", part.numeric, list(part.numeric_names), None).value

    def found(self, function: str, *args: Any) -> Any:
        """An R function's value as Python data."""
        return self.call(function, *args).value.python()

    def timed(self, name: str, *args: Any) -> tuple[RObject, float]:
        """Value of a call of the file, and seconds."""
        result = self.call("timed_call", self.own, name, SEED, *args).value
        return result["value"], float(scalar(result["seconds"].python()))

    def steps(self) -> Iterator[tuple[str, Step]]:
        """Names and checks, in their order."""
        yield "one file", self.one_file
        yield "packages", self.packages
        yield "loads", self.load
        yield "functions", self.function_arguments

    def one_file(self) -> Finding:
        """Nothing that is elsewhere is read."""
        found = self.language.files_read()
        if found:
            why = f"{self.language.only}, so what it reads is not there on workers"
            return WARNING, f"{'; '.join(found)}: {why}"
        return OK, self.language.alone

    def packages(self) -> Finding:
        """What it loads is installed."""
        named = self.language.packages()
        missing = [name for name, version in named.items() if not version]
        if missing:
            return FAILED, f"not installed: {', '.join(missing)}"
        texts = [f"{name} {version}" for name, version in named.items()]
        return OK, ", ".join(texts) or self.language.without_packages

    def load(self) -> Finding:
        """Its top level runs."""
        self.own = self.language.load()
        return OK, "its top level runs"

    def function_arguments(self) -> Finding:
        """Functions and their arguments."""
        texts = []
        for name, arguments in self.functions.items():
            fault, called = self.language.function_fault(name, arguments)
            if fault:
                return FAILED, fault
            texts.append(called)
        return OK, " and ".join(texts)

    def traces(self, name: str, *args: Any) -> Finding:
        """What a function changes of the process."""
        found = self.language.traces(self.own, name, SEED, *args)
        if found:
            return WARNING, f"{name} changes {', '.join(found)}; gridrun puts it back"
        return OK, self.language.left_alone
