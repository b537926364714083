"""Making a block takes little memory for each row, and none where there is no room for it."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from amissstudies import GOLDEN_INPUT, amiss_values
from test_disk import ABOUT, Said

import gridrun
from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import KEYS, VARIANT
from amiss_tasks.protocols import CORRECTED, Protocol
from amiss_tasks.stages import block_tables
from amiss_tasks.stages.columns import words
from amiss_tasks.stages.columns.words import Words
from amiss_tasks.stages.files import memory
from amiss_tasks.stages.label import label
from amiss_tasks.stages.preprocess import require_trainable, split_with_places
from amiss_tasks.stages.table import Made, VariantTable
from amiss_tasks.study.costs import AmissCosts
from amiss_tasks.tasks.source import AmissSource
from amiss_tasks.testing import write_small_study
from gridrun.errors import EnvironmentFault
from gridrun.pipeline import Settings
from gridrun.tools.doctor import _study
from gridrun.tools.inspect_inputs import inspect_inputs

FREE = "amiss_tasks.stages.files.memory.free_memory"
ROWS = 40_000
"""Eight transcripts of each of 5,000 variants."""


def _table(rows: int) -> VariantTable:
    row = np.arange(rows, dtype=np.int32)

    def text(name: str) -> Words[str | None]:
        if name in VARIANT:
            positions = [str(n) for n in range(rows // 8)]
            distinct = [["1", "2"], positions, ["A", "C"], ["T", "G"]][VARIANT.index(name)]
            return Words(distinct, row // 8 % len(distinct))
        if name == KEYS[-1]:
            return Words([f"ENST{n:011}" for n in range(2_000)], row % 2_000)
        of_name = {"CLNSIG": ["Pathogenic", "Benign"]}
        return Words(of_name.get(name, ["missense_variant", "stop_gained", None]), row % 2)

    def numbers(name: str) -> np.ndarray:
        values = np.arange(rows, dtype=np.float64)
        values[:: len(name)] = np.nan
        return values

    columns = Made((*KEYS, *AMISS.text_columns), text)
    return VariantTable(columns, Made(AMISS.numeric_columns, numbers), rows)


def _make(rows: int, file: Path) -> int:
    """Label rows and write them as the artifact of a block has them."""
    found = label(_table(rows), "exclude", "dummy", AMISS, protocol=Protocol(CORRECTED))
    require_trainable(found, Protocol(CORRECTED))
    found.save(file)
    return len(found.positive)


def _split(rows: int, file: Path) -> tuple[int, int]:
    """Label rows, split and encode them, and write both parts; rows and columns."""
    found = label(_table(rows), "exclude", "dummy", AMISS)
    tables, _ = split_with_places(found)
    tables.save(file)
    return tables.train.rows + tables.test.rows, len(tables.train.columns)


def test_a_row_that_is_split_takes_as_much_as_is_said(tmp_path):
    """By the driver under protocol amiss, whose names are put together as they are written."""
    _split(800, tmp_path / "first.npz")
    tracemalloc.start()
    try:
        rows, columns = _split(ROWS, tmp_path / "block.npz")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # what is labelled is held by then
    said = memory.split_bytes(rows, columns)
    assert rows == ROWS
    assert said / 2 < most < said + memory.labelling_bytes(ROWS)


def test_places_of_split_rows_are_those_of_their_ids():
    """Null models find what they know of a row by its place."""
    found = label(_table(800), "exclude", "dummy", AMISS)
    tables, places = split_with_places(found)
    assert list(tables.train.row_ids) + list(tables.test.row_ids) == [
        found.row_ids[place] for place in places.tolist()
    ]


def test_a_row_takes_as_much_as_is_said(tmp_path, monkeypatch):
    """Rows that are labelled, and written as they are, with all of amiss's features."""
    # without what is held whatever the number of rows
    monkeypatch.setattr(words, "_SORTED_AT_ONCE", 1_000)
    for module in (words, block_tables):
        monkeypatch.setattr(module, "_AT_ONCE", 1_000)
    _make(800, tmp_path / "first.npz")
    tracemalloc.start()
    try:
        assert _make(ROWS, tmp_path / "block.npz") == ROWS
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert memory.labelling_bytes(ROWS) / 2 < most < memory.labelling_bytes(ROWS)


