"""kill -9 at any moment: nothing committed is lost, repeated or counted twice."""

from __future__ import annotations

import csv
import json
import random
import sqlite3
import time
from collections import Counter
from pathlib import Path

import commands
import pytest
from toystudies import SMALL_GRID, open_toy, write_study

DRIVER = Path(__file__).with_name("toy_driver.py")
GRID = {
    **SMALL_GRID,
    "grade": ["high", "middle", "low"],
    "twin_check": ["on", "off"],
}


def start(directory: Path, options: dict, moment: str = "") -> commands.Command:
    return commands.start(directory, json.dumps(options), moment, script=DRIVER)


def committed(directory: Path) -> set[tuple[int, int, int]]:
    path = directory / ".gridrun" / "ledger.sqlite"
    if not path.exists():
        return set()
    db = sqlite3.connect(path)
    try:
        return set(db.execute("SELECT context, fold, code FROM outcome"))
    except sqlite3.OperationalError:
        # killed before the tables were made
        return set()
    finally:
        db.close()


def starts(log: Path) -> list[tuple[int, int, int]]:
    """(context, fold, code) of every task start the worker's side wrote."""
    found = []
    # the last line may be half written
    text = log.read_text().rpartition("\n")[0] if log.exists() else ""
    for line in text.splitlines():
        _, context, code, fold, _ = line.split()
        found.append((int(context), int(fold), int(code)))
    return found


def wait_for_starts(process: commands.Command, log: Path, count: int) -> None:
    """Wait until that many tasks were started in all, or the process has ended."""
    while len(starts(log)) < count and process.returncode is None:
        time.sleep(0.005)  # between two looks: the kill is to fall close behind a start


def table(directory: Path) -> list[list[str]]:
    with (directory / "results" / "final_cv_results.csv").open(newline="") as handle:
        rows = list(csv.reader(handle))
    times = [rows[0].index(name) for name in ("fit_seconds", "use_seconds")]
    return [[cell for at, cell in enumerate(row) if at not in times] for row in rows]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> list[list[str]]:
    directory = write_study(tmp_path_factory.mktemp("calm") / "study", GRID)
    open_toy(directory).run(backend="inprocess")
    return table(directory)


def finish(directory: Path, options: dict) -> None:
    process = start(directory, options)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1, stderr  # upstream-defect parts are failed parts


def check(directory: Path, log: Path, marks: list[tuple[set, int]], undisturbed) -> None:
    """No start of a task after it was committed; every task once in table and ledger."""
    order = starts(log)
    for known, position in marks:
        again = Counter(order[position:])
        assert not [task for task in known if task in again]
    outcomes = committed(directory)
    assert outcomes == set(order)
    db = sqlite3.connect(directory / ".gridrun" / "ledger.sqlite")
    finals = db.execute(
        "SELECT context, fold, code, COUNT(*) FROM attempt GROUP BY 1, 2, 3 HAVING COUNT(*) > 1"
    ).fetchall()
    db.close()
    assert finals == []
    assert table(directory) == undisturbed


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 20))]
)
def test_a_driver_killed_at_random_moments_loses_and_repeats_nothing(tmp_path, seed, undisturbed):
    """Six kills at random moments, then a calm run: the table of an undisturbed run."""
    draw = random.Random(seed)
    directory = write_study(tmp_path / "study", GRID)
    log = tmp_path / "starts.log"
    options = {"sleep_ms": 5, "start_log": str(log)}
    marks = []
    for number in range(6):
        before = len(starts(log))
        process = start(directory, options)
        # from before the ledger exists to well into the run, however slow the machine is now
        wait_for_starts(process, log, before + draw.choice([0, 1, draw.randint(2, 80)]))
        while number == 5 and not committed(directory) and process.returncode is None:
            time.sleep(0.005)  # the last kill has something to lose, whatever was drawn
        time.sleep(draw.uniform(0.0, 0.6))  # the moment itself is what is drawn
        process.kill()
        process.wait()
        marks.append((committed(directory), len(starts(log))))
    finish(directory, options)
    assert any(known for known, _ in marks), "no kill came after a commit: the test shows nothing"
    check(directory, log, marks, undisturbed)


@pytest.mark.parametrize(
    ("nth", "steps"),
    [
        *[(1, 1), (1, 10), (2, 30), (3, 10**6)],
        *(pytest.param(*at, marks=pytest.mark.slow) for at in [(1, 10**6), (2, 3)]),
    ],
)
def test_a_driver_killed_inside_a_commit_leaves_all_of_it_or_nothing(
    tmp_path, nth, steps, undisturbed
):
    """A kill between the statements of a group leaves no half outcome behind."""
    directory = write_study(tmp_path / "study", GRID)
    log = tmp_path / "starts.log"
    options = {"sleep_ms": 2, "start_log": str(log)}
    process = start(directory, options, f"insert:{nth}:{steps}")
    assert process.wait(timeout=60) == -9
    db = sqlite3.connect(directory / ".gridrun" / "ledger.sqlite")
    for name in ("outcome", "result", "attempt"):
        tasks = set(db.execute(f"SELECT context, fold, code FROM {name}"))
        assert tasks == committed(directory), name
    db.close()
    marks = [(committed(directory), len(starts(log)))]
    finish(directory, options)
    check(directory, log, marks, undisturbed)
