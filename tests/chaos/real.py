"""A small real study on a real Ray with a real R, under kills, stops, a full and a slow disk.

``python tests/chaos real --from SEED --count 1`` repeats a seed: some rounds, each with one thing
that happens to one run at some moment, then a quiet run. A run that ends with 3 is started again,
as it says itself.
"""

from __future__ import annotations

import contextlib
import os
import pty
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import commands
from scripted import LOOK
from toystudies import table

from amiss_tasks.testing import write_small_study

GRIDRUN = (sys.executable, "-m", "gridrun")
SECONDS = 900
"""After so long a run hangs, on a machine that has much else to do."""

LEFT_SECONDS = 30
SMALL_DISK = 6 << 20
SLOW_DISK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
static int slow(const char *name, int fd) {
  int (*plain)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  usleep(300000);
  return plain(fd);
}
int fsync(int fd) { return slow("fsync", fd); }
int fdatasync(int fd) { return slow("fdatasync", fd); }
"""

KILL, STOP, TERM, INT, HUP = (
    *(signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGHUP),
)
WORKER, R = "ray::WorkerActor", "gridrun.worker.child:serve"
DRIVER, RAYLET, GCS = "backends.local._driver", "raylet/raylet", "gcs_server"
SELF = ""
"""The process that a person started."""

EVENTS = {
    "worker is killed": (WORKER, KILL, {0}),
    "R is killed": (R, KILL, {0}),
    "driver is killed": (SELF, KILL, {-KILL}),
    "Ray's driver is killed": (DRIVER, KILL, {0, 3}),
    "raylet is killed": (RAYLET, KILL, {0, 3}),
    "GCS is killed": (GCS, KILL, {0, 3}),
    "worker is stopped": (WORKER, STOP, {0}),
    "R is stopped": (R, STOP, {0}),
    "driver is stopped": (SELF, STOP, {0}),
    "raylet is stopped": (RAYLET, STOP, {0, 3}),
    "GCS is stopped": (GCS, STOP, {0, 3}),
    "SIGTERM": (SELF, TERM, {0, 130}),
    "Ctrl-C": (SELF, INT, {0, 130}),
    "SIGHUP": (SELF, HUP, {0, -HUP}),
    "terminal is closed": (SELF, None, {0, -HUP}),
    "disk is full": (SELF, None, {0, 2, 3}),
    "disk is slow": (SELF, None, {0}),
    "ledger is opened": (SELF, None, {0}),
}
"""What happens: to which program, which signal, and exit codes that are right then."""

_RIGHT: list[list[list[str]]] = []


def study(place: Path) -> Path:
    """A study of a few seconds."""
    return write_small_study(
        place / "study", imputation=["mean_imp", "zero_imp", "median_imp"], folds=3
    )


def right_table(scratch: Path) -> list[list[str]]:
    """That of a run which nothing disturbs."""
    if not _RIGHT:
        place = scratch / "quiet"
        ended = subprocess.run(
            [*GRIDRUN, "local", study(place), "--in-process"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        _RIGHT.append(table(place / "study"))
    return _RIGHT[0]


def tasks_done(directory: Path) -> int:
    """How many outcomes are committed."""
    ledger = directory / ".gridrun" / "ledger.sqlite"
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db,
    ):
        return int(db.execute("SELECT count(*) FROM outcome").fetchone()[0])
    return 0


def processes_of(temporary: Path) -> Iterator[tuple[int, str]]:
    """Processes that were started with this directory for temporary files, and what they are."""
    mark = f"TMPDIR={temporary}".encode()
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and mark in (process / "environ").read_bytes():
                words = (process / "cmdline").read_text("utf-8", "replace").replace("\0", " ")
                state = (process / "stat").read_text("utf-8", "replace").rpartition(")")[2]
                if words and not state.startswith(" Z"):
                    yield int(process.name), words


def _listens(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal; one that still starts is ended by it."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        caught = re.search(r"^SigCgt:\s*(\w+)$", status, re.MULTILINE)
        return caught is None or bool(int(caught[1], 16) >> (number - 1) & 1)
    return True


class Round:
    """One run, and what happens to it.

    Args:
        directory: The study.
        event: A key of ``EVENTS``.
        draw: Draws the moment.
        slow: A library that makes the disk slow, or None.
    """

    def __init__(self, directory: Path, event: str, draw: random.Random, slow: Path) -> None:
        self._directory, self._event, self._draw = directory, event, draw
        self._temporary = Path(tempfile.mkdtemp(prefix="grc-", dir="/tmp"))
        self._said = self._temporary.with_suffix(".txt")  # not on a disk that may be full
        environment = {**os.environ, "TMPDIR": str(self._temporary), "COLUMNS": "120"}
        if event == "disk is slow":
            environment["LD_PRELOAD"] = str(slow)
        self._terminal, self._listened, self._known = -1, True, tasks_done(directory)
        words = [*GRIDRUN, "local", str(directory), "--workers", "2"]
        if event == "terminal is closed":
            self._terminal, other = pty.openpty()
            # a shell of its own, as a terminal has one; setsid gives it the terminal
            words = ["setsid", "--ctty", "--wait", *words]
            streams = {"stdin": other, "stdout": other, "stderr": other}
        else:
            out = self._said.open("w")
            streams = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out}
        self._process = subprocess.Popen(
            words, env=environment, start_new_session=self._terminal < 0, **streams
        )
        if self._terminal >= 0:
            os.close(other)

    def play(self) -> str:
        """Let it happen, wait for the end, and hold exit code and what is left to account."""
        try:
            met = self._at_a_moment()
            code = self._wait()
            self._hold(code, met)
            self._nothing_left()
        finally:
            self._end_all()
        return f"{self._event}{'' if met else ' (too late)'}: {code}"

    def _at_a_moment(self) -> bool:
        most = tasks_done(self._directory) + self._draw.choice([0, 0, 1, 2, 4, 8, 12])
        is_early = self._draw.random() < 0.2
        delay = self._draw.uniform(0.0, 15.0 if is_early else 2.0)
        deadline = time.monotonic() + SECONDS
        program, number, _ = EVENTS[self._event]
        while not is_early and tasks_done(self._directory) < most + (program == R):
            self._read_terminal()
            if self._process.poll() is not None:
                return False
            assert time.monotonic() < deadline, "nothing is done"
            time.sleep(0.1)  # between two looks
        time.sleep(delay)  # the moment itself is what is drawn
        if self._process.poll() is not None:
            return False
        if number is None:
            return self._disturb()
        if program == SELF:
            pids = [self._process.pid]
        else:
            pids = [pid for pid, words in processes_of(self._temporary) if program in words]
        if not pids:
            return False
        pid = self._draw.choice(sorted(pids))
        self._listened = program != SELF or _listens(pid, number)
        with contextlib.suppress(ProcessLookupError):
            # a terminal tells all that run in it
            tell = os.killpg if number in {INT, HUP} else os.kill
            tell(pid, number)
            if number == STOP:
                time.sleep(self._draw.uniform(0.5, 8.0))  # as long as it is stopped
                os.kill(pid, signal.SIGCONT)
        return True

    def _disturb(self) -> bool:
        if self._event == "terminal is closed":
            os.close(self._terminal)
            self._terminal = -1
        elif self._event == "disk is full":
            filler = self._directory / "filler"
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass
        elif self._event == "ledger is opened":
            # by a program that may write, as most open it, and that is the last to close it
            ledger = self._directory / ".gridrun" / "ledger.sqlite"
            if not ledger.exists():
                return False
            subprocess.run([sys.executable, "-c", LOOK, ledger], check=True)
        return True

    def _read_terminal(self) -> None:
        if self._terminal >= 0:
            os.set_blocking(self._terminal, False)
            with contextlib.suppress(OSError):
                while os.read(self._terminal, 65536):
                    pass

    def _wait(self) -> int:
        deadline = time.monotonic() + SECONDS
        while self._process.poll() is None:
            self._read_terminal()
            assert time.monotonic() < deadline, f"{self._event}: it hangs"
            time.sleep(0.1)  # between two looks
        return self._process.returncode

    def _hold(self, code: int, met: bool) -> None:
        said = self._said.read_text("utf-8", "replace") if self._said.exists() else ""
        right = EVENTS[self._event][2] if met else {0}
        if not self._listened:
            right = right | {-EVENTS[self._event][1]}
        if self._event == "terminal is closed":
            right = right | {128 + HUP}  # in setsid's words
        assert code in right, f"{self._event}: exit code {code}: {said}"
        known = tasks_done(self._directory)
        assert known >= self._known, f"{self._event}: {self._known - known} outcomes are lost"
        (_, *rows), *_ = _RIGHT
        assert code != 0 or known == len(rows), f"{self._event}: {known} outcomes: {said}"
        assert "Traceback" not in said, f"{self._event}: {said}"
        assert code not in {2, 3} or re.search(r"^error: \S", said, re.MULTILINE), said

    def _nothing_left(self) -> None:
        deadline = time.monotonic() + LEFT_SECONDS
        while left := [*processes_of(self._temporary), *self._temporary.iterdir()]:
            assert time.monotonic() < deadline, f"{self._event}: it left {left}"
            time.sleep(0.2)  # between two looks

    def _end_all(self) -> None:
        if self._terminal >= 0:
            os.close(self._terminal)
        for pid, _ in processes_of(self._temporary):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, KILL)
        self._process.wait()
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._said.unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """A disk that is soon full; only root may have one."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def try_seed(number: int, scratch: Path) -> str:
    """Some rounds, then the run that ends the study; what happened."""
    draw = random.Random(number)
    # as in some shells, every other run goes on without its terminal; children inherit it
    signal.signal(HUP, signal.SIG_DFL if number % 2 else signal.SIG_IGN)
    right = right_table(scratch)
    names = list(EVENTS)
    # each event is the first of some seed; what follows is drawn
    events = [names[number % len(names)]]
    events += draw.choices(names, k=draw.choice([0, 0, 1, 2]))
    place = scratch / "place"
    place.mkdir()
    told = []
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        if "disk is full" in events:
            stack.enter_context(small_disk(place))
        slow = _slow_disk(scratch)
        directory = study(place)
        for event in events:
            told.append(Round(directory, event, draw, slow).play())
            (directory / "filler").unlink(missing_ok=True)
        ended = commands.gridrun("local", directory, "--in-process", timeout=SECONDS)
        assert ended.returncode == 0, (told, ended.stdout + ended.stderr)
        assert table(directory) == right, told
        told.append(_counts(directory))
    return "; ".join(told)


def _counts(directory: Path) -> str:
    """No task has two outcomes, and none that is done was done twice."""
    with contextlib.closing(sqlite3.connect(directory / ".gridrun" / "ledger.sqlite")) as db:
        twice = db.execute(
            "SELECT context, fold, code, COUNT(*) FROM attempt WHERE state = 'done' "
            "GROUP BY 1, 2, 3 HAVING COUNT(*) > 1"
        ).fetchall()
        (done,) = db.execute("SELECT COUNT(*) FROM outcome WHERE state = 'done'").fetchone()
    assert twice == []
    return f"{done} done"


def _slow_disk(scratch: Path) -> Path:
    library = scratch / "slow_disk.so"
    if not library.exists():
        source = scratch / "slow_disk.c"
        source.write_text(SLOW_DISK)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library
