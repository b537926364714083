"""Tables and the results in the ledger: held against digests, made or computed again."""

from __future__ import annotations

import json
import shutil
import sqlite3

import damages
import pytest
from toystudies import open_toy, table

from gridrun.cli.status._text import lines
from gridrun.plan.units import State
from gridrun.store.ledger import faults_of
from gridrun.store.ledger._digests import RESULT, result_digest

OPTIONS = {"misbehave": {"smoothing=upper": "error"}, "predictions": 3, "null_models": True}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A finished study, and its table."""
    study, right = damages.finished_study(tmp_path_factory.mktemp("original") / "study")
    return study.study.directory, right


@pytest.fixture
def study(original, tmp_path):
    """A copy of it."""
    return open_toy(shutil.copytree(original[0], tmp_path / "study"), **OPTIONS)


def files(study):
    """Content of every file in ``results/``."""
    place = study.study.paths.results
    return {p.relative_to(place): p.read_bytes() for p in sorted(place.rglob("*")) if p.is_file()}


def again(study):
    return open_toy(study.study.directory, **OPTIONS)


def sql(study, statement, *rows):
    db = sqlite3.connect(study.study.paths.ledger)
    with db:
        count = db.execute(statement, rows).rowcount
    db.close()
    return count


# --- results/ ---------------------------------------------------------------


def a_number(path):
    path.write_bytes(path.read_bytes().replace(b"0.", b"1.", 1))


EDITS = {
    "a number": a_number,
    "a flipped bit": lambda path: path.write_bytes(
        path.read_bytes()[:-9] + bytes([path.read_bytes()[-9] ^ 1]) + path.read_bytes()[-8:]
    ),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "emptied": lambda path: path.write_bytes(b""),
    "rows of another study": lambda path: path.write_text("combination,fold\n1,1\n"),
}
NAMES = (
    "final_cv_results.csv",
    "final_cv_results.parquet",
    "per_consequence.csv",
    "pooled.csv",
    "pooled.parquet",
    "null_models.csv",
    "null_models.parquet",
    "summary.csv",
    "predictions/tree.parquet",
    "predictions/line.parquet",
)


@pytest.mark.parametrize("name", NAMES)
def test_an_edited_file_is_made_anew_and_said(study, name):
    """Whatever was done to it: by the summary, with its name in a note, and by status before."""
    whole = files(study)
    path = study.study.paths.results / name
    at = NAMES.index(name)
    for edit in [*EDITS.values(), *EDITS.values()][at : at + 2]:
        edit(path)
        if path.read_bytes() == whole[path.relative_to(study.study.paths.results)]:
            continue  # no number to edit in it
        assert again(study).status().altered == (path,)
        summary = again(study).summary()
        assert summary.rewritten == (path,)
        assert str(path) in summary.warnings[0]
        assert files(study) == whole
        assert again(study).status().altered == ()


def test_every_file_of_the_tables_is_looked_at(study):
    """The names above are all there are."""
    assert {str(path) for path in files(study)} == {*NAMES}


def test_a_removed_file_is_made_anew_without_a_word(study):
    """Whoever removes a file wants it made anew, or not at all."""
    whole = files(study)
    for name in NAMES[::3]:
        (study.study.paths.results / name).unlink()
    assert again(study).summary().rewritten == ()
    assert files(study) == whole


@pytest.mark.parametrize("what", ["a sum", "a count", "no JSON", "cut", "another study's"])
def test_sums_that_were_edited_are_not_believed(study, what):
    """The means that are printed come from a file with a checksum, or from the ledger."""
    right = study.summary().records()
    stamp = study.study.paths.results_stamp
    text = stamp.read_text()
    data = json.loads(text)
    match what:
        case "a sum":
            sums = data["written"]["groups"][0]["_sums"]
            sums.update(dict.fromkeys(sums, 99.0))
            stamp.write_text(json.dumps(data))
        case "a count":
            data["written"]["groups"][0]["failed"] = 0
            stamp.write_text(json.dumps(data))
        case "no JSON":
            stamp.write_text("{")
        case "cut":
            stamp.write_text(text[: len(text) // 2])
        case _:
            stamp.write_text(json.dumps({"stamp": data["written"]["stamp"], "groups": []}))
    assert json.dumps(again(study).summary().records()) == json.dumps(right)


def test_edited_notes_are_those_of_the_run_again(study):
    """Notes are what the last run said, with or without a word of somebody else's."""
    paths = study.study.paths
    paths.notes_txt.write_text("all is well\n")
    assert again(study).status().altered == (paths.notes_txt,)
    assert again(study).summary().rewritten == (paths.notes_txt,)
    assert not paths.notes_txt.exists()


