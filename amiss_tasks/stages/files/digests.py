"""Digests of inputs, by file: those that are known, and those that are taken while files are read.

A key that names an input by its content can so be made after the one pass over the file, and is of
the bytes that were read, whatever becomes of the file meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from amiss_tasks.stages.files.in_step import Shared
from gridrun.errors import Fault, InputError
from gridrun.plan.fingerprint import digest_of_input
from gridrun.store.patience import patiently


class Digests:
    """SHA-256 of the content of files, as ``digest_of_input`` gives it.

    Args:
        known: Path to digest, of files that were read before.
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = {Path(path): digest for path, digest in known.items()}

    def knows(self, path: Path | str) -> bool:
        """Whether a file need not be read for its digest."""
        return Path(path) in self._known

    def take(self, path: Path, digest: str) -> None:
        """Take in the digest of a file that was read.

        Raises:
            InputError: It is another one than was known: the file has changed.
        """
        if self._known.setdefault(path, digest) != digest:
            message = "changed while it was being read"
            todo = "run the same command again once the file is complete"
            raise InputError([Fault(path, message, todo=todo)])

    def of(self, path: Path | str) -> str:
        """The digest of a file, which is read where it was not."""
        path = Path(path)
        if path not in self._known:
            self._known[path] = patiently(lambda: digest_of_input(path))
        return self._known[path]


@dataclass(frozen=True)
class ReadKey:
    """What the result of reading is kept under, once the digests of its inputs are known.

    Args:
        digests: Those of the inputs.
        make: From the digests of inputs, by role, to the key.
    """

    digests: Digests
    make: Callable[[Mapping[str, str]], str]

    def known(self, inputs: Mapping[str, str]) -> str | None:
        """The key, or None where some file has to be read for it.

        Args:
            inputs: Role to path.
        """
        if not all(map(self.digests.knows, inputs.values())):
            return None
        return self.of(inputs)

    def of(self, inputs: Mapping[str, str]) -> str:
        """The key; files that were not read are now."""
        return self.make({role: self.digests.of(path) for role, path in inputs.items()})


class Taking:
    """Takes the digest of blocks of bytes on their way, in a thread: it lets go of the interpreter.

    ``digest`` is None until the last of them was taken.

    Args:
        shared: Who reads the file as well; None for nobody. The first of them takes the digest.
    """

    def __init__(self, shared: Shared | None = None) -> None:
        self.digest: str | None = None
        self._shared = shared

    def of(self, path: Path, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The blocks of a file, or those that somebody else has read."""
        return blocks if self._shared is None else self._shared.of(path, blocks)

    def passing(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the blocks; the digest of each is taken while the next is read."""
        found = hashlib.sha256()
        taken: Future[None] | None = None
        with ThreadPoolExecutor(1, "digest") as thread:
            for block in blocks:
                if taken is not None:
                    taken.result()
                taken = thread.submit(found.update, block)
                yield block
        self.digest = found.hexdigest()
