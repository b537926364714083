"""Python as it was before code of the user's own ran: put back afterwards."""

from __future__ import annotations

import builtins
import math
import os
import random
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import CodeType, ModuleType
from typing import Any

import numpy as np


class Modules(MetaPathFinder, Loader):
    """Gives modules whose code has been compiled already.

    Args:
        code: Name to code of each.
    """

    def __init__(self, code: Mapping[str, CodeType]) -> None:
        self._code = code

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """That this is a module's loader, if it is one of them."""
        del path, target
        return spec_from_loader(fullname, self) if fullname in self._code else None

    def exec_module(self, module: ModuleType) -> None:
        """Run a module's top level."""
        exec(self._code[module.__name__], module.__dict__)  # noqa: S102 - that is its purpose

    @contextmanager
    def importable(self) -> Iterator[None]:
        """Within this they are imported anew, whatever has their names otherwise."""
        kept = {name: sys.modules.pop(name) for name in self._code if name in sys.modules}
        sys.meta_path.insert(0, self)
        try:
            yield
        finally:
            sys.meta_path.remove(self)
            for name in self._code:
                sys.modules.pop(name, None)
            sys.modules.update(kept)


@contextmanager
def restored(seed: int) -> Iterator[list[warnings.WarningMessage]]:
    """Run code of the user's own: generators seeded, and what it changes put back.

    Args:
        seed: Of numpy's global generator and of Python's.

    Yields:
        Warnings that it gives.
    """
    numbers, others = np.random.get_state(), random.getstate()  # noqa: NPY002 - the global one
    directory, path, variables = os.getcwd(), sys.path.copy(), dict(os.environ)  # noqa: PTH109
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    try:
        with (
            np.errstate(),
            warnings.catch_warnings(record=True) as caught,
            # what a task prints is its log; standard output is for tables
            redirect_stdout(sys.stderr),
        ):
            yield caught
    finally:
        np.random.set_state(numbers)  # noqa: NPY002
        random.setstate(others)
        os.chdir(directory)
        sys.path[:] = path
        for name in os.environ.keys() - variables.keys():
            del os.environ[name]
        for name, value in variables.items():
            if os.environ.get(name) != value:
                os.environ[name] = value


def traces(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What differs, in words."""
    return [name for name in before if before[name] != after[name]]


def process_facts() -> dict[str, Any]:
    """What of the process a file should leave as it is, by name."""
    return {
        "numpy's handling of errors": np.geterr(),
        "the filters of warnings": list(warnings.filters),
        "the working directory": os.getcwd(),  # noqa: PTH109 - it may have been removed
        "sys.path": sys.path.copy(),
        "environment variables": dict(os.environ),
    }


def python_functions() -> list[tuple[str, dict[str, Any]]]:
    """What every file calls, by module: a function that is another one is met by later tasks."""
    watched = (builtins, math, random, np, np.linalg, np.random, warnings)
    return [
        (module.__name__, {n: it for n, it in vars(module).items() if callable(it) and n[0] != "_"})
        for module in watched
    ]
