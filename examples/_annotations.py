"""What VEP (with dbNSFP) and CADD would say of a made-up variant."""

from __future__ import annotations

import math

from _scores import (
    CADD_COLUMNS,
    MARKS,
    MISSING,
    PER_TRANSCRIPT,
    PER_VARIANT,
    POPULATIONS,
    VEP_FIELDS,
    Score,
)
from _variants import NORMAL, Draws, Gene, Kind, Variant

SUBSTITUTION_ONLY = {
    "SIFT_score",
    "FATHMM_score",
    "PROVEAN_score",
    "MutationAssessor_score",
    "MutPred_score",
}
"""Scores of tools that weigh one amino acid against another: silent about a stop."""


def text(value: float, decimals: int = 4) -> str:
    """A number with at most five significant digits and four decimals."""
    # Adding zero takes the sign off a zero.
    return f"{round(value, decimals) + 0.0:.5g}"


def _latent(draws: Draws, score: Score, variant: Variant) -> float:
    source = {
        "severity": variant.severity,
        "conservation": variant.conservation,
        "activity": variant.gene.activity,
    }[score.follows]
    noise = math.sqrt(1 - score.correlation**2)
    return score.correlation * source + noise * draws.normal()


def _measure(draws: Draws, score: Score, variant: Variant) -> str:
    value = score.shape(NORMAL.cdf(_latent(draws, score, variant)))
    missing = score.missing
    if variant.benign and score.missing_benign is not None:
        missing = score.missing_benign
    # A frequency may be one in a million.
    decimals = 8 if score in POPULATIONS else 4
    return MISSING if draws.chance(missing) else text(value, decimals)


def _list(draws: Draws, score: Score, variant: Variant, transcripts: int) -> str:
    """Values of a per-transcript score as dbNSFP joins them, ``.`` where missing."""
    latent = _latent(draws, score, variant)
    missing = score.missing_benign if variant.benign else score.missing
    values = [
        "."
        if draws.chance(score.missing if missing is None else missing)
        else text(score.shape(NORMAL.cdf(latent + 0.15 * draws.normal())))
        for _ in range(transcripts)
    ]
    return MISSING if set(values) == {"."} else "&".join(values)


def _verdicts(values: str, *, severe_below: float | None, letters: str) -> str:
    """One letter for each value of a list, as dbNSFP's ``_pred`` fields have it."""
    if not values:
        return MISSING
    return "&".join(
        "."
        if value == "."
        else letters[0 if severe_below is None or float(value) < severe_below else 1]
        for value in values.split("&")
    )


def dbnsfp(draws: Draws, variant: Variant) -> dict[str, str]:
    """The dbNSFP fields of a variant; all empty unless it changes a protein by one base."""
    affected = [
        name
        for name, kind in zip(variant.gene.transcripts, variant.kinds, strict=True)
        if kind.dbnsfp
    ]
    if not affected:
        return {}
    silent = SUBSTITUTION_ONLY if variant.kinds[0].vep == "stop_gained" else set()
    fields = {}
    for score in PER_TRANSCRIPT:
        values = _list(draws, score, variant, len(affected))
        fields[score.name] = MISSING if score.name in silent else values
    for score in (*PER_VARIANT, *POPULATIONS):
        value = _measure(draws, score, variant)
        fields[score.name] = MISSING if score.name in silent else value
    position = draws.integer(2, 900)
    fields["Ensembl_transcriptid"] = "&".join(affected)
    fields["Ensembl_proteinid"] = "&".join(name.replace("ENST", "ENSP") for name in affected)
    fields["aapos"] = "&".join(str(position) for _ in affected)
    fields["SIFT_pred"] = _verdicts(fields["SIFT_score"], severe_below=0.05, letters="DT")
    fields["FATHMM_pred"] = _verdicts(fields["FATHMM_score"], severe_below=-1.5, letters="DT")
    fields["PROVEAN_pred"] = _verdicts(fields["PROVEAN_score"], severe_below=-2.5, letters="DN")
    fields["MutationTaster_pred"] = _verdicts(
        fields["MutationTaster_score"],
        severe_below=None,
        letters="D" if variant.severity > 0 else "N",
    )
    fields["LRT_pred"] = _lrt_verdict(fields["LRT_score"], fields["LRT_Omega"])
    return fields


def _lrt_verdict(score: str, omega: str) -> str:
    if not score or not omega:
        return "U"
    return "D" if float(score) < 0.02 and float(omega) < 1 else "N"


