"""The leading metric by consequence: means of the rows of the table that has them."""

from __future__ import annotations

import math

from gridrun.report.page._known import Known
from gridrun.report.page._section import DIGITS, Shown, number

MOST_BYTES = 400_000_000
"""A larger table is not read for the page, which says so."""


def show_consequences(known: Known) -> Shown | None:
    """Of each consequence and method the mean and its n; None where there is no such table."""
    import pyarrow.csv as pc

    file, metric = known.study_state.study.paths.per_consequence_csv, known.metrics[0].column
    if not file.exists():
        return None
    size = file.stat().st_size
    values = {"metric": metric, "compared": known.compared, "classifiers": known.classifiers}
    if size > MOST_BYTES:
        return Shown({**values, "rows": [], "too_large": f"{size / 1e6:,.0f} MB"})
    keys = ["consequence", "method", "classifier"]
    options = pc.ConvertOptions(
        include_columns=[*keys, metric],
        column_types={**dict.fromkeys(keys, "string"), metric: "float64"},
        null_values=["NA", "NaN"],
        strings_can_be_null=False,
    )
    table = pc.read_csv(file, convert_options=options)
    if not table.num_rows:
        return None
    found = table.group_by(keys).aggregate([(metric, "mean"), (metric, "count")]).to_pylist()
    cells = {
        tuple(row[key] for key in keys): (row[f"{metric}_mean"], row[f"{metric}_count"])
        for row in found
    }
    points = [
        {
            "consequence": row["consequence"],
            "method": row["method"],
            "classifier": row["classifier"],
            "mean": None if row[f"{metric}_mean"] is None else round(row[f"{metric}_mean"], DIGITS),
            "n": row[f"{metric}_count"],
        }
        for row in found
    ]
    methods = [str(value) for value in known.grid[known.compared]]
    rows = []
    for consequence in sorted({row["consequence"] for row in found}):
        for method in methods:
            own = [cells.get((consequence, method, name)) for name in known.classifiers]
            if any(own):
                pairs = [one or (None, 0) for one in own]
                rows.append(
                    [consequence, method]
                    + [
                        text
                        for mean, count in pairs
                        for text in (number(math.nan if mean is None else mean), f"{count:,}")
                    ]
                )
    order = {name: at for at, name in enumerate(methods)}
    data = {
        "metric": metric,
        "smaller": known.metrics[0].smaller_is_better,
        "compared": known.compared,
        "methods": methods,
        "classifiers": list(known.classifiers),
        "points": sorted(points, key=lambda one: (one["consequence"], order[one["method"]])),
    }
    return Shown({**values, "rows": rows, "too_large": ""}, data)
