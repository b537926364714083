"""What the features of a study are: names, source columns, types, a-priori values.

The names are columns as R's ``make.names`` leaves them (``GERP.._NR``), which is
how tables and results spell them; sources are spelt as in the VEP and CADD files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from gridrun.plan.fingerprint import digest_of

VEP, CADD = "vep", "cadd"
TABLES = "annotations"
FILES = (VEP, CADD, TABLES)
"""Where a feature's values stand: the CSQ field of the VCF, the CADD tables, or another table."""

NUMERIC, CATEGORICAL = "numeric", "categorical"
TYPES = (NUMERIC, CATEGORICAL)
"""What a feature's values are."""

KEYS = ("X.Chrom", "Pos", "Ref", "Alt", "FeatureID")
"""Key columns of the join, under CADD's names."""

VARIANT = KEYS[:4]
"""Those of them that name a variant, whatever its transcript."""

CONSEQUENCE = "Consequence.x"
"""CADD's consequence: read for the row ids whether it is a feature or not."""

TRANSCRIPTS = "Ensembl_transcriptid"
"""CSQ field of dbNSFP with the transcripts that per-transcript lists follow."""

CANONICAL = "CANONICAL"
"""CSQ field that ``transcript=canonical`` needs, and nothing else."""

MANE_FIELDS = ("MANE_SELECT", "MANE")
"""CSQ fields that mark MANE Select transcripts, which ``transcript=mane`` needs, the first that is
there: VEP 103 and later write ``MANE_SELECT``, VEP 97 to 102 ``MANE``.

Source: github.com/Ensembl/ensembl-vep, pull requests 826 and 880.
"""

IS_MANE = "mane_select"
"""Column of the joined table that is YES where the row's transcript is a MANE Select one."""

FIXED_TEXT = (CONSEQUENCE, "Consequence.y", "CLNSIG", "CLNREVSTAT", CANONICAL)
"""Text columns of the joined table that are there whatever the features are."""

BASIC_FIELDS = ("Consequence", "Feature", CANONICAL)
"""CSQ fields that are read whatever the features are."""

BASIC_COLUMNS = ("Consequence",)
"""Columns of CADD, beside the keys, that are read whatever the features are."""

RESERVED = frozenset(
    {*KEYS, *FIXED_TEXT, *BASIC_FIELDS, TRANSCRIPTS}
    | {"CHROM", "POS", "REF", "ALT", "vcf_line", "cadd_line", "cadd_file", IS_MANE}
)
"""Names of other columns of the tables that are read; none but ``CONSEQUENCE`` is a feature's."""


@dataclass(frozen=True)
class Feature:
    """One feature.

    Args:
        name: As tables spell it.
        file: ``vep``, ``cadd``, or ``annotations.NAME`` for a table that the study names.
        sources: Columns of that file; the first of them that is there is read.
        type: ``numeric`` or ``categorical``.
        a_priori: What a missing value means, filled in before imputation: a
            number, or a text where the feature is categorical. None: nothing.
        per_transcript: The column lists one value for each transcript of
            ``TRANSCRIPTS``, of which the row's own is taken. None: a features file says
            nothing of it, so that a list is a mistake.
        line: Where it stands in the file of ``FeatureSet.origin``.
    """

    name: str
    file: str
    sources: tuple[str, ...]
    type: str = NUMERIC
    a_priori: float | str | None = None
    per_transcript: bool | None = None
    line: int | None = field(default=None, compare=False)

    @property
    def is_numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.type == NUMERIC

    @property
    def named(self) -> str:
        """Its name, and its columns where they are spelt otherwise, for messages."""
        if self.sources == (self.name,):
            return self.name
        return f"{self.name} (from {' or '.join(self.sources)})"


