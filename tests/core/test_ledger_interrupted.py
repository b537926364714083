"""A ledger whose writer was killed within a write, at each moment that the system can see.

With a rollback journal, which a ledger has while it is made, and all the time where write-ahead
logging does not work, SQLite leaves a journal that whoever opens the file next has to undo.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys

import pytest
from test_disk_faults import small_disk
from toystudies import SMALL_GRID, open_toy, write_study

from gridrun.errors import GridrunError
from gridrun.store.ledger import Ledger, LedgerView, examined, faults_of

HOOK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <unistd.h>
static int left;
void kill_at(int number) { left = number; }
#define HOOKED(result, name, args, names) \\
  result name args { \\
    static result (*real) args; \\
    if (!real) real = dlsym(RTLD_NEXT, #name); \\
    if (left && !--left) raise(SIGKILL); \\
    return real names; \\
  }
HOOKED(ssize_t, pwrite, (int file, const void *from, size_t n, off_t at), (file, from, n, at))
HOOKED(ssize_t, pwrite64, (int file, const void *from, size_t n, off64_t at), (file, from, n, at))
HOOKED(int, fsync, (int file), (file))
HOOKED(int, fdatasync, (int file), (file))
HOOKED(int, unlink, (const char *path), (path))
HOOKED(int, ftruncate, (int file, off_t size), (file, size))
HOOKED(int, ftruncate64, (int file, off64_t size), (file, size))
"""

WRITES = """
import ctypes, os, sys
from pathlib import Path
from gridrun.pipeline import TaskResult, TaskSpec
from gridrun.plan.units import Attempt, TaskDone
from gridrun.store.ledger import Ledger, _open

hook, mode, place, first, last = sys.argv[1:]
if mode == "delete":
    _open.file_system = lambda path: "btrfs"  # has a journal everywhere then
for number in range(int(first), int(last)):
    child = os.fork()
    if child == 0:
        ctypes.CDLL(hook).kill_at(number)
        directory = Path(place) / str(number)
        directory.mkdir()
        committed = os.open(directory / "committed", os.O_CREAT | os.O_WRONLY)
        with Ledger(directory / "ledger.sqlite") as ledger:
            for code in range(2):
                task = TaskSpec(1, code, 1, "rf", {"a": "x"})
                done = TaskResult(rows=[{"text": "x" * 5_000}])
                ledger.record(TaskDone(task, Attempt("u1", 1, "here", 100.0, 2.0), done))
                ledger.commit()
                os.write(committed, b"x")
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
else:
    number += 1
print(number)
"""
"""Starts a process for each number of a write, and ends it there; says where it was not met."""


@pytest.fixture(scope="module")
def kill(tmp_path_factory):
    """Has ledgers made and written, each killed at another call of the system."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler to end a process within a write")
    source = tmp_path_factory.mktemp("hook") / "hook.c"
    source.write_text(HOOK)
    hook = source.with_suffix(".so")
    subprocess.run([compiler, "-shared", "-fPIC", source, "-o", hook, "-ldl"], check=True)

    def killed(mode, place, first=1, last=1_000):
        done = subprocess.run(
            [sys.executable, "-c", WRITES, hook, mode, place, str(first), str(last)],
            env={**os.environ, "LD_PRELOAD": str(hook)},
            capture_output=True,
            text=True,
            check=True,
        )
        numbers = range(first, int(done.stdout))
        return [place / str(number) / "ledger.sqlite" for number in numbers]

    return killed


def outcomes(path):
    """How many outcomes a ledger has, None where it has nothing at all."""
    view = LedgerView.open(path)
    if view is None:
        return None
    with contextlib.closing(view):
        return sum(1 for _ in view.db.execute("SELECT 1 FROM outcome"))


def damage(path):
    """What is wrong with a ledger, but that nobody has recorded runs and contexts in these."""
    return [fault for fault in faults_of(path) if not fault.endswith("belong to nothing")]


@pytest.mark.parametrize(("mode", "least"), [("wal", 40), ("delete", 60)])
def test_what_was_committed_is_there_and_nothing_else(kill, mode, least, tmp_path):
    """Whoever is first: one that looks, doctor, or the next run."""
    files = kill(mode, tmp_path)
    assert len(files) > least
    journals = 0
    for number, path in enumerate(files):
        committed = (path.parent / "committed").stat().st_size
        journals += is_hot(path.with_name("ledger.sqlite-journal"))
        if number % 3 == 1:
            assert not (path.exists() and damage(path))
        elif number % 3 == 2:
            Ledger(path).close()
        assert (outcomes(path) or 0) in (committed, committed + 1)
        with Ledger(path) as ledger:
            ledger.store_meta("a", "b")
        assert not damage(path)
    assert journals > (0 if mode == "wal" else least / 2)


def interrupted(files):
    """The last ledger of some that has to be undone: with outcomes, and half of another one."""
    journals = [path.with_name("ledger.sqlite-journal") for path in files]
    return [path for path, journal in zip(files, journals, strict=True) if is_hot(journal)][-1]


def is_hot(journal):
    return journal.exists() and journal.read_bytes()[:1] not in (b"", b"\0")


def test_a_run_goes_on_where_one_was_killed_while_its_ledger_was_made(kill, tmp_path):
    """It was called damaged, and the run ended with 3 until it was moved away."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    open_toy(directory).run(backend="inprocess")
    expected = (directory / "results" / "final_cv_results.csv").read_bytes()
    kept = tmp_path / "kept"
    for path in kill("wal", tmp_path, 1, 9):
        shutil.rmtree(directory / ".gridrun")
        shutil.rmtree(directory / "results")
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(path.parent, directory / ".gridrun")
        assert open_toy(directory).plan().done == 0
        assert open_toy(directory).run(backend="inprocess").exit_code == 1  # some fail, as ever
        assert (directory / "results" / "final_cv_results.csv").read_bytes() == expected


def test_where_nothing_can_be_written_it_is_not_read_half_written(kill, tmp_path):
    """What is half written is not taken for the ledger; the fault is the disk's."""
    path = interrupted(kill("delete", tmp_path, 40, 80))
    with small_disk(tmp_path / "disk", "1m") as again:
        copy = tmp_path / "disk" / "copy"
        shutil.copytree(path.parent, copy)
        again("ro")
        with pytest.raises(GridrunError, match="the file system is read-only"):
            LedgerView.open(copy / path.name)
        again("rw")
        assert outcomes(copy / path.name) == outcomes(path)


def test_a_writer_killed_beside_one_that_looks_is_said(kill, tmp_path, monkeypatch):
    """It is no damage: the same command again is what helps."""
    monkeypatch.setattr("gridrun.store.ledger._open.file_system", lambda path: "btrfs")
    path = interrupted(kill("delete", tmp_path, 40, 80))
    whole = tmp_path / "whole.sqlite"
    with Ledger(whole) as ledger:
        ledger.store_meta("a", "b")
    view = LedgerView.open(whole)
    assert view.meta("a") == "b"
    for end in ("", "-journal"):
        shutil.copyfile(f"{path}{end}", f"{whole}{end}")
    with contextlib.closing(view), pytest.raises(GridrunError) as found, examined(whole):
        view.meta("a")
    assert "was killed while this command read it" in found.value.text()
    assert "run the same command again" in found.value.text()
    assert LedgerView.open(whole) is not None
