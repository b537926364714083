"""Calls of the stages' R functions: files are loaded once, errors become failures of tasks."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from amiss_tasks.methods import METHODS
from amiss_tasks.r import session as r_session
from amiss_tasks.r.environment import LIBRARIES
from amiss_tasks.r.own_file import OwnFile
from amiss_tasks.r.session import RError, RObject, RResult
from amiss_tasks.tasks.own_python.calls import CLASSIFIER_FUNCTIONS, METHOD_FUNCTIONS, answer
from amiss_tasks.tasks.own_python.loaded import OwnPythonError, PythonFile
from gridrun.errors import EnvironmentFault
from gridrun.pipeline import TaskFailure
from gridrun.plan.fingerprint import r_text_code

_HERE = Path(__file__).parents[1]
OWN_R = ("own/load.R", "own/method.R", "own/classifier.R", "own/python.R")
"""What stands between the stages and files of the user's own."""

GUARD_R = "r/guard.R"
"""What stands between Python and R."""

LIBRARIES_R = "r/libraries.R"
"""What looks at R's packages before anything runs, and has no part in any number."""

SHARED_R = (
    "r/streams.R",
    "r/tables.R",
    "stages/ampute.R",
    "stages/prepare.R",
    "r/scaling.R",
    "stages/indicators.R",
    "stages/impute.R",
    "stages/train.R",
    "classifiers/_resamples.R",
    "classifiers/_logistic.R",
    *OWN_R,
)
"""R files that every task may call, in this order; ``r/all.R`` has the same."""


_NO_MEMORY = re.compile(
    "cannot allocate (vector|memory|buffer)|vector memory (limit|exhausted)|MemoryError"
)
"""What R says, and Python called from R, where there is no memory for something."""


