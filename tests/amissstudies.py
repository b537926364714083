"""Values of amiss's parameters and studies on the golden input, for tests in several folders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.methods import METHODS
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.protocols import UPSTREAM_PROTOCOL, Protocol
from amiss_tasks.stages.block_tables import BlockTables
from amiss_tasks.stages.label import label
from amiss_tasks.stages.preprocess import split
from amiss_tasks.stages.significance import UPSTREAM_SIGNIFICANCE, Significance
from amiss_tasks.stages.table import VariantTable
from amiss_tasks.study.skipped import Learner, reason_to_skip
from amiss_tasks.testing import GRID
from gridrun.plan.run_options import RunOptions
from gridrun.study import Study, load_study
from gridrun.study.state import StudyState

GOLDEN = Path(__file__).parent / "golden"
GOLDEN_INPUT = {
    "vcf": str(GOLDEN / "input" / "clinvar.vep.vcf.gz"),
    "cadd_snv": str(GOLDEN / "input" / "CADD_clingen.tsv.gz"),
    "cadd_indel": str(GOLDEN / "input" / "CADD_clingen_indel.tsv.gz"),
}


def amiss_values(**changes: Any) -> dict[str, Any]:
    """A value of each parameter: few rows, a cheap method, nothing sampled, nothing checked.

    Args:
        changes: Parameters that have other values.
    """
    return {**GRID, "quality": "clingen", "imputation": "zero_imp", **changes}


def load_made(directory: Path, grid: Mapping[str, Any], *lines: str | None) -> Study:
    """A study of made-up inputs, which nothing reads.

    Args:
        directory: Where it is made.
        grid: Its grid.
        lines: Further lines of ``study.yaml``, from the third on; None for none.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("a", "b", "c"):
        (directory / name).write_text(name)
    head = ["inputs: {vcf: a, cadd_snv: b, cadd_indel: c}", f"grid: {dict(grid)!r}"]
    text = "\n".join([*head, *filter(None, lines)])
    (directory / "study.yaml").write_text(f"{text}\n")
    return load_study(directory, PIPELINE)


def state_of(study: Study) -> StudyState:
    """What is known of a study before anything runs."""
    pipeline = PIPELINE.of_study(study.options)
    return StudyState(study, pipeline, RunOptions(), "amiss_tasks:PIPELINE")


def is_trained(method: str, classifier: str) -> bool:
    """Whether a classifier of amiss's is trained on what a method imputes."""
    learner = Learner.of(classifier, None)
    return not reason_to_skip(learner, METHODS[method], {"categorical": "dummy"})


def lr_values(**changes: Any) -> dict[str, Any]:
    """The same without the parameter that logistic regression does not read."""
    found = amiss_values(**changes)
    del found["hyperparameter_search_type"]
    return found


def preprocess(
    table: VariantTable,
    vus_inclusion: str,
    categorical: str,
    features: FeatureSet = AMISS,
    significance: Significance = UPSTREAM_SIGNIFICANCE,
    *,
    protocol: Protocol = UPSTREAM_PROTOCOL,
) -> BlockTables:
    """Both parts of a block: its labelled rows, split and encoded."""
    rows = label(table, vus_inclusion, categorical, features, significance, protocol=protocol)
    return split(rows, features, protocol)


def golden_study(directory: Path, grid: Mapping[str, Any] | str, *lines: str) -> Path:
    """Write a study on the golden input.

    Args:
        directory: Where to; made if need be.
        grid: Parameter to its value or values, or the path of a grid file.
        lines: Further lines of ``study.yaml``; the first is line 3.

    Returns:
        The directory.
    """
    directory.mkdir(exist_ok=True)
    # JSON is YAML, too
    head = [f"inputs: {json.dumps(GOLDEN_INPUT)}", f"grid: {json.dumps(grid)}"]
    (directory / "study.yaml").write_text("\n".join([*head, *lines]) + "\n")
    return directory
