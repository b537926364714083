"""What a value of CLNSIG counts as: upstream's lists, and what a study adds to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from amiss_tasks.clinvar import DROPPED, NEGATIVE, POSITIVE, UNCERTAIN

POSITIVE_CLASS, NEGATIVE_CLASS = "positive", "negative"
UNCERTAIN_CLASS, DROP = "uncertain", "drop"

CLASSES = (POSITIVE_CLASS, NEGATIVE_CLASS, UNCERTAIN_CLASS, DROP)
"""What a value may count as; rows of ``drop`` are left out as those of ``drug_response`` are."""

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
    """

    mapped: Mapping[str, str] = field(default_factory=dict)

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
        added = (value for value, meant in self.mapped.items() if meant == name)
        return _UPSTREAM[name].union(added)


UPSTREAM_SIGNIFICANCE = Significance()
"""Upstream's lists alone."""
