"""A file that lost its end is refused, however it is packed and wherever it was cut."""

from __future__ import annotations

import gzip
import struct
import zlib

import pytest
from inputs import BASE_INPUT, lines_of, read

from gridrun.errors import InputError

END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
ROLES = tuple(BASE_INPUT)


def bgzf(text: bytes, size: int = 400) -> list[bytes]:
    """The blocks of a file of BGZF, the end marker last (SAM specification, section 4.1)."""
    blocks = []
    for start in range(0, len(text), size):
        piece = text[start : start + size]
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        data = packer.compress(piece) + packer.flush()
        head = struct.pack("<4BI2BH2BHH", 31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, len(data) + 25)
        blocks.append(head + data + struct.pack("<II", zlib.crc32(piece), len(piece)))
    return [*blocks, END]


def text_of(role: str) -> bytes:
    return ("\n".join(lines_of(BASE_INPUT[role])) + "\n").encode()


def with_file(tmp_path, role: str, content: bytes, suffix: str = ".gz") -> dict[str, str]:
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(content)
    return {**BASE_INPUT, role: str(path)}


@pytest.mark.parametrize("role", ROLES)
def test_bgzf_with_its_end_marker_is_read_without_a_word(tmp_path, role):
    """The same rows as from the plain file, and no note."""
    blocks = bgzf(text_of(role))
    assert len(blocks) > 2
    result, notes = read(with_file(tmp_path, role, b"".join(blocks)), tmp_path / "cache")
    plain, before = read(BASE_INPUT, tmp_path / "plain")
    assert result.table.to_pandas().equals(plain.table.to_pandas())
    assert len(notes) == len(before)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("lost", ["the marker", "the last block", "half of them", "part of one"])
def test_bgzf_that_lost_its_end_is_refused(tmp_path, role, lost):
    """Cut between blocks it is a valid gzip file; the marker that is not there tells."""
    blocks = bgzf(text_of(role))
    kept = {
        "the marker": b"".join(blocks[:-1]),
        "the last block": b"".join(blocks[:-2]),
        "half of them": b"".join(blocks[: len(blocks) // 2]),
        "part of one": b"".join(blocks[:-2]) + blocks[-2][:-20],
    }[lost]
    with pytest.raises(InputError) as caught:
        read(with_file(tmp_path, role, kept), tmp_path / "cache")
    assert "the BGZF end marker is missing" in caught.value.text()
    assert "cut.gz" in caught.value.text()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_plain_gzip_that_lost_its_end_is_refused(tmp_path, role, share):
    """Cut anywhere in its data, also in the checksum at its end."""
    packed = gzip.compress(text_of(role))
    with pytest.raises(InputError, match=r"truncated gzip|damaged gzip"):
        read(with_file(tmp_path, role, packed[: int(len(packed) * share)]), tmp_path / "cache")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("tabs", [1, 4])
def test_text_that_ends_within_a_row_is_refused_or_noted(tmp_path, role, tabs):
    """A last line of fewer columns is a fault, and that the file seems to be cut is said."""
    text = text_of(role).rstrip(b"\n")
    at = len(text)
    for _ in range(tabs):
        at = text.rindex(b"\t", 0, at)
    with pytest.raises(InputError) as caught:
        read(with_file(tmp_path, role, text[:at], ".txt"), tmp_path / "cache")
    assert "no line end" in caught.value.text()


def test_text_that_ends_within_a_record_s_info_is_noted(tmp_path):
    """All columns are there, CSQ is not: the record is left out, and the cut is said."""
    text = text_of("vcf").rstrip(b"\n")
    cut = text[: text.rindex(b";CSQ=") - 4]
    _, notes = read(with_file(tmp_path, "vcf", cut, ".vcf"), tmp_path / "cache")
    assert any("seems to be cut short" in note.text() for note in notes)


def test_a_whole_last_line_needs_no_line_end(tmp_path):
    """Editors leave it out; nothing is lost, and nothing is said."""
    _, before = read(BASE_INPUT, tmp_path / "plain")
    for role in ROLES:
        content = text_of(role).rstrip(b"\n")
        _, notes = read(with_file(tmp_path, role, content, ".txt"), tmp_path / f"cache-{role}")
        assert len(notes) == len(before)
