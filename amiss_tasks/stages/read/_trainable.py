"""Whether any combination of a grid could train on the table, and what stops all of them.

Filters are nested, so what no row of the widest filter of the grid allows, no
combination can do. Combinations with narrower filters fail one by one, later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import (
    GENE,
    IS_MANE,
    TIME,
    VARIANT,
    VEP,
    Feature,
    FeatureSet,
)
from amiss_tasks.stages.columns.mapped import Mapped
from amiss_tasks.stages.files.report import FileReport
from amiss_tasks.stages.filter_mask import FILTERED, KEEP_ALL, MANE, filter_mask
from amiss_tasks.stages.read._classes import check_classes, note_mapped, unknown_classes
from amiss_tasks.stages.read._result import ReadCounts
from amiss_tasks.stages.read._value_counts import most_frequent
from amiss_tasks.stages.significance import UPSTREAM_SIGNIFICANCE, Significance
from amiss_tasks.stages.splits.gene_groups import said_of_genes
from amiss_tasks.stages.usable import widest_filter, widest_transcripts
from amiss_tasks.stages.values.parsing import parse_numbers
from gridrun.errors import counted
from gridrun.pipeline import Value

_FEWEST_ROWS = 3
"""Upstream's S02 stops on fewer rows."""


_ANOTHER_TIME = "name another field or cut below split_by: time, or split by variants or genes"


def _mask(
    mapped: Mapped,
    transcripts: Sequence[str],
    passing: Mapping[str, str],
    significance: Significance,
) -> Any:
    """Which rows some of these transcripts keep."""
    import pyarrow as pa
    import pyarrow.compute as pc

    chunks = []
    for piece in mapped.pieces(*FILTERED):
        masks = [
            filter_mask(piece, each, **passing, significance=significance) for each in transcripts
        ]
        chunks += reduce(pc.or_, masks).chunks
    return pa.chunked_array(chunks, pa.bool_())


class _Rows:
    """Some rows of a table, taken out column by column: all of them are never held once more.

    Args:
        mapped: The table.
        mask: Which of its rows.
    """

    def __init__(self, mapped: Mapped, mask: Any) -> None:
        self._mapped, self._mask = mapped, mask

    def __len__(self) -> int:
        """How many."""
        import pyarrow.compute as pc

        return int(pc.sum(self._mask).as_py() or 0)

    def __getitem__(self, name: str) -> Any:
        """A column of these rows; text by its distinct values, which are few or shared."""
        import pyarrow as pa

        found = self._mapped.table[name].filter(self._mask)
        self._mapped.give_back()
        if pa.types.is_string(found.type):
            found = found.dictionary_encode().unify_dictionaries()
        return found

    def select(self, names: Sequence[str]) -> Any:
        """Arrow table of some columns."""
        import pyarrow as pa

        return pa.table({name: self[name] for name in names})


def check_trainable(
    table: Mapped,
    grid_values: Mapping[str, Sequence[Value]],
    reports: Mapping[str, FileReport],
    counts: ReadCounts,
    *,
    features: FeatureSet = AMISS,
    significance: Significance = UPSTREAM_SIGNIFICANCE,
) -> None:
    """Say what keeps every combination of the grid from training.

    Args:
        table: The joined table.
        grid_values: Parameter to the values of the grid.
        reports: Role to report, ``features`` to that of a features file; faults go there.
        counts: What was read and left out, for the message when no variant is left.
        features: The study's features.
        significance: What values of CLNSIG count as.
    """
    import pyarrow.compute as pc

    passing, transcripts = widest_filter(grid_values), widest_transcripts(grid_values)
    named = {**passing, "transcript": " or ".join(transcripts)}
    widest = ", ".join(f"{name}={named[name]}" for name in sorted(named))
    kept = _Rows(table, _mask(table, transcripts, passing, significance))
    report = reports["vcf"]
    if significance.added or significance.table:
        # by upstream's lists alone, rows that the study drops are still there
        rows = _Rows(table, _mask(table, transcripts, passing, UPSTREAM_SIGNIFICANCE))
        note_mapped(rows, significance, report)
    if MANE in grid_values.get("transcript", ()):
        everything = _Rows(table, _mask(table, [KEEP_ALL], passing, significance))
        _note_without_mane(everything, report)
    _say_split(kept, features, report)
    variants = len(pc.unique(kept["vcf_line"]))
    if not variants:
        report.fault(
            f"0 variants at {widest}, the widest filter of the grid; "
            f"records by CLNREVSTAT: {most_frequent(counts.review)}; "
            f"records left out: {most_frequent(counts.records_dropped)}",
            todo="no combination can train; widen quality, restriction or transcript, "
            "or name another VCF",
        )
        return
    if unknown_classes(kept, significance, report):
        return
    if variants == 1 or len(kept) < _FEWEST_ROWS:
        report.fault(
            f"{variants} variant{'' if variants == 1 else 's'} at {widest}, the widest "
            "filter of the grid: too few to train",
            todo="name a VCF with more variants, or ask for more --rows",
        )
        return
    check_classes(kept, grid_values, widest, significance, report)
    _check_features(kept, grid_values, features, reports)


