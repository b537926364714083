"""The rows of a study joined: all at once, or piece by piece where memory has no room for them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from amiss_tasks.stages.columns.mapped import Mapped
from amiss_tasks.stages.files.on_disk import VCF, OnDisk
from amiss_tasks.stages.read._join_checks import lost_variants, note_misplaced
from amiss_tasks.stages.read._judged import VcfRows
from amiss_tasks.stages.read._left_join import JoinTally, joined_rows
from amiss_tasks.stages.read._open import CADD_ROLES, Opened
from amiss_tasks.stages.read._table_rows import FoundRows
from amiss_tasks.stages.values.combine import add_combinations


@dataclass
class Joined:
    """Joined rows.

    Args:
        mapped: The table.
        file: The file that it is in, if it is.
        vcf_rows: Rows of the VCF.
        rows: How many are joined.
        variants: Of how many variants.
        lost: Variants that have none (``lost_variants``), piece by piece.
    """

    mapped: Mapped
    file: Path | None = None
    vcf_rows: int = 0
    rows: int = 0
    variants: int = 0
    lost: list[Any] = field(default_factory=list)

    def take(self, vcf: Any, joined: Any) -> None:
        """Take in a piece."""
        import pyarrow.compute as pc

        self.vcf_rows += len(vcf)
        self.rows += len(joined)
        self.variants += len(pc.unique(joined["vcf_line"]))
        self.lost.append(lost_variants(vcf, joined))


def join_all(vcf: VcfRows, found: Mapping[str, FoundRows], opened: Opened, disk: OnDisk) -> Joined:
    """Join the rows of a study.

    Args:
        vcf: What the VCF has.
        found: Role to what each table has.
        opened: The inputs; faults and notes go to their reports.
        disk: Where rows are, if memory had no room for them.

    Returns:
        The rows with the features that are kept, in the order of R's ``merge``.

    Raises:
        EnvironmentFault: There is no room for them.
    """
    if disk.is_used:
        disk.take(VCF, vcf.table)
        for role, each in found.items():
            disk.take(role, each.table)
    result, tally = Joined(Mapped(None)), JoinTally()
    whole = {VCF: vcf.table} | {role: each.table for role, each in found.items()}
    with ExitStack() as stack:
        writer = None
        for piece in disk.pieces() if disk.is_used else [whole]:
            joined = _join(vcf, piece, found, opened, tally)
            result.take(piece[VCF], joined)
            joined = add_combinations(joined, opened.kept)
            note_misplaced(joined, opened.kept, opened.reports["features"])
            if not disk.is_used or (result.mapped.table is None and not len(joined)):
                result.mapped = Mapped(joined)
            elif len(joined):
                writer = writer or stack.enter_context(disk.writing(joined.schema))
                writer.write(joined)
    if writer is not None:
        result.file = writer.file
        result.mapped = Mapped.of(writer.file)
    others = {role: each for role, each in found.items() if role not in CADD_ROLES}
    tally.say(others, opened.reports, labelled=True)
    return result


def _join(
    vcf: VcfRows,
    piece: Mapping[str, Any],
    found: Mapping[str, FoundRows],
    opened: Opened,
    tally: JoinTally,
) -> Any:
    tables = {role: replace(each, table=piece[role]) for role, each in found.items()}
    cadd = [tables.pop(role) for role in CADD_ROLES if role in tables]
    return joined_rows(replace(vcf, table=piece[VCF]), cadd, tables, opened, tally)