@dataclass(frozen=True)
class FeatureSet:
    """The features of a study, in the order of columns and draws.

    Args:
        features: Numeric and categorical ones; each kind keeps its order, the
            numeric ones come first wherever upstream lists them all.
        beside: Numeric CADD columns that are read though they are no features.
        demanded: CSQ fields that must be there though no feature reads them.
        origin: The features file, or None for the list that is built in.
    """

    features: tuple[Feature, ...]
    beside: tuple[Feature, ...] = ()
    demanded: tuple[str, ...] = ()
    origin: Path | None = field(default=None, compare=False)

    @property
    def numeric(self) -> tuple[str, ...]:
        """Names of the numeric features."""
        return tuple(feature.name for feature in self.features if feature.is_numeric)

    @property
    def categorical(self) -> tuple[str, ...]:
        """Names of the categorical features."""
        return tuple(feature.name for feature in self.features if not feature.is_numeric)

    @property
    def a_priori(self) -> dict[str, float | str]:
        """Feature to what its missing values mean, where that is known."""
        return {f.name: f.a_priori for f in self.features if f.a_priori is not None}

    @property
    def numeric_columns(self) -> tuple[str, ...]:
        """Numeric columns of the joined table."""
        return (*self.numeric, *(feature.name for feature in self.beside))

    @property
    def text_columns(self) -> tuple[str, ...]:
        """Text columns of the joined table beside the keys."""
        matched = (TRANSCRIPTS,) if self.needs_transcripts else ()
        own = (name for name in self.categorical if name not in FIXED_TEXT)
        return (*FIXED_TEXT, *own, *matched)

    @property
    def needs_transcripts(self) -> bool:
        """Whether some column lists values per transcript."""
        return any(feature.per_transcript for feature in self.features)

    @property
    def csq_fields(self) -> tuple[str, ...]:
        """CSQ fields that are looked for, each once, in the spelling of the VCF header."""
        matched = (TRANSCRIPTS,) if self.needs_transcripts else ()
        return _each_once((*BASIC_FIELDS, *matched, *self.demanded, *_sources(self.of(VEP))))

    @property
    def cadd_columns(self) -> tuple[str, ...]:
        """Columns of CADD beside the keys that are looked for, each once, as CADD spells them."""
        return _each_once((*BASIC_COLUMNS, *_sources((*self.of(CADD), *self.beside))))

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables beside CADD's that features are read from, as ``Feature.file`` has them."""
        return _each_once(f.file for f in self.features if f.file not in (VEP, CADD))

    @property
    def without_tables(self) -> FeatureSet:
        """The set without the features that are read from tables beside CADD's."""
        own = tuple(feature for feature in self.features if feature.file in (VEP, CADD))
        return replace(self, features=own)

    def columns_of(self, file: str) -> tuple[str, ...]:
        """Columns of a file that features are read from, each once."""
        return _each_once(_sources(self.of(file)))

    @property
    def digest(self) -> str:
        """Digest of all that results depend on; the same for the same list, whatever its file."""
        return digest_of([_plain(feature) for feature in self.features])

    def of(self, file: str) -> tuple[Feature, ...]:
        """Features whose values stand in a file."""
        return tuple(feature for feature in self.features if feature.file == file)

    def plain(self) -> dict[str, Any]:
        """The set as plain data, for settings that are sent to workers."""
        return {
            "origin": None if self.origin is None else str(self.origin),
            "features": [asdict(feature) for feature in self.features],
            "beside": [asdict(feature) for feature in self.beside],
            "demanded": list(self.demanded),
        }

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> FeatureSet:
        """The set that ``plain`` gave; lists and tuples are alike here."""
        return cls(
            features=tuple(_feature(item) for item in data["features"]),
            beside=tuple(_feature(item) for item in data["beside"]),
            demanded=tuple(data["demanded"]),
            origin=None if data["origin"] is None else Path(data["origin"]),
        )

    @property
    def content(self) -> list[Any]:
        """All that decides what is read, as plain data, without places."""
        read = [[_plain(feature) for feature in part] for part in (self.features, self.beside)]
        return [*read, list(self.demanded)]


def _plain(feature: Feature) -> dict[str, Any]:
    return asdict(replace(feature, line=None))


def _feature(data: Mapping[str, Any]) -> Feature:
    return Feature(**{**data, "sources": tuple(data["sources"])})


def _sources(features: Iterable[Feature]) -> Iterable[str]:
    return (source for feature in features for source in feature.sources)


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
