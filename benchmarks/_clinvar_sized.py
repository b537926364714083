"""Inputs of the size of ClinVar, made up: a VCF as VEP and dbNSFP write it, and CADD's tables.

Records are copies of some hundred or thousand templates, each with a position, a class and a
score of its own. The files are written packed, and each template is packed once (_bgzf.py):
4 million records of 8 blocks with 130 fields are 40 GB of plain text.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from _bgzf import BgzfWriter, Copy, Pieces, joined, stored

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import CADD, VEP

BLOCKS, FIELDS, COLUMNS = 8, 130, 125
"""CSQ blocks of a record, fields of each, and columns of CADD's tables."""

_FEWEST, _MOST = 400, 4_000
"""Templates: one for every hundred records, within these."""

_OWN = 8
"""One of so many columns of CADD differs between the transcripts of a variant."""

_CHROMOSOMES = (*map(str, range(1, 23)), "X")
_STATUS = {
    "criteria_provided,_single_submitter": 70,
    "criteria_provided,_multiple_submitters,_no_conflicts": 16,
    "criteria_provided,_conflicting_interpretations": 5,
    "reviewed_by_expert_panel": 2,
    "no_assertion_criteria_provided": 7,
}
_CLASSES = {
    "Uncertain_significance": 48,
    "Likely_benign": 26,
    "Benign": 11,
    "Pathogenic": 10,
    "Likely_pathogenic": 5,
}
_CONSEQUENCES = {
    ("missense_variant", "NON_SYNONYMOUS"): 50,
    ("synonymous_variant", "SYNONYMOUS"): 20,
    ("intron_variant", "INTRONIC"): 14,
    ("stop_gained", "STOP_GAINED"): 6,
    ("splice_region_variant&intron_variant", "SPLICE_SITE"): 6,
    ("upstream_gene_variant", "UPSTREAM"): 4,
}
"""VEP's and CADD's word for a consequence, and how often it is; shares as ClinVar's of 2024."""

_BASIC = (
    *("Allele", "Consequence", "IMPACT", "SYMBOL", "Gene", "Feature_type", "Feature", "BIOTYPE"),
    *("CANONICAL", "Ensembl_transcriptid"),
)
_SCORES = tuple(f.sources[0] for f in AMISS.of(VEP) if f.is_numeric)
_BY_TRANSCRIPT = tuple(f.sources[0] for f in AMISS.of(VEP) if f.per_transcript)
_WORDS = ("LRT_pred", *AMISS.demanded)
_MORE = tuple(f"dbNSFP_{n}" for n in range(FIELDS - len((*_BASIC, *_SCORES, *_WORDS))))
_VALUES = (*_SCORES, *_WORDS, *_MORE)
_OF_ALL = (*_BY_TRANSCRIPT, *_MORE[::4])
"""Fields that list a value for each transcript, the same list in all blocks of a record."""

CSQ = (*_BASIC, *_VALUES)

_VARYING, _HERE = "GERP++_RS", "@score@"
"""The score that each record has for itself, and what stands for it in a template."""
_SCORE_BYTES = len("0.123456")
_HIGHER = ("Pathogenic", "Likely_pathogenic")
"""Classes in which it is higher."""

_CADD_NUMBERS = tuple(f.sources[0] for f in (*AMISS.of(CADD), *AMISS.beside) if f.is_numeric)
_HEAD = ("#Chrom", "Pos", "Ref", "Alt", "FeatureID", "Consequence", "Dst2SplType")
_CADD = (*_HEAD, *_CADD_NUMBERS)
CADD_COLUMNS = (*_CADD, *(f"cadd_{number}" for number in range(COLUMNS - len(_CADD))))


