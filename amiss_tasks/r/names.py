"""Names as R's ``make.names`` leaves them, which is how amiss finds and spells columns."""

from __future__ import annotations

import re

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
