"""Null models: what any method has to exceed, before what the methods reach."""

from __future__ import annotations

import math
from typing import Any

from gridrun.report.page._known import Known
from gridrun.report.page._section import Shown, number


def show_null_models(known: Known) -> Shown | None:
    """Means of each null model over blocks and folds; None where the pipeline has none."""
    summary = known.summary
    if not summary.null_models:
        return None
    metrics = list(summary.null_models[0].sums)
    rows = [
        [one.label, *(number(one.mean(m)) + ("*" if one.undefined(m) else "") for m in metrics)]
        for one in summary.null_models
    ]
    values = {
        "metrics": metrics,
        "rows": rows,
        "n": summary.null_parts,
        "best": _best(known),
        "undefined": any(one.undefined(m) for one in summary.null_models for m in metrics),
    }
    return Shown(values)


def _best(known: Known) -> dict[str, Any] | None:
    """The best null model of each set of rows, and how many methods on them are above it."""
    leading, summary = known.metrics[0], known.summary
    sign = -1 if leading.smaller_is_better else 1
    means = [(one, one.mean(leading.column)) for one in summary.null_models]
    reached = [(one, one.mean(leading.column)) for one in summary.groups]
    bests, above, methods = [], 0, 0
    for at in dict.fromkeys(tuple(one.at.items()) for one, _ in means):
        here = [
            (one, mean)
            for one, mean in means
            if tuple(one.at.items()) == at and not math.isnan(mean)
        ]
        if not here:
            continue
        best, mean = max(here, key=lambda one: sign * one[1])
        others = [m for one, m in reached if best.is_on_rows_of(one) and not math.isnan(m)]
        if others:
            bests.append({"name": best.label, "mean": number(mean)})
            above += sum(sign * other > sign * mean for other in others)
            methods += len(others)
    if not bests:
        return None
    return {"bests": bests, "metric": leading.column, "above": above, "methods": methods}
