"""Damages to files: bytes, lines, columns, lists, words, encodings and packing, all seeded."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random

Change = Callable[[Random, bytes], bytes]

BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")

ODD_BYTES = (
    *(b"\0", b"\r", b"\n", b"\t", b"\r\n", b" ", b'"', b"'", b"#", b"\\", b"\xff", b"\xe9"),
    *(b"\xc3\xa9", b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"\xc2\x85", b"\xe2\x80\xa8"),
    *(b"\x1b[31m", b"\x0b", b"\x0c", b"\x1c", b"\x7f", b"\xf0\x9f\xa7\xac", b"\x1a", b"%s", b"%0A"),
)
ODD_CELLS = (
    *("", ".", "NA", "nan", "NaN", "inf", "-Infinity", "1e400", "1e-400", "0x1A", "1,5", "1_000"),
    *("\uff11", "+1", " 1", "1 ", "1.", ".5", "-0", "1e5", "0.1234567890123456789", "00012", "-"),
    *("TRUE", "T", "*", "<DEL>", "A,C", "a", "chr1", "1" * 400, "\u00e9", "\x1b[2J", '"', "'x"),
    *(".&.", "&", "1&2", ".,.", "|", ";", "=", "9" * 20, "2147483648", "NULL", "None", "\u2028"),
)
ODD_WORDS = (
    *ODD_CELLS,
    *("null", "~", "true", "yes", "off", "[]", "{}", "[1, [2]]", "{a: 1}", "*a", "&a x", "<<"),
    *("!!python/object:os.system x", "!!int 1", "!x", '"\\ud800"', '"\\udcff"', '"\\UFFFFFFFF"'),
    *('"\\x"', '"\\0"', '"a', "'", "|", ">", "---", "...", "%YAML 1.1", "%TAG ! x", "? a", ": b"),
    *("- x", "#", "@x", "`x", "1e999", "-1", "0", "0o17", ".inf", ".nan", "1.0", "2001-01-01"),
    *("~nobody/x", "~\\0", "all", "[" * 40, "[" * 3000, "{a: " * 40, "x" * 5000, "\t", "\x7f"),
)
"""What may stand for a cell, and for a word of YAML or JSON."""


def _place(random: Random, data: bytes) -> int:
    return random.randrange(len(data) + 1)


def _span(random: Random, data: bytes) -> tuple[int, int]:
    first = _place(random, data)
    return first, min(len(data), first + random.choice((1, 1, 2, 5, 20, 100)))


def flip(random: Random, data: bytes) -> bytes:
    """Other bits in one byte."""
    at = _place(random, data)
    return (
        data[:at]
        + bytes(byte ^ random.randrange(1, 256) for byte in data[at : at + 1])
        + data[at + 1 :]
    )


def cut(random: Random, data: bytes) -> bytes:
    """Nothing after some place, near the end as often as anywhere."""
    near = random.random() < 0.5
    return data[: max(0, len(data) - random.randrange(1, 40)) if near else _place(random, data)]


def insert(random: Random, data: bytes) -> bytes:
    """Something odd at some place."""
    at = _place(random, data)
    return data[:at] + random.choice(ODD_BYTES) + data[at:]


def leave_out(random: Random, data: bytes) -> bytes:
    """Without some bytes."""
    first, last = _span(random, data)
    return data[:first] + data[last:]


def double(random: Random, data: bytes) -> bytes:
    """Some bytes twice."""
    first, last = _span(random, data)
    return data[:last] + data[first:]


BYTES: Sequence[Change] = (flip, cut, insert, leave_out, double)


def edit_parts(random: Random, parts: list[bytes], odd: Sequence[str] = ODD_CELLS) -> list[bytes]:
    """One part dropped, doubled, emptied, put elsewhere, swapped or replaced by something odd."""
    parts = list(parts)
    at, other = random.randrange(len(parts)), random.randrange(len(parts))
    match random.randrange(7):
        case 0:
            del parts[at]
        case 1:
            parts.insert(other, parts[at])
        case 2:
            parts[at] = b""
        case 3:
            parts.insert(other, parts.pop(at))
        case 4:
            parts[at], parts[other] = parts[other], parts[at]
        case 5:
            parts.append(random.choice(odd).encode())
        case _:
            parts[at] = random.choice(odd).encode()
    return parts


def edit_lines(random: Random, data: bytes) -> bytes:
    """Lines dropped, doubled, emptied, moved, swapped, replaced."""
    return b"\n".join(edit_parts(random, data.split(b"\n")))


def _in_lines(change: Callable[[Random, bytes], bytes]) -> Change:
    """The change in one line that is no comment, now and then in any or in all of them."""

    def changed(random: Random, data: bytes) -> bytes:
        lines = data.split(b"\n")
        rows = [at for at, line in enumerate(lines) if line and not line.startswith(b"##")]
        kind = random.random()
        chosen = rows if kind < 0.1 else [random.choice(rows)] if rows and kind < 0.9 else []
        state = random.getrandbits(32)
        for at in chosen or [random.randrange(len(lines))]:
            lines[at] = change(Random(state), lines[at])
        return b"\n".join(lines)

    return changed


def _edit_columns(random: Random, line: bytes) -> bytes:
    return b"\t".join(edit_parts(random, line.split(b"\t")))


def _edit_list(random: Random, line: bytes) -> bytes:
    """A list within a list: ``;`` of INFO, ``,`` of blocks, ``|`` of fields, ``&`` of values."""
    separators = [sep for sep in (b";", b"=", b",", b"|", b"|", b"&") if sep in line]
    if not separators:
        return line
    sep = random.choice(separators)
    if random.random() < 0.1:
        return line.replace(sep, random.choice((b";", b",", b"|", b"&", b"/", b" ")), 1)
    outer = {b"&": b"|", b"|": b",", b",": b"\t", b";": b"\t", b"=": b";"}[sep]
    pieces = line.split(outer)
    held = [at for at, piece in enumerate(pieces) if sep in piece]
    if not held:
        return line
    at = random.choice(held)
    pieces[at] = sep.join(edit_parts(random, pieces[at].split(sep)))
    return outer.join(pieces)


def _longer(random: Random, line: bytes) -> bytes:
    cells = line.split(b"\t")
    at = random.randrange(len(cells))
    cells[at] *= random.choice((10, 1000))
    return b"\t".join(cells)[:200_000]


def _spaces(random: Random, line: bytes) -> bytes:
    return line.replace(b"\t", b" ", random.choice((1, -1)))


edit_columns, edit_lists, longer = map(_in_lines, (_edit_columns, _edit_list, _longer))
TABLE: Sequence[Change] = (
    *(edit_columns, edit_columns, edit_lists, edit_lists, edit_lines, longer, _in_lines(_spaces)),
)
"""Changes of a table, each for one line or for all."""


def edit_words(random: Random, data: bytes) -> bytes:
    """A word of YAML or JSON: dropped, doubled, replaced by another of the file or an odd one."""
    text = data.decode("utf-8", "surrogateescape")
    words = text.replace("\n", " \n ").split(" ")
    plain = [at for at, word in enumerate(words) if word.strip()]
    if not plain:
        return data
    at, other = random.choice(plain), random.choice(plain)
    match random.randrange(5):
        case 0:
            del words[at]
        case 1:
            words.insert(other, words[at])
        case 2:
            words[at] = words[other]
        case 3:
            end = words[at][-1] if words[at][-1] in ",:]}" else ""
            words[at] = random.choice(ODD_WORDS) + end
        case _:
            words[at] = random.choice(ODD_WORDS)
    return " ".join(words).replace(" \n ", "\n").encode("utf-8", "surrogateescape")


def indent(random: Random, data: bytes) -> bytes:
    """A line further in or out."""
    lines = data.split(b"\n")
    at = random.randrange(len(lines))
    more = random.choice((b" ", b"  ", b"\t", b"- "))
    lines[at] = more + lines[at] if random.random() < 0.5 else lines[at].lstrip()
    return b"\n".join(lines)


WORDS: Sequence[Change] = (edit_words, edit_words, edit_words, edit_lines, indent)
"""Changes of a file of YAML or JSON."""


def _coded(name: str, mark: bytes = b"") -> Change:
    def changed(random: Random, data: bytes) -> bytes:
        text = data.decode("utf-8", "replace")
        if random.random() < 0.5:
            at = random.randrange(len(text) + 1)
            text = f"{text[:at]}\u00e9{text[at:]}"
        return mark + text.encode(name, "replace")

    return changed


def _replaced(old: bytes, new: bytes) -> Change:
    return lambda random, data: data.replace(old, new, random.choice((-1, -1, 1)))


ENCODINGS: Sequence[Change] = (
    *(_coded(name) for name in ("latin-1", "cp1252", "utf-8-sig", "utf-16", "utf-16-le")),
    *(_coded("utf-16-be"), _coded("utf-32"), _coded("utf-8", b"\xef\xbb\xbf\xef\xbb\xbf")),
    *(_replaced(b"\n", end) for end in (b"\r\n", b"\r", b"\n\r", b"\n\n", b"\0\n")),
    lambda _, data: data.rstrip(b"\n"),
    lambda random, _: random.choice((b"", b"\n", b"\r", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"#")),
)
"""Other encodings, marks and line ends; files of next to nothing."""


def bgzf(data: bytes, size: int = 2000) -> bytes:
    """Data as BGZF in blocks of so many bytes. Source: SAM specification, section 4.1."""
    blocks = []
    for first in range(0, len(data), size):
        part = data[first : first + size]
        deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed = deflate.compress(part) + deflate.flush()
        head = BGZF_END[:16] + struct.pack("<H", len(packed) + 25)
        blocks.append(head + packed + struct.pack("<II", zlib.crc32(part), len(part)))
    return b"".join(blocks) + BGZF_END


def pack(random: Random, data: bytes) -> tuple[bytes, str]:
    """Packed as gzip, in one member or several, or as BGZF, whole or damaged, and its ending."""
    half = random.randrange(len(data) + 1)
    packed = random.choice(
        (
            lambda: gzip.compress(data, 1, mtime=0),
            lambda: gzip.compress(data[:half], 1, mtime=0) + gzip.compress(data[half:], 1, mtime=0),
            lambda: bgzf(data),
            lambda: bgzf(data[:half])[: -len(BGZF_END)] + bgzf(data[half:]),
        )
    )()
    if random.random() < 0.6:
        packed = random.choice(BYTES)(random, packed)
    return packed, random.choice((".gz", ".gz", ".bgz", ""))
