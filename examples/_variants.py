"""Made-up genes, variants and annotations for ``make_input.py``.

Everything follows from one latent number a variant, its *severity*. The class
a submitter gives, how conserved the position is and what the predictors say
depend on it, each with noise of its own. What is missing depends on the
consequence (dbNSFP annotates changes of a protein only, CADD measures the
distance to a splice site only near one) and, a little, on the class.

Only ``random.Random.random`` is drawn from: Python promises its sequence for a
seed across versions, which it does not for ``gauss`` or ``choice``.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

NORMAL = NormalDist()
BASES = "ACGT"


class Draws:
    """Seeded draws, all made from uniform ones.

    Args:
        seed: Equal seeds give equal draws on every machine and Python.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def uniform(self) -> float:
        """A number in [0, 1)."""
        return self._random.random()

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.uniform() < probability

    def integer(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + int(self.uniform() * (high - low + 1))

    def normal(self) -> float:
        """A standard normal number."""
        return NORMAL.inv_cdf(min(max(self.uniform(), 1e-9), 1 - 1e-9))

    def pick(self, weights: dict[str, float]) -> str:
        """A key, with probability proportional to its weight."""
        left = self.uniform() * sum(weights.values())
        for key, weight in weights.items():
            left -= weight
            if left < 0:
                return key
        return key


@dataclass(frozen=True)
class Kind:
    """A sort of variant, by what it does to the canonical transcript.

    Args:
        vep: Consequence in VEP's words.
        cadd: Consequence in CADD's words.
        weight: How common it is.
        severity: Mean severity.
        near_splice: Chance that a splice site is within 20 bases.
    """

    vep: str
    cadd: str
    weight: float
    severity: float
    near_splice: float = 0.0

    @property
    def coding(self) -> bool:
        """Inside the coding sequence, so that CADD knows the place in it."""
        return self.cadd in CODING

    @property
    def dbnsfp(self) -> bool:
        """Annotated by dbNSFP: one base that changes the protein."""
        return self.cadd in {"NON_SYNONYMOUS", "STOP_GAINED"}


CODING = {"NON_SYNONYMOUS", "STOP_GAINED", "SYNONYMOUS", "FRAME_SHIFT", "INFRAME"}
KINDS = {
    kind.vep: kind
    for kind in (
        Kind("missense_variant", "NON_SYNONYMOUS", 52, 0.1, 0.16),
        Kind("stop_gained", "STOP_GAINED", 7, 1.7, 0.16),
        Kind("synonymous_variant", "SYNONYMOUS", 11, -1.5, 0.16),
        Kind("frameshift_variant", "FRAME_SHIFT", 7, 1.8, 0.16),
        Kind("inframe_deletion", "INFRAME", 3, 0.3, 0.16),
        Kind("splice_donor_variant", "CANONICAL_SPLICE", 5, 1.5, 1.0),
        Kind("splice_region_variant&intron_variant", "SPLICE_SITE", 5, -0.4, 1.0),
        Kind("intron_variant", "INTRONIC", 5, -1.3, 0.3),
        Kind("3_prime_UTR_variant", "3PRIME_UTR", 3, -1.1),
        Kind("5_prime_UTR_variant", "5PRIME_UTR", 2, -0.9, 0.1),
    )
}
ELSEWHERE = ("intron_variant", "3_prime_UTR_variant", "5_prime_UTR_variant")
"""What a coding variant may be in another transcript of the gene."""

REVIEW = {
    "practice_guideline": 0.02,
    "reviewed_by_expert_panel": 0.24,
    "criteria_provided,_multiple_submitters,_no_conflicts": 0.28,
    "criteria_provided,_single_submitter": 0.36,
    "no_assertion_criteria_provided": 0.10,
}
"""ClinVar review status and its share; more expert-panel records than ClinVar has,
so that the smallest tier can still be trained on."""

PATHOGENIC = {"Pathogenic": 5.0, "Likely_pathogenic": 3.0, "Pathogenic/Likely_pathogenic": 2.0}
BENIGN = {"Benign": 4.0, "Likely_benign": 4.0, "Benign/Likely_benign": 2.0}
CHROMOSOMES = (*(str(number) for number in range(1, 23)), "X")


@dataclass(frozen=True)
class Gene:
    """A gene of the made-up genome.

    Args:
        number: Counted from 1; names and identifiers are made from it.
        chromosome: GRCh38 name without ``chr``.
        start: First base.
        transcripts: Identifiers, the canonical one first.
        constraint: How badly the gene takes changes; standard normal.
        activity: How active its chromatin is; standard normal.
    """

    number: int
    chromosome: str
    start: int
    transcripts: tuple[str, ...]
    constraint: float
    activity: float


@dataclass(frozen=True)
class Variant:
    """A variant with its class and the latent numbers its annotations follow.

    Args:
        gene: Gene it lies in.
        position: 1-based, as in a VCF.
        ref: Reference bases.
        alt: Alternative bases.
        kinds: For each transcript of the gene, what the variant does to it.
        severity: Latent severity; about standard normal over all variants.
        conservation: Latent conservation of the position.
        significance: ClinVar's CLNSIG.
        review: ClinVar's CLNREVSTAT.
    """

    gene: Gene
    position: int
    ref: str
    alt: str
    kinds: tuple[Kind, ...]
    severity: float
    conservation: float
    significance: str
    review: str

    @property
    def benign(self) -> bool:
        """Whether ClinVar calls it benign in some degree."""
        return self.significance in BENIGN


def make_genes(draws: Draws, count: int) -> list[Gene]:
    """Genes in the order of the genome, far enough apart not to overlap."""
    genes = []
    for number in range(1, count + 1):
        chromosome = CHROMOSOMES[(number - 1) * len(CHROMOSOMES) // count]
        place = sum(gene.chromosome == chromosome for gene in genes)
        transcripts = int(draws.pick({"1": 4, "2": 3, "3": 2, "4": 1}))
        genes.append(
            Gene(
                number,
                chromosome,
                1_000_000 + 3_000_000 * place + draws.integer(0, 900_000),
                tuple(f"ENST{number:07d}{order:04d}" for order in range(1, transcripts + 1)),
                draws.normal(),
                draws.normal(),
            )
        )
    return genes


def make_variants(draws: Draws, genes: Sequence[Gene], count: int) -> list[Variant]:
    """Variants in the order of the genome; no position is used twice."""
    per_gene: list[int] = [0] * len(genes)
    for _ in range(count):
        per_gene[draws.integer(0, len(genes) - 1)] += 1
    variants = []
    for gene, number in zip(genes, per_gene, strict=True):
        position = gene.start
        for _ in range(number):
            position += draws.integer(40, 4_000)
            variants.append(_variant(draws, gene, position))
    return variants


def _variant(draws: Draws, gene: Gene, position: int) -> Variant:
    kind = KINDS[draws.pick({name: kind.weight for name, kind in KINDS.items()})]
    severity = 0.75 * kind.severity + 0.35 * gene.constraint + 0.65 * draws.normal()
    ref, alt = _alleles(draws, kind)
    return Variant(
        gene=gene,
        position=position,
        ref=ref,
        alt=alt,
        kinds=_kinds_by_transcript(draws, gene, kind),
        severity=severity,
        conservation=0.6 * severity + 0.8 * draws.normal(),
        significance=_significance(draws, severity),
        review=draws.pick(REVIEW),
    )


def _significance(draws: Draws, severity: float) -> str:
    """Nearer to the middle the verdict is more often uncertain, and now and then wrong."""
    pathogenic = 1 / (1 + math.exp(-2.8 * (severity - 0.15)))
    if draws.chance(0.55 * (1 - abs(2 * pathogenic - 1)) ** 1.5):
        return "Uncertain_significance"
    return draws.pick(PATHOGENIC if draws.chance(pathogenic) else BENIGN)


def _alleles(draws: Draws, kind: Kind) -> tuple[str, str]:
    anchor = BASES[draws.integer(0, 3)]
    if kind.vep not in {"frameshift_variant", "inframe_deletion"}:
        return anchor, BASES[(BASES.index(anchor) + draws.integer(1, 3)) % 4]
    length = 3 * draws.integer(1, 3)
    if kind.vep == "frameshift_variant":
        length -= draws.integer(1, 2)
    bases = "".join(BASES[draws.integer(0, 3)] for _ in range(length))
    if kind.vep == "frameshift_variant" and draws.chance(0.4):
        return anchor, anchor + bases
    return anchor + bases, anchor


def _kinds_by_transcript(draws: Draws, gene: Gene, kind: Kind) -> tuple[Kind, ...]:
    others = [
        KINDS[ELSEWHERE[draws.integer(0, len(ELSEWHERE) - 1)]]
        if kind.coding and draws.chance(0.25)
        else kind
        for _ in gene.transcripts[1:]
    ]
    return (kind, *others)
