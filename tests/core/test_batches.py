"""Tables do not depend on how many rows are made at a time, nor cells on how they are made."""

from __future__ import annotations

import random
from collections import Counter
from itertools import product

import pyarrow.parquet as pq
import pytest
from toystudies import SMALL_GRID, open_toy, write_study

from gridrun.plan.units import State
from gridrun.report import _contents, batches
from gridrun.report.rows import parts
from gridrun.report.tables import _part_rows
from gridrun.report.tables._cells import cells, lines

OPTIONS = {
    "misbehave": {"smoothing=upper,fold=2": "error"},
    "inert": ["constant_check"],
    "details": True,
    "predictions": 3,
    "null_models": True,
}
PER_COMBINATION = 2 * 3

VALUES = (
    *(None, 1, True, 0.1, 1.0, -0.0, 1e16, 1e-5, 5e-324, float("nan"), float("inf"), -float("inf")),
    *("", "good", "two words", " lead", "trail ", "two  blanks", "tab\there", "new\nline", "\r"),
    *('quo"te', "com,ma", "nan", "finance", "inf", "NA", "\u00a0", "é", "\x1c", "soft\u00adhyphen"),
)


def test_lines_are_those_of_single_cells():
    """Whatever stands beside whatever, in a line and in the line before."""
    rows = [*product(VALUES, VALUES), *((value,) for value in VALUES), *product("ab", [0.5], "c")]
    assert lines(rows) == [cells(row) for row in rows]
    for row in rows:
        assert lines([row]) == [cells(row)]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study with failed, skipped, shared and waiting parts."""
    directory = write_study(tmp_path_factory.mktemp("study"), SMALL_GRID, folds=3)
    open_toy(directory, **OPTIONS).run(backend="inprocess", only=("origin=first",))
    return open_toy(directory, **OPTIONS)


def written(study):
    """Content of every table, made anew."""
    study.study.paths.results_stamp.unlink(missing_ok=True)
    study.summary(combinations="1-48")
    place = study.study.paths.results
    return {path: path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


def test_status_counts_what_the_table_has(study):
    """It reads no results but those of failures."""
    state, found = study.state(only=("origin=first",)), study.status()
    rows = list(parts(state, state.view))
    assert found.parts == {str(one): sum(row.state == one for row in rows) for one in State}
    reasons = Counter((row.kind, row.reason) for row in rows if row.kind)
    failing = Counter(
        row.values["smoothing"] for row in rows if row.kind and row.context is not None
    )
    assert len(reasons) == 2
    assert list(found.reasons.items()) == reasons.most_common()
    assert list(found.failing.items()) == failing.most_common()


@pytest.mark.parametrize("most", [1, 3 * PER_COMBINATION])
def test_tables_do_not_depend_on_the_size_of_batches(study, most, monkeypatch):
    """Also what parts share with those of other batches, and the last digits of means."""
    whole = written(study)
    monkeypatch.setattr(batches, "_MOST_RESULTS", most)
    monkeypatch.setattr(_contents, "_MOST_RECENT", most)
    assert written(study) == whole


def test_sums_without_tables_are_those_of_the_tables(study):
    """Means to the last digit, reasons, null models; no file is touched, and that is said."""
    before, stamp = written(study), study.study.paths.results_stamp
    stamp.unlink()
    (study.study.paths.results / "pooled.csv").write_text("old")
    alone = study.summary(tables=False, combinations="1-48")
    assert not stamp.exists()
    assert (study.study.paths.results / "pooled.csv").read_text() == "old"
    assert alone.files == {}
    whole = study.summary(combinations="1-48")
    said = f"no table was written: {len(whole.files)} files in results/ would be other ones"
    assert said in alone.warnings[-1]
    for facts in ("records", "null_records"):
        assert str(getattr(alone, facts)()) == str(getattr(whole, facts)())
    assert len(whole.null_models) > 0
    assert (alone.reasons, alone.same) == (whole.reasons, whole.same)
    # of tables that are those of now
    again = study.summary(tables=False, combinations="1-48")
    assert str(again.records()) == str(whole.records())
    assert (again.files, again.unwritten) == ({}, ())
    assert {path: path.read_bytes() for path in before} == before


def test_the_first_combination_with_a_content_is_that_of_a_dict(monkeypatch):
    """However much of it is put away sorted; digests may end with any byte."""
    monkeypatch.setattr(_contents, "_MOST_RECENT", 100)
    draw, first, dictionary = random.Random(7), _contents.FirstCombinations(), {}
    for number in range(1, 200, 7):
        contents = [str(draw.randrange(3000)) for _ in range(100)]
        numbers = list(range(number, number + 100))
        right = [dictionary.setdefault(*one) for one in zip(contents, numbers, strict=True)]
        assert first.of(contents, numbers).tolist() == right
    assert first.of([], []).tolist() == []


def test_parquet_has_groups_of_whole_parts(study, monkeypatch):
    """Of so many rows or a few more, wherever batches end; and the rows are the same."""
    paths = study.study.paths
    written(study)
    rows = pq.read_table(paths.results_parquet)
    monkeypatch.setattr(_part_rows, "_GROUP", 7)
    monkeypatch.setattr(batches, "_MOST_RESULTS", 1)
    written(study)
    file = pq.ParquetFile(paths.results_parquet)
    sizes = [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)]
    assert len(rows) == 48 * PER_COMBINATION
    assert sizes == [7] * (len(rows) // 7) + [len(rows) % 7]
    assert file.read().equals(rows)
