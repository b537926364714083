"""Which column of a file each feature is read from."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from amiss_tasks.features.feature_set import TRANSCRIPTS, VEP, Feature, FeatureSet
from amiss_tasks.stages.read._report import FileReport
from amiss_tasks.stages.read.vcf import VcfRecord
from gridrun.documents.tree import known_list
from gridrun.errors import did_you_mean

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


def located(features: Iterable[Feature], there: Container[str]) -> dict[str, str]:
    """The first source of each feature that is there; features without one are left out.

    Args:
        features: Features of one file.
        there: Columns that the file has, of those that are looked for.
    """
    found: dict[str, str] = {}
    for feature in features:
        source = next((name for name in feature.sources if name in there), None)
        if source is not None:
            found[feature.name] = source
    return found


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
    advice = "text needs type: categorical"
    if feature.file == VEP and not feature.per_transcript:
        advice = f"{advice}, a list by transcript (&) per_transcript: true"
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