def _note_without_mane(rows: Any, report: FileReport) -> None:
    """Say how many variants ``transcript=mane`` leaves out because they have no such transcript."""
    import pyarrow.compute as pc

    variants = len(pc.unique(rows["vcf_line"]))
    has = len(pc.unique(rows["vcf_line"].filter(pc.equal(rows[IS_MANE], "YES"))))
    if has < variants:
        report.note(
            f"transcript=mane leaves out {variants - has:,} of {counted(variants, 'variant')}: "
            "none of their transcripts is a MANE Select one",
            todo=None if has else "VEP marks them with --mane on GRCh38; with --refseq since 104",
        )


def _say_split(kept: Any, features: FeatureSet, report: FileReport) -> None:
    """Say what there is to split by, beside variants, and what keeps rows from being split."""
    if not len(kept) or not (features.genes or features.cut):
        return
    names = zip(*(kept[name].to_pylist() for name in VARIANT), strict=True)
    variants = ["\t".join(map(str, name)) for name in names]
    if features.genes:
        report.note(said_of_genes(variants, kept[GENE].to_pylist()))
    if features.cut:
        texts = kept[TIME].to_pylist()
        fault, at = features.cut.fault(texts)
        lines = kept["vcf_line"].to_pylist()
        for line in sorted({lines[row] for row in at}) or [None] * bool(fault):
            report.fault(fault, line=line, noun="record" if at else "", todo=_ANOTHER_TIME)
        if not fault:
            report.note(features.cut.said(texts, variants))


def _check_features(
    kept: Any,
    grid_values: Mapping[str, Sequence[Value]],
    features: FeatureSet,
    reports: Mapping[str, FileReport],
) -> None:
    """Name features that are missing throughout: R reads such a column as logical.

    So is said which categorical ones hold nothing but numbers: R reads them as such.
    """
    has_dummy = "dummy" in grid_values.get("categorical", ("dummy",))
    without: list[str] = []
    for feature in features.features:
        is_empty = _is_empty(kept[feature.name], feature)
        if is_empty and feature.optional:
            without.append(feature.named)
        elif is_empty:
            _empty(feature, len(kept), features, reports, has_dummy=has_dummy)
        elif not feature.is_numeric and _are_numbers(kept[feature.name]):
            report, line = _place(feature, features, reports)
            report.fault(
                f"feature {feature.named} is categorical, but each of its values is a number",
                line=line,
                todo="declare it with type: numeric"
                if features.origin
                else "annotate again: amiss reads words there",
            )
    _note_without(without, len(kept), reports["features"])


def _note_without(names: Sequence[str], rows: int, report: FileReport) -> None:
    """Name the optional features that no row has a value of."""
    if names:
        verb = "has" if len(names) == 1 else "have"
        report.note(
            f"{counted(len(names), 'optional feature')} {verb} no value in any of the "
            f"{counted(rows, 'row')} that the grid can use, and so are left out: {', '.join(names)}"
        )


def _empty(
    feature: Feature,
    rows: int,
    features: FeatureSet,
    reports: Mapping[str, FileReport],
    *,
    has_dummy: bool,
) -> None:
    report, line = _place(feature, features, reports)
    message = f"{feature.named} is empty in all {counted(rows, 'row')} that the grid can use"
    todo = "annotate again so that this field has values"
    if features.origin is not None:
        todo = f"{todo}, or take the feature out of this file"
    if feature.is_numeric and not has_dummy:
        report.note(f"{message}: imputation fails where the feature is not dropped before")
    elif feature.is_numeric:
        report.fault(
            f"{message}: categorical=dummy cannot run",
            line=line,
            todo=f"{todo}, or ask for categorical=factor only",
        )
    else:
        report.fault(f"{message}: amiss cannot encode it", line=line, todo=todo)


def _place(
    feature: Feature, features: FeatureSet, reports: Mapping[str, FileReport]
) -> tuple[FileReport, int | None]:
    """Where a fault of a feature's values is reported: in its features file, else its input."""
    if features.origin is not None:
        return reports["features"], feature.line
    # without a features file there are no others
    return reports["vcf" if feature.file == VEP else "cadd_snv"], None


def _is_empty(column: Any, feature: Feature) -> bool:
    import pyarrow.compute as pc

    if feature.is_numeric:
        return bool(pc.all(pc.is_nan(column)).as_py())
    return bool(column.null_count == len(column))


def _are_numbers(column: Any) -> bool:
    import pyarrow.compute as pc

    _, odd = parse_numbers(pc.unique(column).drop_null().to_pylist(), ())
    return not odd
