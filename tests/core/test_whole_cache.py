"""Entries of the cache, and artifacts on their way: verified, made again, said, never used."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest
from toystudies import SMALL_GRID, open_toy, table, write_study

from gridrun.errors import EnvironmentFault, UserError
from gridrun.plan.units import ContextFacts
from gridrun.run import Artifacts
from gridrun.shard import Shard, open_shard, pack_shards, run_shard, shard_name
from gridrun.shard.queue import write_queue
from gridrun.store.cache import Cache, fault_of, recorded_sum, replacing, sum_path
from gridrun.testing.toy import ToySource
from gridrun.testing.units import toy_content, toy_job, toy_units
from gridrun.worker import DamagedArtifact, Supervisor


def flip(path, at=0.5, bit=0):
    data = bytearray(path.read_bytes())
    data[int(at * (len(data) - 1))] ^= 1 << bit
    path.write_bytes(data)


def other(path):
    """Another entry with its bytes, if there is one beside it."""
    (found, *_) = (p for p in path.parent.glob(f"*{path.suffix}") if p != path)
    return found


def a_directory(path):
    path.unlink()
    path.mkdir()
    (path / "file").write_text("content")


def a_link_to_nothing(path):
    path.unlink()
    path.symlink_to("nowhere")


def another_entry(path):
    """With its digest, renamed together as a person would."""
    shutil.copyfile(other(path), path)
    shutil.copyfile(sum_path(other(path)), sum_path(path))


DAMAGES = {
    "flipped bit": flip,
    "first bit": lambda path: flip(path, 0.0, 7),
    "last bit": lambda path: flip(path, 1.0),
    "cut": lambda path: os.truncate(path, path.stat().st_size - 1),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "empty": lambda path: os.truncate(path, 0),
    "another entry's bytes": lambda path: shutil.copyfile(other(path), path),
    "another entry": another_entry,
    "no digest": lambda path: sum_path(path).unlink(),
    "flipped digest": lambda path: flip(sum_path(path), 0.1),
    "empty digest": lambda path: os.truncate(sum_path(path), 0),
    "digest of no text": lambda path: sum_path(path).write_bytes(b"\xff\xfe"),
    "a directory": a_directory,
    "a directory as digest": lambda path: a_directory(sum_path(path)),
    "a link to nothing": a_link_to_nothing,
}


@pytest.fixture(scope="module")
def undamaged(tmp_path_factory):
    """A study of two blocks, run for one combination of each, and the table of all of them."""
    grid = {**SMALL_GRID, "coding": ["columns"], "tuning": ["fixed"], "constant_check": ["on"]}
    base = tmp_path_factory.mktemp("undamaged")
    whole = open_toy(write_study(base / "whole", grid))
    whole.run(backend="inprocess")
    begun = open_toy(write_study(base / "begun", grid))
    begun.run(backend="inprocess", combinations="1,6")
    return begun.study.directory, table(base / "whole")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_made_again_and_said(undamaged, tmp_path, damage):
    """The table is that of a run without damage, and a note names file and cause."""
    begun, expected = undamaged
    directory = shutil.copytree(begun, tmp_path / "study")
    first, second = sorted((directory / ".gridrun" / "cache").glob("*.block"))
    content = first.read_bytes()
    DAMAGES[damage](first)
    study = open_toy(directory)
    report = study.run(backend="inprocess")
    assert report.exit_code == 0
    assert table(directory) == expected
    said = [note for note in report.notes if "damaged and was made again" in str(note)]
    assert [note.file for note in said] == [first]
    assert str(first) in study.study.paths.notes_txt.read_text()
    assert (first.read_bytes(), fault_of(first), fault_of(second)) == (content, None, None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_entry_that_cannot_be_read_is_made_again(undamaged, tmp_path):
    """Its permissions are those of whoever copied the study."""
    begun, expected = undamaged
    directory = shutil.copytree(begun, tmp_path / "study")
    next((directory / ".gridrun" / "cache").glob("*.block")).chmod(0)
    open_toy(directory).run(backend="inprocess")
    assert table(directory) == expected


def test_an_entry_that_a_failed_writing_left_is_none(tmp_path):
    """What could not be written is neither there nor taken for whole; the next call writes it."""

    def fail(path):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    cache = Cache(tmp_path)
    with pytest.raises(EnvironmentFault, match="no space left"):
        cache.make("entry", ".txt", fail)
    assert list(tmp_path.iterdir()) == []
    path = cache.make("entry", ".txt", lambda path: path.write_text("whole"))
    assert (path.read_text(), fault_of(path), cache.notes) == ("whole", None, [])


def test_what_killed_writers_left_is_removed_and_what_others_write_stays(tmp_path):
    """A file aside belongs to whoever holds its lock; without one its writer is gone."""
    target = tmp_path / "entry.txt"
    names = (".entry.txt.abcd_123", ".entry.txt.sha256.abcd_123", ".other.txt.abcd_123")
    for name in names:
        (tmp_path / name).write_text("half")
    with replacing(target) as first, replacing(target) as second:
        assert first.exists()
        first.write_text("first")
        second.write_text("second")
    assert target.read_text() == "first"
    assert {path.name for path in tmp_path.iterdir()} == {"entry.txt", *names[1:]}


def test_the_digest_beside_an_entry_is_one_that_sha256sum_checks(tmp_path):
    """Whoever doubts an entry needs no program of ours."""
    path = Cache(tmp_path).make("entry", ".txt", lambda path: path.write_text("abc"))
    assert sum_path(path).read_text() == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  entry.txt\n"
    )


@pytest.mark.parametrize("damage", ["flipped bit", "cut", "empty", "a link to nothing"])
def test_damage_between_making_and_sending_is_found(tmp_path, damage):
    """The bytes that leave the driver are those that were made, or made again."""
    said = []
    source = ToySource(toy_job().settings, tmp_path)
    artifacts = Artifacts(lambda: source, said.append)
    digest, checksum = artifacts.make({"origin": "first"})
    path = source.path(digest)
    content = path.read_bytes()
    DAMAGES[damage](path)
    assert artifacts.read(digest) == content
    assert [note.file for note in said] == [path]
    assert recorded_sum(path) == checksum


@pytest.mark.parametrize("at", [0.0, 0.5, 1.0])
def test_a_worker_runs_nothing_on_what_was_damaged_on_its_way(tmp_path, at):
    """Ray, an archive or a network may deliver other bytes than were sent."""
    (unit,) = toy_units(1, 2)
    data = bytearray(toy_content(unit.artifact))
    data[int(at * (len(data) - 1))] ^= 4
    supervisor = Supervisor(toy_job(), lambda _: bytes(data), tmp_path / "worker")
    try:
        with pytest.raises(DamagedArtifact, match=unit.artifact):
            supervisor.start(unit)
        assert supervisor.is_idle
        assert supervisor.poll(0.0) == []
    finally:
        supervisor.close()


def test_a_worker_looks_at_its_own_file_again_with_each_unit(tmp_path):
    """A file that was damaged on the worker's disk is fetched again for the next unit."""
    (unit,) = toy_units(1, 1)
    supervisor = Supervisor(toy_job(), toy_content, tmp_path / "worker")
    try:
        supervisor._materialise(unit)
        (path,) = (tmp_path / "worker").glob("artifact-*")
        flip(path)
        supervisor._materialise(unit)
        assert path.read_bytes() == toy_content(unit.artifact)
    finally:
        supervisor.close()


