"""Rows of a VCF with what its tables have for them, of all of it or of a piece."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from amiss_tasks.stages.read._collect import collect
from amiss_tasks.stages.read._join import check_records, check_rows, join, transcript_rows
from amiss_tasks.stages.read._judged import LeftOut, VcfRows
from amiss_tasks.stages.read._left_join import add_columns
from amiss_tasks.stages.read._open import CADD_ROLES, Opened
from amiss_tasks.stages.read._table_rows import FoundRows
from amiss_tasks.stages.usable import Usable

MOST_CHECKED = 20_000
"""Records that are checked when the header is refused, to list their faults with it."""


def read_vcf(
    opened: Opened,
    *,
    labelled: bool,
    leave_out_other_alleles: bool,
    usable: Usable | None = None,
    each: Callable[[Any, Sequence[LeftOut]], None] | None = None,
) -> VcfRows:
    """Read the VCF; the arguments are those of ``collect``.

    Raises:
        InputError: Some header is at fault, or some table cannot be opened.
    """
    roles = [role for role in CADD_ROLES if role in opened.reports]
    if opened.vcf is None or len(opened.cadd) < len(roles):
        opened.raise_faults()
    assert opened.vcf is not None
    is_sound = not opened.faulty()
    found = collect(
        opened.vcf,
        opened.features,
        None if is_sound else MOST_CHECKED,
        labelled=labelled,
        leave_out_other_alleles=leave_out_other_alleles,
        has_cadd=bool(roles),
        usable=usable,
        each=each,
    )
    if not is_sound:
        opened.raise_faults()
    return found


def joined_rows(
    vcf: VcfRows,
    tables: Sequence[FoundRows],
    others: Mapping[str, FoundRows],
    opened: Opened,
    *,
    labelled: bool,
) -> Any:
    """Join rows.

    Args:
        vcf: Rows of the VCF.
        tables: What the CADD tables have for its variants, SNV first; empty where there are none.
        others: Role to what a further table has for them.
        opened: The inputs; faults and notes go to their reports.
        labelled: Whether rows are to be trained on.

    Returns:
        Arrow table of :func:`join` or :func:`transcript_rows` with the features of all tables; of
        further ones only where there are rows.
    """
    reports, own = opened.reports, opened.features.without_tables
    if tables:
        cadd_reports = [reports[role] for role in CADD_ROLES if role in reports]
        cadd_tables = [table.table for table in tables]
        joined = join(vcf.table, cadd_tables, own, reports["vcf"], cadd_reports)
        check_rows(joined, cadd_reports)
    else:
        joined = transcript_rows(vcf.table, own, reports["vcf"])
    if vcf.variants.is_repeated():
        check_records(joined, vcf.table, reports["vcf"])
    for role, found in others.items() if len(joined) else ():
        joined = add_columns(joined, found, opened.features, role, reports, labelled=labelled)
    return joined
