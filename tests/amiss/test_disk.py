"""What a run takes on disk is said before it reads, and is about what it takes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from amissstudies import GOLDEN_INPUT, amiss_values
from commands import gridrun as command

import gridrun
from amiss_tasks.study.costs import AmissCosts
from amiss_tasks.tasks.source import AmissSource
from amiss_tasks.testing import write_small_study
from gridrun.pipeline import Settings
from gridrun.run import Silent

ABOUT = pytest.approx(1, abs=0.4)


@pytest.mark.parametrize(
    ("protocol", "categorical", "transcript"),
    [("amiss", "dummy", "keep_all"), ("corrected", "factor", "canonical")],
)
def test_tables_take_about_what_was_said(tmp_path, protocol, categorical, transcript):
    """The table of joined rows, and the artifact of a block."""
    values = amiss_values(quality="onestar", transcript=transcript, categorical=categorical)
    grid = {name: (value,) for name, value in values.items()}
    settings = Settings(GOLDEN_INPUT, protocol, 1)
    costs = AmissCosts(settings, grid, tmp_path)
    reading, block = costs.reading_bytes(), costs.block_bytes(values)
    source = AmissSource(settings, grid, tmp_path)
    artifact = source.path(source.artifact(values))
    (table,) = tmp_path.glob("read-*.arrow")
    assert table.stat().st_size / reading == ABOUT
    assert artifact.stat().st_size / block == ABOUT
    assert costs.reading_bytes() == 0


def test_rows_that_go_to_disk_until_they_are_joined_are_said_as_well(tmp_path):
    """Where memory has no room for them: more than half of what is needed then, and no longer."""
    grid = {name: (value,) for name, value in amiss_values().items()}
    said = [
        AmissCosts(Settings(GOLDEN_INPUT, "amiss", 1, read_bytes=most), grid, tmp_path)
        for most in (None, 1_500_000_000, 200_000_000)
    ]
    unbounded, enough, little = (costs.reading_bytes() for costs in said)
    assert unbounded == enough
    assert little == pytest.approx(2.1 * enough)


class Said(Silent):
    """Keeps phases and notes in their order."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def phase(self, text):
        self.texts.append(str(text))

    note = phase


@pytest.fixture
def study(tmp_path) -> Path:
    return write_small_study(tmp_path, classifiers=["lr"], folds=1)


def test_a_first_run_says_it_before_it_reads(study):
    """And later ones do not: most of it is there."""
    said = Said()
    gridrun.open_study(study).run(backend="inprocess", progress=said)
    (disk,) = (text for text in said.texts if text.startswith("disk: about "))
    assert said.texts.index(disk) < said.texts.index("reading the inputs")
    again = Said()
    gridrun.open_study(study).run(backend="inprocess", progress=again, folds=2)
    assert not [text for text in again.texts if text.startswith("disk: ")]


def test_a_disk_that_may_become_full_is_a_warning(study, monkeypatch):
    """It is uncertain, so the run goes on; a plan says the same."""
    free = gridrun.open_study(study).plan().disk.total - 1
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    plan = gridrun.open_study(study).plan()
    (warning,) = (note for note in plan.notes if "the disk may become full" in str(note))
    assert f"are free at {study}" in warning
    said = Said()
    report = gridrun.open_study(study).run(backend="inprocess", progress=said)
    assert report.state == "done"
    assert warning in said.texts


def test_a_plan_says_what_is_left_of_it(study):
    """With the rows that are read before the first run, without them after it."""
    before = gridrun.open_study(study).plan(folds=3)
    assert before.disk.outcomes == before.pending == 3
    assert before.disk.reading > 0
    gridrun.open_study(study).run(backend="inprocess")
    after = gridrun.open_study(study).plan(folds=3)
    assert (after.disk.outcomes, after.disk.reading) == (2, 0)
    assert after.disk.total < before.disk.total
    said = command("plan", str(study), "--folds", "3")
    assert after.disk.text()[:15] in said.stdout
    assert gridrun.open_study(study).plan().disk is None
