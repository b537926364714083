"""Access to Azure with patience: for sign-ins that expire, for answers that are lost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from backends.azureml._faults import fault_of, not_known
from backends.azureml.sdk.calls import Calls
from backends.azureml.sdk.types import AzureTrouble, Submission, Trouble
from backends.azureml.settings import AzureSettings
from gridrun.plan.units import Event
from gridrun.run.backend import SweepStatus

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
                if not (self._waits and (trouble.kind is Trouble.SIGN_IN or trouble.kind.passes)):
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
        """Submit once: the id is ours, so whatever happens it can be found out what came of it.

        Raises:
            AzureTrouble: It was refused, and is not there.
            EnvironmentFault: Whether it is there cannot be found out.
        """
        for pause in (_LOST_ANSWER_SECONDS, _LOST_ANSWER_SECONDS * 2, None):
            try:
                sent: SweepStatus = self.once("submit", submission)
            except AzureTrouble as trouble:
                # even an error may come after the sweep was accepted: its tags go separately
                if trouble.kind is not Trouble.CONFLICT:
                    self._say(
                        f"Azure, submitting: {trouble.text}; checking whether the sweep arrived"
                    )
                try:
                    found = self.find(submission.run_id)
                except AzureTrouble as other:
                    raise not_known(other, submission.run_id) from None
                if found is not None:
                    return found
                again = trouble.kind.passes or trouble.kind is Trouble.SIGN_IN
                if not again or pause is None:
                    raise
                self.pause(pause)
            else:
                return sent
        raise AssertionError  # the last pause is None
