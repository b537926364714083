"""The one R of this process; the only module that imports rpy2.

R runs in the process's main thread and nowhere else: the C stack limit is
left to R, which is what turns infinite recursion into an error instead of a
dead process. Errors come back as :class:`RError` with R's own message;
warnings are collected; R's console goes to the process's standard error.
"""

from __future__ import annotations

import importlib.util
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amiss_tasks.r._values import to_python, to_r
from amiss_tasks.r.environment import directories, settle
from gridrun.errors import EnvironmentFault

_GUARD = Path(__file__).with_name("guard.R")
_STDERR = 2
_LIBRARY_PATH = "LD_LIBRARY_PATH"
_R_OPTIONS = ("rpy2", "--quiet", "--no-save", "--no-restore", "--no-init-file", "--no-site-file")


class RError(Exception):
    """An R condition of class ``error``.

    Args:
        message: R's ``conditionMessage``.
        classes: Classes of the condition.
        calls: Calls from the called function to the error, oldest first.
    """

    def __init__(self, message: str, classes: Sequence[str], calls: Sequence[str]) -> None:
        super().__init__(message)
        self.message = message
        self.classes = tuple(classes)
        self.calls = tuple(calls)


@dataclass(frozen=True)
class RObject:
    """A value that stays in R. Kept alive as long as this is.

    Args:
        sexp: rpy2's low-level object.
    """

    sexp: Any

    def __getitem__(self, name: str) -> RObject:
        """Element of a named list."""
        return RObject(self.sexp[list(self.sexp.names).index(name)])

    def __len__(self) -> int:
        """Length of a vector or list; NULL has none, which is 0."""
        return 0 if isinstance(self.sexp, _interface().NULLType) else len(self.sexp)

    def at(self, index: int) -> RObject:
        """Element of a list, counted from 0."""
        return RObject(self.sexp[index])

    def python(self) -> Any:
        """The value as Python data.

        Returns:
            None for NULL; a dict for a named list, a list for another; numpy
            arrays for numbers (NA is NaN among doubles; integers with NA come
            as doubles); lists for logicals and text, with None for NA. Other
            types of R cannot be asked for.
        """
        return to_python(_interface(), self.sexp)


@dataclass(frozen=True)
class RResult:
    """The result of a call.

    Args:
        value: Its value, still in R.
        warnings: Messages of the warnings, in order.
    """

    value: RObject
    warnings: tuple[str, ...]


class RSession:
    """R in this process. Use :func:`start`."""

    def __init__(self) -> None:
        _initialise()
        self._interface = _interface()
        base = self._interface.baseenv
        self._new_env = base["new.env"]
        home = self._new_env(parent=self._interface.globalenv)
        base["sys.source"](str(_GUARD), home)
        self._guard = home["guard"]
        self.shared = RObject(home)
        self._interrupted = False
        self._functions: list[RObject] = []

    def use_guard(self, text: str) -> None:
        """Take another text of guard.R from now on."""
        # not by way of the guard in use, which may be the one that has to be replaced
        base = self._interface.baseenv
        parsed = base["parse"](text=text, **{"keep.source": False})
        base["eval"](parsed, self.shared.sexp)
        self._guard = self.shared.sexp["guard"]

    def source_text(self, text: str, environment: RObject) -> None:
        """Evaluate R code in an environment.

        Args:
            text: Of a whole file.
            environment: ``session.shared`` or one from :meth:`environment`.

        Raises:
            RError: It does not parse, or stops.
        """
        self._run(self.shared.sexp["source_text"], [text, environment], {})

    def environment(self, parent: RObject) -> RObject:
        """A new environment inside another."""
        return RObject(self._new_env(parent=parent.sexp))

    def function(self, python: Callable[..., Any]) -> RObject:
        """A function of R's that calls one of Python's; values cross as those of a call.

        Args:
            python: Takes what R gives it by position. It may raise nothing: what it raises all
                the same is NULL to R, but for Ctrl-C, which ends the call that R is in.
        """

        def called(*args: Any) -> Any:
            try:
                given = (to_python(self._interface, value) for value in args)
                return to_r(self._interface, python(*given))
            except KeyboardInterrupt:
                self._interrupted = True
                return self._interface.NULL

        found = RObject(self._interface.rternalize(called))
        # R keeps no function of Python's alive
        self._functions.append(found)
        return found

    def call(self, environment: RObject, function: str, *args: Any, **named: Any) -> RResult:
        """Call a function; random numbers and locale are set before (see guard.R).

        Args:
            environment: Where the function is looked up (not in its parents).
            function: Name of the function.
            args: None, bool, int, float, str, sequences of str, numpy arrays
                (double, integer, bool; one- or two-dimensional), dicts of
                these, or :class:`RObject`. NaN becomes NA.
            named: The same, by R's argument name.

        Returns:
            Its value and the warnings given on the way.

        Raises:
            RError: The function stopped.
        """
        return self._run(environment.sexp[function], args, named)

    def _run(self, function: Any, args: Sequence[Any], named: Mapping[str, Any]) -> RResult:
        sent = [self._sent(value) for value in args]
        sent_named = {name: self._sent(value) for name, value in named.items()}
        try:
            outcome = RObject(self._guard(function, *sent, **sent_named))
        except _r_runtime_error() as error:
            # the guard itself could not finish: no stack or no memory was left
            message = str(error).strip().splitlines()[-1] if str(error).strip() else "R error"
            raise RError(message, ("error",), ()) from None
        if self._interrupted:
            self._interrupted = False
            raise KeyboardInterrupt
        warnings = tuple(outcome["warnings"].python())
        if outcome["ok"].python()[0]:
            return RResult(outcome["value"], warnings)
        calls = tuple(outcome["calls"].python())
        message = outcome["message"].python()[0]
        _write_console("\n".join([f"R error: {message}", *(f"  in {call}" for call in calls), ""]))
        raise RError(message, outcome["classes"].python(), calls)

    def _sent(self, value: Any) -> Any:
        return value.sexp if isinstance(value, RObject) else to_r(self._interface, value)


