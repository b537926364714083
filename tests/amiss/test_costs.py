"""What tasks cost by the built-in table, for the rows that a quick count finds."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest
from amissstudies import GOLDEN_INPUT, amiss_values
from golden_tables import golden_block

from amiss_tasks.classifiers import NAMES
from amiss_tasks.methods import METHODS
from amiss_tasks.stages.significance import UPSTREAM_SIGNIFICANCE
from amiss_tasks.study import _row_counts
from amiss_tasks.study._cost_table import CLASSIFIER_COSTS, METHOD_COSTS
from amiss_tasks.study._row_counts import count_rows
from amiss_tasks.study.costs import AmissCosts
from gridrun.pipeline import Settings

VCF = Path(GOLDEN_INPUT["vcf"])
VALUES = {name: [value] for name, value in amiss_values(quality="onestar").items()}


def costs_of(
    inputs=GOLDEN_INPUT,
    protocol="corrected",
    rows=None,
    values=VALUES,
    cache=Path("nothing is kept"),
    **options,
):
    return AmissCosts(Settings(inputs, protocol, 1, rows, options), values, cache)


def cost(costs, classifier="rf", **changes):
    return costs.cost(classifier, amiss_values(quality="onestar", **changes))


def test_every_classifier_and_every_method_that_models_has_costs():
    """One that is added gets its row; single values cost next to nothing."""
    assert CLASSIFIER_COSTS.keys() == set(NAMES)
    free = {name for name, one in METHODS.items() if one.single_value or one.keeps_missing}
    assert METHOD_COSTS.keys() == METHODS.keys() - free


@pytest.mark.parametrize(
    ("transcript", "quality"), [("canonical", "clingen"), ("keep_all", "onestar")]
)
def test_rows_are_counted_within_a_tenth_without_reading(transcript, quality):
    """Of records by review status, significance and blocks; as many as the block really has."""
    found = count_rows(VCF, UPSTREAM_SIGNIFICANCE)
    block = golden_block(transcript, quality, "all", "exclude", "dummy")
    really = block.train.rows + block.test.rows
    counted = sum(found.classes(transcript, quality, "all", "exclude"))
    assert counted == pytest.approx(really, rel=0.1)


def test_of_a_large_file_the_beginning_is_counted(monkeypatch, tmp_path):
    """And multiplied; a file that is not there, or is none, is said to be unknown."""
    whole = count_rows(VCF, UPSTREAM_SIGNIFICANCE)
    monkeypatch.setattr(_row_counts, "_MOST_BYTES", 400_000)
    part = count_rows(VCF, UPSTREAM_SIGNIFICANCE)
    assert part.starred == pytest.approx(whole.starred, rel=0.3)
    assert "by its first" in part.said
    assert count_rows(tmp_path / "none.vcf", UPSTREAM_SIGNIFICANCE) is None
    (tmp_path / "cut.vcf.gz").write_bytes(gzip.compress(b"x" * 1000)[:20])
    assert count_rows(tmp_path / "cut.vcf.gz", UPSTREAM_SIGNIFICANCE) is None
    elsewhere = costs_of({})
    assert any("400 training rows" in clause for clause in elsewhere.assumes)
    assert cost(elsewhere).own > 0


@pytest.mark.parametrize("content", [b"0", b"\n"])
def test_a_count_of_what_unpacks_without_end_is_bounded(tmp_path, monkeypatch, content):
    """One line of all of it is read no further than others, and line ends count as lines."""
    monkeypatch.setattr("amiss_tasks.study._row_counts._MOST_BYTES", 1 << 20)
    path = tmp_path / "bomb.vcf.gz"
    path.write_bytes(gzip.compress(content * (64 << 20), 1))
    tracemalloc.start()
    found = count_rows(path, UPSTREAM_SIGNIFICANCE)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 16 << 20
    assert "by its first" in found.said


def test_costs_grow_with_rows_columns_and_hyperparameters():
    """By the formula; what classifiers share does not depend on the classifier."""
    costs = costs_of()
    whole = cost(costs)
    assert cost(costs, training_data_sampling_percentage=0.33).own < whole.own / 2
    assert cost(costs, feature_sampling_percentage=0.33).own < whole.own
    assert cost(costs, downsampling="on").own < whole.own
    # five rows of hyperparameters, a model on each
    assert cost(costs, imputation="knnImputation").own == pytest.approx(5 * whole.own, rel=0.05)
    knn = [cost(costs, name, imputation="knnImputation").shared for name in NAMES]
    assert len(set(knn)) == 1
    assert knn[0] > 10 * whole.shared
    assert cost(costs_of(rows=200)).own < whole.own / 2
    assert cost(costs_of(evaluate="hold-out")).own > whole.own
    assert cost(costs_of(protocol="amiss")).own < whole.own  # trains on the smaller share (D1)


def test_few_rows_and_many_columns_are_most_fragile():
    """Added missing values make it worse."""
    costs = costs_of()

    def fragility(**changes):
        return costs.fragility(amiss_values(**{"quality": "onestar", **changes}))

    assert fragility(quality="clingen") > fragility()
    assert fragility(feature_sampling_percentage=0.33) < fragility()
    assert fragility(added_missingness=0.5) == pytest.approx(2 * fragility())
