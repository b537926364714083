"""VCF, CADD tables and further tables: sound ones, how gridrun reads them, how others do."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import independent

from amiss_tasks.features.feature_set import KEYS
from amiss_tasks.stages.read import CaddReader, ReadResult, VcfReader, check_inputs, read_inputs
from amiss_tasks.stages.read.tables import TableReader
from gridrun.errors import InputError

GOLDEN = Path(__file__).parents[1] / "golden" / "input"
FILES = {
    "vcf": "clinvar.vep.vcf.gz",
    "cadd_snv": "CADD_clingen.tsv.gz",
    "cadd_indel": "CADD_clingen_indel.tsv.gz",
}
_EVERY = 100


@cache
def sound() -> dict[str, bytes]:
    """Role to table: some variants of the golden input, of both labels, with lists and indels."""
    lines = {
        role: gzip.decompress((GOLDEN / name).read_bytes()).decode().splitlines(keepends=True)
        for role, name in FILES.items()
    }
    head = [line for line in lines["vcf"] if line.startswith("#")]
    kept = lines["vcf"][len(head) :: _EVERY]
    places = {tuple(row.split("\t", 2)[:2]) for row in kept}
    found = {"vcf": [*head, *kept]}
    for role in ("cadd_snv", "cadd_indel"):
        rows = [row for row in lines[role][2:] if tuple(row.split("\t", 2)[:2]) in places]
        found[role] = [*lines[role][:2], *rows]
    return {role: "".join(text).encode() for role, text in found.items()}


def inputs_with(path: Path, role: str) -> dict[str, Path]:
    """The inputs of a study, of which one is this file; the others are put beside it."""
    inputs = {other: path.with_name(f"sound.{other}") for other in FILES}
    for other, file in inputs.items():
        if not file.exists():
            file.write_bytes(sound()[other])
    return inputs | {role: path}


def read(path: Path, role: str) -> tuple[int, int, list[independent.Row]]:
    """What gridrun reads: records, rows of CADD and the joined rows, in an order of their own."""
    inputs = {role: str(file) for role, file in inputs_with(path, role).items()}
    cache_dir = path.with_name("cache")
    try:
        for note in check_inputs(inputs, {}):
            assert note.text()
        result = read_inputs(inputs, {}, cache_dir, "fuzz")
    finally:
        shutil.rmtree(cache_dir, ignore_errors=True)
    return result.counts.records, result.counts.cadd_rows, _in_order(_rows(result))


def _rows(result: ReadResult) -> Iterable[independent.Row]:
    names = (*KEYS, *independent.COLUMNS, "vcf_line", "cadd_file", "cadd_line")
    columns = [result.table[name].to_pylist() for name in names]
    for row in zip(*columns, strict=True):
        yield tuple(None if cell != cell else cell for cell in row)  # noqa: PLR0124  # NaN


def _in_order(rows: Iterable[independent.Row]) -> list[independent.Row]:
    return sorted(rows, key=lambda row: (*row[-3:], str(row)))


def expected(path: Path, role: str) -> tuple[int, int, list[independent.Row]]:
    """The same by pandas."""
    vcf, *tables = (inputs_with(path, role)[name] for name in FILES)
    rows = sum(len(independent.cadd_rows(independent.text_of(table), 0)) for table in tables)
    records = sum(1 for _ in independent.records(vcf))
    return records, rows, _in_order(independent.joined(vcf, *tables))


@cache
def annotations() -> list[tuple[bytes, str]]:
    """Tables with a column of CADD's, with and without transcripts, and lines above the names."""
    rows = [line.split("\t") for line in sound()["cadd_snv"].decode().splitlines()[1:]]
    at = [rows[0].index(name) for name in ("#Chrom", "Pos", "Ref", "Alt", "FeatureID", "GC")]
    cells = [[row[index] for index in at] for row in rows[1:]]
    full = [["#CHROM", "POS", "REF", "ALT", "transcript_id", "score"], *cells]
    plain = [["chr", "pos(1-based)", "ref", "alt", "score"], *([*row[:4], row[5]] for row in cells)]
    heads = ("# made up\n## GRCh38\n", "")
    return [
        ((head + "".join("\t".join(row) + "\n" for row in table)).encode(), ".tsv")
        for head, table in zip(heads, (full, plain), strict=True)
    ]


def _refuse(reader: VcfReader | CaddReader | TableReader) -> None:
    if reader.report.faults:
        raise InputError(reader.report.faults)


def read_records(path: Path) -> list[independent.Row]:
    """Records of a VCF by themselves."""
    with VcfReader(path) as reader:
        found = [
            (
                *(record.chrom, record.pos, record.ref, record.alt),
                *(record.info.get(key) or "." for key in ("CLNSIG", "CLNREVSTAT")),
                ",".join("|".join(block) for block in record.csq_blocks) or ".",
            )
            for record in reader
        ]
    _refuse(reader)
    return found


def expected_records(path: Path) -> list[independent.Row]:
    """The same by bcftools, where it reads them."""
    found = independent.bcftools_records(path) if independent.BCFTOOLS else None
    if found is not None:
        return found
    return [
        (
            *(cells[0], str(int(cells[1])), cells[3], cells[4]),
            *(info.get(key) or "." for key in ("CLNSIG", "CLNREVSTAT", "CSQ")),
        )
        for _, cells, info in independent.records(path)
    ]


def read_cells(path: Path) -> list[independent.Row]:
    """Cells of a CADD table by themselves."""
    with CaddReader(path) as reader:
        found = [row for lot in reader for row in zip(*lot.columns, strict=True)]
    _refuse(reader)
    return [reader.names, *found]


def read_annotations(path: Path) -> list[independent.Row]:
    """Cells of a further table by themselves."""
    with TableReader(path) as reader:
        found = [row for lot in reader for row in zip(*lot.columns, strict=True)]
    _refuse(reader)
    return [reader.names, *found]


def expected_annotations(path: Path) -> list[independent.Row]:
    """The same by pandas."""
    table = independent.annotations_table(independent.text_of(path))
    return [tuple(table.columns), *table.itertuples(index=False, name=None)]


def expected_cells(path: Path) -> list[independent.Row]:
    """The same by pandas."""
    table = independent.cadd_table(independent.text_of(path), missing=())
    return [tuple(table.columns), *table.itertuples(index=False, name=None)]
