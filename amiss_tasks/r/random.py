"""R's default random numbers without R: ``set.seed``, ``runif`` and ``sample``.

Covers ``RNGkind("Mersenne-Twister", sample.kind = "Rejection")``, the default
since R 3.6, as far as the stages that need no R draw from it. Source: R's
documentation of ``Random`` and ``sample``; ``upstream-behaviour`` section 11.
"""

from __future__ import annotations

import numpy as np

from amiss_tasks.r.arrays import FloatArray, IntArray

_STATE_WORDS = 624
_TO_UNIT = 2.0**-32
_LEAST = 0.5 / (2**32 - 1)  # R returns this for 0, so that no draw is 0 or 1
_CHUNK_BITS = 16
_LARGEST = 10_000_000  # beyond it R's sample hashes instead of permuting
_BUFFER = 4096


class RRandom:
    """R's generator after ``set.seed(seed)``.

    Args:
        seed: As passed to ``set.seed``.
    """

    def __init__(self, seed: int) -> None:
        word = seed & 0xFFFFFFFF
        for _ in range(50):
            word = _scramble(word)
        # R fills one word more than the state has and overwrites it with the position
        word = _scramble(word)
        key = np.empty(_STATE_WORDS, dtype=np.uint32)
        for index in range(_STATE_WORDS):
            word = _scramble(word)
            key[index] = word
        self._bits = np.random.MT19937()
        self._bits.state = {
            "bit_generator": "MT19937",
            "state": {"key": key, "pos": _STATE_WORDS},
        }
        self._buffer: list[float] = []

    def uniform(self, size: int) -> FloatArray:
        """``runif(size)``.

        Args:
            size: Number of draws.

        Returns:
            float64, shape (size,), in (0, 1).
        """
        return np.array([self._next() for _ in range(size)], dtype=np.float64)

    def sample(self, n: int, size: int) -> IntArray:
        """``sample.int(n, size)`` less one: positions drawn without replacement.

        Args:
            n: Size of the population, at most 10 million.
            size: Number of positions, at most ``n``.

        Returns:
            int64, shape (size,), counted from 0, in the order drawn.

        Raises:
            ValueError: More are asked for than there are, or ``n`` is too large.
        """
        if size > n or n > _LARGEST:
            msg = f"cannot draw {size} of {n} (at most {_LARGEST})"
            raise ValueError(msg)
        pool = list(range(n))
        drawn = np.empty(size, dtype=np.int64)
        for index in range(size):
            position = self._below(n)
            drawn[index] = pool[position]
            n -= 1
            pool[position] = pool[n]
        return drawn

    def _below(self, bound: int) -> int:
        """A position below ``bound``: masked bits, drawn again until one fits."""
        bits = (bound - 1).bit_length()
        mask = (1 << bits) - 1
        while True:
            value = 0
            for _ in range(0, bits + 1, _CHUNK_BITS):
                value = (value << _CHUNK_BITS) + int(self._next() * 65536)
            value &= mask
            if value < bound:
                return value

    def _next(self) -> float:
        if not self._buffer:
            raw = self._bits.random_raw(_BUFFER).astype(np.float64) * _TO_UNIT
            self._buffer = np.clip(raw, _LEAST, 1 - _LEAST)[::-1].tolist()
        return self._buffer.pop()


def _scramble(word: int) -> int:
    """One step of the congruential generator that R seeds with."""
    return (69069 * word + 1) & 0xFFFFFFFF
