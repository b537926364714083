"""Names as R's ``make.names`` leaves them, which is how amiss finds and spells columns."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9._]")
_BAD_START = re.compile(r"[^A-Za-z.]|\.[0-9]")
_RESERVED = frozenset(
    (
        *("if", "else", "repeat", "while", "function", "for", "next", "break", "in"),
        *("TRUE", "FALSE", "NULL", "Inf", "NaN"),
        *("NA", "NA_integer_", "NA_real_", "NA_complex_", "NA_character_"),
    )
)


def r_name(name: str) -> str:
    """The name as R's ``make.names`` writes it.

    >>> r_name("GERP++_NR"), r_name("#Chrom")
    ('GERP.._NR', 'X.Chrom')
    """
    plain = _NOT_ALLOWED.sub(".", name)
    if not plain or _BAD_START.match(name):
        return f"X{plain}"
    return f"{plain}." if plain in _RESERVED else plain


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
