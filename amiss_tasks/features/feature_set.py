"""What the features of a study are, and which columns of the inputs these are read from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from amiss_tasks.features.cut import Cut
from amiss_tasks.features.feature import (
    BY_TRANSCRIPT,
    CADD,
    CATEGORICAL,
    FILES,
    NUMERIC,
    TABLES,
    TYPES,
    VEP,
    Feature,
    feature_of,
    plain_of,
)
from gridrun.plan.fingerprint import digest_of

__all__ = [
    "CADD",
    "CATEGORICAL",
    "FILES",
    "NUMERIC",
    "TABLES",
    "TYPES",
    "VEP",
    "Feature",
    "FeatureSet",
]

KEYS = ("X.Chrom", "Pos", "Ref", "Alt", "FeatureID")
"""Key columns of the join, under CADD's names."""

VARIANT = KEYS[:4]
"""Those of them that name a variant, whatever its transcript."""

CONSEQUENCE = "Consequence.x"
"""CADD's consequence: read for the row ids whether it is a feature or not."""

TRANSCRIPTS = "Ensembl_transcriptid"
"""CSQ field of dbNSFP with the transcripts that per-transcript lists follow."""

AMISS_NAME = "amiss"
"""Name of the features that are built in."""

SETS = Path(__file__).with_name("sets")
"""Directory of the features files that come with gridrun; a study names them without ending."""

CANONICAL = "CANONICAL"
"""CSQ field that ``transcript=canonical`` needs, and nothing else."""

MANE_FIELDS = ("MANE_SELECT", "MANE")
"""CSQ fields that mark MANE Select transcripts, which ``transcript=mane`` needs, the first that is
there: VEP 103 and later write ``MANE_SELECT``, VEP 97 to 102 ``MANE``.

Source: github.com/Ensembl/ensembl-vep, pull requests 826 and 880.
"""

IS_MANE = "mane_select"
"""Column of the joined table that is YES where the row's transcript is a MANE Select one."""

GENE_FIELDS = ("SYMBOL", "Gene")
"""CSQ fields that name the gene of a row, which ``split_by: gene`` needs, the first that is there:
symbols are the same for Ensembl's and RefSeq's transcripts of a gene, identifiers are not."""

GENE, TIME = "gene, to split by", "time, to split by"
"""Columns of the joined table with the row's gene and its record's date or number; no feature can
have these names."""

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
class FeatureSet:
    """The features of a study, in the order of columns and draws.

    Args:
        features: Numeric and categorical ones; each kind keeps its order, the
            numeric ones come first wherever upstream lists them all.
        beside: Numeric CADD columns that are read though they are no features.
        demanded: CSQ fields that must be there though no feature reads them.
        genes: CSQ fields of which the first that is there names the gene of a row; empty where
            no rows are split by genes.
        cut: Where rows are split by time, if they are.
        origin: The features file, or None for the list that is built in.
    """

    features: tuple[Feature, ...]
    beside: tuple[Feature, ...] = ()
    demanded: tuple[str, ...] = ()
    genes: tuple[str, ...] = ()
    cut: Cut | None = None
    origin: Path | None = field(default=None, compare=False)

    @property
    def named(self) -> str:
        """The name that a study can give for it; empty for a features file of its own."""
        if self.origin is None:
            return AMISS_NAME
        return self.origin.stem if self.origin.parent == SETS else ""

    @property
    def advice_to_drop(self) -> str:
        """How to do without features of the set."""
        if not self.named:
            return "take them out of this file"
        return (
            f"give the study a features file that does without them: extends: {self.named}, and "
            "these names below drop; docs/features.md"
        )

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
        beside = ((GENE, self.genes), (TIME, self.cut))
        return (*FIXED_TEXT, *own, *matched, *(name for name, read in beside if read))

    @property
    def needs_transcripts(self) -> bool:
        """Whether some column lists values per transcript."""
        return any(feature.per_transcript for feature in self.features)

    @property
    def looks_for_transcripts(self) -> bool:
        """Whether some column may list values per transcript."""
        return self.needs_transcripts or any(BY_TRANSCRIPT in f.lists for f in self.features)

    @property
    def csq_fields(self) -> tuple[str, ...]:
        """CSQ fields that are looked for, each once, in the spelling of the VCF header."""
        matched = (TRANSCRIPTS,) if self.looks_for_transcripts else ()
        beside = (*matched, *self.demanded, *self.genes)
        return _each_once((*BASIC_FIELDS, *beside, *self.columns_of(VEP)))

    @property
    def cadd_columns(self) -> tuple[str, ...]:
        """Columns of CADD beside the keys that are looked for, each once, as CADD spells them."""
        beside = (source for feature in self.beside for source in feature.sources)
        return _each_once((*BASIC_COLUMNS, *self.columns_of(CADD), *beside))

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables beside CADD's that features may be read from, as ``Feature.file`` has them."""
        places = (place.file for feature in self.features for place in feature.places)
        return _each_once(file for file in places if file not in (VEP, CADD))

    @property
    def without_tables(self) -> FeatureSet:
        """The set without the features that are read from tables beside CADD's."""
        own = tuple(feature for feature in self.features if feature.file in (VEP, CADD))
        return replace(self, features=own)

    def of_table(self, columns: Collection[str]) -> FeatureSet:
        """The set without the optional features that a table does not have.

        Args:
            columns: Names of its columns; those of a dummy begin with its feature's name and a
                dot.
        """
        dotted = tuple(column for column in columns if "." in column)
        own = tuple(
            f
            for f in self.features
            if not f.optional
            or f.name in columns
            or (not f.is_numeric and any(name.startswith(f"{f.name}.") for name in dotted))
        )
        return self if len(own) == len(self.features) else replace(self, features=own)

    def columns_of(self, file: str) -> tuple[str, ...]:
        """Columns of a file that features may be read from, each once."""
        places = (place for feature in self.features for place in feature.places)
        return _each_once(name for place in places if place.file == file for name in place.columns)

    @property
    def digest(self) -> str:
        """Digest of all that results depend on; the same for the same list, whatever its file."""
        return digest_of([plain_of(feature) for feature in self.features])

    def of(self, file: str) -> tuple[Feature, ...]:
        """Features whose values stand in a file, or are looked for there first."""
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
            features=tuple(feature_of(item) for item in data["features"]),
            beside=tuple(feature_of(item) for item in data["beside"]),
            demanded=tuple(data["demanded"]),
            origin=None if data["origin"] is None else Path(data["origin"]),
        )

    @property
    def content(self) -> list[Any]:
        """All that decides what is read and said of it, as plain data, without places."""
        read = [
            [plain_of(feature, "applies_to") for feature in part]
            for part in (self.features, self.beside)
        ]
        beside = {
            **({"genes": list(self.genes)} if self.genes else {}),
            **({"cut": self.cut.content} if self.cut else {}),
        }
        return [*read, list(self.demanded), *([beside] if beside else [])]


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
