"""What the values of CLNSIG mean for a grid: unknown and mapped ones, and an empty class."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from amiss_tasks.clinvar import CLASSES, DROP
from amiss_tasks.stages.clinvar_2026 import TABLE, class_by_table
from amiss_tasks.stages.files.report import FileReport
from amiss_tasks.stages.significance import Significance, upstream_class
from gridrun.errors import counted
from gridrun.pipeline import Value

_MOST_FAULTS = 20
"""Unknown values that get a fault of their own; the lines to add have all of them."""

_LONGEST = 200
"""Letters of a value past which no line is proposed for it."""


def unknown_classes(kept: Any, significance: Significance, report: FileReport) -> bool:
    """Name each CLNSIG that has no class: S02 stops on it.

    Args:
        kept: The rows that the grid can use.
        significance: What values of CLNSIG count as.
        report: Report of the VCF.

    Returns:
        Whether there are any.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pa.array(sorted(significance.known), pa.string())
    rows = kept.select(["CLNSIG", "vcf_line"])
    found = _lines_of(rows.filter(pc.invert(pc.is_in(rows["CLNSIG"], known))))
    shown = list(found)[:_MOST_FAULTS]
    for value in shown:
        for line in found[value]:
            report.fault(
                f"CLNSIG {_quoted(value)} is in none of amiss's classes",
                line=line,
                noun="variant",
                # the advice stands once, below the last of them
                todo=_advice(found, significance) if value == shown[-1] else None,
            )
    return bool(found)


def note_mapped(rows: Any, significance: Significance, report: FileReport) -> None:
    """Say how many rows have a class from the study, and which values it maps for nothing.

    Args:
        rows: The rows that the grid can use, those of ``drop`` included.
        significance: What values of CLNSIG count as.
        report: Report of the VCF.
    """
    import pyarrow.compute as pc

    counts = {
        entry["values"]: entry["counts"] for entry in pc.value_counts(rows["CLNSIG"]).to_pylist()
    }
    _note_classes(significance.mapped, "because the study maps their CLNSIG", counts, report)
    if significance.table:
        because = f"by {significance.table}, because of their CLNSIG"
        _note_classes(significance.by_table, because, counts, report)
        by_amiss = {value: upstream_class(value) or "" for value in sorted(counts.keys() - {None})}
        _note_classes(by_amiss, "by amiss's own lists, because of their CLNSIG", counts, report)
    unmet = [value for value in significance.mapped if value not in counts]
    if unmet:
        named = ", ".join(map(_quoted, unmet))
        report.note(f"mapped values of CLNSIG that no row has which the grid can use: {named}")


def _note_classes(
    classes: Mapping[str, str], because: str, counts: Mapping[str, int], report: FileReport
) -> None:
    """Say of each class how many rows get it from a source, and by which values."""
    for name in CLASSES:
        met = [value for value, meant in classes.items() if meant == name and value in counts]
        if met:
            total = sum(counts[value] for value in met)
            each = ", ".join(f"{_quoted(value)} {counts[value]}" for value in met)
            does = "left out" if name == DROP else f"counted as {name}"
            report.note(f"{counted(total, 'row')} {does} {because}: {each}")


def check_classes(
    kept: Any,
    grid_values: Mapping[str, Sequence[Value]],
    widest: str,
    significance: Significance,
    report: FileReport,
) -> None:
    """Say where one class is empty whatever combination of the grid is run.

    Args:
        kept: The rows that the grid can use.
        grid_values: Parameter to the values of the grid.
        widest: The filter that they passed, for the message.
        significance: What values of CLNSIG count as.
        report: Report of the VCF.
    """
    columns = ["vcf_line", "CLNSIG"]
    variants = kept.select(columns).group_by(columns).aggregate([])["CLNSIG"].value_counts()
    counts = {entry["values"]: entry["counts"] for entry in variants.to_pylist()}
    positive, negative, uncertain = (
        sum(count for value, count in counts.items() if value in values)
        for values in (significance.positive, significance.negative, significance.uncertain)
    )
    for vus in grid_values.get("vus_inclusion", ("pathogenic", "benign", "exclude")):
        is_positive = positive + (uncertain if vus == "pathogenic" else 0)
        is_negative = negative + (uncertain if vus == "benign" else 0)
        if is_positive and is_negative:
            return
    report.fault(
        f"{negative} negative, {positive} positive and "
        f"{counted(uncertain, 'uncertain variant')} at {widest}, "
        "the widest filter of the grid: one class is empty whatever vus_inclusion of the grid",
        todo="no combination can train; widen quality, restriction or transcript, "
        "or name a VCF with both classes",
    )


def _lines_of(rows: Any) -> dict[str, list[int]]:
    """CLNSIG to the lines that have it, in the order of their first lines."""
    found: dict[str, set[int]] = {}
    for value, line in zip(rows["CLNSIG"].to_pylist(), rows["vcf_line"].to_pylist(), strict=True):
        found.setdefault(value, set()).add(line)
    lines = {value: sorted(each) for value, each in found.items()}
    return dict(sorted(lines.items(), key=lambda item: item[1][0]))


def _advice(found: Mapping[str, Sequence[int]], significance: Significance) -> str:
    """The lines to add to the study, one for each value; what it counts as is the user's to say."""
    lines = []
    for value, at in found.items():
        count = f"{len(at)} variant{'' if len(at) == 1 else 's'}, first on line {at[0]}"
        if len(value) > _LONGEST:
            lines.append(f"  # {count}: a value of {len(value)} letters, take these records out")
        else:
            lines.append(f"  {_quoted(value)}:  # {count}")
    return "\n  ".join(
        [
            "say in study.yaml what each counts as, by one of these words behind its colon:",
            f"{', '.join(CLASSES)} ({DROP}: left out), or take these records out",
            "clnsig:",
            *([f"  use: {significance.table}"] if significance.table else []),
            *lines,
            *([] if significance.table else _table_advice(found, significance)),
        ]
    )


def _table_advice(found: Mapping[str, Sequence[int]], significance: Significance) -> list[str]:
    """That a table has some of the values; a comment, so that the lines above can be copied."""
    lacking = [v for v in found if class_by_table(v, significance.mapped) is None]
    has = len(found) - len(lacking)
    if not has:
        return []
    which = "all of these values" if not lacking else f"{has} of {counted(len(found), 'value')}"
    rest = "; the lines of the others below it" if lacking or significance.mapped else ""
    written = f"clnsig: {TABLE}" if not rest else f"use: {TABLE}, as first line below clnsig"
    return [f"  # or, with the classes that docs/clinvar.md has for {which}: {written}{rest}"]


def _quoted(value: str) -> str:
    """A value in double quotes, as YAML and JSON read it back."""
    cut = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
    return json.dumps(cut, ensure_ascii=not cut.isprintable())
