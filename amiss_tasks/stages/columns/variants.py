"""Which variants a VCF has, in few bytes each, for the tables whose rows are looked up there."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from amiss_tasks.stages.columns.coded import Coded, Codes
from amiss_tasks.stages.transcripts import stem

States = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]

ABSENT, THERE, KEPT, USED = -1, 0, 1, 2
"""What a VCF has of a variant: nothing, a record, one that is kept, a row that is used."""

_NO_TRANSCRIPT = frozenset({"", ".", "NA", None})


def _hash(name: str) -> int:
    """Of 64 bits, the same in every process; Python's own is another in each."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little", signed=True)


class Names:
    """Which variants a VCF has, in a file of their hashes.

    Args:
        file: As ``Variants.write`` wrote it; it is mapped, not held.
    """

    def __init__(self, file: Path) -> None:
        self._hashes = np.load(file, mmap_mode="r")

    def has(self, names: Sequence[str]) -> Flags:
        """Which of these it has.

        Args:
            names: As ``Variants.add`` takes them.
        """
        if not len(self._hashes):
            return np.zeros(len(names), np.bool_)
        wanted = np.fromiter(map(_hash, names), np.int64, len(names))
        at = np.searchsorted(self._hashes, wanted).clip(max=len(self._hashes) - 1)
        found: Flags = self._hashes[at] == wanted
        return found


class Variants:
    """Variants of a VCF by their hashes.

    Two variants of one hash are met about never (64 bits), and do no harm: rows are joined by
    what stands in them. Whoever asks, asks once all variants are there.
    """

    def __init__(self) -> None:
        self.chromosomes: dict[str, None] = {}
        """Names of chromosomes, in the order in which they were met."""
        self._hashes = array("q")
        self._kept = array("b")
        self._sorted: npt.NDArray[np.int64] | None = None
        self._states: npt.NDArray[np.int8] = np.zeros(0, np.int8)
        self._rows: npt.NDArray[np.int64] | None = None
        self._used: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
        self._repeated = False

    def add(self, chromosome: str, name: str, *, is_kept: bool) -> None:
        """Take in a record's variant.

        Args:
            chromosome: As written.
            name: ``CHROM POS REF ALT``, joined by carriage returns.
            is_kept: Whether the record is kept.
        """
        self.chromosomes.setdefault(chromosome)
        self._hashes.append(_hash(name))
        self._kept.append(is_kept)

    def extend(self, later: Variants) -> None:
        """Take in the variants of later records."""
        self.chromosomes |= later.chromosomes
        self._hashes.extend(later._hashes)
        self._kept.extend(later._kept)

    def kept(self) -> int:
        """How many variants are kept, each counted once."""
        self._sort()
        return int((self._states >= KEPT).sum())

    def used(self) -> int:
        """How many have rows that are used."""
        self._sort()
        return int((self._states >= (KEPT if self._rows is None else USED)).sum())

    def write(self, file: Path) -> None:
        """Write which variants there are, kept or not, for :class:`Names`."""
        self._sort()
        assert self._sorted is not None
        with file.open("wb") as stream:
            np.save(stream, self._sorted)

    def is_repeated(self) -> bool:
        """Whether some kept variant may stand in more than one record."""
        self._sort()
        return self._repeated

    def find(self, names: Sequence[str]) -> States:
        """What the VCF has of each of these variants: ABSENT, THERE, KEPT or USED."""
        self._sort()
        assert self._sorted is not None
        wanted = np.fromiter(map(_hash, names), np.int64, len(names))
        if not len(self._sorted):
            return np.full(len(names), ABSENT, np.int8)
        at = np.searchsorted(self._sorted, wanted).clip(max=len(self._sorted) - 1)
        return np.where(self._sorted[at] == wanted, self._states[at], ABSENT).astype(np.int8)

    def use(self, names: Coded, transcripts: Coded) -> None:
        """Say of some rows of the VCF that they are used; ``narrow`` is called with the last ones.

        Args:
            names: Name of the variant of each row, as ``add`` takes it.
            transcripts: Transcript of each row.
        """
        used = np.fromiter(map(_hash, names.distinct), np.int64, len(names.distinct))
        rows = self._hashes_of(names, transcripts, np.arange(len(names.codes)))
        self._used.append((used, np.unique(rows)))

    def narrow(self, names: Coded, transcripts: Coded) -> None:
        """Say which rows of the VCF are used, where not all rows of kept records are.

        Args:
            names: As in :meth:`use`; rows that it was given need not be given again.
            transcripts: The same.
        """
        self.use(names, transcripts)
        self._sort()
        assert self._sorted is not None
        for used, _ in self._used:
            self._states[np.searchsorted(self._sorted, used)] = USED
        rows, self._used = [each for _, each in self._used], []
        self._rows = rows[0] if len(rows) == 1 else np.unique(np.concatenate(rows))

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

    def _sort(self) -> None:
        if self._sorted is not None:
            return
        hashes = np.frombuffer(self._hashes, np.int64) if self._hashes else np.zeros(0, np.int64)
        kept = np.frombuffer(self._kept, np.int8) if self._kept else np.zeros(0, np.int8)
        of_kept = np.sort(hashes[kept == 1])
        self._repeated = bool((of_kept[1:] == of_kept[:-1]).any())
        self._sorted = np.unique(hashes)
        kept_at = np.searchsorted(self._sorted, of_kept)
        self._states = np.zeros(len(self._sorted), np.int8)
        self._states[kept_at] = KEPT
        self._hashes, self._kept = array("q"), array("b")
