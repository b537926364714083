"""Values that a column cannot hold by its own definition, as after two cells were swapped.

A few of them are damage and are refused, with their lines. Where many are outside, the
column is on another scale (a made-up table, another release), of which the definition says
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss_tasks.stages.columns.coded import Coded
from amiss_tasks.stages.files.report import FileReport, shown
from amiss_tasks.stages.values.parsing import MISSING

_MOST_DAMAGED = 0.05
"""Share of a column's known values above which its scale is another one."""

_FEW_LINES, _MOST_OF_FEW, _ENOUGH = 3, 0.2, 20
"""The same where only so many lines are damaged, and so many values are known."""

_PROBABILITY = (0.0, 1.0)
_COUNT = (0.0, np.inf)
RANGES: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(
        (
            *("SIFT_score", "LRT_score", "MutationTaster_score", "MutPred_score"),
            *("fathmm-MKL_coding_score", "GenoCanyon_score", "integrated_fitCons_score"),
            *("phastCons100way_vertebrate", "phastCons20way_mammalian"),
            *("gnomAD_exomes_AF", "gnomAD_genomes_AF", "GC", "CpG"),
        ),
        _PROBABILITY,
    ),
    "relcDNApos": (0.0, 1.01),
    "relCDSpos": (0.0, 1.01),
    "relProtPos": (0.0, 1.01),
}
"""Column to the least and greatest value that it can hold.

Only what is a probability or a share by definition: scores without such bounds differ from
release to release. Source: the descriptions of columns of dbNSFP 3.5 and 4 and of CADD 1.4 to
1.6; CADD's relative positions exceed 1 by a codon where a transcript ends early.
"""

WHOLE: Mapping[str, tuple[float, float]] = {
    "Length": _COUNT,
    "Dst2Splice": (-20.0, 20.0),
    "minDistTSS": _COUNT,
    "minDistTSE": _COUNT,
    "RemapOverlapTF": _COUNT,
    "RemapOverlapCL": _COUNT,
}
"""The same for columns of whole numbers. Source: CADD's release notes."""

_BASES = ("bases", re.compile(r"[ACGTNacgtn]+"))
_TRANSCRIPT = ("a transcript", re.compile(r"(?!ENSG\d)(?=.*[A-Za-z]).*"))
WORDS: Mapping[str, tuple[str, re.Pattern[str]]] = {
    "REF": _BASES,
    "Ref": _BASES,
    "Alt": _BASES,
    "Feature": _TRANSCRIPT,
    "FeatureID": _TRANSCRIPT,
    "CANONICAL": ("YES", re.compile("YES")),
    "LRT_pred": ("D, N or U", re.compile(r"[DNU]")),
    "Dst2SplType": ("ACCEPTOR or DONOR", re.compile("ACCEPTOR|DONOR")),
}
"""Column to what its text is, in words and as a pattern. Source: VEP, dbNSFP, CADD."""

_TERM = r"\w+_(variant|ablation|amplification|elongation|truncation|insertion|deletion|gained|lost)"
CONSEQUENCES = {
    "vep": ("made of terms of the Sequence Ontology", re.compile(rf"{_TERM}(&{_TERM})*")),
    "cadd": ("a consequence of CADD", re.compile(r"[35A-Z][A-Z_]{4,}")),
}
"""What stands in column ``Consequence`` of each file, the same way."""


@dataclass
class _Column:
    """What a column held so far."""

    expected: str
    known: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)


class ValueChecks:
    """Checks columns of one file, lot by lot.

    Args:
        report: Where faults go.
        noun: What a line of the file is called.
        title: How a column is named, with ``{}`` for its name.
    """

    def __init__(self, report: FileReport, noun: str, title: str) -> None:
        self._report = report
        self._noun = noun
        self._title = title
        self._columns: dict[str, _Column] = {}

    def numbers(self, name: str, values: npt.NDArray[np.float64], lines: Sequence[int]) -> None:
        """Compare numbers (NaN for NA) with the range of their column, if it has one."""
        whole = name in WHOLE
        span = WHOLE.get(name) or RANGES.get(name)
        if span is None:
            return
        least, most = span
        column = self._column(name, lambda: _range_text(least, most, whole=whole))
        known = ~np.isnan(values)
        column.known += int(known.sum())
        with np.errstate(invalid="ignore"):
            bad = known & ((values < least) | (values > most))
            if whole:
                bad |= known & (values != np.floor(values))
        column.bad += [(lines[at], f"{values[at]:g}") for at in np.flatnonzero(bad).tolist()]

    def text(
        self,
        name: str,
        cells: Sequence[Any] | Coded,
        lines: Sequence[int],
        consequences: str = "",
    ) -> None:
        """Compare text with what its column holds, if that is known."""
        found = CONSEQUENCES[consequences] if consequences else WORDS.get(name)
        if found is None:
            return
        expected, pattern = found
        column = self._column(name, lambda: expected)
        different = set(cells.distinct if isinstance(cells, Coded) else cells)
        different -= {None, "NA", *MISSING}
        wrong = {cell for cell in different if not pattern.fullmatch(cell)}
        column.known += len(lines)
        if wrong:
            cells = cells.cells() if isinstance(cells, Coded) else cells
            column.bad += [
                (line, f'"{shown(cell)}"')
                for cell, line in zip(cells, lines, strict=True)
                if cell in wrong
            ]

    def extend(self, later: ValueChecks) -> None:
        """Take in what columns hold in later lines."""
        for name, column in later._columns.items():
            mine = self._columns.setdefault(name, _Column(column.expected))
            mine.known += column.known
            mine.bad += column.bad

    def finish(self) -> None:
        """Report the columns of which few values are impossible."""
        for name, column in self._columns.items():
            is_local = len({line for line, _ in column.bad}) <= _FEW_LINES
            most = _MOST_OF_FEW if is_local and column.known >= _ENOUGH else _MOST_DAMAGED
            if len(column.bad) > most * column.known:
                continue
            for line, value in column.bad:
                self._report.fault(
                    f"{self._title.format(name)} is {value}, which is not {column.expected}",
                    key=("impossible", name),
                    line=line,
                    noun=self._noun,
                    todo="were cells swapped or shifted? compare the lines with the annotation's "
                    "own output, or annotate again",
                )

    def _column(self, name: str, expected: Callable[[], str]) -> _Column:
        if name not in self._columns:
            self._columns[name] = _Column(expected())
        return self._columns[name]


def _range_text(least: float, most: float, *, whole: bool) -> str:
    kind = "a whole number" if whole else "a number"
    if not np.isfinite(most):
        return f"{kind} of at least {least:g}"
    return f"{kind} from {least:g} to {most:g}"