_SESSION: list[RSession] = []


def start() -> RSession:
    """Start R in this process, or return the session that runs already.

    Raises:
        EnvironmentFault: R or rpy2 cannot be loaded here.
    """
    if not _SESSION:
        _SESSION.append(RSession())
    return _SESSION[0]


def _initialise() -> None:
    """Load and start R; the order of the steps matters to rpy2 and to R."""
    settle(os.environ)
    if importlib.util.find_spec("_rinterface_cffi_api") is None:
        # built without a compiler; rpy2 would complain on standard error first
        os.environ["RPY2_CFFI_MODE"] = "ABI"
    try:
        os.environ.update(directories())
        _start_no_other_r()
        from rpy2.rinterface_lib import callbacks, embedded
    except Exception as error:  # rpy2 raises many types where R is missing
        raise EnvironmentFault(
            f"R cannot be loaded ({type(error).__name__}: {error})",
            todo="install R and the packages that README.md lists, then run: gridrun doctor",
        ) from error

    # rpy2's stubs are narrower than its functions
    any_embedded: Any = embedded
    any_callbacks: Any = callbacks
    any_embedded.set_initoptions(_R_OPTIONS)
    any_callbacks.consolewrite_print = _write_console
    any_callbacks.consolewrite_warnerror = _write_console
    libraries = os.environ.get(_LIBRARY_PATH)
    interrupted = signal.getsignal(signal.SIGINT)
    # a limit of 0 lets R read the process's own, and check it
    _interface().initr(interactive=False, _c_stack_limit=0)
    # rpy2 takes Ctrl-C for itself; whoever runs R decides what it does
    signal.signal(signal.SIGINT, interrupted)
    # R puts its library directories in front for every program started from here;
    # a Python with a shared library of its own (Ray's workers) would load another's
    if libraries is None:
        os.environ.pop(_LIBRARY_PATH, None)
    else:
        os.environ[_LIBRARY_PATH] = libraries


def _start_no_other_r() -> None:
    """Keep rpy2 from starting R twice, 0.3 s each, to ask for variables that are set by now."""
    import rpy2.situation

    situation: Any = rpy2.situation
    situation.r_ld_library_path_from_subprocess = lambda _: ""
    _interface()._getrenvvars = lambda *_: ()  # noqa: SLF001 - it has no public name


def _interface() -> Any:
    """rpy2's low-level interface; its stubs hide the classes of vectors."""
    import rpy2.rinterface

    interface: Any = rpy2.rinterface
    return interface


def _write_console(text: str) -> None:
    os.write(_STDERR, text.encode(errors="replace"))


def _r_runtime_error() -> type[Exception]:
    from rpy2.rinterface_lib.embedded import RRuntimeError

    error: type[Exception] = RRuntimeError
    return error
