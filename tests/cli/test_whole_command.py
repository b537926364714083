"""`gridrun doctor STUDY`, and every command on a ledger that is damaged."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys

import pytest
from toystudies import SMALL_GRID, TOY, open_toy, table, write_study

import gridrun.cli
from gridrun.store.cache import sum_path

DAMAGES = {
    "header": lambda data: b"garbage!" + data[8:],
    "half": lambda data: data[: len(data) // 2],
    "schema page": lambda data: data[:200] + bytes(3896) + data[4096:],
    "nothing": lambda _: b"",
}
COMMANDS = {
    "local": ("--in-process",),
    "plan": (),
    "status": (),
    "results": (),
    "report": (),
    "logs": (),
    "shards": (),
    "shards status": (),
    "collect": (),
}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    grid = {**SMALL_GRID, "origin": ["first"], "coding": ["columns"], "constant_check": ["on"]}
    directory = write_study(tmp_path_factory.mktemp("original") / "study", grid)
    open_toy(directory).run(backend="inprocess")
    return directory


@pytest.fixture
def study(original, tmp_path):
    return shutil.copytree(original, tmp_path / "study")


@pytest.fixture
def gridrun_here(monkeypatch, capsys):
    """The command line in this process: exit code, stdout, stderr."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["gridrun", *map(str, words), "--pipeline", TOY])
        monkeypatch.setattr("gridrun.cli.listen", lambda: None)
        with pytest.raises(SystemExit) as ended:
            gridrun.cli.main()
        code = ended.value.code
        return (code or 0, *capsys.readouterr())

    return call


def ledger_of(study):
    return study / ".gridrun" / "ledger.sqlite"


def doctor(study, count=0):
    """What is found of the files of a study, without the machine."""
    return {finding.what: finding for finding in open_toy(study).check_files(count)}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_that_the_ledger_is_damaged(study, gridrun_here, command, damage):
    """With the file and what to do, and exit code 3: never a traceback, never another number."""
    path = ledger_of(study)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    code, out, err = gridrun_here(*command.split(), study, *COMMANDS[command])
    assert (code, out) == (3, "")
    assert f"{path}: the ledger is damaged" in err
    assert "restore it from a backup" in err


@pytest.mark.parametrize("damage", DAMAGES)
def test_doctor_says_that_the_ledger_is_damaged(study, monkeypatch, gridrun_here, damage):
    """It goes on with the rest, and the exit code is 3."""
    monkeypatch.setattr("gridrun.tools.doctor._runner", lambda *_: iter(()))
    path = ledger_of(study)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    code, out, _ = gridrun_here("doctor", study)
    assert code == 3
    assert "damaged ledger: " in out
    assert "cache: 1 file, each as it was written" in out


def test_a_moved_away_ledger_is_none(study, gridrun_here):
    """What the message advises can be done."""
    shutil.rmtree(study / "results")
    right = table_of(study)
    for path in study.glob(".gridrun/ledger.sqlite*"):
        path.rename(study / path.name)
    code, _, err = gridrun_here("local", study, "--in-process")
    assert "damaged" not in err
    assert (code, table(study)) == (1, right)


def table_of(study):
    open_toy(study).summary()
    return table(study)


def test_doctor_finds_a_whole_study_whole(study, monkeypatch, gridrun_here):
    """Each kind of file is named, tasks are computed again, and nothing is changed."""
    monkeypatch.setattr("gridrun.tools.doctor._runner", lambda *_: iter(()))
    before = {
        p: p.read_bytes() for p in study.rglob("*") if p.is_file() and "sqlite-" not in p.name
    }
    code, out, _ = gridrun_here("doctor", study, "--recompute", "2", "--json")
    found = {finding["what"]: finding for finding in json.loads(out)}
    assert code == 0
    for what in ("ledger", "cache", "results in the ledger", "tables", "recomputed"):
        assert found[what]["verdict"] == "ok", found[what]
    assert found["recomputed"]["found"] == "2 finished tasks, the same numbers"
    assert all(path.read_bytes() == content for path, content in before.items())


def test_doctor_mends_tables_and_cache(study):
    """What follows from the rest is made again, or removed so that it is; a second look is good."""
    right = table(study)
    entry = next((study / ".gridrun" / "cache").glob("*.block"))
    entry.write_bytes(entry.read_bytes()[:-1])
    (study / "results" / "pooled.csv").write_text("nothing")
    found = doctor(study)
    assert found["tables"].found == "made anew: pooled.csv"
    assert f"{entry} was removed" in found["cache"].found
    assert not entry.exists()
    assert not sum_path(entry).exists()
    assert {finding.verdict for finding in doctor(study).values()} == {"ok"}
    assert table(study) == right


def test_doctor_has_damaged_results_run_again(study):
    """They wait, and the next run computes them."""
    right = table(study)
    with sqlite3.connect(ledger_of(study)) as db:
        db.execute("DELETE FROM result WHERE rowid = 1")
        db.execute("UPDATE result SET pooled = '{}' WHERE rowid = 3")
    db.close()
    found = doctor(study)["results in the ledger"]
    assert (found.verdict, found.exit_code) == ("note", 0)
    assert "2 tasks had a result that is damaged or missing" in found.found
    assert open_toy(study).plan().pending == 2
    open_toy(study).run(backend="inprocess")
    assert table(study) == right


def test_doctor_makes_indexes_anew(study):
    """An index says nothing that the table does not."""
    path = ledger_of(study)
    db = sqlite3.connect(path)
    name = "sqlite_autoindex_result_1"
    (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    db.close()
    data = bytearray(path.read_bytes())
    start = (root - 1) * 4096
    cells = int.from_bytes(data[start + 3 : start + 5], "big")
    data[start + 3 : start + 5] = (cells - 1).to_bytes(2, "big")  # an entry less
    path.write_bytes(data)
    assert doctor(study)["ledger"].found.startswith("its indexes were damaged")
    assert {finding.verdict for finding in doctor(study).values()} == {"ok"}


def test_doctor_mends_nothing_while_a_run_is_at_work(study, monkeypatch):
    """Whoever runs the study writes these files."""
    entry = next((study / ".gridrun" / "cache").glob("*.block"))
    entry.write_bytes(b"")
    (study / "results" / "pooled.csv").write_text("nothing")
    monkeypatch.setattr("gridrun.store.ledger.LedgerView.holder", lambda _: ("host", 1, 0.0))
    found = doctor(study)
    assert (found["cache"].verdict, found["tables"].verdict) == ("note", "note")
    assert entry.exists()
    assert (study / "results" / "pooled.csv").read_text() == "nothing"
