"""The ledger: durable, one writer, refused when it cannot be trusted."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gridrun.errors import EnvironmentFault, UserError
from gridrun.pipeline import TaskResult, TaskSpec
from gridrun.plan.units import Attempt, Kind, TaskDone, TaskFailed
from gridrun.store.ledger import Ledger, LedgerView, _lease

TASK = TaskSpec(context=1, code=77, fold=1, classifier="rf", values={"a": "x"})
ATTEMPT = Attempt("u1", 1, "here", 100.0, 2.0)


HOLD = """
import sys, pathlib
from gridrun.store.ledger import Ledger
ledger = Ledger(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def done(code: int = 77, **keys) -> TaskDone:
    task = TaskSpec(1, code, 1, "rf", {"a": "x"})
    return TaskDone(task, ATTEMPT, TaskResult(rows=[{"MCC": float("nan"), "AUC": None}], **keys))


def failed(code: int = 77, *, final: bool = True) -> TaskFailed:
    task = TaskSpec(1, code, 1, "rf", {"a": "x"})
    return TaskFailed(task, ATTEMPT, Kind.CRASH, "signal 11", final=final, signal=11, stage="train")


def test_an_outcome_is_durable_within_a_second_without_being_asked(tmp_path):
    """A recorded outcome reaches the file although the engine does nothing further."""
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.record(done())
        deadline = time.monotonic() + 1.0
        view = LedgerView.open(tmp_path / "l.sqlite")
        while view.version() == 0 and time.monotonic() < deadline:
            time.sleep(0.02)  # the committing thread's time is what is tested
        assert view.version() == 1
        assert view.result(1, 1, 77).state == "done"


def test_nan_and_na_come_back_apart(tmp_path):
    """A metric that is NaN and one that is NA are not mixed up on the way."""
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.record(done())
        ledger.commit()
        assert ledger.result(1, 1, 77).rows == '[{"MCC":NaN,"AUC":null}]'


def test_an_attempt_that_is_followed_by_another_is_no_outcome(tmp_path):
    """The first of two attempts is recorded, yet the task is neither done nor failed."""
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.record(failed(final=False), "first.log")
        ledger.commit()
        assert ledger.result(1, 1, 77) is None
        assert [attempt["outcome"] for attempt in ledger.noteworthy()] == [None]
        ledger.record(done())
        ledger.commit()
        assert ledger.result(1, 1, 77).state == "done"
        (attempt,) = ledger.noteworthy()
        assert attempt["outcome"] == "done"
        found = (attempt["signal"], attempt["stage"], attempt["log"])
        assert found == (11, "train", "first.log")


def test_failed_is_not_done_and_gives_way_to_done(tmp_path):
    """A failed task that is run again and succeeds is done, with its rows; it counts once."""
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.record(failed())
        ledger.commit()
        ended, broken = ledger.finished(1, 1)
        assert (ended.tolist(), broken.tolist()) == ([], [77])
        found = ledger.result(1, 1, 77)
        assert (found.state, found.kind, found.reason) == ("failed", "crash", "signal 11")
        assert found.rows == "[]"
        ledger.record(done(content_key="key"))
        ledger.commit()
        ended, broken = ledger.finished(1, 1)
        assert (ended.tolist(), broken.tolist()) == ([77], [])
        found = ledger.result(1, 1, 77)
        assert (found.state, found.kind, found.reason) == ("done", "", "")
        assert (found.rows, found.content_key) == ('[{"MCC":NaN,"AUC":null}]', "key")


def test_a_second_engine_is_refused_by_host_and_process(tmp_path):
    """While one engine lives, another is told which process holds the study."""
    path = tmp_path / "l.sqlite"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HOLD,
            str(path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=f"process {holder.pid} on "):
            Ledger(path)
        holder.kill()
        holder.wait()
        with Ledger(path) as ledger:
            assert ledger.holder() is not None
    finally:
        holder.kill()
        holder.wait()
        holder.stdin.close()
        holder.stdout.close()


def test_a_holder_elsewhere_is_gone_when_its_heartbeat_has_stopped(tmp_path):
    """Of another host only the heartbeat can be judged."""
    path = tmp_path / "l.sqlite"
    Ledger(path).close()
    row = "INSERT INTO lease VALUES (1, 'elsewhere', 'boot', 4711, '1', ?)"
    db = sqlite3.connect(path)
    with db:
        db.execute(row, (time.time(),))
    with pytest.raises(UserError, match="process 4711 on elsewhere"):
        Ledger(path)
    with db:
        db.execute("UPDATE lease SET heartbeat = ?", (time.time() - 120,))
    db.close()
    Ledger(path).close()


@pytest.mark.parametrize(
    ("ahead_seconds", "is_taken"), [(30, False), (90, True), (3 * 3600, True), (-90, True)]
)
def test_a_heartbeat_of_the_future_holds_no_study(tmp_path, ahead_seconds, is_taken):
    """It is taken over as a stale one is, and said; clocks may differ by less than that."""
    path = tmp_path / "l.sqlite"
    Ledger(path).close()
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        row = ("elsewhere", "boot", 4711, "1", time.time() + ahead_seconds)
        db.execute("INSERT INTO lease VALUES (1, ?, ?, ?, ?, ?)", row)
    if not is_taken:
        with pytest.raises(UserError, match="process 4711 on elsewhere"):
            Ledger(path)
        return
    with Ledger(path) as ledger:
        assert ("process 4711 on elsewhere" in ledger.note) == (ahead_seconds > 0)
        assert ("ahead of this machine's" in ledger.note) == (ahead_seconds > 0)


@pytest.mark.parametrize("jump_seconds", [-86400.0, 86400.0])
def test_a_clock_that_is_set_takes_no_study_from_a_run_of_this_machine(
    tmp_path, monkeypatch, jump_seconds
):
    """A day forwards or back: it writes on, nobody else may, and its process says that it lives."""
    path = tmp_path / "l.sqlite"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        real = time.time
        monkeypatch.setattr("gridrun.store.ledger._lease.time.time", lambda: real() + jump_seconds)
        with pytest.raises(UserError, match=f"process {holder.pid} on "):
            Ledger(path)
        holder.stdin.close()
    with Ledger(path) as ledger:
        monkeypatch.setattr("gridrun.store.ledger._lease.time.time", lambda: real() - jump_seconds)
        ledger._write(lambda: _lease.beat(ledger.db, path))
        ledger.store_meta("a", "b")
        assert ledger.meta("a") == "b"


def test_a_run_whose_study_was_taken_over_writes_nothing_more(tmp_path, monkeypatch):
    """Its next write says so, and what it holds back is not committed; the other goes on."""
    monkeypatch.setattr("gridrun.store.ledger._lease.HEARTBEAT_SECONDS", 0)
    path = tmp_path / "l.sqlite"
    first = Ledger(path)
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as db, db:
        db.execute("UPDATE lease SET host = 'elsewhere', boot = 'boot'")
    first._thread.join(30)
    with pytest.raises(UserError, match="another run has taken over this study"):
        first.commit()
    first.close()
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT host FROM lease").fetchall() == [("elsewhere",)]


@pytest.mark.parametrize("pid", [os.getppid(), os.getpid()], ids=["another", "this process"])
def test_a_holder_whose_process_id_was_given_away_is_gone(tmp_path, pid):
    """A holder is known by process id, start of the process and boot; the id alone is nobody."""
    path = tmp_path / "l.sqlite"
    Ledger(path).close()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    born = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]

    def hold(born, boot, age_seconds=0.0):
        values = (socket.gethostname(), boot, pid, born, time.time() - age_seconds)
        with sqlite3.connect(path) as db:
            db.execute("DELETE FROM lease")
            db.execute("INSERT INTO lease VALUES (1, ?, ?, ?, ?, ?)", values)
        db.close()

    hold(str(int(born) - 1), boot)  # the id of a process of this boot that has ended
    Ledger(path).close()
    hold(born, "another boot", age_seconds=120)  # of a boot before, by chance of the same start
    Ledger(path).close()
    if pid != os.getpid():
        hold(born, boot, age_seconds=120)  # it lives, if slowly
        with pytest.raises(UserError, match=f"process {pid} on "):
            Ledger(path)


