"""Digests of inputs that were taken before: which file, as it was, had which content.

A file counts as unchanged while its place, size, number and both of its times are. It is then
not read again for its digest, by no command. Of one that is new by these its beginning is read:
where no file that was known begins like it, it is another one, and not read for a digest either.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO

from gridrun.errors import Fault, InputError
from gridrun.plan.fingerprint import digest_of_beginning, digest_of_input
from gridrun.store.beginnings import input_stamp, open_input
from gridrun.store.cache import with_replacement
from gridrun.store.faults import disk_fault
from gridrun.store.paths import StudyPaths
from gridrun.store.patience import patiently

_MOST_KEPT = 200
"""Stamps and beginnings that are kept; a file that is written again and again has many."""

_BEGINNING = "beginning of "
"""Stands before the digest of a content that has one of its beginning; stamps begin with a /."""

_BEGINNING_BYTES = 1 << 20
"""Content by which files are known to differ: a header with its date, and some hundred rows."""

_TIMES_AND_NUMBER = 3
"""Parts of a stamp behind the size."""


def known_digests(paths: StudyPaths) -> dict[str, str]:
    """What ``InputDigests.kept`` gave earlier commands."""
    try:
        found = json.loads(paths.input_digests.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    is_sound = isinstance(found, dict) and all(isinstance(each, str) for each in found.values())
    return found if is_sound else {}


def keep_digests(paths: StudyPaths, digests: Mapping[str, str]) -> None:
    """Keep digests for other commands, where a study has a place for what it keeps.

    Where it has none nothing is made, and what cannot be written is taken again when it is needed.

    Args:
        paths: Of the study.
        digests: What ``InputDigests.kept`` gives.
    """
    known = known_digests(paths)
    if not paths.state.is_dir() or digests.items() <= known.items():
        return
    kept = {**{stamp: known[stamp] for stamp in known.keys() - digests.keys()}, **digests}
    text = json.dumps(dict(list(kept.items())[-_MOST_KEPT:]), indent=1)
    with contextlib.suppress(OSError):
        with_replacement(paths.input_digests, lambda aside: aside.write_text(text, "utf-8"))


class InputDigests:
    """Digests of a study's inputs; a file is read for one only where it is asked for.

    Args:
        inputs: Role to file.
        known: What earlier commands kept.
        by_role: Role to the digest that counts where there is no file.
    """

    def __init__(
        self, inputs: Mapping[str, Path], known: Mapping[str, str], by_role: Mapping[str, str]
    ) -> None:
        self._inputs = inputs
        self._stamps: dict[str, str] = {}
        self._beginnings = {
            name.removeprefix(_BEGINNING): digest
            for name, digest in known.items()
            if name.startswith(_BEGINNING)
        }
        stamps = {name: of for name, of in known.items() if not name.startswith(_BEGINNING)}
        self._sizes = {_size(stamp) for stamp in stamps}
        self._contents = {*stamps.values()}
        self._begun: dict[str, str | None] = {}
        self._faults: list[Fault] = []
        self.known: dict[str, str] = {}
        """Role to digest, as far as they are known."""
        for role, path in inputs.items():
            try:
                stamp = self._stamps[role] = patiently(partial(input_stamp, path))
            except OSError as error:
                is_known = isinstance(error, FileNotFoundError) and role in by_role
                if is_known:
                    self.known[role] = by_role[role]
                else:
                    self._faults.append(_unreadable(role, path, error))
            else:
                if stamp in known:
                    self.known[role] = known[stamp]

    @property
    def unread(self) -> list[str]:
        """Roles of the files that have to be read for their digests."""
        return [role for role in self._stamps if role not in self.known]

    def all(self) -> dict[str, str]:
        """Role to digest; files with one that is not known are read.

        Raises:
            InputError: Files may not be read, or are not there and not known.
        """
        self._take(self.unread)
        return {role: self.known[role] for role in self._inputs}

    def alike(
        self, recorded: Mapping[str, Collection[str]], *, of_known_size: bool = False
    ) -> dict[str, str]:
        """The same without files that no result can be of: whoever reads these takes theirs.

        One that begins like a file that is known may be that one, touched, copied or packed anew.
        It is read for its digest alone, which is a tenth of the work.

        Args:
            recorded: Role to digests that results are of.
            of_known_size: Leave out those as well whose size is new: they are read anyway.

        Raises:
            InputError: As for ``all``.
        """
        self._take(
            [
                role
                for role in self.unread
                if self._may_be_known(role, recorded.get(role, ()))
                and not (of_known_size and _size(self._stamps[role]) not in self._sizes)
            ]
        )
        return {role: self.known[role] for role in self._inputs if role in self.known}

    def _may_be_known(self, role: str, recorded: Collection[str]) -> bool:
        """Whether a file may have a content that was known, as far as its beginning says."""
        begins = self._beginning(role)
        known = {self._beginnings.get(digest) for digest in (*self._contents, *recorded)}
        return begins is None or None in known or begins in known

    def _beginning(self, role: str) -> str | None:
        """Digest of the beginning of a file; None where it cannot be read, which others say."""
        if role not in self._begun:
            path, found = self._inputs[role], None
            with contextlib.suppress(OSError):
                if path.is_file():
                    with open_input(path, holding=_BEGINNING_BYTES) as raw:
                        found = digest_of_beginning(raw, _BEGINNING_BYTES)
            self._begun[role] = found
        return self._begun[role]

    def _take(self, roles: Sequence[str]) -> None:
        faults = [*self._faults]
        for role in roles:
            path = self._inputs[role]
            try:
                self._beginning(role)
                self.known[role] = patiently(partial(digest_of_input, path, _opened))
            except OSError as error:
                faults.append(_unreadable(role, path, error))
        if faults:
            raise InputError(faults)

    def learn(self, digests: Mapping[str, str]) -> None:
        """Take in digests that somebody else took of the files as they are.

        Args:
            digests: By role.
        """
        self.known |= {role: digests[role] for role in self._stamps if role in digests}

    def refuse_changed(self) -> None:
        """Stop where a file is another one than when it was first looked at.

        Raises:
            InputError: With all of these.
        """
        changed = [
            Fault(
                self._inputs[role],
                "changed while it was being read",
                todo="run the same command again once the file is complete",
            )
            for role, stamp in self._stamps.items()
            if stamp != input_stamp(self._inputs[role])
        ]
        if changed:
            raise InputError(changed)

    def kept(self) -> dict[str, str]:
        """Stamp of a file to the digest of its content, and of that its beginning; if known."""
        here = [role for role in self._stamps if role in self.known]
        begun = {
            role: self._beginnings.get(self.known[role]) or self._beginning(role) for role in here
        }
        return {
            **{
                f"{_BEGINNING}{self.known[role]}": of
                for role, of in begun.items()
                if of is not None
            },
            **{self._stamps[role]: self.known[role] for role in here},
        }


def _opened(path: Path) -> IO[bytes]:
    """What is held stays so: this reads a file whose rows somebody may read next."""
    return open_input(path, holding=_BEGINNING_BYTES)


def _size(stamp: str) -> str:
    """Of the file, as its stamp has it; its place may have blanks."""
    return "".join(stamp.rsplit(" ", _TIMES_AND_NUMBER + 1)[1:2])


def _unreadable(role: str, path: Path, error: OSError) -> Fault:
    if (fault := disk_fault(error, path)) is not None:
        raise fault from error
    reason = "does not exist" if isinstance(error, FileNotFoundError) else error.strerror
    return Fault(
        path,
        f"{reason}; without it gridrun cannot match results to this input",
        todo=f"inputs.{role} in the study names it; name the right file, wherever it is now. "
        "The tables in results/ are left as they are",
    )
