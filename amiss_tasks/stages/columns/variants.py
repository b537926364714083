"""Which variants a VCF has, in few bytes each, for the tables whose rows are looked up there."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from amiss_tasks.r.arrays import IntArray
from amiss_tasks.stages.columns.coded import Coded, Codes
from amiss_tasks.stages.transcripts import stem
from gridrun.store.faults import cannot_write

States = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]

ABSENT, THERE, KEPT, USED = -1, 0, 1, 2
"""What a VCF has of a variant: nothing, a record, one that is kept, a row that is used."""

_STATES = 3
"""Bits of a number of a variant that say what the VCF has of it; the others are its hash."""

_AT_ONCE = 1 << 13
"""Numbers that are compared at once: what that makes of them takes memory of its own."""

_NO_TRANSCRIPT = frozenset({"", ".", "NA", None})


def _hash(name: str) -> int:
    """Of 62 bits, the same in every process; Python's own is another in each."""
    found = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little", signed=True)
    return found & ~_STATES


def _view(numbers: array[int]) -> IntArray:
    """The same memory; of no numbers there is none to be seen."""
    return np.frombuffer(numbers, np.int64) if numbers else np.zeros(0, np.int64)


def _hashes(names: Sequence[str]) -> IntArray:
    return np.fromiter(map(_hash, names), np.int64, len(names))


def _states(numbers: IntArray, names: Sequence[str]) -> States:
    """What is said of variants in sorted numbers, each with its state in its last bits."""
    if not len(numbers):
        return np.full(len(names), ABSENT, np.int8)
    wanted = _hashes(names)
    found = numbers[np.searchsorted(numbers, wanted).clip(max=len(numbers) - 1)]
    return np.where(found & ~_STATES == wanted, found & _STATES, ABSENT).astype(np.int8)


class Names:
    """Which variants a VCF has, in a file of their hashes.

    Args:
        file: As ``Variants.write`` wrote it; it is mapped, not held.
    """

    def __init__(self, file: Path) -> None:
        self._numbers = np.load(file, mmap_mode="r")

    def has(self, names: Sequence[str]) -> Flags:
        """Which of these it has.

        Args:
            names: As ``Variants.add`` takes them.
        """
        found: Flags = _states(self._numbers, names) != ABSENT
        return found


