"""What a value of CLNSIG counts as: upstream's lists, and what a study adds to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from amiss_tasks.clinvar import (
    DROP,
    DROPPED,
    NEGATIVE,
    NEGATIVE_CLASS,
    POSITIVE,
    POSITIVE_CLASS,
    UNCERTAIN,
    UNCERTAIN_CLASS,
)
from amiss_tasks.stages.clinvar_2026 import class_by_table

_UPSTREAM = {
    POSITIVE_CLASS: POSITIVE,
    NEGATIVE_CLASS: NEGATIVE,
    UNCERTAIN_CLASS: UNCERTAIN,
    DROP: frozenset({DROPPED}),
}


def upstream_class(value: str) -> str | None:
    """What upstream's lists make of a value of CLNSIG; None where it is in none of them."""
    return next((name for name, values in _UPSTREAM.items() if value in values), None)


@dataclass(frozen=True)
class Significance:
    """Upstream's lists with the values that a study adds.

    Args:
        mapped: Value of CLNSIG to one of ``CLASSES``; none that upstream knows.
        table: The study also takes the classes of this table, ``clinvar_2026.TABLE``; empty
            for none.
        by_table: Value to class, of those values of an input that the table has.
    """

    mapped: Mapping[str, str] = field(default_factory=dict)
    table: str = ""
    by_table: Mapping[str, str] = field(default_factory=dict)

    def of_values(self, values: Iterable[str | None]) -> Significance:
        """With the classes that the table has for these values, where the study takes it."""
        if not self.table:
            return self
        asked = {value for value in values if value and upstream_class(value) is None}
        found = {value: class_by_table(value, self.mapped) for value in asked - self.mapped.keys()}
        return replace(self, by_table={v: c for v, c in sorted(found.items()) if c is not None})

    @property
    def added(self) -> dict[str, str]:
        """Value to class, of all that stand beside upstream's lists."""
        return {**self.by_table, **self.mapped}

    @cached_property
    def positive(self) -> frozenset[str]:
        """Values that label a variant positive."""
        return self._values(POSITIVE_CLASS)

    @cached_property
    def negative(self) -> frozenset[str]:
        """Values that label a variant negative."""
        return self._values(NEGATIVE_CLASS)

    @cached_property
    def uncertain(self) -> frozenset[str]:
        """Values that ``vus_inclusion`` decides about."""
        return self._values(UNCERTAIN_CLASS)

    @cached_property
    def dropped(self) -> frozenset[str]:
        """Values whose rows are left out before anything is labelled."""
        return self._values(DROP)

    @property
    def known(self) -> frozenset[str]:
        """Values that a label or ``vus_inclusion`` is known for."""
        return self.positive | self.negative | self.uncertain

    def _values(self, name: str) -> frozenset[str]:
        added = (value for value, meant in self.added.items() if meant == name)
        return _UPSTREAM[name].union(added)


UPSTREAM_SIGNIFICANCE = Significance()
"""Upstream's lists alone."""
