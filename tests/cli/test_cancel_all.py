"""Cancelling several sweeps: each is asked to end, whatever becomes of the others."""

import contextlib
import errno
from pathlib import Path
from types import SimpleNamespace

import pytest

from backends.slurm.backend import SlurmBackend
from gridrun.cli.remote._send import cancel
from gridrun.errors import EnvironmentFault
from gridrun.run.sweep_memory import SweepMemory


class Sent:
    """Sweeps a to c, of which some cannot be ended."""

    place = "study"
    remote = SimpleNamespace(costs="money")

    def __init__(self, stuck, error):
        self.stuck, self.error, self.ended = stuck, error, []
        paths = SimpleNamespace(directory=Path("study"))
        self.opened = SimpleNamespace(sweeps=self.sweeps, study=SimpleNamespace(paths=paths))

    def __call__(self, *_):
        return self

    def sweeps(self):
        return [SimpleNamespace(name=name, lives=True, backend="a cloud") for name in "abc"]

    @contextlib.contextmanager
    def asking(self):
        yield self

    def cancel(self, sweep):
        if sweep in self.stuck:
            raise self.error
        self.ended.append(sweep)


FULL = OSError(errno.ENOSPC, "No space left on device", "study/cancelled")


@pytest.mark.parametrize("error", [EnvironmentFault("it does not answer"), FULL], ids=type)
@pytest.mark.parametrize(("stuck", "ended"), [("a", "bc"), ("b", "ac"), ("ac", "b"), ("abc", "")])
def test_one_that_cannot_be_ended_keeps_no_other_one(monkeypatch, capsys, stuck, ended, error):
    """All are asked, those that are ended are said, and the first fault ends the command."""
    sent = Sent(stuck, error)
    monkeypatch.setattr("gridrun.cli.remote._send.RemoteStudy", sent)
    monkeypatch.setattr("gridrun.cli.remote._send.naming_sweeps", contextlib.nullcontext)
    with pytest.raises(EnvironmentFault, match=r"it does not answer|no space left"):
        cancel(sent.remote, study=None, pipeline="amiss", as_json=False)
    assert sent.ended == list(ended)
    said = capsys.readouterr().err.splitlines()
    assert said == [f"asked for the end of {name}" for name in ended]


def test_what_cannot_be_noted_here_is_ended_there(tmp_path, monkeypatch):
    """On a disk that takes no note of it the folder's workers and the jobs of Slurm still end."""
    (tmp_path / "s").touch()  # where a directory has to be
    ended = []
    queue = SimpleNamespace(exists=True, cancel=lambda: ended.append("workers"))
    monkeypatch.setattr("backends.slurm.backend.slurm.cancel", ended.append)
    backend = SlurmBackend.__new__(SlurmBackend)
    backend._memory, backend._queue = SweepMemory(tmp_path), lambda _: queue
    with pytest.raises(OSError, match="Not a directory"):
        backend.cancel("s")
    assert ended == ["workers", "s"]
