"""Null models: what any method has to exceed, before what the methods reach."""

from __future__ import annotations

import math

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
        "best": _best(known),
        "undefined": any(one.undefined(m) for one in summary.null_models for m in metrics),
    }
    return Shown(values)


def _best(known: Known) -> dict[str, str | int] | None:
    """The best null model by the leading metric, and how many methods are above it."""
    leading = known.metrics[0]
    sign = -1 if leading.smaller_is_better else 1
    means = {one.name: one.mean(leading.column) for one in known.summary.null_models}
    known_means = {name: mean for name, mean in means.items() if not math.isnan(mean)}
    reached = [one.mean(leading.column) for one in known.summary.groups]
    reached = [mean for mean in reached if not math.isnan(mean)]
    if not known_means or not reached:
        return None
    name = max(known_means, key=lambda one: sign * known_means[one])
    return {
        "name": name,
        "metric": leading.column,
        "mean": number(known_means[name]),
        "above": sum(sign * mean > sign * known_means[name] for mean in reached),
        "methods": len(reached),
    }
