"""What reading may take is counted while it reads, and refused with what to do."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from amissstudies import amiss_values
from inputs import BASE_INPUT, GOLDEN_INPUT

from amiss_tasks.stages.files.memory import BASE_BYTES, Memory
from amiss_tasks.stages.read import read_inputs
from gridrun.errors import EnvironmentFault, UserError

NARROW = {"transcript": ("canonical",), "quality": ("clingen",), "restriction": ("missense",)}
ROOM = BASE_BYTES + 400_000
"""For some hundred rows."""


def test_a_draw_that_memory_has_no_room_for_is_refused(tmp_path):
    """With what it would take and what to write; no file is left."""
    with pytest.raises(UserError) as caught:
        read_inputs(GOLDEN_INPUT, {}, tmp_path / "cache", "x", rows=3_000, most_bytes=ROOM)
    text = caught.value.text()
    assert "it may (256.4 MB): --rows draws 3,000 variants" in text
    assert "limits: {read: {memory: 1 GB}}" in text
    assert not (tmp_path / "cache").exists()


def test_rows_of_a_narrow_grid_have_room_there(tmp_path):
    """Memory is that of the rows that are used, whatever else is in the files."""
    found = read_inputs(GOLDEN_INPUT, NARROW, tmp_path, "x", most_bytes=ROOM)
    assert 0 < found.counts.rows < found.counts.blocks / 10


@pytest.fixture
def free(monkeypatch):
    """Sets the bytes that are free on every disk."""
    return lambda size: monkeypatch.setattr(
        "shutil.disk_usage", lambda _: SimpleNamespace(free=size)
    )


def test_a_disk_that_is_full_is_refused_while_the_tables_are_read(tmp_path, free, monkeypatch):
    """With what is free and where; no table is joined for it."""
    free(10)
    monkeypatch.setattr("amiss_tasks.stages.read._study.join_all", None)
    with pytest.raises(EnvironmentFault, match="no space left to write: the table") as caught:
        read_inputs(BASE_INPUT, {}, tmp_path / "cache", "x")
    assert f"{tmp_path}" in caught.value.text()
    assert "10 bytes are free" in caught.value.text()
    assert "run the same command again" in caught.value.text()
    assert not (tmp_path / "cache").exists()


def test_a_disk_is_refused_by_what_the_joined_table_takes(tmp_path, free):
    """One byte too few is too few; that many are enough, for the table at least."""
    size = read_inputs(GOLDEN_INPUT, NARROW, tmp_path / "a", "x").table.nbytes
    free(size - 1)
    with pytest.raises(EnvironmentFault, match="or more, and"):
        read_inputs(GOLDEN_INPUT, NARROW, tmp_path / "b", "x")
    free(size)
    read_inputs(GOLDEN_INPUT, NARROW, tmp_path / "c", "x")


def test_a_file_whose_beginning_is_dense_is_read_to_its_end(tmp_path, free):
    """Rows that are there may have no row in a table: nothing is certain before these are read."""
    free(20_000_000)
    memory = Memory(None, tmp_path, beside_bytes=8)
    memory.hold_rows(1_000, 19_000_000, 0.01)
    memory.hold_rows(1_100, 21_000_000, 1.0)
    memory.hold_more(20_000_000)
    with pytest.raises(EnvironmentFault, match="takes 20 MB or more, and 20 MB are free"):
        memory.hold_more(1)


def test_a_vcf_without_tables_is_refused_as_soon_as_its_rows_have_no_room(tmp_path, free):
    """They are joined to nothing, so all of them are written."""
    free(20_000_000)
    memory = Memory(None, tmp_path, beside_bytes=0)
    memory.hold_rows(1_000, 20_000_000, 0.01)
    with pytest.raises(EnvironmentFault, match="no space left"):
        memory.hold_rows(1_001, 20_000_001, 0.011)


HELD = """
import json, sys
from pathlib import Path
from amiss_tasks.tasks import source
from gridrun.pipeline import Settings

def own():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Anonymous:"))

def held():
    before = own()
    source._give_back_memory()
    return before - own()

inputs, values = map(json.loads, sys.argv[1:3])
grid = {name: (value,) for name, value in values.items()}
found = source.AmissSource(Settings(inputs, "corrected", 1), grid, Path(sys.argv[3]))
after_reading = held()
found.artifact(values)
print(after_reading, held())
"""


def test_the_driver_gives_memory_back_after_reading_and_after_each_block(tmp_path):
    """Nothing is left that could be given back; it would be 17 MB, and 9 of a block, of 3,400 rows.

    The driver lives as long as the run, beside its workers.
    """
    values = amiss_values(quality="onestar", transcript="keep_all", restriction="all")
    arguments = [json.dumps(GOLDEN_INPUT), json.dumps(values), str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", HELD, *arguments], capture_output=True, text=True, check=True
    )
    for left in map(int, done.stdout.split()):
        assert left < 3_000_000
