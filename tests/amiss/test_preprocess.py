"""Stage preprocess against upstream's S02."""

import dataclasses
import hashlib
import io

import numpy as np
import pytest
from amissstudies import preprocess
from golden_tables import GOLDEN, csv_rows, golden_block, golden_table, own_block, six_digits

from amiss_tasks.stages import label
from amiss_tasks.stages.block_tables import BlockTable, BlockTables
from amiss_tasks.stages.label import first_of_duplicates
from amiss_tasks.stages.table import VariantTable
from gridrun.errors import GridrunError
from gridrun.pipeline import TaskFailure

EXPECTED = csv_rows(GOLDEN / "preprocess" / "combinations.csv")


def canonical_text(table: BlockTable) -> str:
    """The golden form of a table."""
    text = io.StringIO()
    text.write(",".join(("row", "outcome", *table.columns)) + "\n")
    for row, row_id in enumerate(table.row_ids):
        cells = [row_id, "positive" if table.positive[row] else "negative"]
        cells += [six_digits(value) for value in table.numeric[row]]
        cells += [values[row] for values in table.text.values()]
        text.write(",".join(cells) + "\n")
    return text.getvalue()


def values_of(combination: str) -> tuple[str, ...]:
    """Parameter values in the name of a data set."""
    parts = combination.removeprefix("keep_all_").removeprefix("canonical_").split("_")
    return ("keep_all" if combination.startswith("keep_all") else "canonical", *parts)


ROUTES = {
    "upstream-parse": golden_block,
    "own-read": lambda *values: own_block(GOLDEN / "input", *values),
}


@pytest.mark.parametrize(
    "expected", EXPECTED, ids=[f"{row['combination']}-{row['part']}" for row in EXPECTED]
)
@pytest.mark.parametrize("route", ROUTES)
def test_tables_equal_upstream(expected, route):
    """Ids, outcomes, columns and values are upstream's, from its joined table or from ours."""
    block = ROUTES[route](*values_of(expected["combination"]))
    table = block.train if expected["part"] == "training" else block.test
    assert table.rows == int(expected["rows"])
    assert int(table.positive.sum()) == int(expected["positive"])
    assert len(table.columns) == int(expected["columns"])
    ids = "".join(f"{row_id}\n" for row_id in table.row_ids)
    assert hashlib.sha256(ids.encode()).hexdigest() == expected["sha256_row_ids"]
    text = canonical_text(table)
    assert hashlib.sha256(text.encode()).hexdigest() == expected["sha256"]


def test_every_golden_data_set_is_compared():
    """The 22 data sets of the goldens are all there, with both parts."""
    assert len({row["combination"] for row in EXPECTED}) == 22
    assert len(EXPECTED) == 44


@pytest.mark.parametrize("categorical", ["dummy", "factor"])
def test_artifact_comes_back_and_is_deterministic(tmp_path, categorical):
    """A saved block loads equal, and equal blocks have equal bytes."""
    block = golden_block("canonical", "onestar", "all", "exclude", categorical)
    first, second = tmp_path / "first", tmp_path / "second.tmp"
    block.save(first)
    block.save(second)
    assert first.read_bytes() == second.read_bytes()
    back = BlockTables.load(first)
    for part in ("train", "test"):
        want, got = getattr(block, part), getattr(back, part)
        assert list(got.row_ids) == list(want.row_ids)
        assert got.columns == want.columns
        assert {k: list(v) for k, v in got.text.items()} == {
            k: list(v) for k, v in want.text.items()
        }
        np.testing.assert_array_equal(got.positive, want.positive)
        np.testing.assert_array_equal(got.numeric, want.numeric)


def changed(table: VariantTable, **columns) -> VariantTable:
    return dataclasses.replace(table, text={**table.text, **columns})


def small() -> VariantTable:
    return golden_table("canonical", "clingen", "all")


def test_unknown_significance_stops():
    """A CLNSIG outside the lists stops the block, named with its count."""
    values = list(small().text["CLNSIG"])
    values[0] = values[1] = "Conflicting_interpretations_of_pathogenicity"
    with pytest.raises(
        TaskFailure, match=r'"Conflicting_interpretations_of_pathogenicity" \(2 rows\)'
    ):
        preprocess(changed(small(), CLNSIG=values), "exclude", "dummy")


