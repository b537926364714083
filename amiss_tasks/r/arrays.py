"""Types of the arrays that cross between Python and R."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
"""NaN is NA."""
IntArray = npt.NDArray[np.int64]
