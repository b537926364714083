"""Inputs of the size of ClinVar, made up: a VCF as VEP and dbNSFP write it, and CADD's tables.

Records are repeated from some hundred templates, with a position of their own, and written
packed: 4 million of 8 blocks with 130 fields would be 40 GB of plain text.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import CADD, VEP

BLOCKS, FIELDS, COLUMNS = 8, 130, 125
"""CSQ blocks of a record, fields of each, and columns of CADD's tables."""

_TEMPLATES = 400
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
_BY_TRANSCRIPT = {f.sources[0] for f in AMISS.of(VEP) if f.per_transcript}
_WORDS = ("LRT_pred", *AMISS.demanded)
_CSQ = (*_BASIC, *_SCORES, *_WORDS)
CSQ = (*_CSQ, *(f"dbNSFP_{number}" for number in range(FIELDS - len(_CSQ))))

_CADD_NUMBERS = tuple(f.sources[0] for f in (*AMISS.of(CADD), *AMISS.beside) if f.is_numeric)
_HEAD = ("#Chrom", "Pos", "Ref", "Alt", "FeatureID", "Consequence", "Dst2SplType")
_CADD = (*_HEAD, *_CADD_NUMBERS)
CADD_COLUMNS = (*_CADD, *(f"cadd_{number}" for number in range(COLUMNS - len(_CADD))))


class _Template:
    """What is alike in the records that are made from it.

    Args:
        draws: Where the values come from.
        number: Of the template.
    """

    def __init__(self, draws: random.Random, number: int) -> None:
        def one_of(shares: dict[str, int] | dict[tuple[str, str], int]) -> str | tuple[str, str]:
            return draws.choices(list(shares), list(shares.values()))[0]

        self.ref, self.alt = draws.sample("ACGT", 2)
        self.is_indel = draws.random() < 0.08
        if self.is_indel:
            self.ref += "".join(draws.choices("ACGT", k=3))
            self.alt = self.ref[0]
        status, significance = one_of(_STATUS), one_of(_CLASSES)
        transcripts = [f"ENST{number * BLOCKS + at:011d}" for at in range(BLOCKS)]
        words = [one_of(_CONSEQUENCES) for _ in transcripts]
        is_coding = "missense" in words[0][0]
        blocks = [
            self._block(draws, number, transcripts, at, words[at][0], is_coding=is_coding)
            for at in range(BLOCKS)
        ]
        self.record = (
            f"\t{number}\t{self.ref}\t{self.alt}\t.\t.\tALLELEID={number};CLNDN=not_provided;"
            f"CLNREVSTAT={status};CLNSIG={significance};CLNVC=single_nucleotide_variant;"
            f"CSQ={','.join(blocks)}\n"
        )
        self.rows = [
            f"\t{self.ref}\t{self.alt}\t{name}\t{word[1]}\t{draws.choice(('NA', 'DONOR'))}\t"
            + "\t".join(self._cadd_cells(draws))
            + "\n"
            for name, word in zip(transcripts, words, strict=True)
        ]

    def _block(
        self,
        draws: random.Random,
        number: int,
        transcripts: list[str],
        at: int,
        consequence: str,
        *,
        is_coding: bool,
    ) -> str:
        listed = "&".join(transcripts) if is_coding else ""
        allele = "-" if self.is_indel else self.alt
        cells = [allele, consequence, "MODERATE", f"G{number}", f"ENSG{number:011d}", "Transcript"]
        cells += [transcripts[at], "protein_coding", "YES" if at == 0 else "", listed]
        for name in (*_SCORES, *_WORDS, *CSQ[len(_CSQ) :]):
            if not is_coding or draws.random() < 0.15:
                cells.append("")
            elif name == "LRT_pred":
                cells.append(draws.choice("DNU"))
            elif name in _BY_TRANSCRIPT:
                cells.append("&".join(f"{draws.random():.4g}" for _ in transcripts))
            else:
                cells.append(f"{draws.random():.6g}")
        return "|".join(cells)

    @staticmethod
    def _cadd_cells(draws: random.Random) -> Iterator[str]:
        for name in (*_CADD_NUMBERS, *CADD_COLUMNS[len(_CADD) :]):
            if draws.random() < 0.3:
                yield "NA"
            elif name in {"Length", "Dst2Splice", "minDistTSS", "minDistTSE"} or "Remap" in name:
                yield str(draws.randrange(20))
            else:
                yield f"{draws.random():.4g}"


def write_inputs(folder: Path, records: int, seed: int = 1) -> dict[str, str]:
    """Write a VCF and its CADD tables, packed.

    Args:
        folder: Where to.
        records: Of the VCF.
        seed: Of the values.

    Returns:
        Role to path, as a study names its inputs.
    """
    draws = random.Random(seed)
    templates = [_Template(draws, number) for number in range(_TEMPLATES)]
    if all(template.is_indel is False for template in templates[:records]):
        raise ValueError("no insertion or deletion among so few records")
    names = {"vcf": "clinvar.vep.vcf.gz", "cadd_snv": "snv.tsv.gz", "cadd_indel": "indel.tsv.gz"}
    paths = {role: folder / name for role, name in names.items()}
    with ExitStack() as stack:
        files = {
            role: stack.enter_context(gzip.open(path, "wb", compresslevel=1))
            for role, path in paths.items()
        }
        files["vcf"].write(_header().encode())
        for role in ("cadd_snv", "cadd_indel"):
            text = "## CADD GRCh38-v1.6 made up\n" + "\t".join(CADD_COLUMNS) + "\n"
            files[role].write(text.encode())
        for number in range(records):
            at = number * len(_CHROMOSOMES) // records
            place = f"{_CHROMOSOMES[at]}\t{10_000 + 13 * number}"
            template = templates[number % _TEMPLATES]
            files["vcf"].write((place + template.record).encode())
            rows = files["cadd_indel" if template.is_indel else "cadd_snv"]
            rows.write("".join(place + row for row in template.rows).encode())
    return {role: str(path) for role, path in paths.items()}


def _header() -> str:
    infos = "".join(
        f'##INFO=<ID={name},Number=.,Type=String,Description="made up">\n'
        for name in ("ALLELEID", "CLNDN", "CLNREVSTAT", "CLNSIG", "CLNVC")
    )
    return (
        "##fileformat=VCFv4.1\n##reference=GRCh38\n"
        f'{infos}##VEP="v115"\n##INFO=<ID=CSQ,Number=.,Type=String,Description="Consequence '
        f'annotations from Ensembl VEP. Format: {"|".join(CSQ)}">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    )
