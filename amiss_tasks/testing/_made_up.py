"""Inputs of a study for tests: made-up variants with a handful of features."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FEATURES = "features.json"
"""Name of the features file."""

_VEP_SCORES = ("LRT_score", "GenoCanyon_score", "phyloP100way_vertebrate", "SiPhy_29way_logOdds")
_CADD_SCORES = ("GC", "relcDNApos")
_LOADINGS = np.array([[2.0, 0.0], [1.0, 1.0], [-1.0, 1.0], [0.0, 2.0], [1.0, -1.0], [0.5, 1.0]])
_GAPS = 0.15
_CSQ = ("Allele", "Consequence", "Feature", "CANONICAL", *_VEP_SCORES)
_KEYS = ("#Chrom", "Pos", "Ref", "Alt", "Type", "Consequence", "FeatureID")
_REVIEWS = (
    "criteria_provided,_single_submitter",
    "criteria_provided,_multiple_submitters,_no_conflicts",
    "reviewed_by_expert_panel",
)
_CONSEQUENCES = (("missense_variant", "NON_SYNONYMOUS"), ("synonymous_variant", "SYNONYMOUS"))
_EVERY_INDEL = 10
_SEED = 5


def write_inputs(directory: Path, variants: int) -> dict[str, str]:
    """Write a VCF, two CADD tables and a features file.

    The same bytes for the same number of variants. Scores follow two factors, the
    class mostly the first of them; of each score 15 % are missing.

    Returns:
        Role of each input to the name of its file.
    """
    random = np.random.default_rng(_SEED)
    factors = random.normal(size=(variants, 2))
    scores = factors @ _LOADINGS.T + random.normal(0, 0.5, (variants, len(_LOADINGS)))
    missing = random.random(scores.shape) < _GAPS
    positive = factors[:, 0] + random.normal(0, 0.7, variants) > 0
    vcf = [
        "##fileformat=VCFv4.2",
        '##INFO=<ID=CLNREVSTAT,Number=.,Type=String,Description="Review status">',
        '##INFO=<ID=CLNSIG,Number=.,Type=String,Description="Clinical significance">',
        f'##INFO=<ID=CSQ,Number=.,Type=String,Description="Format: {"|".join(_CSQ)}">',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
    ]
    head = ["## made up", "\t".join([*_KEYS, *_CADD_SCORES])]
    tables = {"cadd_snv": list(head), "cadd_indel": list(head)}
    for row in range(variants):
        is_indel = row % _EVERY_INDEL == 0
        place = ["1", str(1000 + row), "AT" if is_indel else "A", "A" if is_indel else "C"]
        vep, cadd = _CONSEQUENCES[int(random.integers(len(_CONSEQUENCES)))]
        texts = [
            "" if gap else f"{score:.4f}"
            for score, gap in zip(scores[row], missing[row], strict=True)
        ]
        of_vep, of_cadd = texts[: len(_VEP_SCORES)], texts[len(_VEP_SCORES) :]
        transcript = f"ENST{row:011d}"
        info = [
            f"CLNREVSTAT={_REVIEWS[row % len(_REVIEWS)]}",
            f"CLNSIG={'Pathogenic' if positive[row] else 'Benign'}",
            "CSQ=" + "|".join([place[3], vep, transcript, "YES", *of_vep]),
        ]
        vcf.append("\t".join([*place[:2], ".", *place[2:], ".", ".", ";".join(info)]))
        role, kind = ("cadd_indel", "DEL") if is_indel else ("cadd_snv", "SNV")
        values = [text or "NA" for text in of_cadd]
        tables[role].append("\t".join([*place, kind, cadd, transcript, *values]))
    files = {"vcf": "variants.vcf", "cadd_snv": "cadd_snv.tsv", "cadd_indel": "cadd_indel.tsv"}
    for role, lines in {"vcf": vcf, **tables}.items():
        _write(directory / files[role], lines)
    (directory / FEATURES).write_text(json.dumps(_features(), indent=2), encoding="utf-8")
    return files


def _features() -> list[dict[str, Any]]:
    """The list of a features file."""
    numeric = [("vep", name) for name in _VEP_SCORES] + [("cadd", name) for name in _CADD_SCORES]
    scores: list[dict[str, Any]] = [
        {"name": name, "source": {file: name}, "type": "numeric"} for file, name in numeric
    ]
    return [
        *scores,
        {"name": "Consequence.x", "source": {"cadd": "Consequence"}, "type": "categorical"},
    ]


def _write(path: Path, lines: Sequence[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
