"""Several studies side by side: the leading metric of the first one, for each method of any."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gridrun.report.page._comparison import series_of, shown_groups
from gridrun.report.page._known import Known
from gridrun.report.page._section import Shown, number
from gridrun.report.page._views import SAID


def show_together(studies: Sequence[Known]) -> Shown:
    """Means by method and classifier with a column for each study, and a figure of all folds."""
    first = studies[0]
    shared = [
        one
        for one in first.metrics
        if all(one.column in [other.column for other in known.metrics] for known in studies)
    ]
    leading = (shared or list(first.metrics))[0].column
    names = names_of(studies)
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for name, known in zip(names, studies, strict=True):
        for _, group in shown_groups(known):
            key = (" ".join([group.method, *map(str, group.at.values())]), group.classifier)
            mean = group.mean(leading) if leading in group.metrics else math.nan
            failed = f", {group.failed:,} failed" if group.failed else ""
            cells.setdefault(key, {})[name] = f"{number(mean)} (n {group.n:,}{failed})"
    values = {
        "leading": leading,
        "names": names,
        "rows": [[*key, *(found.get(name, "-") for name in names)] for key, found in cells.items()],
        "compared": first.compared,
    }
    series = [
        {**one, "classifier": f"{name}: {one['classifier']}"}
        for name, known in zip(names, studies, strict=True)
        for one in series_of(known)
    ]
    data = {
        "compared": first.compared,
        "metrics": [{"name": one.column, "smaller": one.smaller_is_better} for one in shared],
        "classifiers": list(dict.fromkeys(one["classifier"] for one in series)),
        "series": series,
        "views": list(SAID.items()) if any(one["views"] for one in series) else [],
    }
    return Shown(values, data if shared else None)


def names_of(studies: Sequence[Known]) -> list[str]:
    """A name for each: its directory's, with a number where two have the same."""
    names = [known.name for known in studies]
    return [
        name if names.count(name) == 1 else f"{name} ({at})" for at, name in enumerate(names, 1)
    ]
