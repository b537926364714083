"""Collects what is wrong with, or noteworthy about, one input file.

The same fault on a thousand lines is one fault with a count, so that every
kind of fault of a file can be listed in one run and memory stays bounded.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypedDict, Unpack

from amiss_tasks.stages.transcripts import VersionNote
from gridrun.errors import Fault, InputError, counted

LINES_NAMED = 5
"""Line numbers that a fault names before it counts the rest."""

MOST_FAULTS = 40
"""Faults and notes that one error lists before it counts the rest."""


MOST_SHOWN = 40
"""Letters of a text from a file that a message shows."""


def shown(text: str) -> str:
    """A text from a file, cut to what a message can hold."""
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


class Details(TypedDict, total=False):
    """What may be said of a fault or a note beside its message.

    Args:
        line: Line of the unpacked file, counted from 1.
        key: What makes two of them the same kind; the message when None.
        noun: What is counted (``record``); nothing is counted when empty.
        tail: Text after the counted noun.
        todo: What to do about it.
    """

    line: int | None
    key: Hashable
    noun: str
    tail: str
    todo: str | None


@dataclass
class _Entry:
    """One kind of fault and where it was met."""

    message: str
    todo: str | None = None
    noun: str = ""
    tail: str = ""
    count: int = 0
    lines: list[int] = field(default_factory=list)
    sums: tuple[int, ...] = ()
    names: dict[str, None] = field(default_factory=dict)

    def met(self, line: int | None) -> None:
        """Take in a line where it was met; the first of the file are kept, in whatever order."""
        if line is not None and line not in self.lines:
            insort(self.lines, line)
            # One line more than is named, to know that there are more.
            del self.lines[LINES_NAMED + 1 :]

    def add(self, later: _Entry) -> None:
        """Take in where else it was met; what is said of the first line is kept."""
        if later.lines and self.lines and later.lines[0] < self.lines[0]:
            self.message, self.todo = later.message, later.todo
        self.count += later.count
        for line in later.lines:
            self.met(line)

    def fault(self, file: Path) -> Fault:
        """The fault as people read it, with count and lines."""
        parts = []
        if self.noun:
            plural = "" if self.count == 1 else "s"
            parts.append(f"{self.count} {self.noun}{plural}{self.tail}")
        if len(self.lines) == 1:
            parts.append(f"line {self.lines[0]}")
        elif self.lines:
            parts.append(f"first on line {self.lines[0]}")
            parts.append("then " + ", ".join(str(line) for line in self.lines[1:LINES_NAMED]))
            if len(self.lines) > LINES_NAMED:
                more = max(self.count, len(self.lines)) - LINES_NAMED
                parts[-1] += f" and {more} more"
        detail = f" ({', '.join(parts)})" if parts else ""
        return Fault(
            file, f"{self.message}{detail}", self.lines[0] if self.lines else None, self.todo
        )


class FileReport:
    """Faults and notes of one file.

    Args:
        file: The file as the user named it.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.broken = False
        """The file could not be read to its end; nothing can be said about what is absent."""
        self._faults: dict[Hashable, _Entry] = {}
        self._notes: dict[Hashable, _Entry] = {}

    def fault(self, message: str, **details: Unpack[Details]) -> None:
        """Note something that stops the run.

        Args:
            message: What is wrong; of several with one key that of the first line is kept.
            details: See :class:`Details`.
        """
        _add(self._faults, message, **details)

    def note(self, message: str, **details: Unpack[Details]) -> None:
        """Note something worth saying that does not stop the run; see ``fault``."""
        _add(self._notes, message, **details)

    def sum_up(
        self,
        key: Hashable,
        say: Callable[[tuple[int, ...], list[str]], str],
        counts: Sequence[int],
        names: Iterable[str] = (),
        *,
        line: int | None = None,
        todo: str | None = None,
    ) -> None:
        """Note something whose numbers are sums over the pieces in which files are joined.

        Args:
            key: What is said of the other pieces has the same.
            say: From the sums and all names to the message; an empty one is not said.
            counts: Numbers of this piece.
            names: Names of this piece.
            line: See :class:`Details`.
            todo: See :class:`Details`.
        """
        lines = [] if line is None else [line]
        entry = self._notes.setdefault(key, _Entry("", todo, lines=lines))
        entry.sums = tuple(map(sum, zip(entry.sums or (0,) * len(counts), counts, strict=True)))
        entry.names.update(dict.fromkeys(names))
        entry.message = say(entry.sums, list(entry.names))
        entry.count += bool(entry.message)

    def stop(self, message: str, **details: Unpack[Details]) -> None:
        """Note a fault after which the rest of the file cannot be read."""
        self.broken = True
        self.fault(message, **details)

    def add(self, later: FileReport) -> None:
        """Take in what another report says of later lines of the file."""
        self.broken |= later.broken
        for mine, theirs in ((self._faults, later._faults), (self._notes, later._notes)):
            for key, entry in theirs.items():
                if key in mine:
                    mine[key].add(entry)
                else:
                    mine[key] = entry

    @property
    def said(self) -> int:
        """How often something was said of the file."""
        entries = (*self._faults.values(), *self._notes.values())
        return sum(entry.count for entry in entries)

    @property
    def faults(self) -> list[Fault]:
        """What stops the run, in the order it was met."""
        return [entry.fault(self.file) for entry in self._faults.values()]

    @property
    def notes(self) -> list[Fault]:
        """What is worth saying, in the order it was met."""
        return [entry.fault(self.file) for entry in self._notes.values() if entry.message]


