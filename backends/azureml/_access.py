"""Access to Azure with patience: for sign-ins that expire, for answers that are lost."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from backends.azureml._faults import fault_of, may_be_renewed, not_known
from backends.azureml.sdk.calls import Calls
from backends.azureml.sdk.types import AzureTrouble, Submission, Trouble
from backends.azureml.settings import AzureSettings
from gridrun.plan.retries import RETRIES, SERVICE
from gridrun.plan.units import Event
from gridrun.run.backend import SweepStatus

VISIBLE_SECONDS = 60.0
"""A sweep that was just accepted may be invisible for so long."""

_LOST_ANSWER_SECONDS = 5.0
_SIGN_IN_SECONDS = 20.0

T = TypeVar("T")


class Access(Calls):
    """What the backend asks of Azure, beyond single calls.

    Args:
        settings: Where and how.
        say: Called with what is waited for.
        waits: Whether to wait for a new sign-in, or for a service that is down.
    """

    def __init__(self, settings: AzureSettings, say: Callable[[str], None], *, waits: bool) -> None:
        super().__init__(settings, say)
        self._waits = waits

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Have trouble be what a person meets."""
        try:
            yield
        except AzureTrouble as trouble:
            raise fault_of(trouble, self._settings) from None

    def ask(self, name: str, *positional: Any) -> Any:
        """Call, with trouble as a person meets it.

        Raises:
            GridrunError: It failed.
        """
        with self.explained():
            return self.call(name, *positional)

    def patiently(self, look: Callable[[], Iterator[Event]]) -> Iterator[Event]:
        """Look; where the sign-in has expired, wait for another one if we wait at all."""
        said = ""
        while True:
            try:
                yield from look()
            except AzureTrouble as trouble:
                if not (self._waits and self._may_pass(trouble)):
                    raise
                text = fault_of(trouble, self._settings).text()
                if text != said:
                    said = text
                    self._say(f"{text}; waiting, Ctrl-C detaches")
                self.pause(_SIGN_IN_SECONDS)
            else:
                if said:
                    self._say("Azure answers again")
                return

    def wait_for(self, ask: Callable[[], T]) -> T:
        """The answer to a question; waits as ``patiently`` does."""
        found: list[T] = []

        def look() -> Iterator[Event]:
            found.append(ask())
            return iter(())

        for _ in self.patiently(look):
            pass
        return found[0]

    def find(self, sweep: str) -> SweepStatus | None:
        """A sweep, or None where there is none; waits for a sign-in if we wait at all."""
        try:
            found: SweepStatus = self.wait_for(lambda: self.call("find", sweep))
        except AzureTrouble as trouble:
            if trouble.kind is Trouble.MISSING:
                return None
            raise
        return found

    def submit(self, submission: Submission) -> SweepStatus:
        """Submit: the id is ours, so whatever happens it can be found out what came of it.

        Trouble that passes is waited out as long as for any other call.

        Raises:
            AzureTrouble: It was refused, and is not there.
            EnvironmentFault: Whether it is there cannot be found out.
        """
        number = clashes = 0
        tries = RETRIES[SERVICE].tries
        while True:
            number += 1
            try:
                sent: SweepStatus = self.once("submit", submission)
            except AzureTrouble as trouble:
                found = self._arrived(submission.run_id, trouble)
                if found is not None:
                    return found
                if trouble.kind is Trouble.CONFLICT:
                    # a file or an environment may be what is there; our id is taken only once
                    clashes += 1
                    if clashes > 1:
                        raise not_known(trouble, submission.run_id) from None
                elif not self._may_pass(trouble) or (number >= tries and not self._waits):
                    raise
                self.pause_after(trouble, "submitting", min(number, tries - 1))
            else:
                return sent

    def _arrived(self, sweep: str, trouble: AzureTrouble) -> SweepStatus | None:
        """A sweep whose submit met trouble; None where it is not there.

        Even an error may come after the sweep was accepted: its tags go separately.

        Raises:
            EnvironmentFault: Whether it is there cannot be found out.
        """
        if trouble.kind is not Trouble.CONFLICT:
            self._say(f"Azure, submitting: {trouble.text}; checking whether the sweep arrived")
        deadline = time.monotonic() + VISIBLE_SECONDS
        while True:
            try:
                found = self.find(sweep)
            except AzureTrouble as other:
                raise not_known(other, sweep) from None
            # one that Azure has accepted may be invisible for a moment
            may_come = trouble.kind in (Trouble.CONFLICT, Trouble.MISSING)
            if found is not None or not may_come:
                return found
            if time.monotonic() > deadline:
                return None
            self.pause(_LOST_ANSWER_SECONDS)

    def _may_pass(self, trouble: AzureTrouble) -> bool:
        """Whether waiting may help: for the service, or for somebody who signs in again."""
        is_open = trouble.kind is Trouble.SIGN_IN and may_be_renewed(self._settings)
        return trouble.kind.passes or is_open
