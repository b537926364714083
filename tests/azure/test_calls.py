"""Calls to Azure whose process hangs, dies or is stopped: each is trouble, the next one answers."""

import time

import frail  # noqa: F401 - that the child finds it is what matters
import pytest

from backends.azureml import _access
from backends.azureml._access import Access
from backends.azureml.sdk import calls as _calls
from backends.azureml.sdk.types import AzureTrouble, Submission, Trouble
from backends.azureml.settings import AzureSettings
from gridrun.errors import EnvironmentFault
from gridrun.plan.retries import RETRIES, SERVICE
from gridrun.run.backend import SweepStatus
from gridrun.testing.processes import lives
from gridrun.worker import answering


@pytest.fixture
def calls(monkeypatch):
    monkeypatch.setattr(_calls, "SERVE", "frail:serve")
    monkeypatch.setattr(_calls.Calls, "sign_in", lambda self: None)
    monkeypatch.setitem(_calls.SECONDS, "fetch", 1.0)
    monkeypatch.setattr(answering, "STOPPED_SECONDS", 1.0)
    made = _calls.Calls(AzureSettings("cpu"), lambda text: None)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fetch", "no answer after 1 s"),
        ("submit", "the process that talks to Azure was killed by signal 11 (SIGSEGV)"),
        ("upload", "the process that talks to Azure stopped answering: it was stopped"),
    ],
)
def test_a_process_that_is_no_use_is_replaced(calls, name, text):
    """The call is trouble that passes, with what happened; another process answers the next."""
    before, echoed = calls.once("cancel", 7)
    assert (echoed, calls.once("cancel", 8)) == (7, (before, 8))
    began = time.monotonic()
    with pytest.raises(AzureTrouble) as caught:
        calls.once(name)
    assert time.monotonic() - began < 20
    assert caught.value.kind is Trouble.NETWORK
    assert caught.value.text.startswith(text)
    assert not lives(before)
    after, _ = calls.once("cancel", 9)
    assert after != before


def test_trouble_of_the_adapter_comes_through(calls):
    """What the adapter raised is raised here, and its process is kept."""
    before, _ = calls.once("cancel", 1)
    with pytest.raises(AzureTrouble, match="no such sweep") as caught:
        calls.once("find")
    assert caught.value.kind is Trouble.MISSING
    assert calls.once("cancel", 2) == (before, 2)


def test_a_stop_ends_the_wait(calls):
    """A stop that is asked for ends a call that hangs, and its process."""
    pid, _ = calls.once("cancel", 1)
    calls.stop()
    with pytest.raises(_calls.Detached):
        calls.once("fetch")
    assert not lives(pid)


class Scripted(Access):
    """Calls that meet one kind of trouble after another; None is a good answer."""

    def __init__(self, *troubles):
        super().__init__(AzureSettings("cpu"), lambda text: None, waits=False)
        self.troubles = list(troubles)
        self.asked = []

    def pause(self, seconds):
        del seconds

    def sign_in(self):
        return None

    def find(self, sweep):
        self.asked.append(f"find {sweep}")

    def _try(self, name, positional, named):
        del positional, named
        self.asked.append(name)
        trouble = self.troubles.pop(0)
        if trouble is not None:
            raise trouble
        return SweepStatus("s", "Running", "")


ROLE = AzureTrouble(Trouble.FORBIDDEN, "AuthorizationFailed", 403)
CLASH = AzureTrouble(Trouble.CONFLICT, "Another operation is running", 409)


def test_a_permission_that_lapses_is_waited_for_a_while():
    """A moment while roles are changed costs nothing; what was never allowed ends at once."""
    calls = Scripted(None, ROLE, ROLE, None)
    calls.call("children", "s")
    calls.call("children", "s")
    assert len(calls.asked) == 4
    calls = Scripted(None, *[ROLE] * RETRIES[SERVICE].tries)
    calls.call("children", "s")
    for refused in (calls, Scripted(ROLE)):
        with pytest.raises(AzureTrouble, match="AuthorizationFailed"):
            refused.call("children", "s")
        assert refused.troubles == []


def test_a_cluster_that_somebody_else_is_making_is_asked_for_again():
    """A clash of anything else is none of a moment."""
    Scripted(CLASH, None).call("cluster", "c")
    with pytest.raises(AzureTrouble, match="Another operation"):
        Scripted(CLASH).call("upload", "s")


def test_a_clash_with_something_else_does_not_say_that_the_sweep_is_there(tmp_path, monkeypatch):
    """A file whose upload was sent again, a version of the code: the submit is repeated, once."""
    monkeypatch.setattr(_access, "VISIBLE_SECONDS", 0.0)
    submission = Submission("s", AzureSettings("cpu"), tmp_path, "go.py", {}, "mcc")
    calls = Scripted(CLASH, None)
    assert calls.submit(submission).name == "s"
    assert [name for name in calls.asked if name == "submit"] == ["submit"] * 2
    with pytest.raises(EnvironmentFault, match="whether the sweep was accepted is not known"):
        Scripted(CLASH, CLASH).submit(submission)
