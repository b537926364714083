"""Blocks of the real input against upstream's own class counts, where that input is at hand."""

import re
from pathlib import Path

import pytest
from amissstudies import preprocess

from amiss_tasks.parameters import PARAMETERS
from amiss_tasks.stages.filter import filter_table
from amiss_tasks.stages.read import ReadResult, read_inputs

SHARED = Path(__file__).parents[3] / "shared"
REAL = SHARED / "data" / "real"

pytestmark = pytest.mark.skipif(
    not REAL.exists(), reason="the real input (../shared/data/real) is not at hand"
)


def counts() -> dict[tuple[str, str, str], tuple[int, int, int]]:
    """Positive, negative and uncertain rows of each filter, from the input's README."""
    found = {}
    for line in (REAL / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in {"canonical", "keep_all"} and re.fullmatch(r"\d+", cells[3]):
            transcript, restriction, quality = cells[:3]
            found[transcript, quality, restriction] = tuple(map(int, cells[6:9]))
    return found


@pytest.fixture(scope="module")
def read(tmp_path_factory) -> ReadResult:
    inputs = {
        "vcf": str(REAL / "clinvar.vep.vcf.gz"),
        "cadd_snv": str(REAL / "CADD_clingen.tsv.gz"),
        "cadd_indel": str(REAL / "CADD_clingen_indel.tsv.gz"),
    }
    values = {parameter.name: parameter.values for parameter in PARAMETERS}
    return read_inputs(inputs, values, tmp_path_factory.mktemp("real"), "real")


def test_class_counts_equal_upstream(read):
    """All 12 filters x 3 VUS rules x 2 encodings run and have upstream's class counts."""
    expected = counts()
    assert len(expected) == 12
    for filters, (positive, negative, uncertain) in expected.items():
        table = filter_table(read, *filters)
        for vus, added in (
            ("exclude", (0, 0)),
            ("pathogenic", (uncertain, 0)),
            ("benign", (0, uncertain)),
        ):
            for categorical in ("dummy", "factor"):
                block = preprocess(table, vus, categorical)
                labels = [*block.train.positive, *block.test.positive]
                got = (sum(labels), len(labels) - sum(labels))
                assert got == (positive + added[0], negative + added[1]), (filters, vus)
