"""What can go wrong, and the words of messages.

Every error that a user can cause or cure is a :class:`GridrunError`; the
command line prints its text and exits with its ``exit_code``, without a
traceback. Anything else that escapes is a defect of gridrun.
"""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


def printable(text: str) -> str:
    """A text as a terminal may show it and any file hold it: what is unprintable is escaped.

    Messages hold text of damaged files: a terminal must not obey it, and bytes of no encoding
    cannot be written.
    """
    if text.isprintable():
        return text
    odd = [letter for letter in set(text) - {"\n", "\t"} if not letter.isprintable()]
    return text.translate({ord(letter): f"\\u{ord(letter):04x}" for letter in odd})


def in_line(text: str) -> str:
    """The same for a text that is one line, a name for example: no line of it stands by itself."""
    return printable(text).replace("\n", "\\u000a")


_LINE = re.compile(r"\n(?=\S)")


class GridrunError(Exception):
    """Root of the errors that gridrun explains.

    Args:
        what: One sentence: what happened.
        where: File, line, key or task it happened at, if there is one.
        todo: What to do next, if there is something to do.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, todo: str | None = None) -> None:
        # a line that a message quotes must not pass for one of gridrun's own
        self.what = _LINE.sub("\n    ", printable(what))
        self.where = where and in_line(where)
        self.todo = todo and printable(todo)
        super().__init__(self.text())

    def text(self) -> str:
        """The message as printed: place and event on one line, the advice below."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  {self.todo}" if self.todo else head


class UserError(GridrunError):
    """The command, the study or an input file has to be changed (exit code 2)."""

    exit_code = 2


class EnvironmentFault(GridrunError):
    """Something on the machine is missing or broken (exit code 3)."""

    exit_code = 3


AWAY = (errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN)
"""Numbers of the system's errors that say of a disk, or a network's, that it does not answer."""

WARNING = "warning: "
"""How the message of a note begins without which no number of the tables should be read."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with, or noteworthy about, one input file.

    Args:
        file: The file as the user named it.
        message: What is wrong, with the offending text in it.
        line: Line number in the (unpacked) file, counted from 1.
        todo: What to do about it.
    """

    file: Path
    message: str
    line: int | None = None
    todo: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", in_line(self.message))
        object.__setattr__(self, "todo", self.todo and printable(self.todo))

    def text(self) -> str:
        """``file:line: message`` with the advice on a line of its own."""
        place = f"{self.file}:{self.line}" if self.line is not None else f"{self.file}"
        head = f"{in_line(place)}: {self.message}"
        return f"{head}\n  {self.todo}" if self.todo else head


class InputError(UserError):
    """Faults in input files; all that were found in one run are listed.

    Args:
        faults: At least one fault.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        if not faults:
            msg = "an InputError has at least one fault"
            raise ValueError(msg)
        self.faults = tuple(faults)
        super().__init__("")
        self.what = "\n".join(fault.text() for fault in self.faults)
        self.args = (self.what,)


def counted(count: int, noun: str) -> str:
    """A count with its noun: ``1 fold``, ``2 folds``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def in_bytes(size: int) -> str:
    """A size in the largest unit up to GB of which it has one: ``12.5 MB``, ``3 kB``."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:,.1f}".removesuffix(".0") + f" {name}"
    return counted(size, "byte")


def time_left(seconds: float, share: float) -> str:
    """How long the rest may take: ``about 2 min left``.

    Args:
        seconds: What was done has taken so long.
        share: Share of the whole that was done, more than 0.
    """
    left = seconds * (1 - share) / share
    unit, number = ("min", left / 60) if left >= 60 else ("s", left)  # noqa: PLR2004  # a minute
    return f"about {number:.0f} {unit} left"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``did you mean "x"?`` for the nearest known name, or an empty string."""
    names = list(known)
    folded = {candidate.casefold(): candidate for candidate in names}
    key = name.strip().casefold()
    if key in folded:
        return f'did you mean "{folded[key]}"?'
    close = difflib.get_close_matches(key, list(folded), n=1, cutoff=0.5)
    if not close:
        close = [candidate for candidate in folded if candidate.startswith(key) and key][:1]
    return f'did you mean "{folded[close[0]]}"?' if close else ""
