"""Files that are joined from packed pieces are what bgzip would pack from the same text."""

from __future__ import annotations

import gzip
import struct
import sys
import zlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""Source: SAM specification, section 4.1.2."""


@pytest.fixture
def bgzf(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import _bgzf

    yield _bgzf
    sys.modules.pop("_bgzf")


def blocks_of(content):
    """Text of each block, unpacked by itself, as whoever jumps into a BGZF file does."""
    while content:
        assert content[:4] == b"\x1f\x8b\x08\x04"
        assert content[12:16] == b"BC\x02\x00"
        length = struct.unpack("<H", content[16:18])[0] + 1
        block, content = content[:length], content[length:]
        text = zlib.decompress(block[18:-8], wbits=-15)
        assert struct.unpack("<II", block[-8:]) == (zlib.crc32(text), len(text))
        yield text


def test_pieces(bgzf, tmp_path):
    """Text comes out as it was put in, though a fragment repeats what stood before it."""
    # whatever stands for what differs, a fragment that refers to it is of another text
    runs = "".join(chr(letter) * 6 for letter in range(ord(" "), 127))
    repeated = runs + "".join(f"{number}\t" for number in range(2_000))
    template = bgzf.Pieces(["", f"\tone {repeated}", f"\ttwo {repeated}\n"], [6, 6])
    places = [f"{number:06d}".encode() for number in range(40)]
    with bgzf.BgzfWriter(tmp_path / "text.gz") as file:
        file.text("a header\n")
        for place in places:
            file.add(bgzf.joined([bgzf.stored(b"before"), template.copy(place)]))
    content = (tmp_path / "text.gz").read_bytes()
    expected = b"a header\n" + b"".join(
        b"before%b\tone %b%b\ttwo %b\n" % (place, repeated.encode(), place, repeated.encode())
        for place in places
    )
    assert gzip.decompress(content) == expected
    assert b"".join(blocks_of(content)) == expected
    assert content.endswith(END)
    # what is repeated is not packed a second time
    assert len(template.copy(b"000000")[1][0]) < 1.1 * len(zlib.compress(repeated.encode()))