class _Template:
    """What is alike in the records made from it: all but their place, class and one score.

    Args:
        draws: Where the values come from.
        number: Of the template.
    """

    def __init__(self, draws: random.Random, number: int) -> None:
        self.ref, self.alt = draws.sample("ACGT", 2)
        self.is_indel = draws.random() < 0.08
        if self.is_indel:
            self.ref += "".join(draws.choices("ACGT", k=3))
            self.alt = self.ref[0]
        status = _one_of(_STATUS, draws)
        transcripts = [f"ENST{number * BLOCKS + at:011d}" for at in range(BLOCKS)]
        words = [_one_of(_CONSEQUENCES, draws) for _ in transcripts]
        is_coding = "missense" in words[0][0]
        lists = {name: self._listed(draws) for name in _OF_ALL} if is_coding else {}
        listed = "&".join(transcripts) if is_coding else ""
        blocks = [
            "|".join(
                (
                    *("-" if self.is_indel else self.alt, word[0], "MODERATE", f"G{number}"),
                    *(f"ENSG{number:011d}", "Transcript", name, "protein_coding"),
                    *("YES" if at == 0 else "", listed),
                    *(self._values(draws, lists) if is_coding else [""] * len(_VALUES)),
                )
            )
            for at, (name, word) in enumerate(zip(transcripts, words, strict=True))
        ]
        self.head = (
            f"\t{number}\t{self.ref}\t{self.alt}\t.\t.\tALLELEID={number};CLNDN=not_provided;"
            f"CLNREVSTAT={status};CLNSIG="
        )
        tail = f";CLNVC=single_nucleotide_variant;CSQ={','.join(blocks)}\n"
        pieces = tail.split(_HERE)
        self._tail = Pieces(pieces, [_SCORE_BYTES] * (len(pieces) - 1))
        shared = dict(self._cadd_cells(draws, CADD_COLUMNS[len(_HEAD) :]))
        own = CADD_COLUMNS[len(_HEAD) :: _OWN]
        self.rows = [
            f"\t{self.ref}\t{self.alt}\t{name}\t{word[1]}\t{draws.choice(('NA', 'DONOR'))}\t"
            + "\t".join({**shared, **dict(self._cadd_cells(draws, own))}.values())
            + "\n"
            for name, word in zip(transcripts, words, strict=True)
        ]
        self._packed: dict[int, tuple[Pieces, Pieces]] = {}

    @staticmethod
    def _listed(draws: random.Random) -> str:
        return "&".join(f"{draws.random():.4g}" for _ in range(BLOCKS))

    @staticmethod
    def _values(draws: random.Random, lists: Mapping[str, str]) -> Iterator[str]:
        for name in _VALUES:
            if name == _VARYING:
                yield _HERE
            elif name in lists:
                yield lists[name]
            elif draws.random() < 0.15:
                yield ""
            else:
                yield draws.choice("DNU") if name == "LRT_pred" else f"{draws.random():.4g}"

    @staticmethod
    def _cadd_cells(draws: random.Random, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        for name in names:
            if draws.random() < 0.3:
                yield name, "NA"
            elif name in {"Length", "Dst2Splice", "minDistTSS", "minDistTSE"} or "Remap" in name:
                yield name, str(draws.randrange(20))
            else:
                yield name, f"{draws.random():.4g}"

    def copies(self, place: bytes, significance: bytes, score: bytes) -> tuple[Copy, Copy]:
        """The record, and its rows in the table.

        Args:
            place: Chromosome and position.
            significance: Of the record.
            score: ``_SCORE_BYTES`` long.
        """
        if len(place) not in self._packed:
            head = Pieces(("", self.head), [len(place)])
            rows = Pieces(("", *self.rows), len(self.rows) * [len(place)])
            self._packed[len(place)] = head, rows
        head, rows = self._packed[len(place)]
        parts = (head.copy(place), stored(significance), self._tail.copy(score))
        return joined(parts), rows.copy(place)


_Choice = TypeVar("_Choice")


def _one_of(shares: Mapping[_Choice, int], draws: random.Random) -> _Choice:
    return draws.choices(list(shares), list(shares.values()))[0]


def write_inputs(folder: Path, records: int, seed: int = 1) -> dict[str, str]:
    """Write a VCF and its CADD tables, packed by BGZF.

    Args:
        folder: Where to.
        records: Of the VCF.
        seed: Of the values.

    Returns:
        Role to path, as a study names its inputs.
    """
    draws = random.Random(seed)
    number_of = min(max(records // 100, _FEWEST), _MOST)
    templates = [_Template(draws, number) for number in range(number_of)]
    if all(template.is_indel is False for template in templates[:records]):
        raise ValueError("no insertion or deletion among so few records")
    names = {"vcf": "clinvar.vep.vcf.gz", "cadd_snv": "snv.tsv.gz", "cadd_indel": "indel.tsv.gz"}
    paths = {role: folder / name for role, name in names.items()}
    with ExitStack() as stack:
        files = {role: stack.enter_context(BgzfWriter(path)) for role, path in paths.items()}
        files["vcf"].text(_header())
        for role in ("cadd_snv", "cadd_indel"):
            files[role].text("## CADD GRCh38-v1.6 made up\n" + "\t".join(CADD_COLUMNS) + "\n")
        for number in range(records):
            at = number * len(_CHROMOSOMES) // records
            place = f"{_CHROMOSOMES[at]}\t{10_000_000 + 13 * number}".encode()
            template = templates[number % number_of]
            significance = _one_of(_CLASSES, draws)
            score = draws.random()
            if significance in _HIGHER:
                score = max(score, draws.random())
            record, rows = template.copies(place, significance.encode(), b"%.6f" % score)
            files["vcf"].add(record)
            files["cadd_indel" if template.is_indel else "cadd_snv"].add(rows)
    return {role: str(path) for role, path in paths.items()}


def _header() -> str:
    infos = "".join(
        f'##INFO=<ID={name},Number=.,Type=String,Description="made up">\n'
        for name in ("ALLELEID", "CLNDN", "CLNREVSTAT", "CLNSIG", "CLNVC")
    ) + "".join(f"##contig=<ID={name}>\n" for name in _CHROMOSOMES)
    return (
        "##fileformat=VCFv4.1\n##reference=GRCh38\n"
        f'{infos}##VEP="v115"\n##INFO=<ID=CSQ,Number=.,Type=String,Description="Consequence '
        f'annotations from Ensembl VEP. Format: {"|".join(CSQ)}">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    )
