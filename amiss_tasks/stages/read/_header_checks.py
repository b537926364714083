"""What the features need of the headers, and whether the three inputs fit together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from amiss_tasks.features.feature import BY_TRANSCRIPT
from amiss_tasks.features.feature_set import (
    BASIC_COLUMNS,
    CADD,
    CANONICAL,
    MANE_FIELDS,
    TRANSCRIPTS,
    VEP,
    FeatureSet,
)
from amiss_tasks.r.names import positions
from amiss_tasks.stages.files.report import FileReport
from amiss_tasks.stages.files.tsv import TsvReader
from amiss_tasks.stages.files.vcf_header import VcfHeader
from amiss_tasks.stages.read._column_lookup import ColumnHolder, name_lacking, note_choices
from amiss_tasks.stages.read.tables import CADD_KEYS, CaddReader
from gridrun.documents.tree import known_list
from gridrun.pipeline import Value

_ANNOTATE = "annotate it with VEP: vep --vcf --canonical --plugin dbNSFP,…"
_OWN_CONSEQUENCES = {"BCSQ": "bcftools csq", "ANN": "snpEff", "EFF": "snpEff"}
_BASIC = frozenset({"Consequence", "Feature"})


def check_vcf_header(
    header: VcfHeader,
    report: FileReport,
    grid_values: Mapping[str, Sequence[Value]],
    features: FeatureSet,
    features_report: FileReport,
    *,
    labelled: bool = True,
) -> None:
    """Name everything that is needed and that the header does not declare.

    Args:
        header: Header of the study's VCF.
        report: The file's report.
        grid_values: Parameter to the values of the grid.
        features: The study's features.
        features_report: Report of their file, for sources that are not there.
        labelled: Whether ClinVar's labels are needed.
    """
    for key in ("CLNREVSTAT", "CLNSIG") if labelled else ():
        if key not in header.info:
            report.fault(
                f'the header declares no INFO key "{key}"',
                todo="amiss needs ClinVar's VCF (2017 or later), annotated with VEP",
            )
    if features.cut and features.cut.field not in header.info:
        report.fault(
            f'the header declares no INFO key "{features.cut.field}", which split_by: time names',
            todo=f"name one with a date or a number (there are {known_list(header.info)}), or "
            "split by variants or genes",
        )
    if header.csq is None:
        _no_csq(header, report)
        return
    if not header.csq_fields:
        report.fault(
            'CSQ is declared without its field list: no "Format: " in its description',
            line=header.csq.line,
            todo="put back the description that VEP wrote (… Format: Allele|Consequence|…)",
        )
        return
    _check_fields(header, header.csq.line, report, grid_values, features)
    if features.origin is not None:
        at = positions(header.csq_fields, features.csq_fields)
        of_vep = features.of(VEP)
        place = ColumnHolder(str(report.file), "the CSQ format", "field")
        name_lacking(of_vep, at, header.csq_fields, place, features_report)
        note_choices(of_vep, at, "CSQ field", report)


def _check_fields(
    header: VcfHeader,
    line: int,
    report: FileReport,
    grid_values: Mapping[str, Sequence[Value]],
    features: FeatureSet,
) -> None:
    """Name CSQ fields that occur twice, and needed ones that are missing.

    Sources of the features of a features file are that file's matter.
    """
    at = positions(header.csq_fields, features.csq_fields)
    _twice(header, report, features)
    _check_genes(header, line, report, features)
    missing = [n for n in features.csq_fields if n not in at and n not in features.genes]
    if CANONICAL in missing and "canonical" in grid_values.get("transcript", ("canonical",)):
        report.fault(
            f'no "{CANONICAL}" in the CSQ format, which transcript=canonical needs',
            line=line,
            todo="run vep --canonical, or ask for transcript=keep_all only",
        )
    if "mane" in grid_values.get("transcript", ()) and not set(MANE_FIELDS) & set(
        header.csq_fields
    ):
        report.fault(
            f'no "{MANE_FIELDS[0]}" in the CSQ format (VEP before 103: "{MANE_FIELDS[1]}"), which '
            "transcript=mane needs",
            line=line,
            todo="run vep --mane (on GRCh38), or ask for transcript=canonical or keep_all",
        )
    basic = [name for name in missing if name in _BASIC]
    if basic:
        report.fault(
            f"the CSQ format lacks {_quoted(basic)}, which VEP always writes",
            line=line,
            todo=_ANNOTATE,
        )
    plugin = [name for name in missing if name not in {*_BASIC, CANONICAL}]
    if features.origin is None and plugin:
        report.fault(
            f"the CSQ format lacks {len(plugin)} of the dbNSFP fields amiss reads: "
            f"{_quoted(plugin)}",
            line=line,
            todo="run VEP with the dbNSFP plugin and name these fields to it; fields of another "
            "name or release: docs/features.md",
        )
    elif TRANSCRIPTS in plugin and not features.needs_transcripts:
        ways = " or ".join(
            dict.fromkeys(f.lists[1] for f in features.of(VEP) if BY_TRANSCRIPT in f.lists)
        )
        report.note(
            f'no "{TRANSCRIPTS}" in the CSQ format: lists are not matched to transcripts, the '
            f"features file's other way is taken ({ways})"
        )
    elif TRANSCRIPTS in plugin:
        report.fault(
            f'the CSQ format lacks "{TRANSCRIPTS}", which per_transcript features of '
            f"{features.origin} need",
            line=line,
            todo="name this field to the dbNSFP plugin of VEP",
        )


def _check_genes(header: VcfHeader, line: int, report: FileReport, features: FeatureSet) -> None:
    """Say which CSQ field names genes, where rows are split by them."""
    if not features.genes:
        return
    found = [name for name in features.genes if name in header.csq_fields]
    if found:
        report.note(f"variants are split by genes: CSQ field {found[0]} names them")
        return
    report.fault(
        f"none of {_quoted(features.genes)} in the CSQ format, which split_by: gene needs",
        line=line,
        todo="run vep --symbol, or split by variants: take gene out of split_by in the study",
    )


def _twice(header: VcfHeader, report: FileReport, features: FeatureSet) -> None:
    fields = header.csq_fields
    twice = [name for name in features.csq_fields if fields.count(name) > 1]
    if twice and header.csq:
        report.fault(
            f"the CSQ format has {_quoted(twice)} more than once",
            line=header.csq.line,
            todo="ask VEP for each field once (a --custom source may bear the same name)",
        )


def _no_csq(header: VcfHeader, report: FileReport) -> None:
    message = 'no "CSQ" in the header: no line begins with ##INFO=<ID=CSQ'
    others = [key for key in _OWN_CONSEQUENCES if key in header.info]
    if others:
        tools = ", ".join(f"{key} is {_OWN_CONSEQUENCES[key]}'s, not VEP's" for key in others)
        message = f"{message}; {tools}"
    like = [key for key, entry in header.info.items() if set(entry.fields) >= _BASIC]
    todo = _ANNOTATE
    if like:
        message = f'{message}; a VEP-like field "{like[0]}" is there'
        todo = f"rename {like[0]} to CSQ, or run VEP without --vcf_info_field"
    report.fault(message, todo=todo)


def check_cadd_header(
    reader: CaddReader, features: FeatureSet, features_report: FileReport
) -> None:
    """Name every column that is needed and that the table does not have.

    Args:
        reader: Reader of the table.
        features: The study's features.
        features_report: Report of their file, for sources that are not there.
    """
    if not reader.names:
        return
    wanted = (*CADD_KEYS, *features.cadd_columns)
    if features.origin is not None:
        of_cadd = features.of(CADD)
        wanted = (*CADD_KEYS, *BASIC_COLUMNS)
        place = ColumnHolder(str(reader.report.file), "the header", "column")
        name_lacking(of_cadd, reader.at, reader.names, place, features_report)
        note_choices(of_cadd, reader.at, "column", reader.report)
    missing = [name for name in wanted if name not in reader.at]
    if missing:
        reader.report.fault(
            f"{len(missing)} column{'' if len(missing) == 1 else 's'} that amiss reads not there: "
            f"{_quoted(missing)}",
            line=2,
            todo="amiss needs the annotations of CADD GRCh38 v1.4 or v1.5 (inclAnno); columns of "
            "another name or release: docs/features.md",
        )


def check_same_columns(snv: CaddReader, indel: CaddReader) -> None:
    """Say where the columns of the indel table differ from those of the SNV table."""
    if not snv.names or not indel.names or snv.names == indel.names:
        return
    todo = f"both tables must have the same columns; the other is {snv.report.file}"
    extra = [name for name in indel.names if name not in snv.names]
    lacking = [name for name in snv.names if name not in indel.names]
    if extra:
        indel.report.fault(
            f"columns that the SNV table does not have: {_quoted(extra)}", line=2, todo=todo
        )
    if lacking:
        indel.report.fault(
            f"columns of the SNV table that are not here: {_quoted(lacking)}", line=2, todo=todo
        )
    if not extra and not lacking:
        pairs = zip(indel.names, snv.names, strict=False)
        for position, (here, there) in enumerate(pairs, 1):
            if here != there:
                indel.report.fault(
                    "columns in another order than the SNV table's, "
                    f"from column {position} on: {here} against {there}",
                    line=2,
                    todo=todo,
                )
                return


def check_builds(header: VcfHeader, readers: Sequence[TsvReader]) -> None:
    """Note where a table names another genome build than the VCF."""
    for reader in readers:
        if reader.build and header.build and reader.build != header.build:
            reader.report.note(
                f"genome build {reader.build} against {header.build} of the VCF "
                f"(there on line {header.build_line})",
                line=reader.build_line,
                todo="positions of two builds do not match; check which is meant",
            )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
