"""Two numbers of each method against each other: quality and time, and two metrics that trade."""

from __future__ import annotations

import math

from gridrun.pipeline.reports import ShapesReport
from gridrun.report.page._comparison import group_of, shown_groups
from gridrun.report.page._known import Known, spread
from gridrun.report.page._section import DIGITS, Shown, number

TIME = "seconds of a task"


def show_tradeoffs(known: Known) -> Shown | None:
    """Means of each method and classifier, over the parts that are done."""
    pipeline, leading = known.study_state.pipeline, known.metrics[0].column
    pair = pipeline.report_tradeoff if isinstance(pipeline, ShapesReport) else None
    axes = [(TIME, leading), *([pair] if pair is not None else [])]
    names = list(dict.fromkeys(name for one in axes for name in one))
    key, groups = group_of(known), shown_groups(known)
    if not groups:
        return None
    size = max([int(key.max(initial=-1)), *(at for at, _ in groups)]) + 1
    means = {name: spread(known.parts.values[name], key, size)[1] for name in names if name != TIME}
    points = []
    for at, group in groups:
        values = {
            name: group.seconds
            if name == TIME
            else float(means[name][at])
            if at < size
            else math.nan
            for name in names
        }
        label = " ".join([group.method, *map(str, group.at.values())])
        points.append((label, group.classifier, values))
    rows = [
        [
            label,
            classifier,
            *(number(values[name], 2 if name == TIME else DIGITS) for name in names),
        ]
        for label, classifier, values in points
    ]
    data = {
        "compared": known.compared,
        "classifiers": list(known.classifiers),
        "axes": [list(one) for one in axes],
        "time": TIME,
        "smaller": [TIME, *(one.column for one in known.metrics if one.smaller_is_better)],
        "points": [
            {
                "label": label,
                "classifier": classifier,
                **{n: None if math.isnan(v) else round(v, DIGITS) for n, v in values.items()},
            }
            for label, classifier, values in points
        ],
    }
    return Shown({"compared": known.compared, "names": names, "rows": rows}, data)
