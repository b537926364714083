"""One child for each combination: upstream's parameters as arguments of the children. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product

from backends.azureml._pack import MOST_SHARDS
from gridrun.errors import UserError
from gridrun.pipeline import Value
from gridrun.plan.units import Unit
from gridrun.shard.packing import Shards

Axes = Mapping[str, Sequence[Value]]
"""Argument, with its dashes, to the values it takes; the last one varies fastest."""


def by_combination(units: Sequence[Unit]) -> tuple[Axes, Shards]:
    """A shard for each combination of the values that occur in some units.

    HyperDrive runs the whole product of what it is given: a combination of which
    nothing is left gets a shard without units. A task that does not depend on all
    parameters belongs to the first combination it serves.

    Args:
        units: Each with tasks of one combination only.

    Raises:
        UserError: There are more combinations than a sweep may have children.
    """
    names = max((tuple(unit.tasks[0].values) for unit in units), key=len)
    values: dict[str, list[Value]] = {name: [] for name in names}
    for unit in units:
        for name, value in unit.tasks[0].values.items():
            if value not in values[name]:
                values[name].append(value)
    count = math.prod(len(each) for each in values.values())
    if count > MOST_SHARDS:
        raise UserError(
            f"one child per combination: {count:,} combinations, a sweep has at most "
            f"{MOST_SHARDS:,} children",
            todo="ask for a part (--only), or leave --one-child-per-combination out",
        )
    places = {key: number for number, key in enumerate(product(*values.values()))}
    shards: list[list[Unit]] = [[] for _ in range(count)]
    for unit in units:
        own = unit.tasks[0].values
        shards[places[tuple(own.get(name, values[name][0]) for name in names)]].append(unit)
    axes = {f"--{name}": tuple(each) for name, each in values.items()}
    return axes, tuple(tuple(shard) for shard in shards)


def shard_of(given: Mapping[str, object], axes: Axes) -> int | None:
    """Number of the shard that a child with these arguments has; None if they do not say it."""
    number = 0
    for name, values in axes.items():
        matches = [at for at, value in enumerate(values) if _same(given.get(name), value)]
        if not matches:
            return None
        number = number * len(values) + matches[0]
    return number


def _same(given: object, value: Value) -> bool:
    if given is None:
        return False
    if isinstance(value, str):
        return str(given) == value
    try:
        return float(str(given)) == float(value)
    except ValueError:
        return False