class RCalls:
    """R with the shared files; those of methods and classifiers are loaded when asked for.

    The text of every file is taken when this is made. A file that is edited afterwards is
    not read again, so that all code that a worker runs is of one moment.
    """

    def __init__(self) -> None:
        self._session = r_session.start()
        self._texts = {
            path.relative_to(_HERE).as_posix(): path.read_text("utf-8")
            for path in sorted(_HERE.rglob("*.R"))
        }
        self._session.use_guard(self._texts[GUARD_R])
        for name in SHARED_R:
            self.source(name)
        self._loaded: dict[str, RObject] = {}

    def __call__(
        self, function: str, *args: Any, where: RObject | None = None, **named: Any
    ) -> RResult:
        """Value and warnings of a function.

        Raises:
            TaskFailure: R stopped with a message.
        """
        try:
            return self._session.call(where or self._session.shared, function, *args, **named)
        except RError as error:
            raise TaskFailure(error.message, _kind_of(error)) from None

    def file(self, name: str, folder: str, helpers: Sequence[str] = ()) -> RObject:
        """Environment of a method's or classifier's file, and of the files it shares."""
        key = f"{folder}/{name}.R"
        if key not in self._loaded:
            environment = self._session.environment(self._session.shared)
            for file in (*helpers, f"{name}.R"):
                self._source(f"{folder}/{file}", environment)
            self._loaded[key] = environment
        return self._loaded[key]

    def source(self, name: str) -> None:
        """Load one more R file of this package beside the shared ones."""
        self._source(name, self._session.shared)

    def text_of(self, name: str) -> str:
        """Text of an R file of this package, named from there, as R is given it."""
        return self._texts[name]

    def code(self) -> dict[str, str]:
        """Name of each R file of this package to the digest of what is given to R of it."""
        return {name: r_text_code(text) for name, text in self._texts.items()}

    def _source(self, name: str, environment: RObject) -> None:
        self._session.source_text(self._texts[name], environment)

    def own(self, file: OwnFile, kind: str) -> RObject:
        """Environment with the functions of a file of the user's own, as the stages call them.

        Args:
            file: The file.
            kind: ``method`` or ``classifier``.

        Raises:
            TaskFailure: It does not parse, stops, or lacks a function.
        """
        key = f"{kind}/{file.text_digest}"
        if key not in self._loaded:
            if file.is_python:
                ask = self.python(partial(answer, self._checked(file, kind)))
                found = self(f"python_{kind}", ask, file.file)
            else:
                found = self(f"own_{kind}", file.text, file.file)
            self._loaded[key] = found.value
        return self._loaded[key]

    def python(self, function: Callable[..., Any]) -> RObject:
        """A function of R's that calls one of Python's; see ``RSession.function``."""
        return self._session.function(function)

    @staticmethod
    def _checked(own: OwnFile, kind: str) -> PythonFile:
        """A Python file that has the functions of a method or a classifier."""
        wanted = METHOD_FUNCTIONS if kind == "method" else CLASSIFIER_FUNCTIONS
        try:
            file = PythonFile(own)
            faults = [file.fault(name, arguments) for name, arguments in wanted.items()]
        except OwnPythonError as error:
            raise TaskFailure(str(error)) from None
        for fault in faults:
            if fault:
                raise TaskFailure(fault)
        return file

    def versions(self, more: Sequence[str] = (), own: Iterable[OwnFile] = ()) -> dict[str, str]:
        """Versions of R, its packages and its linear algebra.

        Args:
            more: Packages that methods of the study need beside those that every study does.
            own: Files of the user's own, whose packages have to be here as well.

        Raises:
            EnvironmentFault: A package is not installed, or not whole.
        """
        self.source(LIBRARIES_R)
        fault = str(scalar(self("library_fault", list(more)).value.python()))
        if fault:
            raise EnvironmentFault(fault, todo=_library_advice(fault))
        for file in own:
            if lacked := self._lacked_by(file):
                raise EnvironmentFault(
                    f"R has no package {', '.join(lacked)}, which {file.file} loads",
                    todo="install it, or take the file out of the study; one that can do without "
                    "it asks whether it is there, by requireNamespace()",
                )
        found = self("r_versions", list(more)).value.python()
        versions = {name: str(scalar(value)) for name, value in found.items()}
        missing = [name for name, text in versions.items() if not text]
        for name in [name for name in missing if name in more]:
            methods = ", ".join(m.name for m in METHODS.values() if name in m.packages)
            raise EnvironmentFault(
                f"R has no package {name}, which imputation {methods} needs",
                todo=f"install it (on Debian: r-cran-{name.lower()}), or take {methods} out of the "
                "grid; all other methods run without it",
            )
        if missing:
            raise EnvironmentFault(
                f"R has no package {', '.join(missing)}",
                todo=f"{_library_advice()}, then run: gridrun doctor",
            )
        return versions

    def _lacked_by(self, file: OwnFile) -> list[str]:
        """Packages that a file cannot do without, as far as its code says so, and R has not."""
        if file.is_python:
            return []
        try:
            return list(self("own_lacks", file.text, file.file).value.python())
        except TaskFailure:
            return []  # it does not parse, which tasks say


def _kind_of(error: RError) -> str:
    """Kind of failure that an error of R's is."""
    if "upstream_defect" in error.classes:
        return "upstream-defect"
    return "memory" if _NO_MEMORY.search(error.message) else "error"


def _library_advice(fault: str = "") -> str:
    """What to do about a package, with the variables that lead R to its library."""
    named = [
        f"{name}={value}"
        for name in LIBRARIES
        if (value := os.environ.get(name)) and (not fault or _leads_to(value, fault))
    ]
    if named:
        return (
            f"R looks there because of the environment variable {', '.join(named)}: unset it, or "
            "install the package there again"
        )
    return "install what docker/packages.txt lists" + (" in that library again" if fault else "")


def _leads_to(value: str, fault: str) -> bool:
    # R fills in its own version and platform where there is a percent sign
    places = (Path(place).expanduser() for place in value.split(os.pathsep) if place)
    return any(str(place).partition("%")[0] in fault for place in places)


def plain(fact: Mapping[str, Any]) -> dict[str, Any]:
    """A named R list of scalars as Python scalars."""
    return {
        name: plain(value) if isinstance(value, dict) else scalar(value)
        for name, value in fact.items()
    }


def scalar(value: Any) -> Any:
    """The only element of an R vector."""
    return value.item() if isinstance(value, np.ndarray) else value[0]


def number_of(value: Any) -> float | None:
    """The only number of an R vector; None for NA."""
    number = float(scalar(value))
    return None if math.isnan(number) else number
