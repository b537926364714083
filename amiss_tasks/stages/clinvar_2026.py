"""ClinVar's vocabulary of 2023 to 2026, and what its values of CLNSIG count as by default.

The table is ``clinvar_2026.tsv`` beside this module; ``docs/clinvar.md`` shows it to people. A
study that uses it has the classes that it gave among the keys of its tables.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path

from amiss_tasks.clinvar import DROP

TABLE = "clinvar2026"
"""How a study names the table."""

CLNSIG, CLNREVSTAT = "CLNSIG", "CLNREVSTAT"

_INSTEAD = {
    ("ONC", "SCI"): "a somatic classification",
    ("CLNSIGINCL",): "a class as part of a haplotype or genotype",
}
"""INFO keys that a record may have without CLNSIG, to what they hold."""

_NO_VALUE = ("", ".", "NA")
_FILE = Path(__file__).with_suffix(".tsv")
_BESIDE, _RULE = "beside", "rule"

_BAR = re.compile(r"\|_?|,_(?!low_penetrance)")
"""Between a class and what is said beside it: ``|`` since 2022, ``|_`` and ``,_`` before."""


@dataclass(frozen=True)
class Term:
    """A row of the table.

    Args:
        field: INFO key.
        value: As the VCF has it.
        part: Of CLNSIG: about ``pathogenicity``, said ``beside`` it, ``alone``, or a ``rule``.
        since: First year of releases that have it.
        what: What it is.
        counts_as: Of CLNSIG one of ``CLASSES``, of CLNREVSTAT the narrowest value of
            ``quality`` that keeps it, or ``none``.
        reason: Why.
        source: Keys of the places where it was seen, see ``docs/clinvar.md``.
    """

    field: str
    value: str
    part: str
    since: str
    what: str
    counts_as: str
    reason: str
    source: str


@cache
def terms() -> tuple[Term, ...]:
    """The table's rows, in its order."""
    with _FILE.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return tuple(Term(*row) for row in rows)


def table_content() -> list[tuple[str, ...]]:
    """All that a class can depend on, as plain data."""
    return [astuple(term)[:6] for term in terms() if term.field == CLNSIG]


@cache
def review_statuses() -> frozenset[str]:
    """Values of CLNREVSTAT that ClinVar is known to write."""
    return frozenset(term.value for term in terms() if term.field == CLNREVSTAT)


@cache
def _parts() -> Mapping[str, Term]:
    return {t.value: t for t in terms() if t.field == CLNSIG and t.part != _RULE}


def only_other_class(info: Mapping[str, str]) -> str:
    """What ClinVar says of a variant that has no germline classification of its own.

    Args:
        info: INFO key to its text.

    Returns:
        Why the record has no CLNSIG; empty if it has one, or nothing else either.
    """
    for keys, what in _INSTEAD.items() if info.get(CLNSIG, "") in _NO_VALUE else ():
        if any(info.get(key, "") not in _NO_VALUE for key in keys):
            return f"no CLNSIG, but {what} ({' or '.join(keys)})"
    return ""


def class_by_table(value: str, mapped: Mapping[str, str]) -> str | None:
    """What a value of CLNSIG counts as by the table.

    Args:
        value: Of CLNSIG, in none of upstream's lists.
        mapped: What a study says of values; it goes before the table, also of a part of ``value``.

    Returns:
        One of ``CLASSES``; None where the value, or a part of it, is not in the table.
    """
    whole = _class_of_part(value, mapped)
    if whole is not None:
        return whole
    parts = _BAR.split(value)
    classes = [_class_of_part(part, mapped) for part in parts]
    if None in classes or len(set(parts)) < len(parts):
        return None
    about = [c for c, part in zip(classes, parts, strict=True) if not _is_beside(part)]
    return _agreed(about or classes)


def _class_of_part(part: str, mapped: Mapping[str, str]) -> str | None:
    """Class of what has no bar in it: a term, or terms that ClinVar joined by a slash."""
    if part in mapped:
        return mapped[part]
    if part in _parts():
        return _parts()[part].counts_as
    joined = part.split("/")
    if len(set(joined)) < len(joined) or len(joined) == 1:
        return None
    known = [_parts().get(one) for one in joined]
    if any(term is None or term.part == _BESIDE for term in known):
        return None
    return _agreed([mapped.get(one) or _parts()[one].counts_as for one in joined])


def _is_beside(part: str) -> bool:
    term = _parts().get(part)
    return term is not None and term.part == _BESIDE


def _agreed(classes: Iterable[str | None]) -> str:
    """The class that all have; what has several is left out."""
    found = set(classes)
    return str(found.pop()) if len(found) == 1 else DROP
