"""What a VCF and its tables hold, what is odd in them, which features fit; for pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from amiss_tasks.describe.inspection._vcf import of_vcf
from amiss_tasks.stages.files.tsv import TsvReader
from amiss_tasks.stages.read.tables import CaddReader, TableReader
from amiss_tasks.stages.read.vcf import VcfReader
from gridrun.errors import UserError, counted
from gridrun.pipeline.inspection import DAMAGED, OK, Observation

__all__ = ["inspect_inputs"]


def inspect_inputs(files: Sequence[Path], records: int) -> Iterator[Observation]:
    """Look at the beginning of a VCF, and at the heads of its tables.

    Args:
        files: A VCF annotated by VEP, and any number of tables, CADD's among them.
        records: How many records of the VCF are read at most.

    Raises:
        UserError: There is no VCF among the files, or more than one.
    """
    tables: dict[str, TsvReader] = {}
    vcfs: list[Path] = []
    for path in files:
        with VcfReader(path) as reader:
            if reader.header.is_vcf:
                vcfs.append(path)
                continue
        table = _table_of(path)
        tables[str(path)] = table
        yield from _of_table(path, table)
    if len(vcfs) != 1:
        raise UserError(
            f"of {counted(len(files), 'file')} {len(vcfs)} begin with ##fileformat=VCF, 1 expected",
            todo="name one VCF annotated by VEP, and its tables",
        )
    with VcfReader(vcfs[0]) as reader:
        yield from of_vcf(vcfs[0], reader, tables, records)


def _table_of(path: Path) -> TsvReader:
    """A reader of the table's kind, its head read."""
    with CaddReader(path) as cadd:
        if not cadd.report.faults:
            return cadd
    with TableReader(path) as table:
        return table


def _of_table(path: Path, table: TsvReader) -> Iterator[Observation]:
    for fault in table.report.faults:
        where = f" (line {fault.line})" if fault.line else ""
        yield Observation(path.name, DAMAGED, f"{fault.message}{where}", fault.todo or "")
    if table.report.faults:
        return
    kind = "a table of CADD" if isinstance(table, CaddReader) else "a table of annotations"
    said = ", ".join(filter(None, (table.release, table.build)))
    keys = ", ".join(table.keys.values())
    yield Observation(
        path.name,
        OK,
        f"{kind}{f' ({said})' if said else ''}, {counted(len(table.names), 'column')}; keys {keys}",
    )
