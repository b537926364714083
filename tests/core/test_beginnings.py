"""First bytes of files: held for whoever reads on, of the file as it was, and let go."""

from __future__ import annotations

import gzip
import io
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from gridrun.plan.fingerprint import digest_of_beginning, digest_of_input
from gridrun.store import beginnings
from gridrun.store.beginnings import open_input
from gridrun.store.patience import patient_file

TEXT = b"".join(b"line %d\n" % number for number in range(20_000))
HELD = 50_000


@pytest.fixture
def taken(monkeypatch) -> list[int]:
    """Sizes of the pieces that are read of files."""
    sizes: list[int] = []

    class Noted(io.RawIOBase):
        def __init__(self, path):
            self.file = patient_file(path)
            self.seek, self.tell, self.close = self.file.seek, self.file.tell, self.file.close

        def readinto(self, buffer):
            sizes.append(self.file.readinto(buffer))
            return sizes[-1]

    monkeypatch.setattr(beginnings, "patient_file", Noted)
    monkeypatch.setattr(beginnings, "_held", {})
    return sizes


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(TEXT)
    return path


def read(path, size=-1, holding=0):
    with open_input(path, holding) as raw:
        return raw.read(size)


def test_what_was_held_is_not_read_again(file, taken):
    """By others that hold, as far as they read, and by whoever reads all of it."""
    assert read(file, 10_000, HELD) == TEXT[:10_000]
    before = sum(taken)
    assert 10_000 <= before < 30_000
    assert read(file, 10_000, HELD) == TEXT[:10_000]
    assert sum(taken) == before
    assert read(file, 40_000, HELD) == TEXT[:40_000]
    assert read(file) == TEXT
    assert sum(taken) == len(TEXT)


def test_no_more_is_held_than_is_asked_for_and_nothing_once_it_is_passed(file, taken):
    """However much is read by who holds; a part of it that is read leaves it."""
    assert read(file, -1, HELD) == TEXT
    assert [len(first) for _, first in beginnings._held.values()] == [HELD]
    assert read(file, 10) == TEXT[:10]
    assert beginnings._held
    assert read(file) == TEXT
    assert not beginnings._held


def test_places_are_those_of_the_file(file, taken):
    """Of its end, and of what is held; to go back is no reading."""
    with open_input(file, HELD) as raw:
        assert raw.seek(-5, os.SEEK_END) == len(TEXT) - 5
        assert raw.read() == TEXT[-5:]
        raw.seek(0)
        assert raw.read(7) == TEXT[:7]
        assert raw.tell() == 7
    with open_input(file) as raw:
        raw.seek(len(TEXT) - 5)
        assert raw.read() == TEXT[-5:]
        raw.seek(0)
        assert raw.read() == TEXT


def test_a_file_that_was_changed_is_read_anew(file, taken):
    """In place or by another one, of the same size, with its time put back."""
    for content in (TEXT.upper(), TEXT[::-1]):
        read(file, 10_000, HELD)
        times = file.stat()
        file.write_bytes(content)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert read(file, 10_000, HELD) == content[:10_000]
        assert read(file) == content
    assert len(beginnings._held) == 0


def test_readers_beside_each_other_hold_each_byte_once(file, taken):
    """Two headers that are read at a time."""
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(lambda _: read(file, 30_000, HELD), range(40)):
            assert found == TEXT[:30_000]
    ((_, first),) = beginnings._held.values()
    assert first == TEXT[: len(first)]


@pytest.mark.parametrize("size", [100, len(TEXT), 10 * len(TEXT)])
def test_files_of_one_content_have_one_beginning(tmp_path, size):
    """However they are packed; what cannot be unpacked is another file."""

    def beginning(content: bytes) -> str:
        path = tmp_path / "file"
        path.write_bytes(content)
        with path.open("rb") as raw:
            return digest_of_beginning(raw, size)

    members = gzip.compress(TEXT[:1_000]) + gzip.compress(TEXT[1_000:])
    alike = [TEXT, gzip.compress(TEXT), gzip.compress(TEXT, 1), members, members + bytes(100)]
    assert len({beginning(content) for content in alike}) == 1
    path = tmp_path / "whole"
    path.write_bytes(members)
    assert (beginning(members) == digest_of_input(path)) == (size >= len(TEXT))
    others = [b"x" + TEXT, gzip.compress(TEXT)[:9], b""]
    assert beginning(alike[0]) not in {beginning(content) for content in others}
