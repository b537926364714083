"""What is committed goes to the file that others open, whoever opens and closes it meanwhile.

POSIX takes a process's locks of a file away when it closes any descriptor of that file. SQLite
guards its own descriptors against it, not those of others: a run that has lost its lock writes to
a write-ahead log that the next program to close the ledger removes, and all of it is lost.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from toystudies import SMALL_GRID, open_toy, write_study

from gridrun.errors import EnvironmentFault
from gridrun.pipeline import TaskResult, TaskSpec
from gridrun.plan.units import Attempt, TaskDone
from gridrun.store.faults import cannot_write, why_not
from gridrun.store.ledger import Ledger, LedgerView, faults_of, mend_indexes
from gridrun.store.ledger._open import open_for_writing

OPEN_AND_CLOSE = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(db.execute("SELECT COUNT(*) FROM outcome").fetchone()[0])
db.close()
"""


def outcomes_elsewhere(path: Path) -> int:
    """Outcomes as any program sees them that opens the ledger as SQLite does, and closes it."""
    command = [sys.executable, "-c", OPEN_AND_CLOSE, str(path)]
    return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def record(ledger: Ledger, code: int) -> None:
    task = TaskSpec(1, code, 1, "rf", {"a": "x"})
    ledger.record(TaskDone(task, Attempt("u1", 1, "here", 100.0, 2.0), TaskResult(rows=[{}])))
    ledger.commit()


def nothing(path: Path) -> None:
    pass


def reopened(path: Path) -> None:
    LedgerView.open(path).close()


def opened_to_write_again(path: Path) -> None:
    open_for_writing(path)[0].close()


@pytest.mark.parametrize(
    "meanwhile",
    [nothing, reopened, opened_to_write_again, why_not, faults_of, mend_indexes],
    ids=lambda one: one.__name__,
)
@pytest.mark.parametrize("resumed", [True, False])
def test_what_is_recorded_is_seen_after_others_closed_the_ledger(tmp_path, meanwhile, resumed):
    """A resumed run has the ledger open to read before it opens it to write."""
    path = tmp_path / "l.sqlite"
    if resumed:
        Ledger(path).close()
    view = LedgerView.open(path)
    with Ledger(path) as ledger:
        record(ledger, 1)
        meanwhile(path)
        assert outcomes_elsewhere(path) == 1
        record(ledger, 2)
        assert outcomes_elsewhere(path) == 2
    assert outcomes_elsewhere(path) == 2
    if view is not None:
        view.close()


def test_a_resumed_run_opens_the_ledger_by_sqlite_alone(tmp_path):
    """No descriptor beside SQLite's: closing it would give SQLite's locks away."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    open_toy(directory).run(backend="inprocess", folds=1)
    script = f"""
import os, sys
from pathlib import Path
def tell(event, found):
    if event == "open" and Path(str(found[0])).name == "ledger.sqlite" and not found[2] & os.O_EXCL:
        print(*found)
sys.addaudithook(tell)
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from toystudies import open_toy
open_toy(Path({str(directory)!r})).run(backend="inprocess")
"""
    command = [sys.executable, "-c", script]
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout == ""


def removed(path: Path) -> None:
    path.unlink()


def removed_with_all(path: Path) -> None:
    shutil.rmtree(path.parent)


def without_its_log(path: Path) -> None:
    path.with_name(f"{path.name}-wal").unlink()


def moved(path: Path) -> None:
    path.rename(path.with_name("aside"))


def put_back(path: Path) -> None:
    copy = shutil.copy(path, path.with_name("copy"))
    Path(copy).replace(path)


def written(path: Path, change: Callable[[Path], None]) -> None:
    with Ledger(path) as ledger:
        record(ledger, 1)
        change(path)
        record(ledger, 2)


@pytest.mark.parametrize(
    "change",
    [removed, removed_with_all, without_its_log, moved, put_back],
    ids=lambda one: one.__name__,
)
def test_a_ledger_that_was_taken_away_ends_the_run(tmp_path, change):
    """SQLite goes on writing to what nobody can open any more; gridrun does not."""
    path = tmp_path / "of study" / "l.sqlite"
    path.parent.mkdir()
    with pytest.raises(EnvironmentFault, match="removed or replaced") as told:
        written(path, change)
    assert told.value.where == str(path)


def test_why_a_database_cannot_be_written_is_asked_without_opening_it(tmp_path, monkeypatch):
    """Of one that may be written, that may not, and that is not there."""
    path = tmp_path / "l.sqlite"
    Ledger(path).close()
    assert why_not(path) is None
    monkeypatch.setattr(os, "access", lambda *words, **keys: False)
    assert why_not(path).errno == errno.EACCES
    assert "writable" in cannot_write(path, why_not(path)).todo
