"""A `gridrun local` of its own, which tests end from outside, with what it runs on."""

import contextlib
import csv
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from toystudies import SMALL_GRID, TIMES, write_study

from gridrun.worker.left_behind import users_of

HERE = Path(__file__).parent
PIPELINE = "dawdling:PIPELINE"


class Run:
    """A `gridrun local` in a session of its own."""

    def __init__(self, place, *options, dawdle_ms=0, environment=None):
        self.temporary = Path(tempfile.mkdtemp(prefix="grd-", dir="/tmp"))
        self.study = place / "study"
        if not self.study.exists():
            write_study(self.study, {**SMALL_GRID, "tuning": ["fixed"]})
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from gridrun.cli import main; main()", "local",
             str(self.study), "--pipeline", PIPELINE, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={
                **os.environ,
                "PYTHONPATH": str(HERE),
                "DAWDLE_MS": str(dawdle_ms),
                "TMPDIR": str(self.temporary),
                **(environment or {}),
            },
        )  # fmt: skip

    def outcomes(self):
        """How many tasks are committed."""
        for ledger in self.study.glob("**/*.sqlite*"):
            with contextlib.suppress(sqlite3.Error):
                found = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
                return found.execute("SELECT count(*) FROM outcome").fetchone()[0]
        return 0

    def wait_for(self, wanted, seconds=280):
        """Wait until something holds."""
        deadline = time.monotonic() + seconds
        while not wanted():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)  # between two looks

    def workers(self):
        """Names of the workers that hold a unit just now."""
        for ledger in self.study.glob("**/*.sqlite"):
            with contextlib.suppress(sqlite3.Error):
                found = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
                return {row[0] for row in found.execute("SELECT worker FROM held")}
        return set()

    def wait_for_outcome(self):
        """Wait until another task is committed."""
        before = self.outcomes()
        self.wait_for(lambda: self.outcomes() > before)

    def pids(self, program):
        """Its processes that run a program."""
        found = []
        for pid in users_of(self.temporary):
            with contextlib.suppress(OSError):
                if program in Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace"):
                    found.append(pid)
        return found

    def end(self, seconds=60):
        """Wait for its end; its exit code, and both outputs."""
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out, err

    def nothing_left(self, seconds=10):
        """Whether, soon, no file is left and no process has one open."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not list(users_of(self.temporary)) and not list(self.temporary.iterdir()):
                return True
            time.sleep(0.1)  # between two looks
        return False

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        for pid in users_of(self.temporary):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.temporary)


def table(run):
    return (run.study / "results" / "final_cv_results.csv").read_text()


def uncounted(text):
    """The lines of a table without its columns of time."""
    rows = list(csv.reader(text.splitlines()))
    times = [at for at, name in enumerate(rows[0]) if name in TIMES]
    return [[cell for at, cell in enumerate(row) if at not in times] for row in rows]
