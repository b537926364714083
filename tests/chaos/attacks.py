"""Truncation and bit flips of everything on disk: a sentence, or the right table.

``python tests/chaos attacks --from SEED --count 1`` repeats a seed. A seed is a study in some
state, one of its files, what is done to that file, and the commands that people type afterwards.
"""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import commands
from real import tasks_done
from toystudies import TOY, write_study
from writes import GRID, SCRIPT

COMMAND = Path(__file__).resolve().parent.parent / "folder" / "driver.py"
OPTIONS = {
    "misbehave": {"smoothing=upper,classifier=line": "error"},
    "predictions": 3,
    "null_models": True,
    "details": True,
}
FOLDER = {"shard_minutes": 0.02, "poll_seconds": 0.1, "workers": 2}
TABLES = re.compile(r"(final_cv_results|per_consequence|pooled|null_models|line|tree)\.")
"""Files without a measured second in them."""

PAGE = 4096
BLOCKS, TASKS = 2, 8
"""Of the study."""


@dataclass(frozen=True)
class Base:
    """A study to attack.

    Args:
        directory: It is copied.
        ends: Exit code of the run that ends it.
        commands: What is typed before that run, some of it.
        run: The run, as commands.
        right: What its tables have to hold in the end, by name.
        rows: Rows of the final table, each as text.
    """

    directory: Path
    ends: int
    commands: tuple[tuple[str, ...], ...]
    run: tuple[tuple[str, ...], ...]
    right: dict[str, bytes]
    rows: frozenset[str]


ASKED = (
    ("status",),
    ("status", "--json"),
    ("results",),
    ("results", "--by", "smoothing"),
    ("logs", "--show"),
    ("plan", "--why"),
    ("report",),
)
HERE = (("local", "--in-process"),)


def type_in(directory: Path, *words: str) -> tuple[int, str]:
    """A command; its exit code, and all that it printed. It ends well, or in a sentence."""
    if words[0] == "worker":
        ended = commands.gridrun(*words, cwd=directory)
    else:
        ended = commands.gridrun(TOY, directory, *words, script=COMMAND)
    said = ended.stdout + ended.stderr
    assert "Traceback" not in said, f"{words}: {said}"
    # 130: all that was sent is in, and tasks are waiting
    right = {0, 1, 2, 3, 130} if words == ("collect",) else {0, 1, 2, 3}
    assert ended.returncode in right, f"{words}: {ended.returncode}: {said}"
    if ended.returncode in {2, 3}:
        assert re.search(r"^error: \S", ended.stderr, re.MULTILINE) or "damaged" in said, said
    return ended.returncode, said


def tables(directory: Path) -> dict[str, bytes]:
    """The files for people that have no second in them."""
    place = directory / "results"
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_file() and TABLES.match(path.name)
    }


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(data.decode().splitlines()))


def _finished(place: Path, *, report: bool) -> Path:
    directory = _study(place)
    assert type_in(directory, *HERE[0])[0] == 1
    if report:
        assert type_in(directory, "report")[0] == 0
    return directory


def _killed(place: Path) -> Path:
    directory = _study(place)
    words = (directory, "84", json.dumps(OPTIONS), place / "points")
    assert commands.gridrun(*words, script=SCRIPT).returncode == -9
    assert (directory / ".gridrun" / "ledger.sqlite-wal").stat().st_size
    # a block is made whose tasks are not done, or damage to it would change nothing
    assert len(list((directory / ".gridrun" / "cache").glob("*.block"))) == BLOCKS
    assert 0 < tasks_done(directory) < TASKS - TASKS // BLOCKS
    return directory


def _sent(place: Path, *, worked: bool) -> Path:
    directory = _study(place)
    assert type_in(directory, "shards")[0] == 0
    if worked:
        assert type_in(directory, "worker", "shards", "--workers", "1")[0] == 0
    return directory


def _study(place: Path) -> Path:
    directory = write_study(place / "study", GRID, folds=1, folder=json.dumps(FOLDER))
    (directory / "options.json").write_text(json.dumps(OPTIONS))
    return directory


COLLECT = (("worker", "shards", "--workers", "1"), ("collect",), HERE[0])
STATES: dict[str, tuple[Callable[[Path], Path], tuple[tuple[str, ...], ...]]] = {
    "finished": (lambda place: _finished(place, report=True), HERE),
    "no tables": (lambda place: _without_tables(_finished(place, report=False)), HERE),
    "killed": (_killed, HERE),
    "sent": (lambda place: _sent(place, worked=False), COLLECT),
    "worked": (lambda place: _sent(place, worked=True), COLLECT[1:]),
}


