"""What reading may take is counted while it reads, and refused with what to do."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from inputs import BASE_INPUT, GOLDEN_INPUT

from amiss_tasks.stages.read import read_inputs
from amiss_tasks.stages.read._memory import BASE_BYTES, Memory
from gridrun.errors import EnvironmentFault, UserError

NARROW = {"transcript": ("canonical",), "quality": ("clingen",), "restriction": ("missense",)}
ROOM = BASE_BYTES + 400_000
"""For some hundred rows."""


def test_rows_that_memory_has_no_room_for_are_refused(tmp_path):
    """Which rows they are, how many of how much of the file, and what to write; no file is left."""
    with pytest.raises(UserError) as caught:
        read_inputs(GOLDEN_INPUT, {}, tmp_path / "cache", "x", most_bytes=ROOM)
    text = caught.value.text()
    for part in (
        r"it may (256.4 MB): ",
        "rows that the grid can use (transcript: keep_all, quality: onestar, restriction: all)",
        "% of the VCF",
        "limits: {read: {memory: 1 GB}}",
    ):
        assert part in text
    assert not (tmp_path / "cache").exists()


def test_rows_of_a_narrow_grid_have_room_there(tmp_path):
    """Memory is that of the rows that are used, whatever else is in the files."""
    found = read_inputs(GOLDEN_INPUT, NARROW, tmp_path, "x", most_bytes=ROOM)
    assert 0 < found.counts.rows < found.counts.blocks / 10


def test_rows_of_tables_count_as_those_of_the_vcf_do(tmp_path, monkeypatch):
    """With room for half of them: the VCF's alone would do."""
    monkeypatch.setattr("amiss_tasks.stages.read._study.bytes_beside", lambda *_: 0)
    held = read_inputs(BASE_INPUT, {}, tmp_path, "x").table.nbytes
    with pytest.raises(UserError, match=r"100\.0% of the VCF"):
        read_inputs(BASE_INPUT, {}, tmp_path, "y", most_bytes=BASE_BYTES + 3 * held // 2)


def test_a_full_disk_is_refused_before_the_tables_are_read(tmp_path, monkeypatch):
    """With what is free and where."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(EnvironmentFault, match="no space left to write: the table") as caught:
        read_inputs(BASE_INPUT, {}, tmp_path / "cache", "x")
    assert f"{tmp_path}" in caught.value.text()
    assert "10 bytes are free" in caught.value.text()


@pytest.mark.parametrize(("share", "expected"), [(0.001, "80 MB"), (0.02, "40 MB"), (0.9, "")])
def test_a_disk_that_will_be_full_is_refused_by_the_first_percent(
    tmp_path, monkeypatch, share, expected
):
    """By what the whole table takes, if the rest of the file is like its beginning."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=20_000_000))
    memory = Memory(None, tmp_path, "all", 0)
    size = 1_000_000
    if expected:
        with pytest.raises(EnvironmentFault, match=f"takes {expected} or more"):
            memory.hold_rows(1_000, size, share)
    else:
        memory.hold_rows(1_000, size, share)
