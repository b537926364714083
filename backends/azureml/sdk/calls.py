"""Calls to Azure under our own deadlines: each ends, and what takes long is said."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from backends.azureml.sdk._helper import read_frame, write_frame
from backends.azureml.sdk.types import AzureTrouble, Place, Trouble, WorkspaceFacts

SECONDS = {
    "sign_in": 180.0,
    "cluster": 900.0,
    "submit": 900.0,
    "fetch": 300.0,
    "children": 180.0,
}
"""Deadline of each call; the first one in a process also imports the SDK."""

_OTHER_SECONDS = 90.0
_PATIENCE_SECONDS = 5.0
"""A call that takes longer is mentioned."""

_LOOK_SECONDS = 0.2
_TRIES = 6
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0

_WORDS = {
    "sign_in": "signing in",
    "cluster": "looking at the compute cluster",
    "submit": "submitting",
    "find": "asking for a sweep",
    "children": "listing children",
    "fetch": "fetching outcomes",
    "text": "fetching a log",
    "cancel": "cancelling",
    "upload": "uploading",
}


class Detached(Exception):
    """A stop was asked for while a call was waiting."""


class Calls:
    """Makes calls in a helper process, which is replaced when it does not answer.

    Args:
        place: Workspace, and how to sign in.
        say: Told what takes long, and what is tried again.
    """

    def __init__(self, place: Place, say: Callable[[str], None]) -> None:
        self._place = place
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: BinaryIO | None = None
        self._answers: BinaryIO | None = None
        self._signed_in: WorkspaceFacts | None = None
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Make calls that wait end with ``Detached``; only sets a flag."""
        self._stopping.set()

    def start(self) -> None:
        """Start the helper, which takes seconds, without waiting for it."""
        if self._process is None:
            self._launch()

    def sign_in(self) -> WorkspaceFacts:
        """Sign in, unless that was done."""
        if self._signed_in is None:
            self._signed_in = self._patiently("sign_in", (self._place,), {})
        return self._signed_in

    def call(self, name: str, *positional: Any, **named: Any) -> Any:
        """Call a method of the adapter; trouble that passes is waited out, within bounds.

        Raises:
            AzureTrouble: It failed, or kept failing.
            Detached: A stop was asked for.
        """
        self.sign_in()
        try:
            return self._patiently(name, positional, named)
        except AzureTrouble as trouble:
            if trouble.kind is not Trouble.SIGN_IN:
                raise
        # a token that has expired is not renewed by the SDK: a new process signs in anew
        self.close()
        self.sign_in()
        return self._patiently(name, positional, named)

    def once(self, name: str, *positional: Any, **named: Any) -> Any:
        """Call a method of the adapter a single time.

        Raises:
            AzureTrouble: It failed, or took too long.
            Detached: A stop was asked for.
        """
        self.sign_in()
        return self._try(name, positional, named)

    def close(self) -> None:
        """End the helper, whatever it is doing; may be called twice."""
        process, self._process = self._process, None
        self._signed_in = None
        for stream in (self._requests, self._answers):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._requests = self._answers = None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            Detached: A stop was asked for meanwhile.
        """
        deadline = time.monotonic() + seconds
        while not self._stopping.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._stopping.wait(min(left, _LOOK_SECONDS))
        raise Detached

    def _patiently(self, name: str, positional: tuple[Any, ...], named: dict[str, Any]) -> Any:
        pause = _FIRST_PAUSE_SECONDS
        for number in range(1, _TRIES + 1):
            try:
                return self._try(name, positional, named)
            except AzureTrouble as trouble:
                if not trouble.kind.passes or number == _TRIES:
                    raise
                wait = min(pause, _LONGEST_PAUSE_SECONDS) * random.uniform(0.75, 1.25)
                self._say(
                    f"Azure, {_WORDS[name]}: {trouble.text}; again in {wait:.0f} s "
                    f"({number} of {_TRIES - 1})"
                )
                self.pause(wait)
                pause *= 2
        raise AssertionError  # the last try returns or raises

    def _try(self, name: str, positional: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if self._process is None:
            self._launch()
        if self._signed_in is None and name != "sign_in":
            self.sign_in()
        assert self._requests is not None
        assert self._answers is not None
        limit = SECONDS.get(name, _OTHER_SECONDS)
        try:
            write_frame(self._requests, (name, positional, named))
            self._wait_for_answer(name, limit)
            good, answer = read_frame(self._answers)
        except (EOFError, BrokenPipeError, ConnectionError) as error:
            self.close()
            text = "the process that talks to Azure ended"
            raise AzureTrouble(Trouble.NETWORK, text) from error
        except BaseException:
            # interrupted in the middle: its answer must not be taken for another's
            self.close()
            raise
        if good:
            return answer
        raise answer

    def _wait_for_answer(self, name: str, limit: float) -> None:
        began = time.monotonic()
        next_word = _PATIENCE_SECONDS
        assert self._answers is not None
        while not select.select([self._answers], [], [], _LOOK_SECONDS)[0]:
            if self._stopping.is_set():
                raise Detached
            took = time.monotonic() - began
            if took > limit:
                text = f"no answer after {limit:.0f} s"
                raise AzureTrouble(Trouble.NETWORK, text)
            if took > next_word:
                self._say(f"Azure, {_WORDS[name]}: waiting for {took:.0f} s")
                next_word *= 2

    def _launch(self) -> None:
        requests_read, requests_write = os.pipe()
        answers_read, answers_write = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [
                    sys.executable,
                    "-m",
                    "backends.azureml.sdk._helper",
                    str(os.getpid()),
                    str(requests_read),
                    str(answers_write),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(requests_read, answers_write),
                start_new_session=True,  # Ctrl-C on a terminal does not reach it
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(str(Path(p).absolute()) for p in sys.path),
                },
            )
        finally:
            os.close(requests_read)
            os.close(answers_write)
        self._requests = os.fdopen(requests_write, "wb")
        self._answers = os.fdopen(answers_read, "rb", buffering=0)
