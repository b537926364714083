"""Whether any combination of a grid could train on the table, and what stops all of them.

Filters are nested, so what no row of the widest filter of the grid allows, no
combination can do. Combinations with narrower filters fail one by one, later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from amiss_tasks.clinvar import NEGATIVE, POSITIVE, UNCERTAIN
from amiss_tasks.features import CATEGORICAL_FEATURES, NUMERIC_FEATURES, SOURCE, VEP_NUMERIC
from amiss_tasks.filter import QUALITIES, RESTRICTIONS, TRANSCRIPTS, filter_mask
from amiss_tasks.read._report import Report, shown
from amiss_tasks.read._result import ReadCounts
from amiss_tasks.read._tally import counted
from gridrun.errors import did_you_mean
from gridrun.pipeline import Value

_FEWEST_ROWS = 3
"""Upstream's S02 stops on fewer rows."""

_COMMON = (
    "Pathogenic, Likely_pathogenic, Pathogenic/Likely_pathogenic, Uncertain_significance, "
    "Likely_benign, Benign, Benign/Likely_benign and some of them with a suffix such as ,_other"
)


@dataclass(frozen=True)
class Widest:
    """The widest filter of a grid.

    Args:
        transcript: ``keep_all`` if the grid has it.
        quality: The tier that keeps most.
        restriction: ``all`` if the grid has it.
    """

    transcript: str
    quality: str
    restriction: str

    def text(self) -> str:
        """As it stands in messages."""
        return (
            f"quality={self.quality}, restriction={self.restriction}, transcript={self.transcript}"
        )


def widest_filter(grid_values: Mapping[str, Sequence[Value]]) -> Widest:
    """The filter of the grid that keeps most rows; a parameter not given counts as all."""
    return Widest(
        _widest(grid_values, "transcript", TRANSCRIPTS),
        _widest(grid_values, "quality", QUALITIES),
        _widest(grid_values, "restriction", RESTRICTIONS),
    )


def _widest(grid_values: Mapping[str, Sequence[Value]], name: str, ordered: Sequence[str]) -> str:
    asked = grid_values.get(name, ordered)
    return [value for value in ordered if value in asked][-1]


def check_trainable(
    table: Any,
    grid_values: Mapping[str, Sequence[Value]],
    reports: Mapping[str, Report],
    counts: ReadCounts,
) -> None:
    """Say what keeps every combination of the grid from training.

    Args:
        table: The joined table.
        grid_values: Parameter to the values of the grid.
        reports: Role to report; faults go there.
        counts: What was read and left out, for the message when no variant is left.
    """
    import pyarrow.compute as pc

    widest = widest_filter(grid_values)
    mask = filter_mask(table, widest.transcript, widest.quality, widest.restriction)
    kept = table.filter(mask)
    report = reports["vcf"]
    variants = len(pc.unique(kept["vcf_line"]))
    if not variants:
        report.fault(
            f"0 variants at {widest.text()}, the widest filter of the grid; "
            f"records by CLNREVSTAT: {counted(counts.review)}; "
            f"records left out: {counted(counts.records_dropped)}",
            todo="no combination can train; widen quality, restriction or transcript, "
            "or name another VCF",
        )
        return
    if _unknown_classes(kept, report):
        return
    if variants == 1 or len(kept) < _FEWEST_ROWS:
        report.fault(
            f"{variants} variant{'' if variants == 1 else 's'} at {widest.text()}, the widest "
            "filter of the grid: too few to train",
            todo="name a VCF with more variants, or ask for more --rows",
        )
        return
    _check_classes(kept, grid_values, widest, report)
    _check_features(kept, grid_values, reports)


def _unknown_classes(kept: Any, report: Report) -> bool:
    """Name each CLNSIG that upstream has no class for: S02 stops on it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    known = sorted(POSITIVE | NEGATIVE | UNCERTAIN)
    unknown = kept.filter(pc.invert(pc.is_in(kept["CLNSIG"], pa.array(known, pa.string()))))
    found: dict[str, set[int]] = {}
    for value, line in zip(
        unknown["CLNSIG"].to_pylist(), unknown["vcf_line"].to_pylist(), strict=True
    ):
        found.setdefault(value, set()).add(line)
    for value, lines in sorted(found.items(), key=lambda item: min(item[1])):
        for line in sorted(lines):
            report.fault(
                f'CLNSIG "{shown(value)}" is in none of amiss\'s classes',
                line=line,
                noun="variant",
                todo=f"{did_you_mean(value, known)} take these records out, or give them a value "
                f"amiss knows: {_COMMON}".strip(),
            )
    return bool(found)


def _check_classes(
    kept: Any, grid_values: Mapping[str, Sequence[Value]], widest: Widest, report: Report
) -> None:
    variants = {
        (line, value)
        for line, value in zip(
            kept["vcf_line"].to_pylist(), kept["CLNSIG"].to_pylist(), strict=True
        )
    }
    positive = sum(value in POSITIVE for _, value in variants)
    negative = sum(value in NEGATIVE for _, value in variants)
    uncertain = sum(value in UNCERTAIN for _, value in variants)
    for vus in grid_values.get("vus_inclusion", ("pathogenic", "benign", "exclude")):
        is_positive = positive + (uncertain if vus == "pathogenic" else 0)
        is_negative = negative + (uncertain if vus == "benign" else 0)
        if is_positive and is_negative:
            return
    report.fault(
        f"{negative} negative, {positive} positive and {uncertain} uncertain variants at "
        f"{widest.text()}, the widest filter of the grid: "
        "one class is empty whatever vus_inclusion of the grid",
        todo="no combination can train; widen quality, restriction or transcript, "
        "or name a VCF with both classes",
    )


def _check_features(
    kept: Any, grid_values: Mapping[str, Sequence[Value]], reports: Mapping[str, Report]
) -> None:
    """Name features that are missing throughout: R reads such a column as logical."""
    import pyarrow.compute as pc

    has_dummy = "dummy" in grid_values.get("categorical", ("dummy",))
    for name in NUMERIC_FEATURES:
        if not pc.all(pc.is_nan(kept[name])).as_py():
            continue
        report = reports["vcf" if name in VEP_NUMERIC else "cadd_snv"]
        message = f"{SOURCE[name]} is empty in all {len(kept)} rows that the grid can use"
        if has_dummy:
            report.fault(
                f"{message}: categorical=dummy cannot run",
                todo="annotate again with this field filled, or ask for categorical=factor only",
            )
        else:
            report.note(f"{message}: imputation fails where the feature is not dropped before")
    for name in CATEGORICAL_FEATURES:
        if kept[name].null_count == len(kept):
            report = reports["vcf" if name == "LRT_pred" else "cadd_snv"]
            report.fault(
                f"{name.removesuffix('.x')} is empty in all {len(kept)} rows that the grid can "
                "use: amiss cannot encode it",
                todo="annotate again with this field filled",
            )
