"""Files that the disk does not give: the machine's fault (3), not the user's mistake (2)."""

import errno
import json
from pathlib import Path

import pytest
from toystudies import SMALL_GRID, open_toy, write_study

from gridrun.errors import EnvironmentFault, Fault, GridrunError, InputError
from gridrun.plan.fingerprint import digest_of
from gridrun.shard import open_shard
from gridrun.shard._run import _artifact
from gridrun.shard._work_off import work_off
from gridrun.shard.queue import write_order
from gridrun.shard.remote_inputs import ReadingReport
from gridrun.shard.remote_inputs._report import report_from
from gridrun.study import load_study
from gridrun.testing.toy import PIPELINE

OF_THE_DISK = (errno.EIO, errno.ESTALE, errno.ETIMEDOUT)


@pytest.fixture(params=OF_THE_DISK)
def broken(request, monkeypatch):
    """Make a file one that the disk does not give."""
    monkeypatch.setattr("gridrun.store.patience.time.sleep", lambda _: None)

    def make(name):
        real = Path.open

        def opened(self, *given, **named):
            if self.name == name:
                raise OSError(request.param, "not just now", str(self))
            return real(self, *given, **named)

        monkeypatch.setattr(Path, "open", opened)
        for read in ("read_bytes", "read_text"):
            inner = getattr(Path, read)

            def bad(self, *given, inner=inner, **named):
                if self.name == name:
                    raise OSError(request.param, "not just now", str(self))
                return inner(self, *given, **named)

            monkeypatch.setattr(Path, read, bad)

    return make


def said_of(action):
    with pytest.raises(GridrunError) as caught:
        action()
    return caught.value


def test_a_study_file(broken, tmp_path):
    """The sentence names it."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    broken("study.yaml")
    error = said_of(lambda: load_study(directory, PIPELINE))
    assert (error.exit_code, error.where) == (3, str(directory / "study.yaml"))


def test_an_input(broken, tmp_path):
    """Its digest cannot be taken."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    broken("a.txt")
    error = said_of(lambda: open_toy(directory).run(backend="inprocess"))
    assert (error.exit_code, error.where) == (3, str(directory / "a.txt"))


def test_a_shard_and_its_tables(broken, tmp_path):
    """Where a worker runs."""
    broken("shard-00000")
    path = tmp_path / "shard-00000"
    assert said_of(lambda: open_shard(path)).exit_code == 3
    broken("digest")
    assert said_of(lambda: _artifact(tmp_path, "digest", None)).exit_code == 3


def test_what_is_the_users_stays_so(tmp_path):
    """A file that is not there is named wrongly, or was left out of a copy."""
    assert said_of(lambda: load_study(tmp_path / "none", PIPELINE)).exit_code == 2
    assert said_of(lambda: open_shard(tmp_path / "none")).exit_code == 2
    assert said_of(lambda: _artifact(tmp_path, "none", None)).exit_code == 2


def test_a_job_that_cannot_copy_the_inputs(tmp_path):
    """Its report says whose fault it is; one of an earlier version says that it is the files'."""
    fault = Fault(Path("datastore patients"), "it does not answer", todo="later")
    (found, of_files) = (
        report_from(ReadingReport("o", {}, (), (fault,), of_machine=of).text())
        for of in (True, False)
    )
    assert isinstance(found.error(), EnvironmentFault)
    assert found.error().text() == "datastore patients: it does not answer\n  later"
    assert isinstance(of_files.error(), InputError)
    data = json.loads(found.text())
    del data["report"]["of_machine"]
    data["checksum"] = digest_of(data["report"])
    assert isinstance(report_from(json.dumps(data)).error(), InputError)


def test_a_worker_without_room_gives_the_order_back(tmp_path, monkeypatch):
    """What it met is said where the order came from, and another may take it at once."""

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "blocks/table")

    monkeypatch.setattr("gridrun.shard._work_off.carry_out", full)
    sweep = tmp_path / "sweep"
    write_order(sweep, "an order", 60.0)
    error = said_of(lambda: work_off(tmp_path))
    assert (error.exit_code, error.where) == (3, "blocks/table")
    (said,) = sweep.rglob("error.txt")
    assert "no space left on the disk" in said.read_text()
    assert said_of(lambda: work_off(tmp_path)).exit_code == 3


def test_what_has_no_end_is_not_read():
    """A device is no shard, whatever its name."""
    error = said_of(lambda: open_shard(Path("/dev/zero")))
    assert (error.exit_code, error.where) == (2, "/dev/zero")
    assert "no regular file" in error.what
