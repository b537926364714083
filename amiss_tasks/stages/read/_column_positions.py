"""Where the columns of a file stand, found as amiss finds them."""

from __future__ import annotations

from collections.abc import Iterable

from amiss_tasks.r.names import r_name

CADD_KEYS = ("#Chrom", "Pos", "Ref", "Alt", "FeatureID")
"""Key columns in the spelling of a CADD file."""


def positions(found: Iterable[str], wanted: Iterable[str]) -> dict[str, int]:
    """Position of each wanted name among the found ones, compared as R does.

    Returns:
        Wanted name to position; names that are not there are left out. Of two
        columns that R would call the same the first is taken, as R does.
    """
    at: dict[str, int] = {}
    for index, name in enumerate(found):
        at.setdefault(r_name(name), index)
    return {name: at[r_name(name)] for name in wanted if r_name(name) in at}
