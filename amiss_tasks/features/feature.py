"""One feature: its name, the columns that it is read from, and what is known of it.

The names are columns as R's ``make.names`` leaves them (``GERP.._NR``), which is
how tables and results spell them; sources are spelt as in the VEP and CADD files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

VEP, CADD = "vep", "cadd"
TABLES = "annotations"
FILES = (VEP, CADD, TABLES)
"""Where a feature's values stand: the CSQ field of the VCF, the CADD tables, or another table."""

NUMERIC, CATEGORICAL = "numeric", "categorical"
TYPES = (NUMERIC, CATEGORICAL)
"""What a feature's values are."""

BY_TRANSCRIPT = "transcript"
"""Way of taking a value from a list: that of the row's own transcript."""

RELATIVE_POSITION = "relative_position"
"""What a text such as 123/456, position and length, stands for."""

NUMBER_IN_BRACKETS = "number_in_brackets"
"""What a text such as deleterious(0.02) stands for; a number is itself."""

MEANINGS = (RELATIVE_POSITION, NUMBER_IN_BRACKETS)
"""Numbers that the text of a cell can stand for."""


@dataclass(frozen=True)
class Source:
    """Columns of one file, of which the first that is there is read.

    Args:
        file: ``vep``, ``cadd``, or ``annotations.NAME`` for a table that the study names.
        columns: Their names in that file.
    """

    file: str
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file} {' or '.join(self.columns)}"


@dataclass(frozen=True)
class Combination:
    """How a feature is computed from several columns of one row.

    Args:
        by: One of ``features.sources.WAYS``.
        of: For each operand its sources, of which the first that is there is read.
    """

    by: str
    of: tuple[tuple[Source, ...], ...]


@dataclass(frozen=True)
class Feature:
    """One feature.

    Args:
        name: As tables spell it.
        file: ``vep``, ``cadd``, or ``annotations.NAME`` for a table that the study names;
            empty where the feature is a combination.
        sources: Columns of that file; the first of them that is there is read.
        type: ``numeric`` or ``categorical``.
        a_priori: What a missing value means, filled in before imputation: a
            number, or a text where the feature is categorical. None: nothing.
        per_transcript: The column lists one value for each transcript of
            ``TRANSCRIPTS``, of which the row's own is taken. None: a features file says
            nothing of it, so that a list is a mistake.
        line: Where it stands in the file of ``FeatureSet.origin``.
        others: Sources in other files, looked for where ``file`` has none of ``sources``.
        lists: How a list in a cell becomes one value: a way of ``features.sources.LISTS``, or
            ``transcript`` and the way where that does not say which value; none: see
            ``per_transcript``.
        stands_for: One of ``MEANINGS`` where the text is more than a number.
        combination: Computes the feature, in place of a source.
        optional: The set does without it where the inputs do not have its columns, or it has no
            value in any row.
        tags: Groups that it is in.
        applies_to: Consequences (VEP's terms) on which it can exist; empty: all.
        leak: Why results with it are better than they should be, or False where a features
            file says that they are not.
    """

    name: str
    file: str
    sources: tuple[str, ...]
    type: str = NUMERIC
    a_priori: float | str | None = None
    per_transcript: bool | None = None
    line: int | None = field(default=None, compare=False)
    others: tuple[Source, ...] = ()
    lists: tuple[str, ...] = ()
    stands_for: str | None = None
    combination: Combination | None = None
    optional: bool = False
    # no value depends on these
    tags: tuple[str, ...] = field(default=(), compare=False)
    applies_to: tuple[str, ...] = field(default=(), compare=False)
    leak: str | bool | None = field(default=None, compare=False)

    @property
    def is_numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.type == NUMERIC

    @property
    def named(self) -> str:
        """Its name, and its columns where they are spelt otherwise, for messages."""
        columns = dict.fromkeys(name for place in self.places for name in place.columns)
        if self.combination is not None:
            return f"{self.name} ({self.combination.by} of {', '.join(columns)})"
        if list(columns) == [self.name]:
            return self.name
        return f"{self.name} (from {' or '.join(columns)})"

    @property
    def places(self) -> tuple[Source, ...]:
        """All sources, those of each operand in turn where it is a combination."""
        if self.combination is not None:
            return tuple(source for operand in self.combination.of for source in operand)
        return (Source(self.file, self.sources), *self.others)


_ALWAYS = ("name", "file", "sources", "type", "a_priori", "per_transcript", "line")
"""What a features file could always say: lists of an earlier gridrun have the same digest."""


def plain_of(feature: Feature, *also: str) -> dict[str, Any]:
    """A feature as plain data without its place, for digests.

    Args:
        feature: The feature.
        also: Names of arguments that no value depends on, to be among the data.

    Returns:
        What values depend on, and these; what the feature does not say is left out.
    """
    data = asdict(replace(feature, line=None))
    unsaid = {
        one.name
        for one in fields(Feature)
        if one.name not in _ALWAYS
        and (getattr(feature, one.name) == one.default or not (one.compare or one.name in also))
    }
    return {name: value for name, value in data.items() if name not in unsaid}


def feature_of(data: Mapping[str, Any]) -> Feature:
    """The feature of plain data; what is not said there has its default."""
    found = dict(data)
    combination = found.get("combination")
    if combination:
        operands = tuple(_places(operand) for operand in combination["of"])
        found["combination"] = Combination(combination["by"], operands)
    for name in ("sources", "lists", "tags", "applies_to"):
        found[name] = tuple(found.get(name, ()))
    return Feature(**{**found, "others": _places(found.get("others", ()))})


def _places(data: Iterable[Mapping[str, Any]]) -> tuple[Source, ...]:
    return tuple(Source(place["file"], tuple(place["columns"])) for place in data)
