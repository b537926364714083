"""Calls to Azure under our own deadlines: each ends, and calls that take long are reported."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from backends.azureml.sdk._helper import SERVE
from backends.azureml.sdk.types import AzureTrouble, Trouble, WorkspaceFacts
from backends.azureml.settings import AzureSettings
from gridrun.plan.retries import RETRIES, SERVICE
from gridrun.worker import ChildProcess, TimeLimit

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
_LONGEST_WISH_SECONDS = 300.0
"""So long is waited at most where the service says when it wants to be asked again."""

_WORDS = {
    "sign_in": "signing in",
    "cluster": "looking at the compute cluster",
    "submit": "submitting",
    "find": "asking for a sweep",
    "children": "listing children",
    "fetch": "fetching outcomes",
    "text": "fetching a log",
    "log_size": "looking at a log",
    "stamps": "looking at the inputs in the datastore",
    "cancel": "cancelling",
    "upload": "uploading",
}


class Detached(Exception):
    """A stop was asked for while a call was waiting."""


class Calls:
    """Makes calls in a helper process, which is replaced when it does not answer.

    Args:
        settings: Workspace, and how to sign in.
        say: Called with what takes long, and with what is tried again.
    """

    def __init__(self, settings: AzureSettings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._process: ChildProcess | None = None
        self._limit: TimeLimit | None = None
        self._signed_in: WorkspaceFacts | None = None
        self._stopping = threading.Event()
        self._answered: set[str] = set()

    def stop(self) -> None:
        """Make calls that wait end with ``Detached``; only sets a flag."""
        self._stopping.set()

    def start(self) -> None:
        """Start the helper, which takes seconds, without waiting for it."""
        if self._process is None:
            self._process = ChildProcess(SERVE, limit=lambda: self._limit)

    def sign_in(self) -> WorkspaceFacts:
        """Sign in, unless that was done."""
        if self._signed_in is None:
            self._signed_in = self._patiently("sign_in", (self._settings,), {})
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
        if process is not None:
            process.close()

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

    def pause_after(self, trouble: AzureTrouble, doing: str, number: int) -> None:
        """Wait before something is tried again, longer each time, and say so.

        Raises:
            Detached: A stop was asked for meanwhile.
        """
        retry = RETRIES[SERVICE]
        pause = retry.pause(number)
        wished = min(trouble.after or 0.0, _LONGEST_WISH_SECONDS)
        wait = max(pause * random.uniform(0.75, 1.25), wished)
        self._say(
            f"Azure, {doing}: {trouble.text}; again in {wait:.0f} s ({number} of {retry.more})"
        )
        self.pause(wait)

    def _patiently(self, name: str, positional: tuple[Any, ...], named: dict[str, Any]) -> Any:
        tries = RETRIES[SERVICE].tries
        for number in range(1, tries + 1):
            try:
                answer = self._try(name, positional, named)
            except AzureTrouble as trouble:
                if not (trouble.kind.passes or self._may_pass_here(name, trouble.kind)):
                    raise
                if number == tries:
                    raise
                self.pause_after(trouble, _WORDS[name], number)
            else:
                self._answered.add(name)
                return answer
        raise AssertionError  # the last try returns or raises

    def _may_pass_here(self, name: str, kind: Trouble) -> bool:
        """Whether trouble that is for good elsewhere may pass in this call.

        Somebody else may just be making the same cluster; and what was allowed before may be
        refused for a moment, while roles are changed.
        """
        return (name == "cluster" and kind is Trouble.CONFLICT) or (
            name in self._answered and kind is Trouble.FORBIDDEN
        )

    def _try(self, name: str, positional: tuple[Any, ...], named: dict[str, Any]) -> Any:
        self.start()
        if self._signed_in is None and name != "sign_in":
            self.sign_in()
        assert self._process is not None
        self._limit = TimeLimit(SECONDS.get(name, _OTHER_SECONDS))
        try:
            self._process.send((name, positional, named))
            good, answer = self._answer(self._process, name)
        except BaseException:
            # dead, or interrupted in the middle: its answer must not be taken for another's
            self.close()
            raise
        finally:
            self._limit = None
        if good:
            return answer
        raise answer

    def _answer(self, process: ChildProcess, name: str) -> tuple[bool, Any]:
        began = time.monotonic()
        next_word = _PATIENCE_SECONDS
        while True:
            messages, ending = process.wait(_LOOK_SECONDS)
            if messages:
                good, answer = messages[0]
                return good, answer
            if ending is not None:
                text = f"the process that talks to Azure {ending.reason}"
                if ending.limit is not None:
                    text = f"no answer after {ending.limit.seconds:.0f} s"
                raise AzureTrouble(Trouble.NETWORK, text)
            if self._stopping.is_set():
                raise Detached
            took = time.monotonic() - began
            if took > next_word:
                self._say(f"Azure, {_WORDS[name]}: waiting for {took:.0f} s")
                next_word *= 2
