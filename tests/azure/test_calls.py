"""Calls to Azure whose process hangs, dies or is stopped: each is trouble, the next one answers."""

import time

import frail  # noqa: F401 - that the child finds it is what matters
import pytest

from backends.azureml.sdk import calls as _calls
from backends.azureml.sdk.types import AzureTrouble, Trouble
from backends.azureml.settings import AzureSettings
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
