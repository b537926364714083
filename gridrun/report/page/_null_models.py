"""Null models: what any method has to exceed, before what the methods reach."""

from __future__ import annotations

from gridrun.report.page._known import Known
from gridrun.report.page._section import Shown, number


def show_null_models(known: Known) -> Shown | None:
    """Means of each null model over blocks and folds; None where the pipeline has none."""
    summary = known.summary
    if not summary.null_models:
        return None
    metrics = list(summary.null_models[0].sums)
    rows = [
        [one.name, *(number(one.mean(m)) + ("*" if one.undefined(m) else "") for m in metrics)]
        for one in summary.null_models
    ]
    values = {
        "metrics": metrics,
        "rows": rows,
        "n": summary.null_models[0].n,
        "undefined": any(one.undefined(m) for one in summary.null_models for m in metrics),
    }
    return Shown(values)
