"""Sums that are asked for again: what was read before is not read again, and they are the same."""

from __future__ import annotations

import pytest
from toystudies import SMALL_GRID, open_toy, write_study

from gridrun.store.ledger import Ledger, LedgerView

OPTIONS = {
    "misbehave": {"smoothing=upper,fold=2": "error"},
    "predictions": 3,
    "null_models": True,
}


@pytest.fixture
def directory(tmp_path):
    return write_study(tmp_path / "study", SMALL_GRID)


@pytest.fixture
def read(monkeypatch):
    """Codes that were asked for in the ledger, since it was emptied."""
    asked, results = [], LedgerView.results

    def counting(self, context, fold, codes):
        asked.extend(codes)
        return results(self, context, fold, codes)

    monkeypatch.setattr(LedgerView, "results", counting)
    return asked


def sums(directory):
    # of tables that are those of now the sums are kept beside them
    (directory / ".gridrun" / "results.json").unlink(missing_ok=True)
    summary = open_toy(directory, **OPTIONS).summary(tables=False)
    records = [
        {name: value for name, value in record.items() if "seconds" not in name}
        for record in summary.records()
    ]
    facts = (records, summary.null_records(), list(summary.reasons.items()))
    return str((*facts, summary.damaged))


def kept(directory):
    return list((directory / ".gridrun" / "cache").glob("*.means"))


def afresh(directory):
    """Sums with nothing known of earlier ones."""
    for file in kept(directory):
        file.unlink()
    return sums(directory)


def run(directory, **options):
    return open_toy(directory, **OPTIONS).run(backend="inprocess", **options)


def test_only_what_is_newer_is_read(directory, read):
    """The sums are those of a first reading, whatever was recorded between."""
    run(directory, combinations="1-20")
    sums(directory)
    run(directory, combinations="1-22")
    read.clear()
    again = sums(directory)
    newer = len(read)
    read.clear()
    assert afresh(directory) == again
    assert 0 < newer < len(read) // 2


def forget_one(directory):
    """Have a task that is done wait; gives its code."""
    path = directory / ".gridrun" / "ledger.sqlite"
    view = LedgerView.open(path)
    (context,) = view.db.execute("SELECT MIN(context) FROM outcome WHERE state = 'done'").fetchone()
    code = int(view.ended(context, 1).done[0])
    view.close()
    with Ledger(path) as ledger:
        ledger.forget([(context, 1, code)])
    return code


def test_what_has_no_outcome_any_more_waits(directory, read):
    """A task that was forgotten is waiting, and counts again once it has run again."""
    run(directory)
    whole = sums(directory)
    code = forget_one(directory)
    less = sums(directory)
    assert less != whole
    assert "'waiting': 0" in whole
    assert afresh(directory) == less
    run(directory)
    read.clear()
    assert sums(directory) == whole
    assert code in read


def test_what_was_attempted_again_is_read_again(directory, read):
    """It has an outcome, as before, and may be another one."""
    run(directory)
    sums(directory)
    code = forget_one(directory)
    run(directory)
    read.clear()
    sums(directory)
    assert code in read


def test_of_another_ledger_all_is_read(directory, read):
    """One of the same study with as many attempts, too: it is known by its attempts."""
    run(directory)
    before = sums(directory)
    everything = len(read)
    (directory / ".gridrun" / "ledger.sqlite").unlink()
    run(directory)
    read.clear()
    assert sums(directory) == before
    assert len(read) >= everything // 2


@pytest.mark.parametrize("how", ["cut", "changed", "gone", "no archive"])
def test_a_damaged_file_of_sums_is_made_again(how, directory):
    """What is in it is believed only as it was written."""
    run(directory, combinations="1-20")
    run(directory, combinations="1-24")
    expected = sums(directory)
    (file,) = kept(directory)
    content = file.read_bytes()
    at = content.index(b"means0.npy") + 200
    match how:
        case "cut":
            file.write_bytes(content[: len(content) // 2])
        case "changed":
            file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        case "gone":
            file.with_name(f"{file.name}.sha256").unlink()
        case "no archive":
            file.write_bytes(b"nothing")
    assert sums(directory) == expected
    assert kept(directory)[0].read_bytes() == content


def test_a_study_that_cannot_be_written_has_sums_as_well(directory, monkeypatch):
    """They are read anew each time."""
    run(directory, combinations="1-20")

    def refused(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gridrun.report.sums._read_before.write_entry", refused)
    expected = sums(directory)
    assert not kept(directory)
    monkeypatch.undo()
    assert sums(directory) == expected