def _add(
    entries: dict[Hashable, _Entry],
    message: str,
    *,
    line: int | None = None,
    key: Hashable = None,
    **said: Any,
) -> None:
    lines = [] if line is None else [line]
    entry = _Entry(message, count=1, lines=lines, **said)
    before = entries.setdefault(message if key is None else key, entry)
    if before is not entry:
        before.add(entry)


def raise_faults(reports: Sequence[FileReport]) -> None:
    """Raise all faults of all files as one error.

    Notes of a file that has faults are listed too, marked as such: who mends
    the file wants to know everything about it.

    Raises:
        InputError: There is at least one fault.
    """
    listed: list[Fault] = []
    for report in reports:
        faults = report.faults
        if faults:
            listed += faults
            listed += [
                replace(note, message=f"note: {note.message}", todo=None) for note in report.notes
            ]
    if not listed:
        return
    if len(listed) > MOST_FAULTS:
        left = len(listed) - MOST_FAULTS
        rest = Fault(
            listed[MOST_FAULTS].file, f"and {counted(left, 'more fault')}, not listed here"
        )
        listed = [*listed[:MOST_FAULTS], rest]
    raise InputError(listed)


def refuse_two_versions(names: tuple[str, str], lines: tuple[int, int], report: FileReport) -> None:
    """Say that a file has two versions of a transcript for one variant.

    Args:
        names: Both identifiers.
        lines: Their lines, which may be one.
        report: The file's report.
    """
    where = (
        f"line {lines[0]} has" if len(set(lines)) == 1 else f"lines {lines[0]} and {lines[1]} have"
    )
    report.fault(
        f"{where} two versions of one transcript for one variant, {names[0]} and {names[1]}, and "
        "the other side has neither",
        key="two versions",
        line=lines[1],
        noun="row",
        todo="keep one of the two, or write the version that the other side has",
    )


def note_versions(notes: Sequence[VersionNote], report: FileReport) -> None:
    """Say how many rows were matched without the versions of their transcripts."""
    for note in notes:
        report.sum_up(note.said, partial(_of_versions, note.said), (note.rows,), [note.example])


def _of_versions(said: str, sums: tuple[int, ...], examples: list[str]) -> str:
    return f"{said}: matched without them ({counted(sums[0], 'row')}, for example {min(examples)})"
