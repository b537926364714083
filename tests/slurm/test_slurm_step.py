"""What a step does on a node without a shared disk, also cut on its way; no Slurm is asked."""

from __future__ import annotations

import os
import time

import pytest

from backends.slurm._commands import NoAnswer
from backends.slurm._step import run_step
from gridrun.shard import MANIFEST

SWEEP, SHARD = "sweep", "shard-00003"
SEGMENTS = [f"segment-0123456789ab-{number:05d}.jsonl" for number in (1, 2)]
SRUN = """#!/bin/bash
while [ "$1" != /bin/bash ]; do shift; done
cut="head -c 10000000"
${CHANGE_IN:-$cut} | "$@" | ${CHANGE_OUT:-$cut}
exit "${PIPESTATUS[1]}"
"""


@pytest.fixture
def node(tmp_path, monkeypatch):
    """The directory of a shard on a node; srun runs its script here, and may cut what passes."""
    program = tmp_path / "bin" / "srun"
    program.parent.mkdir()
    program.write_text(SRUN)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path / "sweep_3"


def step(node, mode, *, have=(), **files):
    given = {"have": "".join(f"{name}\n" for name in have).encode(), **files}
    return run_step((), (str(node), SWEEP, SHARD, mode), given)


def shard(content=b"units"):
    return {"queue": None, "queue/out": None, f"queue/{SHARD}.jsonl": content}


def write_outcomes(node, *names):
    out = node / SWEEP / "out" / SHARD
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        (out / name).write_text(f"content of {name}")


def test_a_shard_is_brought_once_and_its_outcomes_are_taken_once(node):
    """What is there already is neither brought nor given again; all is gone in the end."""
    assert step(node, "take") is None
    assert not node.exists()
    assert step(node, "bring").state == "lacks"
    assert step(node, "bring", **shard()).state == "running"
    assert step(node, "bring", **shard(b"others")).state == "running"
    assert (node / SWEEP / f"{SHARD}.jsonl").read_bytes() == b"units"
    assert time.time() - (node / "have").stat().st_mtime < 60, "the job sees that somebody comes"
    write_outcomes(node, *SEGMENTS, "error.txt", ".segment-aside")
    (node / "job.txt").write_text("it said")
    got = step(node, "bring", have=SEGMENTS[:1])
    assert set(got.files) == {"state", SEGMENTS[1], "error.txt", "job.txt"}
    assert got.files[SEGMENTS[1]] == f"content of {SEGMENTS[1]}".encode()
    write_outcomes(node, MANIFEST)
    assert set(step(node, "take", have=SEGMENTS).files) == {
        "state",
        MANIFEST,
        "error.txt",
        "job.txt",
    }
    assert step(node, "take", have=[*SEGMENTS, MANIFEST]).state == "running"
    (node / "over").touch()
    assert step(node, "take", have=SEGMENTS).state == "over"
    assert node.exists()
    assert step(node, "take", have=[*SEGMENTS, MANIFEST]).state == "removed"
    assert not node.exists()
    assert step(node, "clear") is None


def test_what_a_job_that_is_over_left_is_removed_only_once_it_was_taken(node):
    """With whatever it said; a job that was told to end sees that."""
    step(node, "bring", **shard())
    write_outcomes(node, SEGMENTS[0])
    step(node, "bring", have=SEGMENTS[:1], cancelled=b"")
    assert (node / "cancelled").exists()
    assert (node / SWEEP / "cancelled").exists()
    assert step(node, "clear").state == "over"
    assert step(node, "clear", have=SEGMENTS[:1]).state == "removed"
    assert not node.exists()


@pytest.mark.parametrize("way", ["CHANGE_IN", "CHANGE_OUT"])
def test_what_is_cut_on_its_way_is_no_answer_and_comes_again(node, monkeypatch, way):
    """Nothing of half an archive is used, on either side; what only fills it may be cut."""
    step(node, "bring", **shard())
    write_outcomes(node, *SEGMENTS)
    (node / "over").touch()
    whole = step(node, "bring", have=SEGMENTS[:1])
    refused = 0
    for cut in range(0, 4000, 500):
        monkeypatch.setenv(way, f"head -c {cut}")
        try:
            assert step(node, "bring", have=SEGMENTS[:1]) == whole
        except NoAnswer:
            refused += 1
        assert len(list((node / SWEEP / "out" / SHARD).iterdir())) == 2
    assert refused >= 3
    monkeypatch.delenv(way)
    assert step(node, "bring", have=SEGMENTS[:1]) == whole
    assert not list(node.glob(".pack-*"))


@pytest.mark.parametrize(
    ("way", "change"), [("CHANGE_IN", "s/units/unitz/"), ("CHANGE_OUT", "s/content/context/")]
)
def test_what_was_changed_on_its_way_is_refused(node, monkeypatch, way, change):
    """By its digests, there and here: a shard is not used, outcomes are not taken."""
    step(node, "bring")
    if way == "CHANGE_OUT":
        step(node, "bring", **shard())
        write_outcomes(node, *SEGMENTS)
    monkeypatch.setenv(way, f"sed {change}")
    with pytest.raises(NoAnswer):
        step(node, "bring", **shard())
    assert (node / SWEEP).exists() == (way == "CHANGE_OUT")


def test_a_directory_of_somebody_else_is_not_used(node):
    """Nor one that only seems to be in its place."""
    step(node, "bring", **shard())
    other = node.with_name("other")
    other.mkdir()
    node.rename(other / "moved")
    node.symlink_to(other / "moved")
    with pytest.raises(NoAnswer, match="belongs to somebody else"):
        step(node, "bring")
