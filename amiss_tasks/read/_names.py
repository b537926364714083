"""Column names as R's ``make.names`` leaves them, which is how amiss finds columns."""

from __future__ import annotations

import re
from collections.abc import Iterable

from amiss_tasks.features import CADD_NUMERIC, MOTIF_COLUMNS, SOURCE

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9._]")
_BAD_START = re.compile(r"[^A-Za-z.]|\.\d")

CADD_KEYS = ("#Chrom", "Pos", "Ref", "Alt", "FeatureID")
"""Key columns in the spelling of a CADD file."""

CADD_TEXT = ("Consequence", "Dst2SplType")
"""Text columns that amiss reads from a CADD file, beside the keys."""

CADD_NUMBERS = tuple(SOURCE[name] for name in (*CADD_NUMERIC, *MOTIF_COLUMNS))
"""Numeric columns that amiss reads from a CADD file, in its spelling."""


def r_name(name: str) -> str:
    """The name as R's ``make.names`` writes it.

    >>> r_name("GERP++_NR"), r_name("#Chrom")
    ('GERP.._NR', 'X.Chrom')
    """
    plain = _NOT_ALLOWED.sub(".", name)
    return f"X{plain}" if not plain or _BAD_START.match(plain) or name[0] == "#" else plain


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
