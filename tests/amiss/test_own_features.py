"""A study's own features in preprocess and in the draws of prepare."""

import dataclasses

import numpy as np
import pytest
from amissstudies import preprocess
from golden_tables import golden_block, golden_table

from amiss_tasks.clinvar import UNCERTAIN
from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.r import session as r_session
from amiss_tasks.stages.fold import fold_rows
from amiss_tasks.tasks.r_stages import RStages
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.pipeline import Settings

FILTER = ("canonical", "onestar", "all")


def chosen(*names: str) -> FeatureSet:
    """Some of amiss's features."""
    return FeatureSet(tuple(feature for feature in AMISS.features if feature.name in names))


def changed(name: str, **fields) -> FeatureSet:
    """The features of amiss, one of them changed."""
    return FeatureSet(
        tuple(
            dataclasses.replace(feature, **fields) if feature.name == name else feature
            for feature in AMISS.features
        )
    )


def test_columns_are_those_of_the_list():
    """A short list gives its own columns, numeric ones first, and the dummies of its own."""
    features = chosen("Dst2SplType", "GC", "LRT_score")
    block = preprocess(golden_table(*FILTER), "exclude", "dummy", features)
    columns = block.train.columns
    assert columns[:2] == ("LRT_score", "GC")
    assert {name.partition(".")[0] for name in columns[2:]} == {"Dst2SplType"}
    text = preprocess(golden_table(*FILTER), "exclude", "factor", features)
    assert (text.train.numeric_names, tuple(text.train.text)) == (columns[:2], ("Dst2SplType",))


def test_no_categorical_feature_is_needed():
    """With numeric features alone, dummy and factor are the same block."""
    features = chosen("GC", "LRT_score", "Length")
    dummy, factor = (
        preprocess(golden_table(*FILTER), "exclude", categorical, features)
        for categorical in ("dummy", "factor")
    )
    assert dummy.train.columns == ("LRT_score", "Length", "GC")
    np.testing.assert_array_equal(dummy.train.numeric, factor.train.numeric)


def test_duplicates_are_rows_equal_in_the_list():
    """Of rows equal in the few features of a list the first is kept, whatever else differs."""
    table = golden_table(*FILTER)
    block = preprocess(table, "exclude", "dummy", chosen("CpG", "Dst2SplType"))
    first = {}
    values = zip(table.numeric["CpG"].tolist(), table.text["Dst2SplType"], strict=True)
    for value, label in zip(map(repr, values), table.text["CLNSIG"], strict=True):
        first.setdefault(value, label)
    known = [label for label in first.values() if label not in UNCERTAIN]
    assert len(known) < table.rows
    assert block.train.rows + block.test.rows == len(known)


def test_a_priori_number():
    """Missing values of the feature become its number, in both parts; all else stays."""
    block = preprocess(
        golden_table(*FILTER), "exclude", "dummy", changed("SIFT_score", a_priori=-7.5)
    )
    expected = golden_block(*FILTER, "exclude", "dummy")
    for part in ("train", "test"):
        got, want = getattr(block, part), getattr(expected, part)
        filled = np.isnan(want.numeric[:, 0])
        assert filled.any()
        assert (got.numeric[filled, 0] == -7.5).all()
        np.testing.assert_array_equal(got.numeric[~filled, 0], want.numeric[~filled, 0])
        np.testing.assert_array_equal(got.numeric[:, 1:], want.numeric[:, 1:])


def test_a_priori_word():
    """Missing values of a categorical feature become the word, so that no dummy is of NA."""
    features = changed("Dst2SplType", a_priori="far")
    block = preprocess(golden_table(*FILTER), "exclude", "dummy", features).train
    plain = golden_block(*FILTER, "exclude", "dummy").train
    assert "Dst2SplType.NA" in plain.columns
    assert "Dst2SplType.NA" not in block.columns
    far = block.numeric[:, block.columns.index("Dst2SplType.far")]
    np.testing.assert_array_equal(far, plain.numeric[:, plain.columns.index("Dst2SplType.NA")])


def drawn(features: FeatureSet, categorical: str, share: float) -> list[str]:
    """Columns that feature sampling draws in fold 1 of a block of these features."""
    block = preprocess(golden_table(*FILTER), "exclude", categorical, features).train
    table = block.take(fold_rows(block.rows, 1).train)
    stages = RStages(features)
    sampled = stages.draw_sample(
        stages.table(table),
        stages.outcome(table),
        predraw={},
        downsampling=False,
        feature_share=share,
        row_share=1.0,
    )
    return list(sampled.handle.python()["columns"])


@pytest.mark.parametrize(("share", "size"), [(0.33, 2), (0.66, 4)])
def test_feature_sampling_draws_of_the_list(share, size):
    """A third and two thirds are those of seven features, rounded down."""
    names = ("LRT_score", "GC", "CpG", "Length", "LRT_pred", "Dst2SplType", "Consequence.x")
    assert len(drawn(chosen(*names), "factor", share)) == size
    found = drawn(chosen(*names), "dummy", share)
    owners = {next(name for name in names if f"{each}.".startswith(f"{name}.")) for each in found}
    assert len(owners) == size


def test_a_name_that_begins_like_a_categorical_one_is_no_level_of_it():
    """A drawn categorical feature brings its dummies, not a feature that begins like it."""
    session = r_session.start()
    RStages()
    columns = ["LRT_score", "GC", "LRT.D", "LRT.NA"]
    found = session.call(
        session.shared, ".columns_of", ["LRT", "GC"], columns, ["LRT_score", "GC"], ["LRT"]
    )
    assert found.value.python() == ["GC", "LRT.D", "LRT.NA"]


def test_a_worker_takes_the_features_of_its_settings():
    """The runner's draws are among the features that the settings carry."""
    features = chosen("GC", "CpG", "Length")
    options = {"features": features.plain()}
    runner = AmissRunner(Settings({}, "amiss", 1, options=options), lambda *_: None)
    assert runner.chain.r._features == features