def test_repeated_row_id_stops():
    """The same variant, transcript and consequence twice stops the block, naming the id."""
    table = small()
    columns = {
        name: [values[0], *values[:1], *values[2:]]
        for name, values in table.text.items()
        if name in {"X.Chrom", "Pos", "Ref", "Alt", "FeatureID", "Consequence.x"}
    }
    with pytest.raises(TaskFailure, match=r"duplicate 'row.names' are not allowed: \".*:"):
        preprocess(changed(table, **columns), "exclude", "dummy")


def test_categorical_without_any_value_stops_dummies():
    """A categorical feature with no value stops dummy coding, and is MISSING as factor."""
    table = changed(small(), LRT_pred=[None] * small().rows)
    with pytest.raises(TaskFailure, match=r"must be character vectors: .* LRT_pred"):
        preprocess(table, "exclude", "dummy")
    block = preprocess(table, "exclude", "factor")
    assert set(block.train.text["LRT_pred"]) == {"MISSING"}


def test_numeric_feature_without_any_value_stops_dummies():
    """A numeric feature with no value stops dummy coding, a gnomAD one too; not factor."""
    table = small()
    empty = {"SIFT_score": np.full(table.rows, np.nan)} | {
        "gnomAD_exomes_AF": np.full(table.rows, np.nan)
    }
    table = dataclasses.replace(table, numeric={**table.numeric, **empty})
    with pytest.raises(TaskFailure, match=r"Non-numeric .* for SIFT_score, gnomAD_exomes_AF"):
        preprocess(table, "exclude", "dummy")
    assert np.isnan(preprocess(table, "exclude", "factor").train.numeric[:, 0]).all()


def test_single_class_stops():
    """A training part of one class stops the block, saying which."""
    table = changed(small(), CLNSIG=["Benign"] * small().rows)
    with pytest.raises(TaskFailure, match=r"rows of the training part are negative"):
        preprocess(table, "exclude", "dummy")


def test_no_rows_stop():
    """An empty table is reported as such."""
    empty = VariantTable(
        text={name: [] for name in small().text},
        numeric={name: np.empty(0) for name in small().numeric},
        rows=0,
    )
    with pytest.raises(TaskFailure, match="no row is left"):
        preprocess(empty, "exclude", "dummy")


def test_text_chromosome_is_not_padded():
    """With an X among the chromosomes only positions are padded; T-only alleles read TRUE."""
    table = small()
    chromosome = ["X", *table.text["X.Chrom"][1:]]
    block = preprocess(
        changed(table, **{"X.Chrom": chromosome, "Ref": ["T"] * table.rows}), "exclude", "dummy"
    )
    ids = [*block.train.row_ids, *block.test.row_ids]
    assert not any(row_id.startswith(" ") for row_id in ids)
    assert len({len(row_id.split(":")[1]) for row_id in ids}) == 1
    assert {row_id.split(":")[2] for row_id in ids} == {"TRUE"}


def test_repeats_of_all_features_are_dropped():
    """A row equal to an earlier one in all 50 features is dropped whatever its label."""
    table = small()
    doubled = VariantTable(
        text={name: [*values, values[0]] for name, values in table.text.items()},
        numeric={name: np.append(values, values[0]) for name, values in table.numeric.items()},
        rows=table.rows + 1,
    )
    doubled.text["Pos"][-1] = "1"
    before = preprocess(table, "exclude", "dummy")
    after = preprocess(doubled, "exclude", "dummy")
    assert after.train.rows + after.test.rows == before.train.rows + before.test.rows


def test_minus_zero_and_zero_are_one_value():
    """A row that repeats another but for the sign of a zero is a duplicate (step 2)."""
    numeric = {"a": np.array([0.0, -0.0, 1.0, np.nan, -np.nan])}
    text = {"b": ["x"] * 5}
    first = first_of_duplicates(numeric, text, np.arange(5))
    assert first.tolist() == [0, 2, 3]


def test_rows_that_only_look_alike_are_no_duplicates(monkeypatch):
    """Where the numbers by which rows are known are equal and the rows are not, it is said."""
    monkeypatch.setattr(label, "_mix", lambda keys, bits: None)
    numeric, text = {"a": np.array([1.0, 1.0, 2.0])}, {"b": ["x"] * 3}
    with pytest.raises(GridrunError, match="rows 1 and 3 of a block differ in a"):
        first_of_duplicates(numeric, text, np.arange(3))
