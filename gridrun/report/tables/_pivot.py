"""Means with the values of one parameter as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gridrun.errors import UserError, counted

if TYPE_CHECKING:
    import pandas as pd

PIVOT = "pivot"
"""Attribute of the frame: parameter and metric."""

FAILED = "failed"
"""Attribute of the frame: value to the parts that failed, by the number of the frame's index."""


def pivoted(
    found: pd.DataFrame, rest: Sequence[str], name: str, values: Sequence[str], notes: list[str]
) -> pd.DataFrame:
    """Put the values of a parameter into columns.

    Args:
        found: Means of one metric, a row for each group.
        rest: The other parameters of the groups, in order.
        name: The parameter.
        values: Its values in the order of the grid; those that no group has get no column.
        notes: What readers have to know of the rows; more is added.

    Returns:
        The columns ``rest``, then a mean for each value.

    Raises:
        UserError: There are several metrics.
    """
    import pandas as pd

    metrics = list(dict.fromkeys(found["metric"]))
    if len(metrics) > 1:
        raise UserError(
            f"means of {len(metrics)} metrics do not fit below one head each",
            where=f"--pivot {name}",
            todo="name one metric: --metric NAME",
        )
    keys = list(dict.fromkeys(zip(*(found[one] for one in rest), strict=True))) if rest else [()]
    at = {key: row for row, key in enumerate(keys)}
    own = found[name].astype(str)
    shown = [value for value in values if value in set(own)]
    means = pd.DataFrame(index=range(len(keys)), columns=shown, dtype="float64")
    failed = {value: [0] * len(keys) for value in shown}
    places = zip(*(found[one] for one in rest), strict=True) if rest else [()] * len(found)
    for key, value, mean, count in zip(places, own, found["mean"], found["failed"], strict=True):
        means.loc[at[key], value] = mean
        failed[value][at[key]] = int(count)
    heads = pd.DataFrame(keys, columns=list(rest)) if rest else pd.DataFrame(index=means.index)
    table = pd.concat([heads, means], axis=1)
    table.attrs[PIVOT] = (name, metrics[0] if metrics else "")
    table.attrs[FAILED] = failed
    waiting = int(found["waiting"].sum())
    if waiting:
        notes.append(f"{counted(waiting, 'part')} waiting: not run yet")
    notes += [str(note) for note in dict.fromkeys(found["note"]) if "fall back on" in str(note)]
    return table