def csq_blocks(draws: Draws, variant: Variant) -> list[str]:
    """One CSQ block for each transcript."""
    shared = dbnsfp(draws, variant)
    alt = variant.alt if len(variant.ref) == len(variant.alt) == 1 else variant.alt[1:] or "-"
    blocks = []
    for order, (name, kind) in enumerate(zip(variant.gene.transcripts, variant.kinds, strict=True)):
        fields = {
            "Allele": alt,
            "Consequence": kind.vep,
            "IMPACT": "HIGH" if kind.severity > 1 else "MODERATE" if kind.coding else "MODIFIER",
            "SYMBOL": f"MADEUP{variant.gene.number}",
            "Gene": f"ENSG{variant.gene.number:011d}",
            "Feature_type": "Transcript",
            "Feature": name,
            "BIOTYPE": "protein_coding",
            "CANONICAL": "YES" if order == 0 else MISSING,
            **shared,
        }
        blocks.append("|".join(fields.get(field, MISSING) for field in VEP_FIELDS))
    return blocks


def cadd_rows(draws: Draws, variant: Variant) -> list[str]:
    """One CADD row for each transcript, tab-separated."""
    site = _site(draws, variant)
    rows = []
    for name, kind in zip(variant.gene.transcripts, variant.kinds, strict=True):
        row = {**site, **_transcript(draws, variant.gene, kind), "FeatureID": name}
        rows.append("\t".join(row.get(column, "NA") for column in CADD_COLUMNS))
    return rows


def _site(draws: Draws, variant: Variant) -> dict[str, str]:
    """CADD columns that are the same for all transcripts."""
    row = {
        "#Chrom": variant.gene.chromosome,
        "Pos": str(variant.position),
        "Ref": variant.ref,
        "Alt": variant.alt,
        "Type": "SNV",
        "Length": str(abs(len(variant.ref) - len(variant.alt))),
        "GC": text(min(max(0.45 + 0.1 * variant.gene.activity + 0.06 * draws.normal(), 0), 1)),
        "CpG": text(0.12 * NORMAL.cdf(variant.gene.activity + draws.normal())),
        "minDistTSS": str(int(10 ** (1.5 + 3.4 * draws.uniform()))),
        "minDistTSE": str(int(10 ** (1.5 + 3.4 * draws.uniform()))),
    }
    if row["Length"] != "0":
        row["Type"] = "DEL" if len(variant.ref) > len(variant.alt) else "INS"
    row.update(
        (mark.name, value) for mark in MARKS if (value := _measure(draws, mark, variant)) != MISSING
    )
    if draws.chance(NORMAL.cdf(variant.gene.activity + 0.4)):
        factors = 1 + int(30 * draws.uniform() ** 3)
        row["RemapOverlapTF"] = str(factors)
        row["RemapOverlapCL"] = str(factors + draws.integer(0, 1 + factors // 4))
    if draws.chance(0.03):
        row["tOverlapMotifs"] = str(draws.integer(1, 4))
        row["motifDist"] = text(8 * draws.uniform())
        row["motifECount"] = str(draws.integer(1, 3))
        row["motifEScoreChng"] = text(0.2 * draws.normal())
        row["motifEHIPos"] = str(draws.integer(0, 1))
    raw = 2 + 1.6 * variant.severity + 0.8 * draws.normal()
    row["RawScore"] = text(raw)
    row["PHRED"] = text(max(0.001, 12 + 6 * (raw - 2)))
    return row


def _transcript(draws: Draws, gene: Gene, kind: Kind) -> dict[str, str]:
    """CADD columns that belong to one transcript."""
    row = {
        "AnnoType": "CodingTranscript" if kind.coding else "Transcript",
        "Consequence": kind.cadd,
        "GeneID": f"ENSG{gene.number:011d}",
        "GeneName": f"MADEUP{gene.number}",
    }
    place = draws.uniform()
    if kind.coding or "UTR" in kind.vep:
        row["relcDNApos"] = text(0.1 + 0.75 * place + 0.1 * draws.uniform())
    if kind.coding:
        row["relCDSpos"] = text(place)
        row["relProtPos"] = text(min(1.0, place + 0.002 * draws.uniform()))
    if draws.chance(kind.near_splice):
        row["Dst2SplType"] = "ACCEPTOR" if draws.chance(0.5) else "DONOR"
        row["Dst2Splice"] = str(draws.integer(1, 20))
        if kind.cadd == "CANONICAL_SPLICE":
            row["Dst2SplType"], row["Dst2Splice"] = "DONOR", str(draws.integer(-2, -1))
    if kind.cadd == "3PRIME_UTR" or draws.chance(0.04):
        row["mirSVR-Score"] = text(-1.2 * draws.uniform() ** 2)
        row["mirSVR-E"] = text(-8 - 18 * draws.uniform())
        row["mirSVR-Aln"] = text(float(draws.integer(120, 170)))
    return row
