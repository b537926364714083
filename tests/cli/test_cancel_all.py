"""Several sweeps: each is asked to end, or how it stands, whatever becomes of the others."""

import contextlib
import errno
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from backends.slurm.backend import SlurmBackend
from gridrun.cli.remote._look import show_status
from gridrun.cli.remote._send import cancel
from gridrun.errors import EnvironmentFault
from gridrun.run.backend import SweepStatus
from gridrun.run.sweep_memory import SweepMemory


class Sent:
    """Sweeps a to c, of which some cannot be asked or ended."""

    place = "study"
    remote = SimpleNamespace(costs="money", place="a cloud")
    backend_name = "slurm"

    def __init__(self, stuck, error):
        self.stuck, self.error, self.ended = stuck, error, []
        paths = SimpleNamespace(directory=Path("study"))
        status = SimpleNamespace(parts={"done": 3})
        self.opened = SimpleNamespace(
            sweeps=self.sweeps, study=SimpleNamespace(paths=paths), status=lambda: status
        )

    def __call__(self, *_):
        return self

    def sweeps(self):
        alike = {"lives": True, "backend": "a cloud", "state": "sent", "planned": 0.0, "tasks": 5}
        return [SimpleNamespace(name=name, **alike) for name in "abc"]

    @contextlib.contextmanager
    def asking(self):
        yield self

    def cancel(self, sweep):
        if sweep in self.stuck:
            raise self.error
        self.ended.append(sweep)

    def look(self, sweep):
        if sweep in self.stuck:
            raise self.error
        return SweepStatus(sweep, "Running", "")


FULL = OSError(errno.ENOSPC, "No space left on device", "study/cancelled")


@pytest.mark.parametrize("error", [EnvironmentFault("it does not answer"), FULL], ids=type)
@pytest.mark.parametrize(("stuck", "ended"), [("a", "bc"), ("b", "ac"), ("ac", "b"), ("abc", "")])
def test_one_that_cannot_be_ended_keeps_no_other_one(monkeypatch, capsys, stuck, ended, error):
    """All are asked, those that are ended are said, and the first fault ends the command."""
    sent = Sent(stuck, error)
    monkeypatch.setattr("gridrun.cli.remote._send.RemoteStudy", sent)
    with pytest.raises(EnvironmentFault, match=r"it does not answer|no space left"):
        cancel(sent.remote, study=None, pipeline="amiss", as_json=False)
    assert sent.ended == list(ended)
    *said, left = capsys.readouterr().err.split("\n", len(ended))
    assert said == [f"asked for the end of {name}" for name in ended]
    count = f"{len(stuck)} sweep{'s'[: len(stuck) > 1]}"
    assert f"{count} may continue, and continue to cost money: {', '.join(stuck)}; " in left
    assert (
        ended == ""
        or f"asked to end, with outcomes that may not be collected yet: {', '.join(ended)}; "
        in left
    )


@pytest.mark.parametrize("stuck", ["a", "b", "ac"])
@pytest.mark.parametrize("error", [EnvironmentFault("it does not answer"), FULL], ids=type)
def test_one_that_cannot_be_asked_hides_no_other_one(monkeypatch, capsys, stuck, error):
    """Status says of each what it can; the first fault is the end of the command, with its code."""
    monkeypatch.setattr("gridrun.cli.remote._look.RemoteStudy", Sent(stuck, error))
    for as_json in (False, True):
        with pytest.raises(EnvironmentFault, match=r"it does not answer|no space left") as caught:
            show_status(Sent.remote, study=None, pipeline="amiss", as_json=as_json)
        assert caught.value.exit_code == 3
        out = capsys.readouterr().out
        if as_json:
            now = {sweep["name"]: sweep for sweep in json.loads(out)["sweeps"]}
            assert {name for name, sweep in now.items() if sweep["now"] is None} == set(stuck)
            assert {name for name, sweep in now.items() if sweep["not_known"]} == set(stuck)
        else:
            assert out.count("how it stands now is not known: ") == len(stuck)
            assert out.count(": running, 5 tasks outstanding") == 3 - len(stuck)
            assert "parts: 3 done" in out


def test_what_cannot_be_noted_here_is_ended_there(tmp_path, monkeypatch):
    """On a disk that takes no note of it the folder's workers and the jobs of Slurm still end."""
    (tmp_path / "s").touch()  # where a directory has to be
    ended = []
    queue = SimpleNamespace(directory=tmp_path, exists=True, cancel=lambda: ended.append("workers"))
    monkeypatch.setattr("backends.slurm.backend.slurm.cancel", lambda name, **_: ended.append(name))
    backend = SlurmBackend.__new__(SlurmBackend)
    backend._memory, backend._queue = SweepMemory(tmp_path), lambda _: queue
    with pytest.raises(OSError, match="Not a directory"):
        backend.cancel("s")
    assert ended == ["workers", "s"]