@pytest.mark.parametrize("protocol", ["amiss", "corrected"])
def test_a_block_without_room_is_refused_before_it_is_made(protocol, tmp_path, monkeypatch):
    """What to do is said, nothing of it is recorded, and it goes on where there is room."""
    study = write_small_study(tmp_path, classifiers=["lr"], folds=1, protocol=protocol)
    # as amiss has it, the driver splits rows, and so holds them as tables
    free = 150 * (300 if protocol == "amiss" else 90)
    monkeypatch.setattr(FREE, lambda: free)
    with pytest.raises(EnvironmentFault) as caught:
        gridrun.open_study(study).run(backend="inprocess")
    assert "memory has no room for a block: its rows take about" in caught.value.text()
    assert "quality=onestar" in caught.value.where
    assert "--rows" in caught.value.todo
    assert not [*study.rglob("*.npz")]
    monkeypatch.undo()
    report = gridrun.open_study(study).run(backend="inprocess")
    assert report.state == "done"


def test_what_memory_may_have_no_room_for_is_said_before_inputs_are_read(tmp_path, monkeypatch):
    """By a plan and by a run, which goes on: it is an estimate."""
    study = write_small_study(tmp_path, classifiers=["lr"], folds=1)
    assert not [
        note for note in gridrun.open_study(study).plan().notes if "memory may not" in str(note)
    ]
    monkeypatch.setattr("gridrun.report.memory.total_memory", lambda: 100_000)
    (warning,) = (n for n in gridrun.open_study(study).plan().notes if "memory may not" in str(n))
    assert "memory may not suffice for the largest block: about " in warning
    assert "this machine has 100 kB" in warning
    said = Said()
    report = gridrun.open_study(study).run(backend="inprocess", progress=said)
    assert report.state == "done"
    assert said.texts.index(warning) < said.texts.index("reading the inputs")


def test_doctor_says_what_a_plan_and_a_run_know(tmp_path, monkeypatch):
    """With the figures of both, of a study alone, until nothing is left to run."""
    study = write_small_study(tmp_path, classifiers=["lr"], folds=1)

    def plan_of(path):
        return gridrun.open_study(path).plan()

    def said(plan=plan_of):
        found = [*inspect_inputs([study], 100, plan_of=plan)]
        return [each for each in found if each.what == "memory of blocks"]

    (fits,) = said()
    plan = plan_of(study)
    assert (fits.verdict, fits.found, fits.todo) == ("ok", plan.memory.text(), "")
    assert [*_study(study, plan_of)][1:] == [fits]
    figures = re.findall(r"about ([\d.]+ \w+)", fits.found)
    monkeypatch.setattr("gridrun.report.memory.total_memory", lambda: 100_000)
    (lacks,) = said()
    assert lacks.verdict == "note"
    assert "fewer rows (--rows draws some)" in lacks.todo
    (warning,) = (n for n in plan_of(study).notes if "memory may not" in str(n))
    assert re.findall(r"about ([\d.]+ \w+)", warning)[:2] == figures[:2]
    assert not said(plan=None)
    gridrun.open_study(study).run(backend="inprocess")
    assert not said()


def test_doctor_has_the_inputs_of_a_broken_study_inspected_all_the_same(tmp_path):
    """What keeps it from being planned is said with its line; nothing is said of its memory."""
    study = write_small_study(tmp_path, classifiers=["lr"], folds=1)
    vcf = Path(gridrun.open_study(study).study.inputs["vcf"])
    vcf.write_text(vcf.read_text().replace("#CHROM", "#CHR"))
    found = [*inspect_inputs([study], 100, plan_of=lambda at: gridrun.open_study(at).plan())]
    assert {each.verdict for each in found if each.exit_code} == {"damaged"}
    assert "memory of blocks" not in {each.what for each in found}


@pytest.mark.parametrize("protocol", ["amiss", "corrected"])
def test_it_is_about_what_is_refused(protocol, tmp_path, monkeypatch):
    """The rows of a block are those that are found when it is made."""
    values = amiss_values(quality="onestar", transcript="keep_all", categorical="dummy")
    grid = {name: (value,) for name, value in values.items()}
    settings = Settings(GOLDEN_INPUT, protocol, 1)
    said = AmissCosts(settings, grid, tmp_path).making_bytes(values)
    asked = []
    monkeypatch.setattr(
        "amiss_tasks.tasks.source.require_memory", lambda needed, _: asked.append(needed)
    )
    AmissSource(settings, grid, tmp_path).artifact(values)
    assert max(asked) / said == ABOUT
