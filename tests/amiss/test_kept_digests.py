"""Digests of code that were kept are used for the very code, Python and rule that they are of."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import codechanges
import pytest

from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.tasks import _kept_digests, code
from gridrun.plan import fingerprint


def digests() -> dict[str, str]:
    """Of a new process's first question."""
    codechanges.forget()
    return dict(PIPELINE.code_digests("xgboost", {"imputation": "zero_imp"}))


@pytest.fixture
def parsed(tmp_path, monkeypatch):
    """Names of the modules that are parsed; digests are kept in a directory of the test."""
    names: list[str] = []
    parse = fingerprint._parsed
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(_kept_digests, "place", lambda: tmp_path / "kept" / "digests.json")
    monkeypatch.setattr(fingerprint, "_parsed", lambda name: names.append(name) or parse(name))
    yield names
    codechanges.forget()


@pytest.fixture
def place(tmp_path) -> Path:
    return tmp_path / "kept" / "digests.json"


def test_kept_digests_are_those_that_are_taken(parsed, place):
    """The second process parses nothing and has the same digests."""
    taken = digests()
    assert parsed
    assert place.is_file()
    parsed.clear()
    assert digests() == taken
    assert not parsed


def test_other_bytes_have_their_digests_taken(parsed, monkeypatch, tmp_path):
    """Whatever a file's size and times say: one byte of one file makes the kept ones useless."""
    digests()
    home = tmp_path / "amiss_tasks"
    shutil.copytree(code._HERE, home, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "_HERE", home)
    monkeypatch.setattr("amiss_tasks.tasks.r_calls._HERE", home)
    path = home / "stages" / "metrics.py"
    path.write_text(path.read_text().replace("a", "b", 1))
    monkeypatch.setattr(code, "_LOADED", code._python_text())
    parsed.clear()
    digests()
    assert parsed


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(sys, "version", "3.99"),
        lambda patch: patch.setattr(_kept_digests, "fingerprint", _kept_digests),
        lambda patch: patch.setattr(code, "_PRUNE", (*code._PRUNE, "amiss_tasks.nothing")),
    ],
    ids=["Python", "rule", "left out"],
)
def test_another_python_or_rule_takes_them_anew(parsed, monkeypatch, change):
    """What parses them, how, and what is left out, decide about a digest as the code does."""
    digests()
    parsed.clear()
    change(monkeypatch)
    digests()
    assert parsed


def test_a_damaged_file_is_not_believed(parsed, place):
    """A digest that was changed where it is kept would take outcomes for those of other code."""
    taken = digests()
    kept = json.loads(place.read_text())
    name = next(iter(kept["digests"]))
    for text in (
        json.dumps({**kept, "digests": {**kept["digests"], name: "0" * 32}}),
        json.dumps({**kept, "digests": {}}),
        place.read_text()[:-20],
        "[]",
    ):
        place.write_text(text)
        parsed.clear()
        assert digests() == taken
        assert parsed


def test_nothing_is_kept_where_python_keeps_no_bytecode(parsed, place, monkeypatch):
    """Neither where it is told not to nor where the place is not ours."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    digests()
    assert not place.exists()
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    place.parent.write_text("a file in the way")
    assert digests()
