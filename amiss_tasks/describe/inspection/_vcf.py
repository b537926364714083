"""What a VCF holds and what is odd in it, by its header and its first records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from amiss_tasks.clinvar import REVIEW_TIERS
from amiss_tasks.describe.inspection._columns_seen import ColumnsSeen
from amiss_tasks.describe.inspection._sets import of_sets
from amiss_tasks.describe.inspection._words import counts, percent, some
from amiss_tasks.features.feature import BY_TRANSCRIPT, VEP
from amiss_tasks.features.feature_set import CANONICAL, GENE_FIELDS, MANE_FIELDS, TRANSCRIPTS
from amiss_tasks.features.features_file import features_of_set, known_sets
from amiss_tasks.features.frequencies import is_frequency
from amiss_tasks.stages.clinvar_2026 import TABLE, class_by_table
from amiss_tasks.stages.files.tsv import TsvReader
from amiss_tasks.stages.read.vcf import VcfReader
from amiss_tasks.stages.significance import upstream_class
from gridrun.errors import counted
from gridrun.pipeline.inspection import DAMAGED, NOTE, OK, Observation


def of_vcf(
    path: Path, reader: VcfReader, tables: Mapping[str, TsvReader], records: int
) -> Iterator[Observation]:
    header = reader.header
    fields = header.csq_fields
    seen = ColumnsSeen(fields)
    if fields:
        seen.add_all(islice(reader, records))
    faults = reader.report.faults
    for fault in faults:
        where = f" (line {fault.line})" if fault.line else ""
        yield Observation(path.name, DAMAGED, f"{fault.message}{where}", fault.todo or "")
    if not fields:
        yield Observation(
            path.name,
            DAMAGED,
            "the header declares no CSQ field with a Format",
            "annotate the VCF by VEP with --vcf; docs/own-data.md",
        )
        return
    said = ", ".join(filter(None, (header.release, header.build)))
    yield Observation(
        path.name,
        OK,
        f"a VCF annotated by VEP{f' ({said})' if said else ''} with "
        f"{counted(len(fields), 'CSQ field')}",
    )
    yield from _of_builds(path, header.build, tables)
    blocks = seen.blocks.total()
    if not blocks:
        yield Observation("records", DAMAGED, "no record has a CSQ block", "annotate it by VEP")
        return
    part = "the first " if seen.records == records else ""
    yield Observation(
        "records",
        OK,
        f"{part}{counted(seen.records, 'record')} on {counted(len(seen.chromosomes), 'chromosome')}"
        f", CSQ blocks of each: {blocks / seen.records:.1f}; what follows is of these",
    )
    yield from _of_labels(seen)
    yield from _of_transcripts(seen)
    yield from of_sets(seen, tables)
    yield from _odd(seen)


def _of_builds(
    path: Path, build: str | None, tables: Mapping[str, TsvReader]
) -> Iterator[Observation]:
    for name, table in tables.items():
        if build and table.build and table.build != build:
            yield Observation(
                "genome build",
                DAMAGED,
                f"{path.name} is on {build}, {Path(name).name} on {table.build}",
                "name a table of the same build; positions do not fit together",
            )


def _of_labels(seen: ColumnsSeen) -> Iterator[Observation]:
    """Classes by amiss's lists and by the table of today's vocabulary, and tiers of review."""
    missing = sum(seen.significances[value] for value in ("", "."))
    if missing == seen.records:
        yield Observation(
            "CLNSIG", NOTE, "no record has it", "these variants can be predicted, not trained on"
        )
        return
    by_amiss: Counter[str] = Counter()
    by_table: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for value, count in seen.significances.items():
        if value in ("", "."):
            continue
        own = upstream_class(value)
        by_amiss[own or "unknown"] += count
        by_table[own or class_by_table(value, {}) or "unknown"] += count
        if own is None:
            unknown[value] += count
    yield Observation("CLNSIG", OK, f"by amiss's lists {counts(by_amiss)}")
    if unknown:
        named = [f"{value} ({count:,})" for value, count in unknown.most_common()]
        yield Observation(
            "CLNSIG",
            NOTE,
            f"{counted(len(unknown), 'value')} that amiss does not know: {some(named)}",
            f"write clnsig: {TABLE} into study.yaml; then {counts(by_table)}; docs/clinvar.md",
        )
    if missing:
        yield Observation("CLNSIG", NOTE, f"{counted(missing, 'record')} without it are left out")
    tiers = {
        tier: sum(seen.statuses[status] for status in statuses)
        for tier, statuses in REVIEW_TIERS.items()
    }
    yield Observation("CLNREVSTAT", OK, f"by quality {counts(Counter(tiers))}")


def _of_transcripts(seen: ColumnsSeen) -> Iterator[Observation]:
    """Which values of the parameter transcript, and which splits, the file has fields for."""
    for what, names, without, option in (
        (CANONICAL, (CANONICAL,), "transcript: canonical keeps no row", "--canonical"),
        ("MANE", MANE_FIELDS, "transcript: mane keeps no row", "--mane"),
        ("genes", GENE_FIELDS, "split_by: gene is refused", "--symbol"),
    ):
        there = seen.names_with(names)
        if there:
            share = percent(seen.share(there[0]) or 0.0)
            yield Observation(what, OK, f"{there[0]}, blocks that have it: {share}")
        else:
            todo = f"annotate again by VEP with {option}"
            yield Observation(what, NOTE, f"no {' or '.join(names)}: {without}", todo)


def _odd(seen: ColumnsSeen) -> Iterator[Observation]:
    if seen.empty:
        yield Observation(
            "empty fields",
            NOTE,
            f"{counted(len(seen.empty), 'CSQ field')} without a value here: {some(seen.empty)}",
        )
    by_transcript = sorted(
        {
            name
            for one in known_sets()
            for feature in features_of_set(one).features
            if feature.per_transcript or BY_TRANSCRIPT in feature.lists
            for name in feature.sources
            if feature.file == VEP and name in seen.lists
        }
    )
    if by_transcript and TRANSCRIPTS not in seen.fields:
        yield Observation(
            "lists",
            NOTE,
            f"{some(by_transcript)}: lists of values by transcript, and no "
            f"{TRANSCRIPTS} says of which",
            f"name {TRANSCRIPTS} where VEP's plugin dbNSFP is called",
        )
    frequencies = seen.names_with(filter(is_frequency, seen.fields))
    if frequencies:
        yield Observation(
            "allele frequencies",
            NOTE,
            f"{some(frequencies)}: whether they are missing says much of the class",
            "compare with results/null_models.csv, or leave them out",
        )
