"""What a pipeline may offer of kept predictions: for calibration, and for draws of groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Predicted:
    """What a part says of its test rows, averaged over its test tables.

    Args:
        probability: Of being positive, shape (rows,); NaN where there is none.
        positive: Whether the row is, shape (rows,).
    """

    probability: npt.NDArray[np.float64]
    positive: npt.NDArray[np.bool_]


@runtime_checkable
class KeepsPredictions(Protocol):
    """A pipeline whose results may keep the probability that a test row is positive."""

    def predicted(
        self, payloads: Mapping[str, str], read: Callable[[str], bytes]
    ) -> Predicted | None:
        """Predictions of a result.

        Args:
            payloads: Name to digest of what is kept beside it.
            read: From a digest to what is kept under it.

        Returns:
            None where the result keeps none.
        """
        ...
