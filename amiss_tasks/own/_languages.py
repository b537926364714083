"""What the checks ask of a file in R or in Python, of which the rest of them know nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from amiss_tasks.r.own_file import OwnFile
from amiss_tasks.r.session import RObject
from amiss_tasks.study.python_source import distributions, files_read, params_read
from amiss_tasks.tasks.own_python.calls import CLASSIFIER_FUNCTIONS, METHOD_FUNCTIONS, answer
from amiss_tasks.tasks.own_python.loaded import OwnPythonError, PythonFile
from amiss_tasks.tasks.r_calls import RCalls, scalar
from gridrun.errors import UserError
from gridrun.pipeline import TaskFailure

Value = TypeVar("Value")


class Language(Protocol):
    """A file in one of the two languages."""

    only: str
    """What of it travels with a study."""
    alone: str
    """What it reads where it reads nothing else."""
    without_packages: str
    """Packages of a file that loads none."""
    left_alone: str
    """What a call does not change."""

    def files_read(self) -> list[str]:
        """Calls of functions that read files."""
        ...

    def packages(self) -> Mapping[str, str]:
        """Packages that it loads, to their versions; empty where one is not installed."""
        ...

    def load(self) -> RObject:
        """Run its top level; gives what the functions of ``checks.R`` take for the file."""
        ...

    def function_fault(self, name: str, arguments: Sequence[str]) -> tuple[str, str]:
        """What is wrong with a function, or an empty text; the function with its arguments."""
        ...

    def traces(self, loaded: RObject, name: str, seed: int, *args: Any) -> list[str]:
        """What a call changes of the process."""
        ...

    def params_read(self) -> list[tuple[str, str]]:
        """Hyperparameters that it reads: name, and how the code reads it."""
        ...


def language_of(own: OwnFile, path: Path, call: RCalls) -> Language:
    """The file in its language.

    Raises:
        UserError: It does not parse.
    """
    return _Python(own, call) if own.is_python else _R(own, path, call)


class _R:
    only = "only this file travels with a study"
    alone = "reads no other file"
    without_packages = "none but those of R itself"
    left_alone = "leaves options, search path, global variables and generator as they were"

    def __init__(self, own: OwnFile, path: Path, call: RCalls) -> None:
        self._own = own
        self._call = call
        try:
            self._call("parse_own", own.text, own.file)
        except TaskFailure as failure:
            said = failure.message.replace("\n", "\n  ")
            raise UserError("R cannot parse the file", where=str(path), todo=said) from None

    def files_read(self) -> list[str]:
        return list(self._found("files_read", self._own.text, self._own.file))

    def packages(self) -> Mapping[str, str]:
        versions = dict(self._found("own_packages", self._own.text, self._own.file))
        return {name: str(scalar(version)) for name, version in versions.items()}

    def load(self) -> RObject:
        self._loaded = self._call("load_own", self._own.text, self._own.file).value
        return self._loaded

    def function_fault(self, name: str, arguments: Sequence[str]) -> tuple[str, str]:
        fault = str(self._found("function_fault", self._loaded, name, list(arguments))[0])
        return fault, f"{name}({', '.join(arguments)})"

    def traces(self, loaded: RObject, name: str, seed: int, *args: Any) -> list[str]:
        return list(self._found("traces_of", loaded, name, seed, *args) or [])

    def params_read(self) -> list[tuple[str, str]]:
        names = self._found("params_read", self._own.text, self._own.file) or []
        return [(name, f"params${name}") for name in names]

    def _found(self, function: str, *args: Any) -> Any:
        return self._call(function, *args).value.python()


class _Python:
    only = "only this file and the modules beside it that it imports travel with a study"
    alone = "reads no other file"
    without_packages = "none but those of Python itself"
    left_alone = "leaves directory, search path, warnings, environment and settings as they were"

    def __init__(self, own: OwnFile, call: RCalls) -> None:
        self._own = own
        self._call = call
        self._file = _failing(lambda: PythonFile(own))
        if own.modules:
            names = ", ".join(f"{name}.py" for name, _ in own.modules)
            self.alone = f"reads no other file than the modules beside it: {names}"

    def files_read(self) -> list[str]:
        found = files_read(self._own.text)
        for name, text in self._own.modules:
            found += [f"{name}.py, {one}" for one in files_read(text)]
        return found

    def packages(self) -> Mapping[str, str]:
        beside = dict(self._own.modules)
        return distributions([self._own.text, *beside.values()], beside)

    def load(self) -> RObject:
        def run() -> None:
            with self._file.functions(0):
                pass

        _failing(run)
        ask = self._call.python(partial(answer, self._file))
        return self._call("load_python", ask, self._own.file).value

    def function_fault(self, name: str, arguments: Sequence[str]) -> tuple[str, str]:
        del arguments  # R's
        wanted = {**METHOD_FUNCTIONS, **CLASSIFIER_FUNCTIONS}[name]
        fault = _failing(lambda: self._file.fault(name, wanted))
        return fault, f"{name}({', '.join(wanted)})"

    def traces(self, loaded: RObject, name: str, seed: int, *args: Any) -> list[str]:
        self._file.changed = []
        self._call("timed_call", loaded, name, seed, *args)
        return self._file.changed

    def params_read(self) -> list[tuple[str, str]]:
        return [(name, f'params["{name}"]') for name in params_read(self._own.text)]


def _failing(run: Callable[[], Value]) -> Value:
    try:
        return run()
    except OwnPythonError as error:
        raise TaskFailure(str(error)) from None
