"""The two calls of the read stage: a quick check before anything starts, and the full pass."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import CADD, FeatureSet
from amiss_tasks.stages.columns.drawn import Draw, sample_variants
from amiss_tasks.stages.columns.mapped import Mapped
from amiss_tasks.stages.files.digests import Digests, ReadKey
from amiss_tasks.stages.files.in_step import Shared, alone
from amiss_tasks.stages.files.memory import Disk, Memory, bytes_beside
from amiss_tasks.stages.files.on_disk import VCF, OnDisk
from amiss_tasks.stages.files.pool import MOST_AHEAD, Pool
from amiss_tasks.stages.files.report import raise_faults
from amiss_tasks.stages.read._collect import collect
from amiss_tasks.stages.read._join_checks import (
    check_matches,
    check_transcripts,
    note_lost,
)
from amiss_tasks.stages.read._joined import join_all
from amiss_tasks.stages.read._judged import LeftOut, VcfRows, counts_of
from amiss_tasks.stages.read._open import CADD_ROLES, Opened, notes_of, open_inputs, reports_of
from amiss_tasks.stages.read._records import Wanted
from amiss_tasks.stages.read._result import (
    ReadResult,
    cache_path,
    load,
    save,
)
from amiss_tasks.stages.read._table_rows import collecting_rows
from amiss_tasks.stages.read._trainable import check_trainable
from amiss_tasks.stages.significance import UPSTREAM_SIGNIFICANCE, Significance
from amiss_tasks.stages.usable import Usable, usable_blocks
from gridrun.errors import Fault, counted
from gridrun.pipeline import Value

MOST_CHECKED = 20_000
"""Records that are checked when the header is refused, to list their faults with it."""

DELAY = MOST_AHEAD + 1
"""Blocks of the VCF until what was found in one decides what a draw leaves out of another."""


def check_inputs(
    inputs: Mapping[str, str],
    grid_values: Mapping[str, Sequence[Value]],
    features: FeatureSet = AMISS,
) -> list[Fault]:
    """Check paths and headers, quickly even where files are huge.

    Args:
        inputs: Role (``vcf``, ``cadd_snv``, ``cadd_indel``, ``annotations.NAME``) to path.
        grid_values: Parameter to the values of the grid.
        features: The study's features.

    Returns:
        Notes; none of them stops the run.

    Raises:
        InputError: With every fault of every file. Where a VCF's header is
            refused, its first 20,000 records are checked as well, so that
            one run names what would otherwise be found one by one.
    """
    with ExitStack() as stack:
        opened = open_inputs(inputs, grid_values, features, stack)
        if opened.vcf and opened.faulty("vcf"):
            wanted = Wanted(opened.features, has_cadd=bool(opened.cadd))
            collect(opened.vcf, wanted, MOST_CHECKED)
        opened.raise_faults()
        return list(notes_of(opened.reports))


def reading_inputs(
    inputs: Mapping[str, str],
    grid_values: Mapping[str, Sequence[Value]],
    cache_dir: Path,
    key: str | ReadKey,
    *,
    rows: int | None = None,
    seed: int = 0,
    features: FeatureSet = AMISS,
    significance: Significance = UPSTREAM_SIGNIFICANCE,
    leave_out_other_alleles: bool = False,
    with_variants: bool = False,
    most_bytes: int | None = None,
    shared: Shared | None = None,
) -> Generator[None, None, ReadResult]:
    """Read and join the inputs, or load what an earlier call with this key joined.

    It yields behind each block of a table, and before the first, for others that read the tables.

    Args:
        inputs: Role (``vcf``, ``cadd_snv``, ``cadd_indel``, ``annotations.NAME``) to path.
        grid_values: Parameter to the values of the grid.
        cache_dir: Where the joined table is kept.
        key: Digest of the content of the inputs, of the features and of the code that reads them;
            or how it is made. Where the digest of some input is not known, it is taken while this
            is read, so that no file is read for it alone.
        rows: Size of a seeded subset of variants, or None for all.
        seed: Seed of the subset; the same variants whatever the row order.
        features: The study's features.
        significance: What values of CLNSIG count as; decides what is refused.
        leave_out_other_alleles: Leave out CSQ blocks of another ALT than their record's.
        with_variants: Whether it is kept, beside the table, which variants the VCF has, used or
            not.
        most_bytes: Memory that reading may take, None for no limit; rows that have no room there
            are kept on disk until they are joined, below ``cache_dir``.
        shared: Who reads the tables as well; None for nobody.

    Returns:
        One row per variant and transcript, in the order of R's ``merge``.
        Source: upstream's S01, section 2 of the behaviour document.

    Raises:
        InputError: With every fault of every file, or one that has changed since its digest was
            taken; nothing is written then.
        UserError: The table cannot be written, or there is no room for the rows that are drawn.
    """
    reports = reports_of(inputs, features)
    files = {role: report.file for role, report in reports.items()}
    digest = key if isinstance(key, str) else key.known(inputs)
    found, damage = None, None
    if digest is not None:
        path = cache_path(cache_dir, digest)
        found, damage = load(path, files, features, with_variants=with_variants)
    with ExitStack() as stack:
        is_new, is_again = found is None, False
        if found is None:
            shared = shared or Shared()
            shared.join()
            yield
            # all variants take part in a draw
            usable = None if rows is not None else usable_blocks(grid_values)
            draw = Draw(rows, seed, DELAY) if rows is not None else None
            while found is None:
                found = yield from _read(
                    inputs,
                    grid_values,
                    features,
                    None if isinstance(key, str) else key.digests,
                    leave_out_other_alleles=leave_out_other_alleles,
                    usable=usable,
                    memory=Memory(
                        most_bytes,
                        cache_dir,
                        bytes_beside(features, inputs),
                        draws=rows,
                        readings=shared.readings,
                    ),
                    draw=draw,
                    disk=OnDisk(cache_dir, stack),
                    shared=shared if not is_again else None,
                )
                is_again = True
                draw = draw.wider() if draw is not None else None
            digest = key if isinstance(key, str) else key.of(inputs)
            found = replace(found, path=cache_path(cache_dir, digest))
            found = found if with_variants else replace(found, variants=None)
        table = found.table if rows is None else sample_variants(found.table, rows, seed)
        mapped = found.mapped if rows is None else None
        values = replace(found, table=table, mapped=mapped).clnsig
        check_trainable(
            mapped or Mapped(table),
            grid_values,
            reports,
            found.counts,
            features=found.features,
            significance=significance.of_values(values),
        )
        raise_faults(list(reports.values()))
        if is_new:
            save(found, files)
        found = replace(found, variants=None, aside=None, mapped=mapped)
    if is_new and rows is None and found.mapped is None:
        # From the file the table is mapped, so that this process need not hold it.
        written, _ = load(found.path, files, features)
        table, mapped = (written.table, written.mapped) if written else (table, None)
        found = replace(found, mapped=mapped)
    if rows is not None and rows > found.counts.variants:
        reports["vcf"].note(
            f"the inputs have {counted(found.counts.variants, 'variant')}, fewer than the {rows:,} "
            "of --rows; all are used"
        )
    again = [damage] if damage is not None else []
    return replace(found, table=table, notes=(*found.notes, *notes_of(reports), *again))


read_inputs = alone(reading_inputs)


def read_vcf(
    opened: Opened,
    *,
    labelled: bool,
    leave_out_other_alleles: bool,
    usable: Usable | None = None,
    each: Callable[[Any, Sequence[LeftOut]], None] | None = None,
    memory: Memory | None = None,
    pool: Pool | None = None,
    draw: Draw | None = None,
    disk: Disk | None = None,
) -> VcfRows:
    """Read the VCF; the arguments are those of ``collect`` and :class:`Wanted`.

    Raises:
        InputError: Some header is at fault, or some table cannot be opened.
    """
    roles = [role for role in CADD_ROLES if role in opened.reports]
    if opened.vcf is None or len(opened.cadd) < len(roles):
        opened.raise_faults()
    assert opened.vcf is not None
    is_sound = not opened.faulty()
    wanted = Wanted(
        opened.features,
        labelled=labelled,
        leave_out_other_alleles=leave_out_other_alleles,
        has_cadd=bool(roles),
        usable=usable,
        seed=draw.seed if draw is not None else None,
    )
    most = None if is_sound else MOST_CHECKED
    found = collect(
        opened.vcf, wanted, most, memory=memory, pool=pool, each=each, draw=draw, disk=disk
    )
    if not is_sound:
        opened.raise_faults()
    return found


def _read(
    inputs: Mapping[str, str],
    grid_values: Mapping[str, Sequence[Value]],
    features: FeatureSet,
    digests: Digests | None,
    *,
    leave_out_other_alleles: bool,
    disk: OnDisk,
    usable: Usable | None = None,
    memory: Memory | None = None,
    draw: Draw | None = None,
    shared: Shared | None = None,
) -> Generator[None, None, ReadResult | None]:
    """The full pass over all files; the result has no path yet.

    None where fewer variants join than are drawn, and others were left out.
    """
    with ExitStack() as stack:
        takes = digests is not None
        opened = open_inputs(
            inputs, grid_values, features, stack, with_digests=takes, shared=shared
        )
        reports, located, kept = opened.reports, opened.features, opened.kept
        # its processes have ended before rows are joined, which takes memory of its own
        with Pool(memory.processes if memory is not None else 1) as pool:
            vcf = read_vcf(
                opened,
                labelled=True,
                leave_out_other_alleles=leave_out_other_alleles,
                usable=usable,
                memory=memory,
                pool=pool,
                draw=draw,
                disk=disk.of(VCF),
            )
            readers = {**opened.cadd, **opened.tables}
            if any(pool.is_worth(reader.report.file) for reader in readers.values()):
                vcf.variants.keep(disk.directory)
            found = {}
            for role, reader in readers.items():
                found[role] = yield from collecting_rows(
                    reader,
                    vcf.variants,
                    located,
                    CADD if role in CADD_ROLES else role,
                    memory=memory,
                    pool=pool,
                    disk=disk.of(role),
                )
        roles = [role for role in CADD_ROLES if role in reports]
        tables = [found[role] for role in roles]
        if any(report.broken for report in reports.values()):
            opened.raise_faults()
        if digests is not None:
            opened.give_digests(digests)
        # Without rows (a VCF of damaged lines only) there is nothing to compare.
        if tables and vcf.records and not opened.faulty("vcf"):
            check_matches(vcf, tables, reports["vcf"], [reports[role] for role in roles])
        joined = join_all(vcf, found, opened, disk)
        if draw is not None and not draw.has_enough(joined.mapped.table):
            return None
        if tables and not joined.rows and not opened.faulty("vcf"):
            check_transcripts(disk.transcripts(vcf.table), tables, reports["vcf"])
        opened.raise_faults()
        if memory is not None and not disk.is_used:
            memory.check_disk(joined.mapped.table.nbytes)
    counts = counts_of(
        vcf,
        sum(table.rows for table in tables),
        vcf_rows=joined.vcf_rows,
        rows=joined.rows,
        variants=joined.variants,
    )
    if tables and counts.variants_without_cadd:
        all_of_them = (counts.variants + counts.variants_without_cadd, _which(usable, draw))
        note_lost(joined.lost, tables, all_of_them, reports["vcf"])
    return ReadResult(
        Path(),
        joined.mapped.table,
        notes_of(reports),
        counts,
        kept,
        vcf.variants,
        joined.mapped if joined.file else None,
        joined.file,
    )


def _which(usable: Usable | None, draw: Draw | None) -> str:
    """Which variants have rows, in words."""
    if draw is not None and draw.is_partial:
        return "that come first in the draw of --rows"
    return "with a star" if usable is None else "that the grid can use"
