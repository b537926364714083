"""Lines of a plain, gzip or bgzip text file, streamed in chunks.

Says what is odd about the bytes (compression, line ends, encoding, NUL) with
line numbers; what the lines mean is for others. Memory is one chunk and the
longest line.
"""

from __future__ import annotations

import copy
import gzip
import os
import zlib
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, Self

from amiss_tasks.stages.files.digests import Taking
from amiss_tasks.stages.files.report import FileReport
from gridrun.errors import in_bytes
from gridrun.store.beginnings import open_input
from gridrun.store.faults import disk_fault

CHUNK_BYTES = 1 << 22
HEADER_BYTES = 1 << 16
"""Bytes of text in which most headers end."""

BEGINNING_BYTES = 1 << 20
"""Of the file, that are held for whoever reads it after its header."""

LONGEST_LINE_BYTES = 256 * 10**6

PACKED_TIMES = 500
"""So many times its size a file may hold, and ``PACKED_BYTES`` anyway: VCFs hold 10 to 30 times."""

PACKED_BYTES = 10**9
"""A line past this is refused: no VCF or CADD line is a quarter of a gigabyte."""

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_SUFFIXES = frozenset({".gz", ".bgz", ".bgzf"})
_AGAIN = "copy or download it again"
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends each BGZF file. Source: SAM specification, section 4.1.2."""
_BGZF_FIELD = slice(12, 14)
"""Where a gzip header names its first extra field; ``BC`` is that of BGZF."""
_EXTRA_FLAG = 4
_OTHER_FORMATS = {
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"PK\x03\x04": "zip (or Excel)",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_BINARY_VCF = b"BCF\x02"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"


class Chunk(NamedTuple):
    """Some lines in a row.

    Args:
        first: Number of the first line, counted from 1.
        lines: Without line ends.
        is_utf8: False when a line holds bytes that are not UTF-8; they stand as
            surrogates, see :func:`has_bad_bytes`.
    """

    first: int
    lines: list[str]
    is_utf8: bool


def has_bad_bytes(text: str) -> bool:
    """Whether a text of a chunk holds bytes that were not UTF-8."""
    return not text.isascii() and any("\udc80" <= letter <= "\udcff" for letter in text)


class Block(NamedTuple):
    """The bytes of some whole lines in a row, without the last one's line end.

    Args:
        first: Number of the first line, counted from 1.
        data: The bytes.
    """

    first: int
    data: bytes


class LineSource:
    """A text file as chunks of lines.

    Args:
        path: A regular file, plain or gzip (one member or many), whatever its name.
        report: Where faults and notes go.
        taking: Takes the digest of the text while it is read; None for nobody.
    """

    def __init__(self, path: Path, report: FileReport, taking: Taking | None = None) -> None:
        self.path = path
        self._report = report
        self._taking = taking
        self._next_line = 1
        self._raw: IO[bytes] | None = None

        self._last: Block | None = None
        self._pieces: Iterator[Chunk] = iter(())
        self._source = self._opened()

    def chunks(self) -> Generator[Chunk]:
        """Yield the lines once; ends early, with a fault, where the file is damaged."""
        for block in self.blocks():
            self._pieces = decoded(block, self._report)
            yield from self._pieces
        yield from self.last()

    def pieces(self) -> Iterator[Chunk]:
        """Yield what is left of the block of the last chunk."""
        yield from self._pieces

    def blocks(self) -> Iterator[Block]:
        """Yield what is left of the lines as bytes, but for a last one that has no line end."""
        yield from self._source

    def last(self) -> Iterator[Chunk]:
        """Yield a last line that has no line end; note it where something else is wrong with it."""
        if self._last is None or self._report.broken:
            return
        last, self._last = self._last, None
        said = self._report.said
        yield from decoded(last, self._report)
        # whoever reads the line has said by now what is wrong with it
        if self._report.said > said:
            self._report.note(
                "the last line has no line end and is not as it should be: the file seems to "
                "be cut short",
                line=last.first,
                todo=_AGAIN,
            )

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    @contextmanager
    def said_last(self) -> Iterator[None]:
        """What is said of the bytes meanwhile stands behind what others say of earlier lines."""
        report, self._report = self._report, FileReport(self.path)
        try:
            yield
        finally:
            report.add(self._report)
            self._report = report

    def _opened(self) -> Generator[Block]:
        try:
            data = self._data()
            yield from self._read(self._taking.of(self.path, data) if self._taking else data)
        except OSError as error:
            if (fault := disk_fault(error, self.path)) is not None:
                raise fault from error
            self._report.stop(f"cannot be read: {error.strerror or error}")

    def _data(self) -> Iterator[bytes]:
        # whoever takes the digest reads all of it, after those who read its header
        with open_input(self.path, 0 if self._taking is not None else BEGINNING_BYTES) as raw:
            self._raw = raw
            yield from self._bounded(self._blocks(raw))

    def _block(self, data: bytes) -> Block:
        first = self._next_line
        self._next_line += data.count(b"\n") + 1
        return Block(first, data)

    @property
    def digest(self) -> str | None:
        """Digest of the whole text; None where it is not taken, or was not read to its end."""
        return self._taking.digest if self._taking is not None else None

    def _sizes(self) -> Iterator[int]:
        """Bytes to be unpacked at once; whoever takes no digest mostly reads a header alone."""
        size = CHUNK_BYTES if self._taking is not None else min(HEADER_BYTES, CHUNK_BYTES)
        while True:
            yield size
            size = min(4 * size, CHUNK_BYTES)

    @property
    def share(self) -> float:
        """Share of the file's bytes that is read, about."""
        if self._raw is None or self._raw.closed:
            return float(self._raw is not None)
        return self._raw.tell() / max(1, self.path.stat().st_size)

    def _read(self, data: Iterator[bytes]) -> Iterator[Block]:
        first = next(data, b"")
        if first.startswith(_BOM):
            self._report.note("starts with a UTF-8 byte-order mark, which is taken off")
            first = first[len(_BOM) :]
        if not first:
            if not self._report.broken:
                self._report.stop("the file is empty", todo="name the right file, or make it anew")
            return
        if not self._is_text(first):
            return
        if b"\n" not in first and b"\r" in first:
            self._report.stop(
                "line ends are CR only (old Mac)",
                todo="convert the line ends to LF, for example: tr '\\r' '\\n' < old > new",
            )
            return
        pieces: list[bytes] = []
        size = 0
        block = first
        while block:
            cut = block.rfind(b"\n")
            if cut < 0:
                pieces.append(block)
                size += len(block)
                if size > LONGEST_LINE_BYTES:
                    self._report.stop(
                        f"the line is longer than {in_bytes(LONGEST_LINE_BYTES)}",
                        line=self._next_line,
                        todo="is this the right file?",
                    )
                    return
            else:
                pieces.append(block[:cut])
                yield self._block(b"".join(pieces))
                pieces = [block[cut + 1 :]]
                size = len(pieces[0])
            block = next(data, b"")
        if last := b"".join(pieces):
            self._last = self._block(last)

    def _bounded(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield unpacked bytes as long as there are no more of them than a file can mean."""
        left = max(PACKED_BYTES, PACKED_TIMES * self.path.stat().st_size)
        for block in blocks:
            left -= len(block)
            if left < 0:
                self._report.stop(
                    f"unpacks to more than {PACKED_TIMES} times its size, as no such file does",
                    line=self._next_line,
                    todo="make it anew; if it is right, unpack it",
                )
                return
            yield block

    def _blocks(self, raw: IO[bytes]) -> Iterator[bytes]:
        """Yield unpacked bytes; name what is wrong with the packing."""
        magic = raw.read(len(_BGZF_END))
        raw.seek(0)
        is_gzip = magic.startswith(_GZIP_MAGIC)
        is_named_gzip = self.path.suffix.lower() in _GZIP_SUFFIXES
        if is_gzip and not is_named_gzip:
            self._report.note("is gzip although not named .gz; read as gzip")
        if is_named_gzip and magic and not is_gzip:
            self._report.note("is not gzip although named .gz; read as it stands")
        stream: IO[bytes] = gzip.GzipFile(fileobj=raw, mode="rb") if is_gzip else raw  # type: ignore[assignment]  # reads like a file
        if is_gzip and _is_bgzf(magic) and not _has_bgzf_end(raw):
            self._report.stop(
                "truncated: the BGZF end marker is missing, so blocks may be lost at the end",
                todo=f"{_AGAIN}; if it is known to be whole, pack it anew with bgzip",
            )
            return
        try:
            blocks = (_ahead if is_gzip else _read_in)(stream, self._sizes())
            yield from blocks if self._taking is None else self._taking.passing(blocks)
        except EOFError:
            self._report.stop("truncated gzip: it ends in the middle of its data", todo=_AGAIN)
        except (gzip.BadGzipFile, zlib.error) as error:
            reason = "checksum" if "check" in str(error).lower() else str(error)
            self._report.stop(f"damaged gzip ({reason})", todo=_AGAIN)

    def _is_text(self, first: bytes) -> bool:
        for magic, name in _OTHER_FORMATS.items():
            if first.startswith(magic):
                self._report.stop(f"is {name}, not text", todo="unpack it first; gzip can stay")
                return False
        if first.startswith(_BINARY_VCF):
            self._report.stop(
                "is a BCF, not text", todo="convert it: bcftools view -Oz -o out.vcf.gz"
            )
            return False
        # Without a mark, ASCII in UTF-16 has every second byte zero, and only those.
        zeros = [byte == 0 for byte in first[:4]]
        if first[:2] in _UTF16_MARKS or zeros in ([True, False] * 2, [False, True] * 2):
            self._report.stop(
                "is UTF-16, not UTF-8",
                todo="convert it, for example: iconv -f UTF-16 -t UTF-8 old > new",
            )
            return False
        return True


def decoded(block: Block, report: FileReport) -> Iterator[Chunk]:
    """Yield the lines of a block as text; lines that no sound file has are faults.

    Args:
        block: The block.
        report: Where faults and notes go.
    """
    try:
        text = block.data.decode("utf-8")
        is_utf8 = True
    except UnicodeDecodeError:
        text = block.data.decode("utf-8", "surrogateescape")
        is_utf8 = False
    lines = text.split("\n")
    bad: set[int] = set()
    if "\r" in text:
        if any(line.endswith("\r") for line in lines):
            report.note("has CRLF line ends; the CR is taken off", key="crlf")
            lines = [line.removesuffix("\r") for line in lines]
        bad |= _lines_with("\r", "carriage return inside a line", lines, block.first, report)
    if "\0" in text:
        bad |= _lines_with("\0", "NUL byte", lines, block.first, report)
    start = 0
    for index in (*sorted(bad), len(lines)):
        if index > start:
            yield Chunk(block.first + start, lines[start:index], is_utf8)
        start = index + 1


def _lines_with(
    letter: str, name: str, lines: list[str], first: int, report: FileReport
) -> set[int]:
    """Positions of the lines that hold a letter which no sound line holds."""
    found = {index for index, line in enumerate(lines) if letter in line}
    for index in sorted(found):
        report.fault(
            name,
            line=first + index,
            noun="line",
            todo="the file is damaged, or not text throughout; make it anew",
        )
    return found


def _read_in(stream: IO[bytes], sizes: Iterator[int]) -> Iterator[bytes]:
    """Yield blocks of these sizes, at most."""
    while data := stream.read(next(sizes)):
        yield data


def _ahead(stream: IO[bytes], sizes: Iterator[int]) -> Iterator[bytes]:
    """Yield blocks, the next of which is unpacked meanwhile: zlib lets go of the interpreter.

    What is wrong with a block is raised when it is asked for.
    """
    with ThreadPoolExecutor(1, "unpacking") as thread:
        block = thread.submit(stream.read, next(sizes))
        while data := block.result():
            block = thread.submit(stream.read, next(sizes))
            yield data


def _is_bgzf(head: bytes) -> bool:
    # the flags are the header's fourth byte; slices, since a file may end in its header
    return head[_BGZF_FIELD] == b"BC" and bool(head[3] & _EXTRA_FLAG)


def _has_bgzf_end(raw: IO[bytes]) -> bool:
    """Whether a file of BGZF ends as it has to; it is at its beginning again afterwards."""
    size = raw.seek(0, os.SEEK_END)
    raw.seek(max(0, size - len(_BGZF_END)))
    end = raw.read()
    raw.seek(0)
    return end == _BGZF_END


class ChunkReader:
    """What readers of both kinds of file have in common: the open file and its report.

    Args:
        path: A regular file.
        report: Where faults and notes go; a new one when None.
        taking: As :class:`LineSource` has it.
    """

    def __init__(
        self, path: Path | str, report: FileReport | None, taking: Taking | None = None
    ) -> None:
        self.report = report or FileReport(Path(path))
        self._source: LineSource | None = LineSource(Path(path), self.report, taking)
        self._chunks = self._source.chunks()
        self._rest: Chunk | None = None

    @property
    def source(self) -> LineSource:
        """The open file."""
        assert self._source is not None, "a reader without a file"
        return self._source

    @property
    def has_lines(self) -> bool:
        """Whether lines behind the header are to be read."""
        return self._rest is not None

    def take_rest(self) -> Iterator[Chunk]:
        """Yield the lines behind the header that were read with it, once."""
        rest, self._rest = self._rest, None
        if rest is not None and rest.lines:
            yield rest
        yield from self.source.pieces()

    def without_file(self) -> Self:
        """The same reader of lines, for those of a process that has only these."""
        found = copy.copy(self)
        found.__dict__ |= {"_source": None, "_chunks": iter(()), "_rest": None}
        found.say_to(FileReport(self.report.file))
        return found

    def say_to(self, report: FileReport) -> None:
        """Have faults and notes go to another report."""
        self.report = report

    def close(self) -> None:
        """Close the file."""
        self._chunks.close()
        self.source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