def test_a_copied_study_is_as_whole_as_the_first(study, tmp_path):
    """Times and numbers of files are others in a copy; nothing is said, nothing written.

    But for the digests of the inputs, which would be taken again by every further command.
    """
    copy = shutil.copytree(study.study.directory, tmp_path / "copy", copy_function=shutil.copyfile)
    other = open_toy(copy, **OPTIONS)

    def times():
        files = (p for p in copy.rglob("*") if p.is_file() and "sqlite-" not in p.name)
        return {p: p.stat().st_mtime_ns for p in files if p != other.study.paths.input_digests}

    before = times()
    summary = other.summary()
    assert (summary.rewritten, summary.damaged, other.status().altered) == ((), 0, ())
    assert before == times()


# --- results in the ledger ----------------------------------------------------

SOME = "SELECT context, fold, code FROM outcome WHERE state = 'done' LIMIT 3"
ONE = f"(context, fold, code) IN ({SOME})"
LOSSES = {
    "vanished": f"DELETE FROM result WHERE {ONE}",
    "all vanished": "DELETE FROM result",
    "outcomes vanished": f"DELETE FROM outcome WHERE {ONE}",
    "another number": "UPDATE result SET result_rows = replace(result_rows, '0.', '1.')",
    "rows of another task": "UPDATE result SET result_rows = (SELECT max(result_rows) FROM result)",
    "another pooled number": f"UPDATE result SET pooled = replace(pooled, '0.', '1.') WHERE {ONE}",
    "other facts": f"UPDATE result SET facts = '{{\"fits\": 1}}' WHERE {ONE}",
    "another content": "UPDATE result SET content_key = 'same' WHERE content_key != ''",
    "no text": f"UPDATE result SET result_rows = x'00ff' WHERE {ONE}",
    "a failure that is done": "UPDATE outcome SET state = 'done', kind = '' WHERE state = 'failed'",
    "a failure of another kind": "UPDATE outcome SET kind = 'crash' WHERE state = 'failed'",
    "done that failed": f"UPDATE outcome SET state = 'failed', kind = 'error' WHERE {ONE}",
    "another reason": "UPDATE result SET reason = 'other' WHERE reason != ''",
    "vanished to another fold": "UPDATE result SET fold = 5 - fold",
    "no payload": "DELETE FROM payload WHERE rowid = 1",
    "another payload": "UPDATE payload SET data = x'5b5d' WHERE rowid = 1",
}


@pytest.mark.parametrize("loss", LOSSES)
def test_results_that_are_not_those_recorded_are_computed_again(study, original, loss):
    """Tables leave them out and say so; the next run computes them, no others, and is right."""
    count = sql(study, LOSSES[loss])
    assert count > 0
    shutil.rmtree(study.study.paths.results)
    found = again(study).summary()
    assert found.waiting > 0
    vanished = "vanished" in loss
    assert (found.damaged > 0) is not vanished
    assert again(study).status().parts["waiting"] == found.waiting
    report = again(study).run(backend="inprocess")
    assert report.tally.done + report.tally.failed > 0
    assert table(study.study.directory) == original[1]
    assert vanished or any("will run again" in str(note) for note in report.notes)
    assert again(study).summary().warnings == []
    assert again(study).plan().pending == 0


def test_status_checks_the_newest_results_and_tables_check_all(study, monkeypatch):
    """Of older ones it says how many it only counted."""
    place = "rowid = (SELECT {}(rowid) FROM result WHERE result_rows != '[]')"
    number = "UPDATE result SET result_rows = replace(result_rows, '0.', '1.') WHERE "
    assert again(study).status().unchecked == 0
    monkeypatch.setattr("gridrun.report.counts.NEWEST_RESULTS", 5)
    assert sql(study, number + place.format("min")) == 1
    found = again(study).status()
    assert (found.damaged, found.parts["waiting"]) == (0, 0)
    assert found.unchecked == found.done + found.failed - 5
    assert f"{found.unchecked} older results in the ledger: counted" in "\n".join(lines(found, 99))
    assert sql(study, number + place.format("max")) == 1
    newest = again(study).status().damaged
    assert newest > 0
    shutil.rmtree(study.study.paths.results)
    every = again(study).summary().damaged
    assert every > newest
    monkeypatch.undo()
    assert again(study).status().damaged == every


def test_vanished_results_are_found_though_the_tables_are_there(study, original):
    """Nothing else looks at the ledger's rows when the tables are up to date."""
    gone = sql(study, LOSSES["vanished"])
    assert again(study).plan().pending == gone == 3
    report = again(study).run(backend="inprocess")
    assert report.tally.done == gone
    assert table(study.study.directory) == original[1]


