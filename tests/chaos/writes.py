"""SIGKILL at the n-th write of a run: what is on disk is the state before it or the one after.

``python tests/chaos writes --from SEED --count 1`` repeats a seed. A seed is a study and a place
to kill at; the run that goes on is killed as well, if the seed says so.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import commands
from toystudies import write_study

from gridrun.store.cache import fault_of
from gridrun.store.ledger import faults_of

SCRIPT = Path(__file__).with_name("killed.py")
GRID = {
    "origin": ["first", "every"],
    "grade": ["low"],
    "scope": ["wide"],
    "unclear": ["left_out"],
    "coding": ["columns"],
    "smoothing": ["flat", "upper"],
    "thinning": [1],
    "tuning": ["fixed"],
    "constant_check": ["on"],
    "twin_check": ["on"],
    "row_share": [1.0],
    "column_share": [0.33],
}
STUDIES = (
    {},
    {"misbehave": {"smoothing=upper,classifier=line": "error"}},
    {"predictions": 2, "null_models": True, "details": True},
)
"""Options of the toy: plain, with failures and their logs, with everything that is kept."""

Tasks = list[tuple[object, ...]]


@dataclass(frozen=True)
class Quiet:
    """A run that nothing disturbed.

    Args:
        points: Its writes.
        tasks: Attempts in their order.
        files: Every file of ``results/``.
        code: Its exit code.
    """

    points: list[str]
    tasks: Tasks
    files: dict[str, bytes]
    code: int


_QUIET: dict[int, Quiet] = {}


def quiet(study: int, scratch: Path) -> Quiet:
    """The undisturbed run of a study."""
    if study not in _QUIET:
        directory = write_study(scratch / f"quiet{study}", GRID, folds=1)
        code, points = run(directory, study, 0, scratch / f"quiet{study}.log")
        _QUIET[study] = Quiet(points, attempts(directory), results(directory), code)
        shutil.rmtree(directory)
    return _QUIET[study]


def one_of_each(scratch: Path) -> dict[str, int]:
    """Each kind of write, and where in a run it comes, in the middle of those of its kind."""
    found: dict[str, list[int]] = {}
    for nth, point in enumerate(quiet(2, scratch).points, 1):
        # a file that is opened aside, or removed after its renaming, changes nothing that is read
        if not point.startswith(("open .", "os.remove ")):
            kind = re.sub(r"(\.\w{32}(?=\.block)|\.\w{8}$)", "", point)
            found.setdefault(kind, []).append(nth)
    return {kind: places[len(places) // 2] for kind, places in found.items()}


def run(directory: Path, study: int, nth: int, log: Path) -> tuple[int, list[str]]:
    """Run the study, killed at its n-th write; its exit code and its writes."""
    log.unlink(missing_ok=True)
    ended = commands.gridrun(directory, str(nth), json.dumps(STUDIES[study]), log, script=SCRIPT)
    assert ended.returncode in {0, 1, -9}, ended.stderr
    return ended.returncode, log.read_text().splitlines()


def results(directory: Path) -> dict[str, bytes]:
    """Content of the files for people, but for the one that has seconds in it."""
    place = directory / "results"
    files = {str(path.relative_to(place)): path for path in place.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name != "summary.csv"}


def attempts(directory: Path) -> Tasks:
    """Tasks in the order in which they were recorded; each has its outcome and its result."""
    path = directory / ".gridrun" / "ledger.sqlite"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            return []
        found = db.execute(
            "SELECT context, fold, code, state, kind FROM attempt ORDER BY id"
        ).fetchall()
        for name, state in (("outcome", "state, kind"), ("result", "1, 1")):
            rows = db.execute(f"SELECT context, fold, code, {state} FROM {name}").fetchall()
            assert {row[:3] for row in rows} == {row[:3] for row in found}, name
            assert len(rows) == len(found), f"{name}: a task twice"
            assert state == "1, 1" or set(rows) == set(found)
    return found


def hold(directory: Path, calm: Quiet) -> Tasks:
    """Whatever a kill left is whole: ledger, entries of the cache, tables."""
    ledger = directory / ".gridrun" / "ledger.sqlite"
    tasks = attempts(directory)
    assert tasks == calm.tasks[: len(tasks)], "neither before nor after"
    if ledger.exists() and ledger.stat().st_size:
        with closing(sqlite3.connect(ledger)) as db:
            is_made = db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        assert not is_made or faults_of(ledger) == []
    for entry in (directory / ".gridrun" / "cache").glob("*.block"):
        assert fault_of(entry) is None, entry
    for name, data in results(directory).items():
        is_aside = name.rpartition("/")[2].startswith(".")
        assert is_aside or data == calm.files[name], name
    return tasks


def left_aside(directory: Path) -> list[Path]:
    """Files that were written aside and never renamed."""
    return [path for path in directory.rglob(".*") if path.is_file()]


def try_point(place: Path, study: int, nth: int, again: int = 0) -> str:
    """Kill a run at one place, and the next at another; the third ends as if nothing had been.

    Returns:
        What was about to be written; empty if the run ended before.
    """
    calm = quiet(study, place)
    directory = write_study(place / "study", GRID, folds=1)
    log = place / "points.log"
    try:
        code, points = run(directory, study, nth, log)
        what = points[-1] if code == -9 else ""
        assert (code == -9) == (nth <= len(calm.points)), (nth, len(calm.points), code)
        known = hold(directory, calm)
        if again:
            run(directory, study, again, log)
            assert hold(directory, calm)[: len(known)] == known, "what was committed is lost"
        code, _ = run(directory, study, 0, log)
        assert code == calm.code
        assert hold(directory, calm) == calm.tasks
        assert left_aside(directory) == [], what
        whole = results(directory)
        assert {name: whole[name] for name in calm.files} == calm.files, what
    finally:
        shutil.rmtree(directory)
    return what


def try_seed(number: int, place: Path) -> str:
    """A study, a place, a second place; the first seeds are every place of each study in turn."""
    draw = random.Random(number)
    study = number % len(STUDIES)
    points = len(quiet(study, place).points)
    nth = number // len(STUDIES) + 1
    if nth > points:
        nth = draw.randint(1, points)
    return try_point(place, study, nth, draw.choice([0, draw.randint(1, points)]))
