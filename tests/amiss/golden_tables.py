"""Upstream's own joined tables as the stages take them, and readers of golden files."""

import csv
import gzip
import json
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from amissstudies import preprocess

from amiss_tasks.clinvar import REVIEW_TIERS
from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import KEYS
from amiss_tasks.parameters import PARAMETERS
from amiss_tasks.stages.block_tables import BlockTables
from amiss_tasks.stages.filter import filter_table
from amiss_tasks.stages.read import ReadResult, read_inputs
from amiss_tasks.stages.table import VariantTable

GOLDEN = Path(__file__).parents[1] / "golden"


def csv_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file, packed or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", newline="") as stream:
        return list(csv.DictReader(stream))


def six_digits(value: float) -> str:
    """The goldens' number text: 6 significant digits, zero of either sign as 0."""
    if math.isnan(value):
        return ""
    return "0" if value == 0 else f"{value:.6g}"


@cache
def _merged_rows() -> list[dict[str, str]]:
    """Every transcript of every one-star variant: a superset of the other eleven tables."""
    return csv_rows(GOLDEN / "parse" / "merged_keep_all_onestar_all.csv.gz")


def variant_table(rows: list[dict[str, str]]) -> VariantTable:
    """A table of stage filter from rows of upstream's merged file."""
    return VariantTable(
        text={
            name: [None if row[name] == "NA" else row[name] for row in rows]
            for name in (*KEYS, *AMISS.text_columns)
        },
        numeric={
            name: np.array([math.nan if row[name] == "NA" else float(row[name]) for row in rows])
            for name in AMISS.numeric_columns
        },
        rows=len(rows),
    )


def _kept(transcript: str, quality: str, restriction: str) -> Iterator[dict[str, str]]:
    for row in _merged_rows():
        if transcript == "canonical" and row["CANONICAL"] != "YES":
            continue
        if restriction == "missense" and "missense_variant" not in row["Consequence.y"]:
            continue
        if row["CLNREVSTAT"] in REVIEW_TIERS[quality]:
            yield row


@cache
def golden_table(transcript: str, quality: str, restriction: str) -> VariantTable:
    """The joined and filtered rows of the golden input."""
    return variant_table(list(_kept(transcript, quality, restriction)))


@cache
def golden_block(
    transcript: str, quality: str, restriction: str, vus_inclusion: str, categorical: str
) -> BlockTables:
    """The block of the golden input with these parameter values."""
    table = golden_table(transcript, quality, restriction)
    return preprocess(table, vus_inclusion, categorical)


def parameters_of(folder: Path) -> dict[str, str | float]:
    """The parameter values of a golden run; percentages as numbers."""
    values = json.loads((folder / "parameters.json").read_text())
    return {key: float(v) if key.endswith("percentage") else v for key, v in values.items()}


@cache
def _read(source: Path) -> ReadResult:
    """An input of the goldens, read by gridrun itself."""
    inputs = {
        "vcf": str(source / "clinvar.vep.vcf.gz"),
        "cadd_snv": str(source / "CADD_clingen.tsv.gz"),
        "cadd_indel": str(source / "CADD_clingen_indel.tsv.gz"),
    }
    values = {parameter.name: parameter.under("amiss") for parameter in PARAMETERS}
    with TemporaryDirectory() as folder:
        return read_inputs(inputs, values, Path(folder), source.name)


@cache
def own_block(
    source: Path,
    transcript: str,
    quality: str,
    restriction: str,
    vus_inclusion: str,
    categorical: str,
) -> BlockTables:
    """A block of one of the goldens' inputs, read and filtered by gridrun itself."""
    table = filter_table(_read(source), transcript, quality, restriction)
    return preprocess(table, vus_inclusion, categorical)