def test_another_schema_version_is_refused_with_what_to_do(tmp_path):
    """A ledger of another version is not guessed at."""
    path = tmp_path / "l.sqlite"
    Ledger(path).close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = '999' WHERE key = 'schema'")
    db.close()
    for opener in (Ledger, LedgerView.open):
        with pytest.raises(UserError, match=r"schema version 999.*\n.*move the ledger away"):
            opener(path)


def test_a_file_that_is_no_ledger_is_refused(tmp_path):
    """A damaged file is named as such, with what to do."""
    path = tmp_path / "l.sqlite"
    path.write_bytes(b"something else entirely" * 100)
    with pytest.raises(EnvironmentFault, match="damaged"):
        Ledger(path)


def test_a_failing_commit_reaches_the_engine(tmp_path):
    """A fault in the committing thread is raised at the next call, not swallowed."""
    ledger = Ledger(tmp_path / "l.sqlite")
    try:
        ledger.db.execute("DROP TABLE outcome")
        ledger.record(done())
        deadline = time.monotonic() + 5
        while ledger._fault is None and time.monotonic() < deadline:
            time.sleep(0.02)  # until the thread has met the fault
        with pytest.raises(EnvironmentFault, match="no such table"):
            ledger.record(done())
    finally:
        with pytest.raises(EnvironmentFault):
            ledger.commit()
        ledger.close()
