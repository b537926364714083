"""Reading a small text file that a person wrote, with every way it can go wrong named."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gridrun.errors import (
    AWAY,
    EnvironmentFault,
    Fault,
    GridrunError,
    InputError,
    counted,
    did_you_mean,
)

MOST_BYTES = 256 * 1024
"""Larger files are refused unread: upstream's grid has 600 bytes."""

_UTF16_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class TextFile:
    """Text of a file and what was noteworthy about its bytes."""

    text: str
    notes: tuple[Fault, ...]


def read_text_file(path: Path, suffixes: Sequence[str] = ()) -> TextFile:
    """Read a UTF-8 text file of modest size.

    Args:
        path: As the user named it.
        suffixes: Allowed endings, lower case with their dot; none: any.

    Raises:
        InputError: It is not there, not a regular file, not readable, too
            large, empty, of another ending or encoding.
    """
    info = look_at(path)
    if stat.S_ISDIR(info.st_mode):
        raise _error(path, "is a directory, not a file")
    if not stat.S_ISREG(info.st_mode):
        raise _error(path, "is not a regular file (a pipe, a socket or a device)")
    if suffixes and path.suffix.lower() not in suffixes:
        ending = f'the ending "{path.suffix}"' if path.suffix else "no ending"
        raise _error(
            path,
            f"has {ending}, which is not read here",
            f"endings that are: {', '.join(suffixes)}",
        )
    if info.st_size > MOST_BYTES:
        raise _error(
            path,
            f"is too large: {info.st_size:,} bytes, at most {MOST_BYTES:,} are read",
            "is it the right file?",
        )
    try:
        # one byte more than allowed, in case the file grows while we look at it
        with path.open("rb") as handle:
            data = handle.read(MOST_BYTES + 1)
    except OSError as error:
        raise os_error(path, error) from None
    return _decode(path, data)


def last_of(path: Path) -> str:
    """The end of a text that somebody printed, with a first line that says what is left out.

    Args:
        path: A file of any size, in whatever encoding.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as handle:
        left_out = max(0, handle.seek(0, os.SEEK_END) - MOST_SHOWN)
        handle.seek(left_out)
        text = handle.read(MOST_SHOWN).decode("utf-8", "replace")
    return f"[{counted(left_out, 'byte')} before this are in {path}]\n{text}" if left_out else text


def look_at(path: Path) -> os.stat_result:
    """``stat`` of what a path leads to.

    Raises:
        InputError: It leads nowhere, in circles, or may not be followed.
    """
    try:
        return path.stat()
    except (OSError, ValueError) as error:
        raise os_error(path, error) from None


_SAID = {
    errno.ELOOP: "is a symbolic link loop",
    errno.ENOTDIR: "does not exist: a part of this path is a file, not a directory",
}


def os_error(path: Path, error: OSError | ValueError) -> GridrunError:
    """What the operating system said about a path, in words that help."""
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.ENOENT:
        if path.is_symlink():
            return _error(path, f'is a symbolic link to "{path.readlink()}", which does not exist')
        return _error(path, "does not exist", _nearest(path))
    if code in (errno.EACCES, errno.EPERM):
        return _error(
            path,
            "may not be read: permission denied",
            "look at the permissions of the file and of the directories above it (ls -ld)",
        )
    said = (error.strerror if isinstance(error, OSError) else None) or str(error)
    if code in AWAY:
        return EnvironmentFault(
            f"cannot be read: {said}",
            where=str(path),
            todo="check the disk, or the server of the network's file system, then run the same "
            "command again",
        )
    return _error(path, _SAID.get(code or 0, f"cannot be read: {said}"))


def _error(
    path: Path, message: str, todo: str | None = None, line: int | None = None
) -> InputError:
    return InputError([Fault(path, message, line, todo or None)])


def _nearest(path: Path) -> str:
    """Advice for a path that is not there: the nearest name where it would be."""
    missing = path
    while not missing.parent.exists() and missing.parent != missing:
        missing = missing.parent
    try:
        names = sorted(entry.name for entry in missing.parent.iterdir())
    except OSError:
        return ""
    advice = did_you_mean(missing.name, names)
    if missing is path:
        return advice or f'there is no similar name in "{missing.parent.absolute()}"'
    return f'there is no directory "{missing}" {advice}'.rstrip()


def _decode(path: Path, data: bytes) -> TextFile:
    notes: tuple[Fault, ...] = ()
    if data.startswith(codecs.BOM_UTF8):
        data = data[len(codecs.BOM_UTF8) :]
        notes = (Fault(path, "starts with a byte-order mark, which is ignored", 1),)
    # text of the western half of Unicode shows as every other byte zero
    if data.startswith(_UTF16_32) or (len(data) > 1 and 0 in data[:2]):
        raise _error(path, "is UTF-16 or UTF-32 text, not UTF-8", "save it as UTF-8")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8 text: byte 0x{data[error.start]:02x}"
        raise _error(path, message, "save it as UTF-8", line) from None
    if not text.strip():
        raise _error(path, "is empty")
    return TextFile(text, notes)


MOST_SHOWN = 2 << 20
"""Bytes that are shown of what somebody printed: more than a kept log has of its own letters."""
