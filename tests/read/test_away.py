"""Inputs on a network's disk that is away for a moment: waited for, and read as ever."""

from __future__ import annotations

import errno
import gzip
import io
import os
from pathlib import Path

import pytest
from inputs import BASE_INPUT, GOLDEN_INPUT, read

from amiss_tasks.stages.files.digests import Digests
from amiss_tasks.stages.files.lines import LineSource
from amiss_tasks.stages.files.report import FileReport
from gridrun.errors import EnvironmentFault, UserError
from gridrun.plan.fingerprint import digest_of_input
from gridrun.store.patience import open_patiently

BLOCK = 4_096
TEXT = b"".join(b"line %d with some text\n" % number for number in range(3_000))


class Disk:
    """A disk that goes away at some of the bytes that are read of a file.

    Args:
        times: How often it is asked before it is back.
        every: Bytes between two times.
        number: Of the error.
    """

    def __init__(self, times, every=20_000, number=errno.EIO):
        self.times, self.every, self.number = times, every, number
        self.left, self.next = times, 0
        self.pauses = []

    def ask(self, at):
        """Raise as long as it is away."""
        if at >= self.next and self.left:
            self.left -= 1
            if not self.left:
                self.next, self.left = at + self.every, self.times
            raise OSError(self.number, os.strerror(self.number))


class Lost(io.FileIO):
    """A file on it; once the disk was away, what is open stays lost."""

    def __init__(self, path, disk):
        super().__init__(path)
        self.disk, self.is_lost = disk, False

    def readinto(self, buffer):
        if self.is_lost:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        self.is_lost = True
        self.disk.ask(self.tell())
        self.is_lost = False
        return super().readinto(buffer)


@pytest.fixture
def away(monkeypatch):
    """Has a disk go away, for all that is read as bytes; nobody waits in earnest."""
    plain = io.open

    def go(*given, **named):
        disk = Disk(*given, **named)

        def opened(file, mode="r", buffering=-1, *more, **others):
            if mode != "rb" or isinstance(file, int):
                return plain(file, mode, buffering, *more, **others)
            lost = Lost(os.fspath(file), disk)
            return lost if buffering == 0 else io.BufferedReader(lost, BLOCK)

        monkeypatch.setattr(io, "open", opened)
        monkeypatch.setattr("gridrun.store.patience.time.sleep", disk.pauses.append)
        return disk

    return go


def lines_of(path):
    report = FileReport(path)
    return [line for chunk in LineSource(path, report).chunks() for line in chunk.lines], report


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_is_read_on_from_where_it_was(away, tmp_path, pack, number):
    """Whatever it is packed by, and though what was open is lost with the disk."""
    file = tmp_path / "a.vcf"
    file.write_bytes(pack(TEXT))
    disk = away(3, number=number)
    found, report = lines_of(file)
    assert found == TEXT.decode().splitlines()
    assert not report.broken
    assert disk.pauses[:3] == [1.0, 2.0, 4.0]


def test_a_disk_that_stays_away_is_the_machines(away, tmp_path):
    """After a minute: not the input's fault, and no fault is counted of it."""
    file = tmp_path / "a.vcf"
    file.write_bytes(TEXT)
    disk = away(10**6)
    with pytest.raises(EnvironmentFault, match="the disk cannot be read") as caught:
        lines_of(file)
    assert caught.value.where == str(file)
    assert 60 < sum(disk.pauses) < 65


def test_a_file_that_was_replaced_meanwhile_is_not_read_on(away, tmp_path, monkeypatch):
    """Half of one and half of another would be no file that anybody has."""
    file = tmp_path / "a.vcf"
    file.write_bytes(TEXT)
    disk = away(1)
    monkeypatch.setattr(
        "gridrun.store.patience.time.sleep", lambda _: file.write_bytes(TEXT + TEXT)
    )
    with pytest.raises(UserError, match="changed while it was being read"):
        lines_of(file)
    assert disk.times == 1


@pytest.mark.parametrize("inputs", [BASE_INPUT, GOLDEN_INPUT])
def test_all_inputs_of_a_study(away, tmp_path, inputs, monkeypatch):
    """Headers, records, tables and digests: what is read is the same."""
    expected, notes = read(inputs, tmp_path / "quiet")
    monkeypatch.setattr("gridrun.store.beginnings._held", {})  # as in another process
    vcf = Path(inputs["vcf"])
    digest = digest_of_input(vcf)
    disk = away(2, every=4_000)
    found, said = read(inputs, tmp_path / "blinking")
    assert found.path.read_bytes() == expected.path.read_bytes()
    assert said == notes
    assert len(disk.pauses) >= 4
    disk.every = 10**9  # a digest is taken from the beginning again
    assert Digests({}).of(vcf) == digest


@pytest.mark.parametrize("when", ["before", "after"])
def test_another_thread_may_ask_where_it_is(monkeypatch, tmp_path, when):
    """The text is unpacked by a thread of its own, while progress is told from the position."""
    plain, readers = io.open, []

    class Asked(io.FileIO):
        def readinto(self, buffer):
            for reader in readers if when == "before" else ():
                reader.tell()
            size = super().readinto(buffer)
            for reader in readers:
                reader.tell()
            return size

    def opened(file, mode="r", buffering=-1, *more, **others):
        return Asked(file) if mode == "rb" else plain(file, mode, buffering, *more, **others)

    path = tmp_path / "a.vcf"
    path.write_bytes(TEXT)
    monkeypatch.setattr(io, "open", opened)
    with open_patiently(path) as file:
        readers.append(file)
        assert b"".join(iter(lambda: file.read(1_000), b"")) == TEXT
        assert file.tell() == len(TEXT)
