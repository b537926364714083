"""Blocks of the real input against upstream's own class counts, where that input is at hand."""

import math
import re
from pathlib import Path

import pytest
from amissstudies import amiss_values, is_trained, preprocess

from amiss_tasks.methods import METHODS
from amiss_tasks.parameters import PARAMETERS
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.stages.filter import filter_table
from amiss_tasks.stages.read import ReadResult, read_inputs
from amiss_tasks.tasks.runner import AmissRunner
from amiss_tasks.tasks.source import AmissSource
from gridrun.pipeline import Settings, TaskSpec

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


INPUTS = {
    "vcf": str(REAL / "clinvar.vep.vcf.gz"),
    "cadd_snv": str(REAL / "CADD_clingen.tsv.gz"),
    "cadd_indel": str(REAL / "CADD_clingen_indel.tsv.gz"),
}


@pytest.fixture(scope="module")
def read(tmp_path_factory) -> ReadResult:
    values = {parameter.name: parameter.under("amiss") for parameter in PARAMETERS}
    return read_inputs(INPUTS, values, tmp_path_factory.mktemp("real"), "real")


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


FEW = {
    "missForest": ({"mtry": 5, "ntree": 50},),
    "pmm": (METHODS["pmm"].row(1), METHODS["pmm"].row(180)),
    "rf": (METHODS["rf"].row(1), METHODS["rf"].row(2)),
    "bpca": ({"nPcs": 5, "maxSteps": 40},),
    "missForest_ranger": ({"mtry": 5, "ntree": 50},),
    "cart": ({"minbucket": 5},),
}
"""Rows of hyperparameters in place of eight drawn ones, which cost hours."""


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("method", [name for name in METHODS if is_trained(name, "lr")])
def test_every_method_imputes_real_values_with_all_features(method, tmp_path, monkeypatch):
    """Under corrected each method has a result, from complete tables, of one fold."""
    if method in FEW:
        monkeypatch.setattr("amiss_tasks.tasks.fold_tables.Cell.rows", FEW[method])
    values = amiss_values(
        quality="twostar",
        restriction="missense",
        transcript="canonical",
        imputation=method,
        training_data_sampling_percentage=0.66,
    )
    settings = Settings(INPUTS, "corrected", 1)
    source = AmissSource(settings, {n: (v,) for n, v in values.items()}, tmp_path)
    path = source.path(source.artifact({name: values[name] for name in PIPELINE.block}))
    reads = PIPELINE.classifier_reads("lr")
    task = TaskSpec(0, 0, 1, "lr", {name: values[name] for name in reads})
    result = AmissRunner(settings, lambda *_: None).run(task, path)
    assert result.facts["n_rows"] == 279
    assert len(result.facts["features"]) > 47
    assert all(math.isfinite(row["MCC"]) and row["MCC"] > 0.3 for row in result.rows)
