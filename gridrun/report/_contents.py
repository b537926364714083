"""Which combination was the first of the table with some content, of a million contents."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from gridrun.plan.task_encoding import IntArray

_DIGEST_BYTES = 16
_MOST_RECENT = 1024


class FirstCombinations:
    """Content to the first combination that has it, in 24 bytes each; a dict takes 150.

    What came last is in a dict, and is put to the others when there is much of it.
    """

    def __init__(self) -> None:
        self._digests = np.empty(0, f"S{_DIGEST_BYTES}")  # sorted
        self._numbers = np.empty(0, np.int64)
        self._recent: dict[bytes, int] = {}

    def of(self, contents: Sequence[str], numbers: Sequence[int]) -> IntArray:
        """The first combination with each content.

        Args:
            contents: In the order of the table.
            numbers: Of the combinations that have them; each is the first if there was none.
        """
        digests = [
            hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest() for text in contents
        ]
        asked = np.array(digests, self._digests.dtype)
        at = np.searchsorted(self._digests, asked)
        is_known = np.append(self._digests, b"")[at] == asked
        found = np.append(self._numbers, 0)[at]
        for place in np.flatnonzero(~is_known).tolist():
            found[place] = self._recent.setdefault(digests[place], numbers[place])
        if len(self._recent) > _MOST_RECENT:
            self._put_to_the_others()
        return found

    def _put_to_the_others(self) -> None:
        digests = np.concatenate([self._digests, np.array([*self._recent], self._digests.dtype)])
        numbers = np.concatenate([self._numbers, np.array([*self._recent.values()], np.int64)])
        order = np.argsort(digests, kind="stable")  # most of it is sorted
        self._digests, self._numbers = digests[order], numbers[order]
        self._recent = {}
