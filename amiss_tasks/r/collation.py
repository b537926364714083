"""The order in which R sorts text for upstream: that of ICU's root collation.

R in en_US.UTF-8 or C.UTF-8 asks ICU (``upstream-behaviour`` sections 5.3 and 11.1). R itself is
set to it by ``guard.R``; this is the same order for what Python sorts. It is exact for ASCII and
for letters that are ASCII with accents; other characters follow those by their code points.
"""

from __future__ import annotations

import unicodedata

_PUNCTUATION = "\t\n\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
_ORDER = {sign: place for place, sign in enumerate(f"{_PUNCTUATION}0123456789")} | {
    letter: len(_PUNCTUATION) + 10 + place
    for place, letter in enumerate("abcdefghijklmnopqrstuvwxyz")
}
_BEYOND = 1000
"""Added to the code point of what is not in the list."""

_ACCENTS = {
    mark: place
    for place, mark in enumerate(
        "\u0301\u0300\u0306\u0302\u030c\u030a\u0308\u030b\u0303\u0307\u0328\u0327\u0304", 1
    )
}

AS_IN_C = r"^[-.0-9A-Z\t\n\r]*$"
"""Texts of these characters alone are in the same order by their code points."""

Key = tuple[tuple[int, ...], tuple[tuple[int, ...], tuple[int, ...]]]


def text_key(text: str) -> Key:
    """What texts are to be sorted by.

    Args:
        text: Any text.

    Returns:
        Its letters whatever their case, then their accents and cases, which decide only where
        all letters are equal.
    """
    letters, accents, cases = [], [], []
    for sign in unicodedata.normalize("NFD", text):
        if unicodedata.combining(sign):
            accents.append(_ACCENTS.get(sign, ord(sign)))
            continue
        small = sign.lower()
        letters.append(_ORDER.get(small, ord(small[0]) + _BEYOND))
        accents.append(0)
        cases.append(int(sign != small))
    return tuple(letters), (tuple(accents), tuple(cases))
