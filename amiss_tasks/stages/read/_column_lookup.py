"""Which column of a file each feature is read from."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from amiss_tasks.features.feature import RELATIVE_POSITION, Source
from amiss_tasks.features.feature_set import CADD, TABLES, TRANSCRIPTS, VEP, Feature, FeatureSet
from amiss_tasks.features.sources import Located, located
from amiss_tasks.stages.files.report import FileReport, shown
from amiss_tasks.stages.files.tsv import TsvReader
from amiss_tasks.stages.read.vcf import VcfRecord
from gridrun.documents.tree import known_list
from gridrun.errors import counted, did_you_mean

_MOST_NAMES = 150
"""Columns of a file that a message lists: CADD has about 130, a wide CSQ field 100."""


@dataclass(frozen=True)
class ColumnHolder:
    """Words for where columns were looked for.

    Args:
        file: The input.
        holder: What in it holds their names.
        noun: What one of them is called.
    """

    file: str
    holder: str
    noun: str


def name_lacking(
    features: Iterable[Feature],
    there: Container[str],
    names: Sequence[str],
    place: ColumnHolder,
    report: FileReport,
) -> None:
    """Say which features of a features file have no source in an input.

    Args:
        features: Those of the input.
        there: Columns that are looked for and there.
        names: All columns of the input.
        place: Where they stand.
        report: Report of the features file.
    """
    found = located(features, there)
    for feature in features:
        if feature.name not in found:
            wanted = " or ".join(f'"{source}"' for source in feature.sources)
            near = did_you_mean(feature.sources[0], names)
            known = known_list(names, _MOST_NAMES)
            report.fault(
                f'feature "{feature.name}": {place.holder} of {place.file} has no {place.noun} '
                f"{wanted}",
                # the two CADD tables mostly lack the same
                key=("lacking", feature.name),
                line=feature.line,
                todo=f"{near} {place.noun}s that are there: {known}".strip(),
            )


def note_choices(
    features: Iterable[Feature], there: Container[str], what: str, report: FileReport
) -> None:
    """Say where a feature is read from another column than the first that it names.

    Args:
        features: Features of one file.
        there: Columns that the file has, of those that are looked for.
        what: What a column is called in that file.
        report: The file's report.
    """
    chosen = located(features, there)
    for feature in features:
        source = chosen.get(feature.name)
        if source is not None and source != feature.sources[0]:
            passed = ", ".join(feature.sources[: feature.sources.index(source)])
            report.note(f"feature {feature.name} is read from {what} {source}: no {passed} there")


def say_located(found: Located, files: Collection[str], report: FileReport) -> None:
    """Say from which of several files features are read, and which are in none of theirs.

    Args:
        found: Where features were found.
        files: Those that features can be read from, as ``Feature.file`` has them.
        report: Report of the features file.
    """
    lines = {feature.name: feature for feature in found.features.features}
    for name, passed in found.passed.items():
        if passed:
            feature = lines[name]
            source = Source(feature.file, feature.sources)
            report.note(
                f"feature {name} is read from {source}: no {', '.join(map(str, passed))} there",
                line=feature.line,
            )
    if found.left_out:
        note_left_out(found, report)
    for feature in found.lacking:
        places = [
            str(place) if place.file in files else f"{place} (not among the inputs)"
            for place in feature.places
        ]
        report.fault(
            f'feature "{feature.name}": none of its sources is there: {"; ".join(places)}',
            line=feature.line,
            todo="annotate with one of them, name the table that has it below the inputs, or "
            f"{found.features.advice_to_drop}",
        )


def note_left_out(found: Located, report: FileReport) -> None:
    """Name the optional features that are left out, and the columns that they would be read from.

    Args:
        found: Where features were found; there are some to name.
        report: Report of the features file.
    """
    left_out = len(found.left_out)
    total = left_out + len(found.kept.features)
    verb = "is" if left_out == 1 else "are"
    named = ", ".join(_looked_for(feature) for feature in found.left_out)
    message = f"{left_out} of {counted(total, 'feature')} {verb} left out, for no input has"
    columns = "its columns" if left_out == 1 else "their columns"
    if not found.kept.numeric:
        report.fault(
            f"no numeric feature is there: {message} {columns}: {named}",
            todo="annotate with some of them (docs/feature-sets.md says what writes which), or "
            "name the table that has them below the inputs",
        )
        return
    report.note(f"{message} {columns}: {named}")


def _looked_for(feature: Feature) -> str:
    """A feature, with its columns where they are spelt otherwise."""
    columns = dict.fromkeys(name for place in feature.places for name in place.columns)
    if set(columns) == {feature.name}:
        return feature.name
    if feature.combination is not None:
        first, *more = columns
        return f"{feature.name} (of {first} and {len(more)} more)"
    return f"{feature.name} ({' or '.join(columns)})"


def check_tables(features: FeatureSet, files: Collection[str], report: FileReport) -> None:
    """Name the features whose table is not among the inputs.

    Args:
        features: The study's features.
        files: Those that features can be read from, as ``Feature.file`` has them.
        report: Report of the features file.
    """
    for file in dict.fromkeys(feature.file for feature in features.features):
        if file not in files:
            _without_table(features, file, files, report)


def _without_table(
    features: FeatureSet, file: str, files: Collection[str], report: FileReport
) -> None:
    missing = features.of(file)
    verb = "is" if len(missing) == 1 else "are"
    names = ", ".join(feature.name for feature in missing)
    name = file.removeprefix(f"{TABLES}.")
    table, todo = "CADD's tables, which are", "name both tables (cadd_snv: PATH, cadd_indel: PATH)"
    if file != CADD:
        near = did_you_mean(name, [each.removeprefix(f"{TABLES}.") for each in files])
        table = f'the table "{name}", which is'
        todo = f"{near} name it below {TABLES} of the inputs ({name}: PATH)".strip()
    report.fault(
        f"{counted(len(missing), 'feature')} {verb} read from {table} not among the inputs: "
        f"{names}",
        line=missing[0].line,
        todo=f"{todo}, or {features.advice_to_drop}",
    )


def check_table_header(
    reader: TsvReader, file: str, features: FeatureSet, features_report: FileReport
) -> None:
    """Name every feature whose column a further table does not have.

    Args:
        reader: Reader of the table.
        file: Which features are read from it.
        features: The study's features.
        features_report: Report of their file.
    """
    if reader.report.broken:
        return
    place = ColumnHolder(str(reader.report.file), "the header", "column")
    name_lacking(features.of(file), reader.at, reader.names, place, features_report)
    note_choices(features.of(file), reader.at, "column", reader.report)


def not_a_value(feature: Feature, where: str, cell: str) -> str:
    """Message for a cell that a feature has no number of.

    Args:
        feature: The feature.
        where: The column, in words.
        cell: Its text.
    """
    kind = "one number"
    if feature.stands_for == RELATIVE_POSITION:
        kind = "a position and a length, such as 123/456"
    elif cell.strip().lstrip("+-").lower() in {"inf", "infinity"}:
        kind = "a finite number"
    return f'{where} is "{shown(cell)}", not {kind}'


def number_advice(feature: Feature, features: FeatureSet, missing: str) -> str:
    """What to do about text where a feature reads a number.

    Args:
        feature: The feature.
        features: The set it is of.
        missing: How that file writes a missing value.
    """
    if features.origin is None:
        return f"amiss reads one number there; missing is written {missing}"
    place = f"{features.origin}:{feature.line}"
    if feature.stands_for == RELATIVE_POSITION:
        return f"feature {feature.name} ({place}) reads both there: run VEP with --total_length"
    advice = "text needs type: categorical"
    if feature.file == VEP and not feature.per_transcript:
        advice = f"{advice}, a list by transcript (&) per_transcript: true, another list: max"
    return f"feature {feature.name} ({place}) reads one number there; {advice}"


def unmatched_lists(at: Mapping[str, int], features: FeatureSet) -> dict[str, int]:
    """CSQ fields that dbNSFP writes as lists by transcript, if nothing says whose value is which.

    Args:
        at: CSQ field that is looked for and there to its position in a block.
        features: The study's features.
    """
    # of a features file the header's fault already names the features that need it
    if TRANSCRIPTS in at or features.origin is not None:
        return {}
    matched = [feature for feature in features.of(VEP) if feature.per_transcript]
    return {name: at[name] for name in located(matched, at).values()}


def check_lists(record: VcfRecord, lists: Mapping[str, int], report: FileReport) -> None:
    """Say where there is a list in such a field.

    Args:
        record: A record.
        lists: What ``unmatched_lists`` gave.
        report: The file's report.
    """
    for name, position in lists.items() if record.is_sound else ():
        if any("&" in block[position] for block in record.csq_blocks):
            report.fault(
                f"a list by transcript (&), as in CSQ field {name}, cannot be matched to a "
                f'transcript without "{TRANSCRIPTS}"',
                key="list by transcript",
                line=record.line,
                noun="record",
                todo=f"name {TRANSCRIPTS} to the dbNSFP plugin of VEP",
            )
            return
