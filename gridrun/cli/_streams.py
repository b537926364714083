"""Standard output and error as commands use them: a reader who leaves ends nothing.

All that commands say passes here, so here, too, nothing stays in it that a terminal would obey:
names, values and messages may be anybody's.

``gridrun local ... | head`` must not stop a run, nor turn its exit code into
one that means something else, and no more must a terminal that is closed while its
processes go on (``disown``, ``trap '' HUP``). So what nobody reads any more is dropped, and a
stream that takes nothing for another reason (a full disk) is named.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from gridrun.errors import EnvironmentFault, printable


class Listener:
    """A text stream that swallows what its reader no longer wants.

    Args:
        stream: The stream, or None when the process was started without it.
        name: For the message when it cannot be written; None for the stream
            that messages go to, whose failure cannot be reported.
    """

    def __init__(self, stream: TextIO | None, name: str | None) -> None:
        self._stream = stream
        self._name = name
        self.is_plain = False
        """Whether what a terminal would obey is written out."""

    def write(self, text: str) -> int:
        """Write, or drop what nobody reads.

        Raises:
            EnvironmentFault: It cannot be written for another reason.
        """
        self._do("write", printable(text) if self.is_plain else text)
        return len(text)

    @property
    def styled(self) -> Styled:
        """The same stream for who has colours of its own, and no others in its text."""
        return Styled(self)

    def flush(self) -> None:
        """Flush, likewise."""
        self._do("flush")

    def isatty(self) -> bool:
        """Whether a terminal reads."""
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _do(self, name: str, *arguments: str) -> None:
        if self._stream is None:
            return
        try:
            getattr(self._stream, name)(*arguments)
        except BrokenPipeError:
            self._leave()
        except OSError as error:
            was_closed = error.errno == errno.EIO and self._is_device()
            self._leave()
            if self._name is None or was_closed:
                return
            raise EnvironmentFault(
                f"{error.strerror or error}",
                where=self._name,
                todo="the output is incomplete; free some space or print elsewhere. Files that "
                "were written stay",
            ) from error

    def _is_device(self) -> bool:
        """Whether it is a terminal, which says so no more once it was closed, or another device."""
        assert self._stream is not None
        return stat.S_ISCHR(os.fstat(self._stream.fileno()).st_mode)

    def _leave(self) -> None:
        """Send the rest nowhere, that too which Python flushes when it ends."""
        assert self._stream is not None
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


class Styled:
    """A listener's stream with whatever is written; see :attr:`Listener.styled`."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def write(self, text: str) -> int:
        """Write, or drop what nobody reads."""
        self._listener._do("write", text)  # noqa: SLF001  # of the same module
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)


@contextlib.contextmanager
def plain_output() -> Iterator[None]:
    """While a command runs: help and its colours are written before."""
    listeners = [each for each in (sys.stdout, sys.stderr) if isinstance(each, Listener)]
    for each in listeners:
        each.is_plain = True
    try:
        yield
    finally:
        for each in listeners:
            each.is_plain = False


def listen() -> None:
    """Put listeners in the place of standard output and error."""
    sys.stdout = Listener(sys.stdout, "standard output")
    sys.stderr = Listener(sys.stderr, None)
