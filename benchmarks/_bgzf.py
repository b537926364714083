"""Packed text from templates, each of which is deflated once, however often it is written.

Deflated text can be cut into fragments that end at a byte, and fragments can be joined. What
differs between two copies of a template (a place, a value) has the same length in both, and
stands between the fragments as it is, in a stored block. A fragment refers back to what stands
before it in its template, but for what differs. So a file is joined from bytes that are there
already; only checksums are computed anew. Source of the formats: RFC 1951, RFC 1952 and section
4.1 of the SAM specification (BGZF).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

MOST = 0xFF00
"""Plain bytes of a BGZF block, as many as bgzip takes."""

_HEAD = bytes.fromhex("1f8b08040000000000ff0600424302 00")
_LAST = b"\x03\x00"
"""An empty block of deflated text, marked as the last one."""

_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_BESIDE = len(_HEAD) + 2 + len(_LAST) + 8
_NO_TEXT = b"\xff"
"""Stands for what differs: no text has this byte, so no fragment refers to it."""


Copy = tuple[bytes, Sequence[bytes]]
"""A copy of a template: as it is, and packed in fragments."""


class Pieces:
    """A template: what stays the same in all its copies, in pieces.

    Args:
        pieces: Text before, between and after what differs.
        widths: Bytes of what differs, after each piece but the last.
    """

    def __init__(self, pieces: Sequence[str], widths: Sequence[int]) -> None:
        self._plain = [piece.encode() for piece in pieces]
        self._packed = list(self._fragments(widths))

    def _fragments(self, widths: Sequence[int]) -> Iterator[bytes]:
        before = b""
        for piece, width in zip(self._plain, (*widths, 0), strict=True):
            fragment = b""
            if piece:
                packer = zlib.compressobj(6, zlib.DEFLATED, -15, zdict=before)
                fragment = packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
            yield fragment + (_stored_head(width) if width else b"")
            before += piece + _NO_TEXT * width

    def copy(self, between: bytes = b"") -> Copy:
        """A copy, with this between each two pieces."""
        return between.join(self._plain), [between.join(self._packed)]


def stored(text: bytes) -> Copy:
    """Text as it is, between copies of templates."""
    return text, (_stored_head(len(text)), text)


def joined(copies: Sequence[Copy]) -> Copy:
    """Copies as one."""
    return b"".join(text for text, _ in copies), [part for _, packed in copies for part in packed]


def _stored_head(width: int) -> bytes:
    return b"\0" + struct.pack("<HH", width, width ^ 0xFFFF)


class BgzfWriter:
    """A file of BGZF, as bgzip packs it and tabix, bcftools and gzip unpack it.

    Args:
        path: Where to.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._plain: list[bytes] = []
        self._packed: list[bytes] = []
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._write()
            self._file.write(_END)
        self._file.close()

    def text(self, text: str) -> None:
        """Write text that has no template, of any length, in ASCII."""
        for at in range(0, len(text), MOST):
            self.add(Pieces([text[at : at + MOST]], []).copy())

    def add(self, copy: Copy) -> None:
        """Write a copy of a template, of at most ``MOST`` bytes."""
        text, fragments = copy
        if self._size + len(text) > MOST:
            self._write()
        self._plain.append(text)
        self._packed += fragments
        self._size += len(text)

    def _write(self) -> None:
        if not self._size:
            return
        text, packed = b"".join(self._plain), b"".join(self._packed)
        length = struct.pack("<H", len(packed) + _BESIDE - 1)
        checks = struct.pack("<II", zlib.crc32(text), len(text))
        self._file.write(b"".join((_HEAD, length, packed, _LAST, checks)))
        self._plain.clear()
        self._packed.clear()
        self._size = 0