def test_an_equal_number_of_results_that_belong_to_nothing_hides_no_loss(study):
    """It is not enough to count them."""
    sql(study, f"UPDATE result SET code = code + 1 WHERE {ONE}")
    assert again(study).plan().pending == 3


SMALL = {
    "meta": "UPDATE meta SET value = 'other.yaml' WHERE key = 'study file'",
    "value": "UPDATE value SET text = upper(text)",
    "code_bit": "DELETE FROM code_bit",
    "context": "UPDATE context SET classifier = 'line'",
    "run": "UPDATE run SET request = '{\"folds\": 1}'",
    "sample": "INSERT INTO sample VALUES ('blocks', '[1]')",
    "environment": "UPDATE environment SET components = '{}'",
    "duration": "UPDATE duration SET seconds = 1e9",
    "worker": "UPDATE worker SET environment = 9",
}


@pytest.mark.parametrize("name", SMALL)
def test_a_changed_small_table_ends_every_call_in_a_sentence(study, name):
    """They decide what all other rows mean: which value, which context, which selection."""
    assert sql(study, SMALL[name])
    for call in ("plan", "run"):
        assert f"the ledger is damaged: {name} changed" in damages.outcome_of(study, call)
    assert name in faults_of(study.study.paths.ledger)[0]


def test_digests_are_of_each_column_and_of_its_place():
    """No two results share a digest because their texts, put together, are the same."""
    result = RESULT.split(", ")
    base = ("context", (1, 2), str(State.DONE), "", result)
    found = {result_digest(*base)}
    found.add(result_digest("other", *base[1:]))
    found.add(result_digest("context", (2, 1), *base[2:]))
    found.add(result_digest("context", (1, 2), "failed", "", result))
    found.add(result_digest("context", (1, 2), "done", "error", result))
    for at in range(len(result)):
        changed = [*result]
        changed[at] += "x"
        found.add(result_digest(*base[:4], changed))
    moved = [*result]
    moved[0], moved[1] = moved[0][:-1], moved[0][-1] + moved[1]
    found.add(result_digest(*base[:4], moved))
    assert len(found) == 6 + len(result)


def test_a_task_that_has_other_numbers_now_is_named(study):
    """The ledger holds wrong numbers with the right digest, as if another program had run them."""
    with sqlite3.connect(study.study.paths.ledger) as db:
        contexts = dict(db.execute("SELECT id, digest FROM context"))
        stored = f"SELECT context, fold, code, {RESULT} FROM result WHERE result_rows != '[]'"
        for context, fold, code, *texts in db.execute(stored).fetchall():
            texts[2] = texts[2].replace('"hits":', '"hits":1')
            digest = result_digest(contexts[context], (fold, code), str(State.DONE), "", texts)
            db.execute(
                "UPDATE result SET result_rows = ?, digest = ? "
                "WHERE context = ? AND fold = ? AND code = ?",
                (texts[2], digest, context, fold, code),
            )
    db.close()
    found = {finding.what: finding for finding in again(study).check_files(1)}["recomputed"]
    assert (found.verdict, found.exit_code) == ("damaged", 3)
    assert "fold" in found.found
    assert "other rows: " in found.found


# --- damaged ledgers ----------------------------------------------------------


def survive(study, original, seeds):
    """Damage the ledger by each seed; every call ends well or in a sentence, and tells no lie."""
    ledger, directory = study.study.paths.ledger, study.study.directory
    ended = 0
    for seed in seeds:
        shutil.rmtree(directory)
        shutil.copytree(original[0], directory)
        if seed % 2:
            shutil.rmtree(study.study.paths.results)
        kind = damages.damage(ledger, seed)
        for call in damages.CALLS:
            try:
                text = damages.outcome_of(study, call)
            except Exception as error:
                raise AssertionError((seed, kind, call)) from error
            ended += text != "fine"
            if call == "run" and text == "fine":
                assert table(directory) == original[1], (seed, kind)
    assert ended > len(seeds)


def test_a_damaged_ledger_ends_in_a_sentence(study, original):
    """Two of each kind of damage; or it does no harm, and the table is right."""
    survive(study, original, range(2 * len(damages.KINDS)))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_damaged_ledgers(study, original):
    """The same, 200 times."""
    survive(study, original, range(1000, 1200))


def test_a_defect_is_not_blamed_on_a_whole_ledger(study, monkeypatch):
    """A traceback stays one where nothing is wrong with the ledger."""

    def broken(_):
        raise KeyError("a defect")

    monkeypatch.setattr("gridrun.api.status_of", broken)
    with pytest.raises(KeyError, match="a defect"):
        again(study).status()
