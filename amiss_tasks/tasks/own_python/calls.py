"""Calls of the functions of a Python file: arguments on their way in, checks on the way out.

What is returned here goes to R, where ``own/method.R`` and ``own/classifier.R`` go on with the
checks that files in R go through.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss_tasks.r.arrays import FloatArray
from amiss_tasks.tasks.own_python.loaded import OwnPythonError, PythonFile
from gridrun.errors import counted

METHOD_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "impute_train": ("values", "names", "params", "seed"),
    "impute_test": ("values", "names", "state", "seed"),
}
CLASSIFIER_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "fit": ("values", "names", "positive", "seed"),
    "predict_positive": ("model", "values", "names"),
}
"""Functions that a file has to define, with their arguments."""

_FIT_LISTS = ("settings", "fits")
_LARGEST_INTEGER = 2**31 - 1


@dataclass(frozen=True)
class _Call:
    """A call of a file: its seed, and where the file's warnings go."""

    file: PythonFile
    said: list[str]
    seed: int

    def what(self, function: str) -> str:
        """The function, as messages name it."""
        return f"{function} of {self.file.file}"


def answer(file: PythonFile, name: Sequence[str], seed: Any, *args: Any) -> dict[str, Any]:
    """Call a function for R.

    Args:
        file: The file.
        name: Of the function, a vector of R's.
        seed: Of the call, a vector of R's.
        args: The function's further arguments, as R gives them.

    Returns:
        ``value`` or ``error``, and ``warnings``.
    """
    said: list[str] = []
    try:
        value = _CALLS[name[0]](_Call(file, said, int(np.asarray(seed).item())), *args)
    except OwnPythonError as error:
        return {"error": str(error), "warnings": said}
    return {"value": value, "warnings": said}


def _impute_train(call: _Call, values: Any, names: Any, params: Any) -> dict[str, Any]:
    what = call.what("impute_train")
    with call.file.functions(call.seed, call.said) as module:
        found = module.impute_train(
            _matrix(values, names), tuple(names), _params(params), call.seed
        )
        completed, state = found, None
        if isinstance(found, tuple):
            if len(found) != 2:  # noqa: PLR2004 - a pair
                raise OwnPythonError(f"{what} returned {_kind(found)}, not (completed, state)")
            completed, state = found
        return {
            "completed": _tables(what, completed, names),
            "state": _pickled(what, "state", state),
        }


def _impute_test(call: _Call, values: Any, names: Any, state: Any) -> dict[str, Any]:
    with call.file.functions(call.seed, call.said) as module:
        learnt = None if state is None else pickle.loads(state)  # noqa: S301 - pickled above
        found = module.impute_test(_matrix(values, names), tuple(names), learnt, call.seed)
        return _tables(call.what("impute_test"), found, names)


def _fit(call: _Call, values: Any, names: Any, positive: Any) -> dict[str, Any]:
    what = call.what("fit")
    with call.file.functions(call.seed, call.said) as module:
        outcome = np.array(positive, dtype=np.bool_)
        found = module.fit(_matrix(values, names), tuple(names), outcome, call.seed)
        if not isinstance(found, dict) or "model" not in found:
            raise OwnPythonError(f'{what} returned {_kind(found)}, not a dict with "model"')
        sent: dict[str, Any] = {"model": _pickled(what, "model", found["model"])}
        for name, value in found.items():
            if name in _FIT_LISTS:
                sent[name] = _settings(what, name, value)
            elif name != "model":
                sent[str(name)] = _simple(what, str(name), value)
        return sent


def _predict_positive(call: _Call, model: Any, values: Any, names: Any) -> FloatArray:
    what = call.what("predict_positive")
    with call.file.functions(call.seed, call.said) as module:
        learnt = pickle.loads(model)  # noqa: S301 - pickled above
        found = module.predict_positive(learnt, _matrix(values, names), tuple(names))
        numbers = _numbers(what, found)
        if numbers.ndim not in {1, 2}:
            raise OwnPythonError(f"{what} returned an array of shape {numbers.shape}, not (rows,)")
        return numbers


