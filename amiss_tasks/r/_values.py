"""Values on their way between Python and R.

rpy2's low-level interface is handed in: only ``r.session`` imports it. Numbers
cross through R's own memory, which is a hundred times faster than converting
them one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_NA_REAL_BITS = np.uint64(0x7FF00000000007A2)
_NA_INTEGER = -(2**31)


def to_r(ri: Any, value: Any) -> Any:  # noqa: PLR0911 - one return for each kind of value
    """A Python value as an R vector, matrix or list; NaN in an array becomes NA.

    Args:
        ri: rpy2's low-level interface.
        value: None, bool, int, float, str, a sequence of str (None is NA), a
            numpy array of bool, integers or doubles, bytes, or a dict of these.

    Returns:
        rpy2's low-level object.
    """
    match value:
        case None:
            return ri.NULL
        case bool() | np.bool_():
            return ri.BoolSexpVector([bool(value)])
        case int() | np.integer():
            return ri.IntSexpVector([int(value)])
        case float() | np.floating():
            return ri.FloatSexpVector([float(value)])
        case str():
            return ri.StrSexpVector([value])
        case np.ndarray():
            return _array(ri, value)
        case bytes():
            vector = ri.baseenv["raw"](len(value))
            if value:
                np.asarray(vector)[:] = np.frombuffer(value, dtype=np.uint8)
            return vector
        case dict():
            vector = ri.ListSexpVector([to_r(ri, item) for item in value.values()])
            vector.names = ri.StrSexpVector([str(name) for name in value])
            return vector
        case _:
            return ri.StrSexpVector([ri.NA_Character if item is None else item for item in value])


def _array(ri: Any, array: npt.NDArray[Any]) -> Any:
    if array.dtype.kind == "b":
        return ri.BoolSexpVector(array.tolist())
    if array.dtype.kind in "iu":
        return ri.IntSexpVector(array.tolist())
    vector = ri.baseenv["numeric"](int(array.size))
    if array.size:
        memory = np.frombuffer(vector.memoryview(), dtype=np.float64)
        memory[:] = array.ravel(order="F")
        # a plain NaN would be NaN in R, which is not the same as missing
        memory.view(np.uint64)[np.isnan(memory)] = _NA_REAL_BITS
    if array.ndim == 1:
        return vector
    return ri.baseenv["dim<-"](vector, ri.IntSexpVector(array.shape))


def to_python(ri: Any, sexp: Any) -> Any:  # noqa: PLR0911 - one return for each kind of value
    """An R value as Python data.

    Args:
        ri: rpy2's low-level interface.
        sexp: rpy2's low-level object.

    Returns:
        None for NULL; a dict for a named list, a list for another; numpy
        arrays for numbers (NA is NaN among doubles; integers with NA come as
        doubles); bytes for raw; lists for logicals and text, with None for NA.

    Raises:
        TypeError: R has a type here that no stage returns.
    """
    match sexp:
        case ri.NULLType():
            return None
        case ri.ListSexpVector():
            values = [to_python(ri, item) for item in sexp]
            names = sexp.names
            unnamed = isinstance(names, ri.NULLType)
            return values if unnamed else dict(zip(names, values, strict=True))
        case ri.FloatSexpVector():
            return np.array(sexp.memoryview(), dtype=np.float64) if len(sexp) else np.empty(0)
        case ri.BoolSexpVector():
            return [None if item is ri.NA_Logical else bool(item) for item in sexp]
        case ri.IntSexpVector():
            whole = np.array(list(sexp) if len(sexp) == 0 else sexp.memoryview(), dtype=np.int64)
            missing = whole == _NA_INTEGER
            return np.where(missing, np.nan, whole) if missing.any() else whole
        case ri.ByteSexpVector():
            return np.asarray(sexp).tobytes() if len(sexp) else b""
        case ri.StrSexpVector():
            return [None if item is ri.NA_Character else str(item) for item in sexp]
    msg = f"cannot convert {type(sexp).__name__} to Python"
    raise TypeError(msg)
