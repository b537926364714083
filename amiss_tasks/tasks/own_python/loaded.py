"""A Python file of the user's own, run anew for each call, so that no call sees another's."""

from __future__ import annotations

import inspect
import linecache
import re
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

from amiss_tasks.r.own_file import OwnFile
from amiss_tasks.tasks.own_python._restored import (
    Modules,
    process_facts,
    python_functions,
    restored,
    traces,
)

__all__ = ["OwnPythonError", "PythonFile", "python_functions"]

_MOST_LETTERS = 500
_PLAIN = (Exception, RuntimeError, ValueError)
"""Exceptions whose class adds nothing to what they say."""


class OwnPythonError(Exception):
    """What is wrong with a file of the user's own, or with what it returned."""


class PythonFile:
    """A file whose functions can be called.

    Args:
        own: The file.

    Raises:
        OwnPythonError: Python cannot parse it.
    """

    def __init__(self, own: OwnFile) -> None:
        self.file = own.file
        self.changed: list[str] = []
        """What the last call changed of the process, in words; it was put back."""
        # a name of its own: a file may be called like the package that it imports
        self._module = f"own_{re.sub(r'[^0-9A-Za-z]', '_', Path(own.file).stem)}"
        texts = {name: (f"{name}.py", text) for name, text in own.modules}
        texts[self._module] = (own.file, own.text)
        self._files = {file for file, _ in texts.values()}
        try:
            self._modules = Modules(
                {name: compile(text, file, "exec") for name, (file, text) in texts.items()}
            )
        except (SyntaxError, ValueError) as error:
            raise OwnPythonError(f"{own.file} does not parse: {error}") from None
        for file, text in texts.values():
            # for the lines that a traceback shows
            linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)

    def fault(self, name: str, arguments: Sequence[str]) -> str:
        """What is wrong with a function that has to be there, or an empty text.

        It may name its arguments as it likes: they are given by position.
        """
        called = f"{name}({', '.join(arguments)})"
        with self.functions(0) as module:
            found = getattr(module, name, None)
            if not callable(found):
                defined = [n for n, it in vars(module).items() if inspect.isfunction(it)]
                has = f"; it defines {', '.join(defined)}" if defined else ""
                return f"{self.file} defines no function {called}{has}"
            try:
                signature = inspect.signature(found)
                signature.bind(*arguments)
            except TypeError:
                return f"{name} of {self.file} takes {signature}, it is called as {called}"
            except ValueError:
                return ""  # written in C: Python does not know its arguments
        return ""

    @contextmanager
    def functions(self, seed: int, said: list[str] | None = None) -> Iterator[Any]:
        """The file's module, freshly run, in a process that is put back afterwards.

        Args:
            seed: Of the global generators.
            said: Gets the file's warnings.

        Raises:
            OwnPythonError: Its code stops; with the line, and a traceback on standard error.
        """
        with restored(seed) as caught, self._modules.importable():
            before = process_facts()
            try:
                module = import_module(self._module)
                yield module
                self.changed = traces(before, process_facts())
            except OwnPythonError:
                raise
            except (Exception, SystemExit) as error:  # noqa: BLE001 - it may raise anything
                traceback.print_exception(error)
                raise OwnPythonError(self._said(error)) from None
            finally:
                if said is not None:
                    said += [_warning(one) for one in caught]

    def _said(self, error: BaseException) -> str:
        """An exception in one line, with the innermost line of the user's that it passed."""
        text = " ".join(str(error).split())
        if isinstance(error, SystemExit):
            text = f"it ends Python by exit({text})"
        elif not text or type(error) not in _PLAIN:
            text = f"{type(error).__name__}: {text}".removesuffix(": ")
        if len(text) > _MOST_LETTERS:
            text = f"{text[: _MOST_LETTERS - 3]}..."
        return f"{text} ({self._place(error.__traceback__)})"

    def _place(self, trace: TracebackType | None) -> str:
        places = [
            f"{frame.filename}:{frame.lineno}"
            for frame in traceback.extract_tb(trace)
            if frame.filename in self._files
        ]
        return places[-1] if places else self.file


def _warning(found: warnings.WarningMessage) -> str:
    return f"{found.category.__name__}: {' '.join(str(found.message).split())}"