_CALLS: Mapping[str, Callable[..., Any]] = {
    "impute_train": _impute_train,
    "impute_test": _impute_test,
    "fit": _fit,
    "predict_positive": _predict_positive,
}


def _matrix(values: Any, names: Sequence[str]) -> FloatArray:
    """R's matrix as an array of the file's own."""
    found = np.array(values, dtype=np.float64, order="C")
    return found if found.ndim == 2 else found.reshape(-1, len(names))  # noqa: PLR2004


def _params(params: Any) -> dict[str, Any]:
    """R's list of hyperparameters; each is one value."""
    given = params or {}
    return {
        name: value.item() if isinstance(value, np.ndarray) else value[0]
        for name, value in given.items()
    }


def _tables(what: str, found: Any, names: Sequence[str]) -> dict[str, Any]:
    """Imputed tables for R: an array, a pair of an array and its names, or a list of these."""
    tables = found if isinstance(found, list) else [found]
    if not tables:
        raise OwnPythonError(f"{what} returned an empty list, not an imputed table")
    return {str(n): _table(what, table, names) for n, table in enumerate(tables, 1)}


def _table(what: str, table: Any, names: Sequence[str]) -> dict[str, Any]:
    values, columns = table, list(names)
    if isinstance(table, tuple) and len(table) == 2:  # noqa: PLR2004 - a pair
        values, columns = table[0], [str(name) for name in table[1]]
    numbers = _numbers(what, values)
    if numbers.ndim != 2:  # noqa: PLR2004
        raise OwnPythonError(
            f"{what} returned an array of shape {numbers.shape}, not (rows, columns)"
        )
    if numbers.shape[1] != len(columns):
        advice = (
            "return (values, names) to add columns"
            if numbers.shape[1] > len(names)
            else ("a column without any value has to stay (scikit-learn: keep_empty_features=True)")
        )
        raise OwnPythonError(
            f"{what} returned {counted(numbers.shape[1], 'column')} for "
            f"{counted(len(columns), 'name')}: {advice}"
        )
    return {"values": numbers, "names": columns}


def _numbers(what: str, values: Any) -> FloatArray:
    """An array as doubles; what is no array of numbers is refused."""
    if not hasattr(values, "__array__"):
        raise OwnPythonError(f"{what} returned {_kind(values)}, not an array")
    found = np.asarray(values)
    if found.dtype.kind not in "biuf":
        raise OwnPythonError(f"{what} returned an array of {found.dtype}, not of numbers")
    return found.astype(np.float64)


def _pickled(what: str, part: str, value: Any) -> bytes | None:
    """What R keeps between calls; None stays None where it is a state."""
    if value is None and part == "state":
        return None
    try:
        return pickle.dumps(value, protocol=5)
    except Exception as error:  # noqa: BLE001 - pickle raises what the object's class does
        reason = " ".join(str(error).split())
        raise OwnPythonError(
            f"{what} returned a {part} that cannot be pickled: {reason}; return plain data, "
            "arrays, or objects of classes that can be imported"
        ) from None


def _settings(what: str, name: str, values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise OwnPythonError(f"{what} returned {name} that are {_kind(values)}, not a dict")
    return {str(key): _simple(what, name, value) for key, value in values.items()}


def _simple(what: str, name: str, value: Any) -> Any:
    """A single value, or an array of numbers or bools."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST_INTEGER:
        return float(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | np.ndarray):
        found = np.asarray(value)
        if found.ndim == 1 and found.dtype.kind in "biuf":
            return found
    raise OwnPythonError(f"{what} returned {_kind(value)} as {name}")


def _kind(value: Any) -> str:
    """A value in a few words."""
    if value is None:
        return "None"
    if isinstance(value, tuple | list | dict):
        return f"a {type(value).__name__} of length {len(value)}"
    return f"an object of class {type(value).__name__}"
