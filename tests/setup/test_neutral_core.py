"""What the core and the backends may not know: the pipeline that gridrun comes with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from amiss_tasks.classifiers import NAMES as CLASSIFIERS
from amiss_tasks.pipeline import PIPELINE
from gridrun.pipeline import DEFAULT_PIPELINE, names_of

ROOT = Path(__file__).parents[2]
CORE = [p for p in ROOT.glob("gridrun/**/*.py") if "testing" not in p.relative_to(ROOT).parts]
BACKENDS = list(ROOT.glob("backends/**/*.py"))
WORDS = re.compile(r"amiss|VCF|CADD|MCC|imputation", re.IGNORECASE)


def lines(files, pattern):
    """``file: line`` of each line that has the pattern."""
    return [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in files
        for line in path.read_text("utf-8").splitlines()
        if pattern.search(line)
    ]


def test_the_core_names_the_pipeline_once():
    """One line of the core has a word of amiss, whole or as a part of another one.

    It is the constant with the name of the usual pipeline, in which amiss is no whole word:
    a search for whole words finds nothing.
    """
    constant = f'gridrun/pipeline/_load.py: DEFAULT_PIPELINE = "{DEFAULT_PIPELINE}"'
    assert len(CORE) > 100
    assert lines(CORE, WORDS) == [constant]
    assert lines(CORE, re.compile(rf"\b({WORDS.pattern})\b", re.IGNORECASE)) == []


def test_the_core_names_no_input_method_or_classifier():
    """Roles of inputs, values of grid parameters and names of classifiers are the pipeline's."""
    values = {
        str(value)
        for parameter in PIPELINE.parameters
        for value in parameter.values
        if isinstance(value, str)
    }
    # words that mean something else, too
    ordinary = {"on", "off", "all", "none", "grid", "random", "exclude", "factor"}
    names = {*PIPELINE.inputs, *CLASSIFIERS, *(values - ordinary)}
    assert {"cadd_snv", "rf", "zero_imp", "clingen"} <= names
    assert lines(CORE, re.compile(rf"['\"`]({'|'.join(map(re.escape, names))})['\"`]")) == []


@pytest.mark.parametrize("what", ["words", "classifiers and metrics"])
def test_backends_name_neither_classifier_nor_metric(what):
    """What a backend logs or shows comes from the pipeline; it names nothing of amiss."""
    metrics = {column for column in names_of(PIPELINE.result_columns) if len(column) > 1}
    names = {*CLASSIFIERS, *metrics, PIPELINE.leading_metric.name, *PIPELINE.inputs}
    quoted = re.compile(rf"['\"`]({'|'.join(map(re.escape, sorted(names)))})['\"`]")
    assert lines(BACKENDS, WORDS if what == "words" else quoted) == []
