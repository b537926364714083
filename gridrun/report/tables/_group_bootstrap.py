"""``results/group_bootstrap.csv``: differences to the reference in draws of groups of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gridrun.errors import counted
from gridrun.pipeline.predicted import GroupsRows, Predicted
from gridrun.report.page import Known
from gridrun.report.tables._frame import write_frame
from gridrun.report.tables._predicted import KeptPredictions, PartKept
from gridrun.store.paths import StudyPaths
from gridrun.study.state import StudyState

DRAWS = 1000
"""Draws: what ends of 95 % intervals by percentiles ask for (Efron and Tibshirani 1993, An
Introduction to the Bootstrap, section 13.2)."""

FEWEST_GROUPS = 30
"""Groups below which drawing them makes intervals too narrow (Cameron, Gelbach and Miller 2008)."""

MOST_PARTS = 5000
"""Parts of a study above which nothing is drawn: each takes about a twentieth of a second."""

_CONFIDENCE = 0.95

_Place = tuple[tuple[Any, ...], int]
"""Cell and fold."""


def bootstrap_columns(study_state: StudyState) -> list[str]:
    """Columns of the table, in order."""
    return [
        *("metric", "method", *study_state.pipeline.summary_parameters, "classifier"),
        *("reference", "drawn", "groups", "draws", "seed", "folds", "pairs", "failed"),
        *("difference", "lower", "upper", "note"),
    ]


def bootstrap_files(study_state: StudyState) -> dict[str, Path]:
    """Display name of the file to its path; none where the pipeline knows no groups."""
    paths: StudyPaths = study_state.study.paths
    is_known = isinstance(study_state.pipeline, GroupsRows)
    return {"draws of groups": paths.group_bootstrap_csv} if is_known else {}


def write_bootstrap(known: Known, kept: KeptPredictions) -> None:
    """Write the table, if the pipeline compares its methods and knows groups of rows.

    Args:
        known: The study.
        kept: Where its parts have their predictions.
    """
    study_state, pipeline = known.study_state, known.study_state.pipeline
    if known.comparison is None or not isinstance(pipeline, GroupsRows):
        return
    import pandas as pd

    names, reference = bootstrap_columns(study_state), known.comparison.reference
    groups = dict(kept.groups())
    too_many = sum(len(parts) for parts in groups.values()) > MOST_PARTS
    rows: list[dict[str, Any]] = []
    drawn: dict[tuple[str, ...], _Reference] = {}
    for (method, *others), parts in groups.items():
        if method == reference:
            continue
        at = tuple(others)
        if at not in drawn:
            own = [] if too_many else groups.get((reference, *at), [])
            drawn[at] = _Reference.of(own, kept, pipeline.group_scores, study_state.settings.seed)
        by = (*pipeline.summary_parameters, "classifier")
        fixed: dict[str, Any] = dict(zip(by, at, strict=True))
        fixed |= {"method": method, "reference": reference, "drawn": pipeline.group_name}
        fixed |= {"draws": DRAWS, "seed": study_state.settings.seed}
        for metric, numbers in drawn[at].against(parts, kept).items():
            row = {"metric": metric, **fixed, **numbers}
            if too_many:
                row["note"] = (
                    f"too many parts for draws (more than {MOST_PARTS:,}): ask for fewer with "
                    "--only, which makes the tables anew of these"
                )
            rows.append(row)
    write_frame(
        study_state.study.paths.group_bootstrap_csv, names, pd.DataFrame(rows, columns=names)
    )


@dataclass
class _Reference:
    """The reference's metrics in every draw, for the other methods of its classifier.

    Args:
        scores: Metric to the name of what computes it.
        names: The groups that can be drawn.
        weights: How often each is drawn, shape (1 + draws, groups).
        drawn: Cell and fold to metric to its value in each draw.
    """

    scores: Mapping[str, str]
    names: Any
    weights: Any
    drawn: dict[_Place, dict[str, Any]]

    @classmethod
    def of(
        cls,
        parts: Sequence[PartKept],
        kept: KeptPredictions,
        scores: Mapping[str, str],
        seed: int,
    ) -> _Reference:
        """Draw the groups of the reference's test rows."""
        from gridrun.report.statistics import group_weights

        read = {(one.cell, one.fold): kept.read(one) for one in parts}
        groups = [one.group for one in read.values() if one is not None and one.group is not None]
        names = np.unique(np.concatenate([np.empty(0, np.int64), *groups]))
        found = cls(scores, names, None, {})
        if len(names):
            found.weights = group_weights(len(names), DRAWS, seed)
        for at, one in read.items():
            metrics = found.metrics(one) if one is not None else None
            if metrics is not None:
                found.drawn[at] = metrics
        return found

    def metrics(self, part: Predicted) -> dict[str, Any] | None:
        """Metric to its value in each draw, shape (1 + draws,); None without groups."""
        from gridrun.report.statistics import WEIGHTED, GroupedRows

        if part.group is None:
            return None
        known = np.isfinite(part.probability)
        rows = GroupedRows(
            part.probability[known],
            part.called[known],
            part.positive[known],
            np.searchsorted(self.names, part.group)[known],
        )
        return {metric: WEIGHTED[name](rows, self.weights) for metric, name in self.scores.items()}

    def against(
        self, parts: Sequence[PartKept], kept: KeptPredictions
    ) -> dict[str, dict[str, Any]]:
        """Metric to what is said of the differences of a method."""
        by_fold: dict[str, dict[int, list[Any]]] = {metric: {} for metric in self.scores}
        lacking = failed = 0
        for part in parts:
            theirs = self.drawn.get((part.cell, part.fold))
            failed += part.failed
            ours = None
            if theirs is not None:
                # who uses a method that may fail has the reference to fall back on
                own = None if part.failed else kept.read(part)
                ours = theirs if part.failed else self.metrics(own) if own is not None else None
            if theirs is None or ours is None:
                lacking += 1
                continue
            for metric, folds in by_fold.items():
                folds.setdefault(part.fold, []).append(ours[metric] - theirs[metric])
        return {
            metric: {
                "groups": len(self.names),
                "folds": len(folds),
                "pairs": sum(map(len, folds.values())),
                "failed": failed,
                **_interval(folds, len(self.names), lacking),
            }
            for metric, folds in by_fold.items()
        }


def _interval(folds: Mapping[int, Sequence[Any]], groups: int, lacking: int) -> dict[str, Any]:
    """Mean over folds of the mean over cells, with the percentiles of its draws."""
    import warnings

    if not folds:
        reason = "no cell and fold has predictions of this method and the reference with groups"
        return {"difference": np.nan, "lower": np.nan, "upper": np.nan, "note": reason}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a draw without a class has no value
        means = np.array([np.nanmean(one, axis=0) for one in folds.values()])
        found = np.nanmean(means, axis=0)
        half = (1 - _CONFIDENCE) / 2
        lower, upper = np.nanquantile(found[1:], [half, 1 - half])
    notes = []
    if groups < FEWEST_GROUPS:
        notes.append(
            f"{counted(groups, 'group')}, fewer than {FEWEST_GROUPS}: the interval is too narrow"
        )
    if lacking:
        notes.append(f"{counted(lacking, 'part')} without predictions, here or of the reference")
    return {"difference": found[0], "lower": lower, "upper": upper, "note": "; ".join(notes)}
