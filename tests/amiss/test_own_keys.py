"""The keys ``own_methods`` and ``own_classifiers`` of a study."""

from __future__ import annotations

from pathlib import Path

import pytest
from key_texts import assert_refused, read_key
from own_files import CENTROID, MEDIAN

from amiss_tasks.r.own_file import OWN_METHODS, own_files
from amiss_tasks.testing import write_small_study
from gridrun.api import open_study
from gridrun.errors import InputError


@pytest.fixture(autouse=True)
def files(tmp_path):
    """Two files beside the study."""
    for name in ("mine.R", "other.r"):
        (tmp_path / name).write_text(MEDIAN)


def test_files_travel_with_their_text(tmp_path):
    """Name, text and hyperparameters come back in the study's order, line ends as R takes them."""
    text = (
        "own_methods:\n  zeta: {file: mine.R, hyperparameters: {k: [1, 2.5], a: [true, x], b: 3}}"
    )
    found = own_files(
        {OWN_METHODS: read_key(tmp_path, f"{text}\n  alpha: other.r\n").data}, OWN_METHODS
    )
    assert list(found) == ["zeta", "alpha"]
    assert found["zeta"].axes == (("k", (1, 2.5)), ("a", (True, "x")), ("b", (3,)))
    assert (found["alpha"].file, found["alpha"].text) == ("other.r", MEDIAN)
    (tmp_path / "dos.R").write_bytes(MEDIAN.replace("\n", "\r\n").encode())
    dos = read_key(tmp_path, "own_methods: {dos: dos.R}\n").data
    assert dos[0]["text"] == MEDIAN


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("own_methods: mine.R\n", 1, ("expected names and files", "my_method: my.R")),
        ("own_methods: {}\n", 1, ("a mapping, expected",)),
        ("own_methods:\n  pmm: mine.R\n", 2, ('"pmm" cannot be the name', "amiss has one")),
        ("own_methods:\n  all: mine.R\n", 2, ("amiss has one",)),
        ("own_methods:\n  1st: mine.R\n", 2, ('"1st" cannot be', "a letter, then letters")),
        ("own_methods:\n  a,b: mine.R\n", 2, ("cannot be the name",)),
        ("own_methods:\n  a: mine.R\n  a: other.r\n", 3, ("given twice: lines 2 and 3",)),
        ("own_methods:\n  a: min.R\n", None, ("min.R: does not exist", 'did you mean "mine.R"?')),
        ("own_methods:\n  a: study.yaml\n", None, ('the ending ".yaml"', ".r")),
        ("own_methods:\n  a: 3\n", 2, ("the number 3, expected a path",)),
        ("own_methods:\n  a: {hyperparameters: {k: 1}}\n", 2, ("has no file", "file: PATH")),
        ("own_methods:\n  a: {file: mine.R, hyper: 1}\n", 2, ('unknown key "hyper"',)),
        (
            "own_methods:\n  a: {file: mine.R, hyperparameters: {k: [1, 2, 3], l: [1, 2, 3]}}\n",
            2,
            ("9 rows of hyperparameters", "at most 8", "shift the draws"),
        ),
        ("own_methods:\n  a: {file: mine.R, hyperparameters: [1]}\n", 2, ("are a list",)),
        ("own_methods:\n  a: {file: mine.R, hyperparameters: {k: []}}\n", 2, ("empty list",)),
        (
            "own_methods:\n  a: {file: mine.R, hyperparameters: {k: [1, 1]}}\n",
            2,
            ("more than once",),
        ),
        ("own_methods:\n  a: {file: mine.R, hyperparameters: {k: [.nan]}}\n", 2, ("not a number",)),
        ("own_classifiers:\n  lr: mine.R\n", 2, ("amiss has one", "rf, xgboost, lr")),
        (
            "own_classifiers:\n  a: {file: mine.R, hyperparameters: {k: 1}}\n",
            2,
            ("hyperparameters",),
        ),
    ],
)
def test_refusals(tmp_path, text, line, parts):
    """What is wrong is said at its line, with what is allowed."""
    assert_refused(tmp_path, text, line, parts)


def test_names_of_ones_own_stand_in_grid_and_classifiers(tmp_path):
    """They are known there, misspelt ones get them as advice, and what nothing names is noted."""
    (tmp_path / "median.R").write_text(MEDIAN)
    (tmp_path / "centroid.R").write_text(CENTROID)
    own = {
        "own_methods": {"my_median": tmp_path / "median.R", "spare": tmp_path / "median.R"},
        "own_classifiers": {"centroid": tmp_path / "centroid.R"},
    }
    study = write_small_study(tmp_path / "a", imputation=["mean_imp", "my_median"], **own)
    plan = open_study(study).plan()
    assert plan.tasks == 2 * 4 * 2
    assert [note.message for note in plan.notes if note.file == Path("median.R")] == [
        'method "spare" is in no combination, so it does not run'
    ]
    for name, given in (
        ("my_medain", {"imputation": "my_medain"}),
        ("cent", {"classifiers": ["cent"]}),
    ):
        meant = {"my_medain": "my_median", "cent": "centroid"}[name]
        with pytest.raises(InputError, match=f'did you mean "{meant}"'):
            open_study(write_small_study(tmp_path / name, **own, **given))
    # without the keys they are unknown
    with pytest.raises(InputError, match='unknown value "my_median"'):
        open_study(write_small_study(tmp_path / "b", imputation="my_median"))