class Variants:
    """Variants of a VCF by their hashes.

    Two variants of one hash are met about never (62 bits), and do no harm: rows are joined by
    what stands in them. Whoever asks, asks once all variants are there.

    A variant takes 8 bytes of memory, and so does a row that is used, until they are in files
    (``keep``), which all processes map that read tables.
    """

    def __init__(self) -> None:
        self.chromosomes: dict[str, None] = {}
        """Names of chromosomes, in the order in which they were met."""
        self._met = array("q")
        self._used = array("q")
        self._used_rows = array("q")
        self._numbers: IntArray | None = None
        self._rows: IntArray | None = None
        self._repeated = False
        self._files: tuple[Path, ...] = ()

    def __getstate__(self) -> dict[str, object]:
        """Without what is in files: another process maps them itself."""
        in_files = {"_numbers": None, "_rows": None} if self._files else {}
        return {**self.__dict__, **in_files}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._map()

    def add(self, chromosome: str, name: str, *, is_kept: bool) -> None:
        """Take in a record's variant.

        Args:
            chromosome: As written.
            name: ``CHROM POS REF ALT``, joined by carriage returns.
            is_kept: Whether the record is kept.
        """
        self.chromosomes.setdefault(chromosome)
        self._met.append(_hash(name) | (KEPT if is_kept else THERE))

    def extend(self, later: Variants) -> None:
        """Take in the variants of later records."""
        self.chromosomes |= later.chromosomes
        self._met.extend(later._met)

    def kept(self) -> int:
        """How many variants are kept, each counted once."""
        return self._count(KEPT)

    def used(self) -> int:
        """How many have rows that are used."""
        return self._count(KEPT if self._rows is None else USED)

    def write(self, file: Path) -> None:
        """Write which variants there are, kept or not, for :class:`Names`."""
        with file.open("wb") as stream:
            np.save(stream, self._sorted())

    def keep(self, directory: Path) -> None:
        """Have all that is there in files from now on.

        Args:
            directory: Where they are until nobody asks any more.

        Raises:
            EnvironmentFault: The disk has no room for them.
        """
        files = directory / "variants.npy", directory / "rows.npy"
        numbers = self._sorted()
        try:
            for file, each in zip(files, (numbers, self._rows), strict=True):
                if each is not None:
                    np.save(file, each)
                    self._files = (*self._files, file)
        except OSError as error:
            raise cannot_write(directory, error) from error
        self._map()

    def is_repeated(self) -> bool:
        """Whether some kept variant may stand in more than one record."""
        self._sorted()
        return self._repeated

    def find(self, names: Sequence[str]) -> States:
        """What the VCF has of each of these variants: ABSENT, THERE, KEPT or USED."""
        return _states(self._sorted(), names)

    def use(self, names: Coded, transcripts: Coded) -> None:
        """Say of some rows of the VCF that they are used; ``narrow`` is called with the last ones.

        Args:
            names: Name of the variant of each row, as ``add`` takes it.
            transcripts: Transcript of each row.
        """
        rows = self._hashes_of(names, transcripts, np.arange(len(names.codes)))
        self._used.extend(map(_hash, names.distinct))
        self._used_rows.frombytes(np.unique(rows).tobytes())

    def narrow(self, names: Coded, transcripts: Coded) -> None:
        """Say which rows of the VCF are used, where not all rows of kept records are.

        Args:
            names: As in :meth:`use`; rows that it was given need not be given again.
            transcripts: The same.
        """
        self.use(names, transcripts)
        numbers, used = self._sorted(), _view(self._used)
        for begin in range(0, len(used), _AT_ONCE):
            # every number is at least its hash, and one that is used is there
            at = np.searchsorted(numbers, used[begin : begin + _AT_ONCE])
            numbers[at] = numbers[at] & ~_STATES | USED
        self._rows, _ = _distinct(self._used_rows)
        self._used, self._used_rows = array("q"), array("q")

    def wanted(self, names: Coded, states: States, transcripts: Coded | None) -> Flags:
        """Which rows of a table can belong to a row of the VCF that is used.

        Args:
            names: Name of the variant of each row.
            states: What ``find`` says of each.
            transcripts: Transcript of each row; None where rows are of all transcripts. Versions
                do not count here.
        """
        if self._rows is None:
            everything: Flags = states >= KEPT
            return everything
        wanted: Flags = states == USED
        if transcripts is not None and len(self._rows):
            at = np.flatnonzero(wanted)
            hashes = self._hashes_of(names, transcripts, at)
            place = np.searchsorted(self._rows, hashes).clip(max=len(self._rows) - 1)
            wanted[at] = self._rows[place] == hashes
        return wanted

    @staticmethod
    def _hashes_of(names: Coded, transcripts: Coded, rows: Codes) -> npt.NDArray[np.int64]:
        stems = ["NA" if name in _NO_TRANSCRIPT else stem(name) for name in transcripts.distinct]
        pairs = zip(names.codes[rows].tolist(), transcripts.codes[rows].tolist(), strict=True)
        hashes = (_hash(f"{names.distinct[name]}\r{stems[own]}") for name, own in pairs)
        return np.fromiter(hashes, np.int64, len(rows))

    def _count(self, state: int) -> int:
        """How many variants are in this state, or in a later one."""
        numbers = self._sorted()
        pieces = (numbers[at : at + _AT_ONCE] for at in range(0, len(numbers), _AT_ONCE))
        return sum(int(((each & _STATES) >= state).sum()) for each in pieces)

    def _sorted(self) -> IntArray:
        """The number of each variant: its hash, and in its last bits what there is of it."""
        if self._numbers is None:
            met, self._met = self._met, array("q")
            self._numbers, repeated = _distinct(met)
            self._repeated = bool(((repeated & _STATES) >= KEPT).any())
        return self._numbers

    def _map(self) -> None:
        if self._files:
            numbers, *rows = (np.load(file, mmap_mode="r").view(np.ndarray) for file in self._files)
            self._numbers, self._rows = numbers, rows[0] if rows else None


def _distinct(numbers: array[int]) -> tuple[IntArray, IntArray]:
    """Sort numbers in their place; of those with one hash the last, and those that are repeated."""
    found = _view(numbers)
    found.sort()
    end, repeated = 0, [found[:0]]
    for begin in range(0, len(found), _AT_ONCE):
        own, following = found[begin : begin + _AT_ONCE], found[begin + 1 : begin + 1 + _AT_ONCE]
        is_last = np.ones(len(own), np.bool_)
        is_last[: len(following)] = (own[: len(following)] | _STATES) != (following | _STATES)
        repeated.append(own[: len(following)][own[: len(following)] == following])
        kept = own[is_last]
        found[end : end + len(kept)] = kept
        end += len(kept)
    return found[:end], np.concatenate(repeated)
