"""What the values of CLNSIG and CLNREVSTAT say about a file as a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from amiss_tasks.clinvar import REVIEW_TIERS
from amiss_tasks.stages.clinvar_2026 import review_statuses
from amiss_tasks.stages.files.report import shown
from amiss_tasks.stages.read.vcf import VcfReader
from gridrun.errors import counted

VALUES_NAMED = 8
_OLD_CODE = re.compile(r"\d+([|,&/]\d+)*", re.ASCII)
_OLD_REVIEW = frozenset({"single", "mult", "conf", "exp", "guideline", "no_criteria"})
_NOT_LETTERS = re.compile(r"[^a-z]+")


@dataclass
class ValueCounts:
    """How often each value of an INFO key was met, and where first."""

    counts: dict[str, int] = field(default_factory=dict)
    first_lines: dict[str, int] = field(default_factory=dict)

    def add(self, value: str, line: int) -> None:
        """Count one record."""
        self.counts[value] = self.counts.get(value, 0) + 1
        self.first_lines.setdefault(value, line)

    def extend(self, later: ValueCounts) -> None:
        """Take in those of later lines."""
        for value, count in later.counts.items():
            self.counts[value] = self.counts.get(value, 0) + count
            self.first_lines.setdefault(value, later.first_lines[value])


def most_frequent(counts: Mapping[str, int]) -> str:
    """The most frequent values, each with its count."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    text = ", ".join(f'"{shown(value)}" {count}' for value, count in ordered[:VALUES_NAMED])
    left = len(ordered) - VALUES_NAMED
    return f"{text} and {counted(left, 'more value')}" if left > 0 else text or "none"


def check_significance(values: ValueCounts, records: int, reader: VcfReader) -> None:
    """Refuse a file without CLNSIG, or with the numeric codes of before 2017."""
    report = reader.report
    _refuse_absent("CLNSIG", "amiss takes its labels from it", values, records, reader)
    old = {value: n for value, n in values.counts.items() if _OLD_CODE.fullmatch(value)}
    if old:
        line = min(values.first_lines[value] for value in old)
        report.fault(
            f"CLNSIG holds the numeric codes of old ClinVar files: {most_frequent(old)}",
            line=line,
            todo="amiss needs the words (Pathogenic, Benign, …): "
            "take a ClinVar VCF of 2017 or later",
        )


def check_review(values: ValueCounts, records: int, reader: VcfReader) -> None:
    """Refuse a file whose CLNREVSTAT is absent, or in a spelling that no tier would keep.

    A status that ClinVar is not known to write is noted, for it may stand for a star.
    """
    report = reader.report
    _refuse_absent("CLNREVSTAT", "every value of quality needs it", values, records, reader)
    known = {_letters(value): value for tier in REVIEW_TIERS.values() for value in tier}
    for value, count in values.counts.items():
        meant = known.get(_letters(value))
        if meant is not None and meant != value:
            report.fault(
                f'CLNREVSTAT is "{shown(value)}", which no value of quality keeps '
                f"({count} variant{'' if count == 1 else 's'})",
                line=values.first_lines[value],
                todo=f'did you mean "{meant}"? some tools write & or | for ClinVar\'s comma',
            )
        elif value not in review_statuses() and not _is_old(value):
            report.note(
                f'CLNREVSTAT "{shown(value)}" is no review status that gridrun knows: no value of '
                f"quality keeps it ({counted(count, 'record')})",
                line=values.first_lines[value],
                todo="docs/clinvar.md has those that it knows",
            )
    old = {value: n for value, n in values.counts.items() if _is_old(value)}
    if old:
        report.fault(
            f"CLNREVSTAT is in the words of old ClinVar files, which no value of quality keeps: "
            f"{most_frequent(old)}",
            line=min(values.first_lines[value] for value in old),
            todo="take a ClinVar VCF of 2017 or later (criteria_provided,_single_submitter, …)",
        )


def _refuse_absent(
    key: str, why: str, values: ValueCounts, records: int, reader: VcfReader
) -> None:
    if key in reader.header.info and records and not values.counts:
        todo = f"{why}; name ClinVar's VCF, annotated with VEP"
        reader.report.fault(f"no record has {key} ({counted(records, 'record')})", todo=todo)


def _letters(value: str) -> str:
    return _NOT_LETTERS.sub("_", value.lower()).strip("_")


def _is_old(value: str) -> bool:
    return _OLD_REVIEW.issuperset(re.split(r"[|,&/]", value))
