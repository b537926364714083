"""``results/calibration.csv`` and ``reliability.csv``: whether probabilities are what they say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gridrun.errors import counted
from gridrun.pipeline.comparison import FEWEST_OF_A_CLASS
from gridrun.pipeline.predicted import KeepsPredictions
from gridrun.report.page import Known
from gridrun.report.tables._frame import write_frame
from gridrun.report.tables._predicted import KeptPredictions, PartKept
from gridrun.store.paths import StudyPaths
from gridrun.study.state import StudyState

if TYPE_CHECKING:
    import pandas as pd

_FITTED = ("slope", "intercept", "in_the_large")

_NUMBERS = (
    "parts",
    "failed",
    "folds",
    "rows",
    "positive",
    *_FITTED,
    "clipped",
    *(f"{name}_sd" for name in _FITTED),
    "fitted_folds",
    "note",
)
_BINS = ("above", "to", "n", "predicted", "observed")


def calibration_files(study_state: StudyState) -> dict[str, Path]:
    """Display name of each file to its path; none where the pipeline never keeps predictions."""
    if not isinstance(study_state.pipeline, KeepsPredictions):
        return {}
    paths: StudyPaths = study_state.study.paths
    return {"calibration": paths.calibration_csv, "reliability": paths.reliability_csv}


def write_calibration(known: Known, kept: KeptPredictions) -> None:
    """Write both tables, if the pipeline may keep predictions.

    Args:
        known: The study.
        kept: Where its parts have their predictions.
    """
    paths, head = known.study_state.study.paths, _head(known.study_state)
    if not isinstance(known.study_state.pipeline, KeepsPredictions):
        return
    import pandas as pd

    rows: list[dict[str, Any]] = []
    bins = [pd.DataFrame(columns=[*head, *_BINS])]
    for group, parts in kept.groups():
        named = dict(zip(head, group, strict=True))
        numbers, binned = _of_group(parts, kept)
        rows.append({**named, **numbers})
        if numbers["parts"]:
            bins.append(binned.assign(**named))
    names = [*head, *_NUMBERS]
    write_frame(paths.calibration_csv, names, pd.DataFrame(rows, columns=names))
    names = [*head, *_BINS]
    write_frame(paths.reliability_csv, names, pd.concat(bins, ignore_index=True))


def _head(study_state: StudyState) -> list[str]:
    return ["method", *study_state.pipeline.summary_parameters, "classifier"]


def _of_group(parts: list[PartKept], kept: KeptPredictions) -> tuple[dict[str, Any], pd.DataFrame]:
    """The row of a method and classifier, and its bins: all parts pooled, and by fold."""
    from gridrun.report.statistics import recalibrated, reliability

    read = [(one.fold, found) for one in parts if (found := kept.read(one)) is not None]
    none = np.empty(0)
    probability = np.concatenate([none, *(found.probability for _, found in read)])
    positive = np.concatenate([none, *(found.positive for _, found in read)]).astype(np.bool_)
    fold = np.repeat([at for at, _ in read], [len(found.positive) for _, found in read])
    whole = recalibrated(probability, positive, FEWEST_OF_A_CLASS)
    of_folds = [
        recalibrated(probability[fold == at], positive[fold == at], FEWEST_OF_A_CLASS)
        for at in np.unique(fold)
    ]
    fitted = [one for one in of_folds if not one.note]
    numbers: dict[str, Any] = {
        "parts": len(read),
        "failed": sum(one.failed for one in parts),
        "folds": len(of_folds),
        "rows": int(np.isfinite(probability).sum()),
        "positive": int(positive[np.isfinite(probability)].sum()),
        **{name: getattr(whole, name) for name in _FITTED},
        "clipped": whole.clipped,
        "fitted_folds": len(fitted),
        "note": _note(read, whole.note, len(of_folds) - len(fitted)),
    }
    for name in _FITTED:
        values = [getattr(one, name) for one in fitted]
        numbers[f"{name}_sd"] = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
    return numbers, reliability(probability, positive)


def _note(read: list[Any], reason: str, unfitted: int) -> str:
    if not read:
        return "no part keeps predictions"
    if reason:
        return reason
    return f"no fit in {counted(unfitted, 'fold')}, without a say in the spread" if unfitted else ""
