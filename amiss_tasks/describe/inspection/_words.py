"""How counts, shares and lists of names are said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

_MOST_NAMED = 12


def counts(counter: Counter[str]) -> str:
    """Each name with its count."""
    return ", ".join(f"{name} {count:,}" for name, count in counter.items())


def some(names: Sequence[str]) -> str:
    """Names, at most a dozen, and how many more there are."""
    named = ", ".join(names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return named if more <= 0 else f"{named} and {more} more"


def percent(share: float) -> str:
    """A share with one decimal."""
    return f"{share * 100:.1f} %"
