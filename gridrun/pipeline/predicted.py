"""What a pipeline may offer of kept predictions: for calibration, and for draws of groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from gridrun.pipeline._tasks import Settings

if TYPE_CHECKING:  # a worker that keeps no predictions starts without numpy
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Predicted:
    """What a part says of its test rows, averaged over its test tables.

    Args:
        probability: Of being positive, shape (rows,); NaN where there is none.
        positive: Whether the row is, shape (rows,).
        called: Whether it is taken for positive, shape (rows,).
        group: Number of the group that it belongs to, the same in all parts of a study, shape
            (rows,); None where groups are not known.
    """

    probability: npt.NDArray[np.float64]
    positive: npt.NDArray[np.bool_]
    called: npt.NDArray[np.bool_]
    group: npt.NDArray[np.int64] | None = None


@runtime_checkable
class KeepsPredictions(Protocol):
    """A pipeline whose results may keep the probability that a test row is positive."""

    predictions_advice: str
    """What a person does to have them kept, as a sentence without an end."""

    def predicted(
        self, settings: Settings, payloads: Mapping[str, str], read: Callable[[str], bytes]
    ) -> Predicted | None:
        """Predictions of a result.

        Args:
            settings: The study's settings.
            payloads: Name to digest of what is kept beside it.
            read: From a digest to what is kept under it.

        Returns:
            None where the result keeps none.
        """
        ...


@runtime_checkable
class GroupsRows(KeepsPredictions, Protocol):
    """A pipeline that knows which test rows belong together, and are drawn together."""

    group_name: str
    """What a group is called, for example ``gene``."""
    group_scores: Mapping[str, str]
    """Result column that is compared in draws of groups to what it is: ``matthews`` or ``auc``."""
