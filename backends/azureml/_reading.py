"""The first job of a study whose inputs stay in a datastore: a sweep of one child."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from backends.azureml._access import Access
from backends.azureml._children import latest
from backends.azureml._estimates import READING_SUFFIX
from backends.azureml._sender import Sender
from backends.azureml._staging import StagingDirectory
from backends.azureml._watch import AXIS, PREFIX
from backends.azureml.sdk.types import ENDED, ChildFacts, RunFacts
from gridrun.errors import EnvironmentFault
from gridrun.plan.units import Event, InputsRead, SweepEnded, SweepSent
from gridrun.run.backend import ReadingEvent, SentSweep, StudyView

REPORT = "blocks.json"
_WANTED = r"outputs/blocks\.json"
_LATE_LOOKS = 3
"""So many looks after its end the job may still bring its report."""


def read_inputs(
    order: str,
    sweep: SentSweep | None,
    study: StudyView,
    *,
    access: Access,
    sender: Sender,
    stage: StagingDirectory,
    say: Callable[[str], None],
    wait: bool,
    poll_seconds: Callable[[int], float],
) -> Iterator[ReadingEvent]:
    """See ``gridrun.run.backend.ReadingBackend.read``.

    Args:
        order: What is asked for.
        sweep: The sweep that has this order already, or None.
        study: Names and places.
        access: To Azure.
        sender: Sends it.
        stage: Where files go.
        say: Called with each line of progress.
        wait: Whether to wait for its end.
        poll_seconds: Before the next look, by the number of looks.

    Raises:
        AzureTrouble: A call failed, and kept failing.
        EnvironmentFault: The job failed.
    """
    if sweep is None:
        name = study.sweep_name(1, READING_SUFFIX)
        stage.prepare_reading(name, order, {AXIS: (0,)})
        say(f"submitting {name}: it reads the inputs where they are")
        yield from sender.send(name, ())
    else:
        name = sweep.name
        if not sweep.is_sent:
            found = sender.find_again(sweep, submit=True)
            if found is None:
                yield SweepEnded(name, "abandoned")
                raise EnvironmentFault(
                    "the job that reads the inputs was never accepted",
                    where=name,
                    todo="run the same command again to send it again",
                )
            yield SweepSent(name, found.url)
    yield from _wait(
        _JobWatch(name, access, stage, say), access, wait=wait, poll_seconds=poll_seconds
    )


def _wait(
    look: _JobWatch, access: Access, *, wait: bool, poll_seconds: Callable[[int], float]
) -> Iterator[ReadingEvent]:
    looks = looks_after_end = 0
    while True:
        for _ in access.patiently(look):
            pass
        if look.report:
            yield InputsRead(look.name, look.report)
            yield SweepEnded(look.name, "ended")
            look.forget()
            return
        looks_after_end += look.has_ended
        if looks_after_end >= _LATE_LOOKS:
            cancelled = look.run is not None and look.run.status == "Canceled"
            yield SweepEnded(look.name, "cancelled" if cancelled else "ended")
            look.forget()
            raise EnvironmentFault(
                f"the job that reads the inputs failed: {look.reason}",
                where=look.name,
                todo="read its log with gridrun azure logs; the same command sends the job again",
            )
        if not wait:
            return
        looks += 1
        access.calls.pause(poll_seconds(looks))


class _JobWatch:
    """Looks at the job; called again and again.

    Args:
        name: Of its sweep.
        access: To Azure.
        stage: Where its report is put.
        say: Called with each line about its state.
    """

    def __init__(
        self, name: str, access: Access, stage: StagingDirectory, say: Callable[[str], None]
    ) -> None:
        self.name = name
        self.run: RunFacts | None = None
        self.report = ""
        self.reason = "the job left no report"
        self.has_ended = False
        self._calls = access.calls
        self._stage = stage
        self._say = say
        self._said = ""

    def __call__(self) -> Iterator[Event]:
        self.run = run = self._calls.call("find", self.name)
        children: list[ChildFacts] = list(latest(self._calls.call("children", self.name)).values())
        states = ", ".join(child.status.lower() for child in children) or run.status.lower()
        if states != self._said:
            self._said = states
            self._say(f"{self.name}, which reads the inputs, is {states}")
        self.has_ended = run.status in ENDED
        for child in children:
            if child.status in ENDED:
                self._bring(child)
        return iter(())

    def _bring(self, child: ChildFacts) -> None:
        directory = self._stage.received(self.name, child.run_id)
        wanted = [(child.run_id, str(directory), frozenset[str]())]
        self._calls.call("fetch", wanted, _WANTED, PREFIX)
        path = directory / REPORT
        if path.exists():
            self.report = path.read_text("utf-8")
        else:
            self.reason = child.error or f"the job ended as {child.status} without a report"

    def forget(self) -> None:
        """Remove its files here."""
        self._stage.forget(self.name)