def shards(units):
    return Shard(shard_name(0), toy_job(), {1: ContextFacts("digest", "tree")}, units)


@pytest.mark.parametrize("seed", range(12))
def test_a_shard_with_any_other_byte_is_refused(tmp_path, seed):
    """A seed, a value or a checksum in it that changed would change numbers, and does not."""
    path = tmp_path / "shard.jsonl"
    path.write_text(shards(tuple(toy_units(2, 3))).text())
    assert open_shard(path).units == tuple(toy_units(2, 3))
    flip(path, seed / 11, seed % 7)
    with pytest.raises(UserError, match=r"this is not a shard|has format"):
        open_shard(path)


@pytest.mark.parametrize("at", [0.02, 0.3, 0.6, 0.98])
def test_a_damaged_archive_of_shards_is_refused(tmp_path, at):
    """Wherever the damage is: in a member, in the list of members, at the end."""
    path = tmp_path / "shards.zip"
    pack_shards(path, [shards(tuple(toy_units(2, 3)))])
    flip(path, at, 6)
    try:
        found = open_shard(path, 0)
    except UserError as error:
        said = error.text()
    else:
        assert found.units == tuple(toy_units(2, 3))  # nothing that is read stood there
        return
    assert "this is not a shard" in said


def test_a_shard_s_worker_refuses_tables_that_were_damaged_beside_it(tmp_path):
    """Nothing is run, nothing is recorded, and the message says what to do."""
    units = tuple(toy_units(1, 2))
    place = tmp_path / "queue"
    contexts = {1: ContextFacts("digest", "tree")}
    write_queue(place, toy_job(), contexts, [units], read_artifact=toy_content)
    flip(place / "artifacts" / units[0].artifact)
    with pytest.raises(EnvironmentFault, match="damaged on their way") as caught:
        run_shard(open_shard(place / f"{shard_name(0)}.jsonl"), place, tmp_path / "out")
    assert "cancelled" in caught.value.todo
    assert not list((tmp_path / "out").glob("segment-*"))


def test_a_unit_without_a_checksum_is_run_as_before(tmp_path):
    """A backend's own tests may make units by hand."""
    (unit,) = toy_units(1, 1)
    supervisor = Supervisor(toy_job(), lambda _: b"anything", tmp_path / "worker")
    try:
        supervisor.start(replace(unit, checksum=""))
        assert not supervisor.is_idle
    finally:
        supervisor.close()
