"""Cancelling several sweeps: each is asked to end, whatever becomes of the others."""

import contextlib
from types import SimpleNamespace

import pytest

from gridrun.cli.remote._send import cancel
from gridrun.errors import EnvironmentFault


class Sent:
    """Sweeps a to c, of which some cannot be ended."""

    place = "study"
    remote = SimpleNamespace(costs="money")

    def __init__(self, stuck):
        self.stuck, self.ended = stuck, []
        self.opened = SimpleNamespace(sweeps=self.sweeps)

    def __call__(self, *_):
        return self

    def sweeps(self):
        return [SimpleNamespace(name=name, lives=True, backend="a cloud") for name in "abc"]

    @contextlib.contextmanager
    def asking(self):
        yield self

    def cancel(self, sweep):
        if sweep in self.stuck:
            raise EnvironmentFault(f"{sweep} does not answer")
        self.ended.append(sweep)


@pytest.mark.parametrize(("stuck", "ended"), [("a", "bc"), ("b", "ac"), ("ac", "b"), ("abc", "")])
def test_one_that_cannot_be_ended_keeps_no_other_one(monkeypatch, capsys, stuck, ended):
    """All are asked, those that are ended are said, and the first fault ends the command."""
    sent = Sent(stuck)
    monkeypatch.setattr("gridrun.cli.remote._send.RemoteStudy", sent)
    monkeypatch.setattr("gridrun.cli.remote._send.naming_sweeps", contextlib.nullcontext)
    with pytest.raises(EnvironmentFault, match=f"{stuck[0]} does not answer"):
        cancel(sent.remote, study=None, pipeline="amiss", as_json=False)
    assert sent.ended == list(ended)
    said = capsys.readouterr().err.splitlines()
    assert said == [f"asked for the end of {name}" for name in ended]