def _without_tables(directory: Path) -> Path:
    shutil.rmtree(directory / "results")
    return directory


_BASES: dict[str, Base] = {}


def base(state: str, scratch: Path) -> Base:
    """A study in a state, made once in a process."""
    if state != "finished":
        base("finished", scratch)
    if state not in _BASES:
        make, run = STATES[state]
        made = make(scratch)  # in the place where copies will be: a study knows its folder by name
        directory = made.rename(scratch / state)
        right = tables(_BASES["finished"].directory if _BASES else directory)
        rows = frozenset(map(str, rows_of(right["final_cv_results.csv"])))
        _BASES[state] = Base(directory, 1, ASKED, run, right, rows)
    return _BASES[state]


def files_of(directory: Path) -> list[Path]:
    """Everything that gridrun has put on disk, but what nobody reads again."""
    return sorted(
        path
        for name in (".gridrun", "results", "shards")
        for path in (directory / name).rglob("*")
        if path.is_file()
    )


DAMAGES = ("bit", "bit", "bit", "bytes", "cut", "cut", "empty", "zeros", "garbage", "more", "gone")


def damage(path: Path, kind: str, draw: random.Random) -> None:
    """What is done to a file."""
    data = bytearray(path.read_bytes())
    at = draw.randrange(len(data)) if data else 0
    match kind:
        case "bit" if data:
            data[at] ^= 1 << draw.randrange(8)
        case "bytes" if data:
            for _ in range(draw.choice([2, 20, 200])):
                data[draw.randrange(len(data))] = draw.randrange(256)
        case "cut":
            del data[at:]
        case "empty":
            data.clear()
        case "zeros":
            first = at // PAGE * PAGE
            data[first : first + PAGE] = bytes(len(data[first : first + PAGE]))
        case "garbage":
            data[at : at + 100] = draw.randbytes(100)
        case _:
            data += draw.randbytes(draw.choice([1, 100, PAGE]))
    path.unlink()
    if kind != "gone":
        path.write_bytes(data)


def hold(base: Base, directory: Path, *, at_the_end: bool) -> None:
    """Whatever has a result in the table has the right one; at the end all have theirs."""
    found = tables(directory)
    if at_the_end:
        assert found == base.right, [n for n in base.right if found.get(n) != base.right[n]]
        return
    for row in rows_of(found.get("final_cv_results.csv", b"")):
        assert row["state"] == "waiting" or str(row) in base.rows, row


def try_seed(number: int, scratch: Path) -> str:
    """Attack a study, and type commands; what was attacked, and how it ended."""
    draw = random.Random(number)
    state = list(STATES)[number % len(STATES)]
    known = base(state, scratch)
    directory = Path(shutil.copytree(known.directory, scratch / "study"))
    try:
        path = draw.choice(files_of(directory))
        kind = draw.choice(DAMAGES)
        damage(path, kind, draw)
        what = f"{state}: {path.relative_to(directory)}: {kind}"
        ended = [
            _type_and_hold(known, directory, words) for words in draw.sample(known.commands, 2)
        ]
        codes = [type_in(directory, *words)[0] for words in known.run]
        if state in {"sent", "worked"} and codes[-1] == 0:
            # a shard that nobody can run is out still: a person gives it up
            codes += [type_in(directory, *words)[0] for words in (("shards", "cancel"), *HERE)]
        if path.is_relative_to(directory / ".gridrun" / "cache"):
            assert codes[-1] in {0, 1}, (what, codes, "what is damaged there is made again")
        if codes[-1] in {0, 1}:
            assert codes[-1] == known.ends, (what, codes)
            hold(known, directory, at_the_end=True)
        else:
            _start_afresh(known, directory)
    except AssertionError as error:
        error.add_note(f"seed {number}: {state}: {path.relative_to(directory)}: {kind}")
        raise
    finally:
        shutil.rmtree(directory)
    return f"{what}: {[*ended, *codes]}"


def _type_and_hold(known: Base, directory: Path, words: tuple[str, ...]) -> int:
    (directory / "results" / "final_cv_results.csv").unlink(missing_ok=True)
    code, _ = type_in(directory, *words)
    if code == 0:
        hold(known, directory, at_the_end=False)
    return code


def _start_afresh(known: Base, directory: Path) -> None:
    """What every message advises that gives a ledger up."""
    shutil.rmtree(directory / ".gridrun")
    assert type_in(directory, *HERE[0])[0] == known.ends
    hold(known, directory, at_the_end=True)
