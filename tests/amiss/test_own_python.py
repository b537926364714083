"""Imputation methods and classifiers of the user's own in Python, as the stages run them."""

from __future__ import annotations

import os
import random
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from own_files import PYTHON_CENTROID, PYTHON_MEDIAN, python_classifier, python_method
from test_check_method import other_than_ok, verdicts
from test_gaps import outcome_of, table_of
from test_own_files import task, untimed
from toyblock import toy_block

from amiss_tasks.methods import METHODS, own_method
from amiss_tasks.r.own_file import OwnFile
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.study.own_keys import own_file
from amiss_tasks.study.python_source import distributions
from amiss_tasks.tasks.r_stages import RStages
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.errors import InputError
from gridrun.pipeline import Settings, TaskFailure
from gridrun.pipeline.file_checks import FAILED, WARNING


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "block.npz"
    toy_block().save(path)
    return path


@pytest.fixture
def runner():
    """A runner of a study with these files."""

    def make(text=PYTHON_MEDIAN, own=PYTHON_CENTROID, protocol="amiss", **more):
        options = {
            "own_methods": [replace(OwnFile("mine", "mine.py", text), **more).plain()],
            "own_classifiers": [OwnFile("centroid", "centroid.py", own).plain()],
        }
        return AmissRunner(Settings({}, protocol, 1, options=options), lambda *_: None)

    return make


@pytest.mark.parametrize("protocol", ["amiss", "corrected"])
def test_a_method_in_python_that_is_amiss_s_gives_its_numbers(runner, artifact, protocol):
    """The median in Python is median_imp to the last bit, and leaves no process spent."""
    own = runner(protocol=protocol)
    got = own.run(task("lr"), artifact)
    assert not own.is_spent
    assert untimed(got) == untimed(own.run(task("lr", imputation="median_imp"), artifact))
    assert got.facts["own_packages"].keys() == {"numpy"}


def test_a_classifier_in_python_runs_beside_a_method_in_python(runner, artifact):
    """Same seed, same rows; what fit gives beside the model is kept, types and all."""
    full = '{"model": centre, "settings": {"features": np.int64(2), "how": "a"}, "seconds": 7,'
    full += '"fits": {"trees": 3}, "fitted_positive": positive, "held_out": True}'
    found = runner(own=python_classifier(fit=full)).run(task("centroid"), artifact)
    assert found.facts["settings"] == {"features": 2, "how": "a"}
    assert found.facts["fits"] == {"trees": 3}
    assert (found.rows[0]["tr_time"], found.facts["selection_mcc"]) == (7, 1)
    again = runner(own=python_classifier(fit=full)).run(task("centroid"), artifact)
    assert untimed(again) == untimed(found)


def test_rows_of_hyperparameters_and_several_tables(runner, artifact):
    """Hyperparameters come by name, as single values; lists of tables are models and rows."""
    text = PYTHON_MEDIAN.replace("np.nanmedian(values, axis=0)", 'params["base"] + params["more"]')
    text = text.replace("    return values\n", "    return [values, (values, names)]\n")
    axes = (("base", (0, 100)), ("more", (0.5, 1.5)))
    found = runner(text, axes=axes).run(task("lr"), artifact)
    rows = [(row["base"], row["more"]) for row in found.facts["imputation_rows"]]
    assert rows == [(0, 0.5), (100, 0.5), (0, 1.5), (100, 1.5)]
    names = [(row["model_ix"], row["test_completion_ix"]) for row in found.rows]
    assert names == [(f"model_{m}", f"imp_{i}") for m in (1, 2) for i in (1, 2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = (", r"mine.py does not parse"),
        (f"import nosuch\n{PYTHON_MEDIAN}", r"No module named 'nosuch' \(mine.py:1\)"),
        ("impute_test = 3", r"defines no function impute_train\(values, names, params, seed\)"),
        (
            PYTHON_MEDIAN.replace("(values, names, params, seed)", "(values)"),
            r"takes \(values\), it is called as",
        ),
        (python_method("raise ValueError('boom')"), r"cannot continue: boom \(mine.py:7\)"),
        (python_method("exit(3)"), r"ends Python by exit\(3\) \(mine.py:7\)"),
        (python_method("return {}[names[0]]"), r"KeyError: 'SIFT_score' \(mine.py:7\)"),
        (python_method("return names"), r"returned a tuple of length 6, not an array"),
        (
            python_method("return values[:, 1:]"),
            r"returned 5 columns for 6 names: a column without",
        ),
        (python_method("return values[1:]"), r"has \d+ rows, not the \d+"),
        (python_method("return values[0]"), r"array of shape \(6,\), not \(rows, columns\)"),
        (python_method("return values.astype(str)"), "not of numbers"),
        (
            python_method("values[3, 1] = np.nan; return values"),
            "a missing value left: column LRT_score, row 4",
        ),
        (
            PYTHON_MEDIAN.replace("seed), state", "seed), (lambda: 1)"),
            "impute_train of mine.py returned a state that cannot be pickled: .*lambda",
        ),
        (PYTHON_MEDIAN.replace(", state\ndef", ", state, 1\ndef"), r"not \(completed, state\)"),
    ],
)
def test_what_is_wrong_with_a_method_is_said(runner, artifact, text, message):
    """It is a finding of kind error, with what Python said and the line, or the table's fault."""
    with pytest.raises(TaskFailure, match=message) as failure:
        runner(text).run(task("lr"), artifact)
    assert failure.value.kind == "error"


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (python_classifier(fit="centre"), r'class ndarray, not a dict with "model"'),
        (python_classifier(fit='{"model": 1, "setings": 2}'), "setings, which is none of model"),
        (python_classifier(fit='{"model": 1, "settings": [2]}'), "settings that are a list"),
        (python_classifier(fit='{"model": 1, "settings": {"a": np}}'), "class module as settings"),
        (python_classifier(fit='{"model": np}'), "a model that cannot be pickled"),
        (python_classifier(predict="0.5"), "class float, not an array"),
        (python_classifier(predict="2 + values[:, 0]"), "for row 1, which is not a probability"),
        (python_classifier(predict="values[:, :2]"), "2 columns: give that of positive alone"),
        (python_classifier(predict="values[:, 0] * np.nan"), "missing values, the first for row 1"),
        (python_classifier(predict="no"), r"NameError: name 'no' is not defined \(centroid.py:6\)"),
    ],
)
def test_what_is_wrong_with_a_classifier_is_said(runner, artifact, own, message):
    """It is a finding of kind error that names the function and what it returned."""
    with pytest.raises(TaskFailure, match=message) as failure:
        runner(own=own).run(task("centroid"), artifact)
    assert failure.value.kind == "error"


def test_text_is_refused(runner, artifact):
    """Python methods take arrays of numbers; the message says what to do with text."""
    stages = runner().chain.r
    part = BlockTable([], np.ones(2, dtype=bool), np.ones((2, 1)), ("a",), {"b": ["x", "y"]})
    with pytest.raises(TaskFailure, match="b is text: give categorical: dummy"):
        stages.impute_train(
            own_method(OwnFile("m", "m.py", PYTHON_MEDIAN)), stages.table(part), [{}]
        )


CHANGES = """\
import os, random, sys, warnings
import numpy as np
drawn = []
def impute_train(values, names, params, seed):
    drawn.append(1)
    assert len(drawn) == 1
    os.environ["MINE"] = "1"
    os.chdir("/")
    sys.path.append("mine")
    np.seterr(all="raise")
    warnings.simplefilter("error")
    np.random.seed(3); random.seed(3)
    return np.nan_to_num(values)
def impute_test(values, names, state, seed):
    assert not drawn and "MINE" not in os.environ
    warnings.warn("of mine")
    print("said")
    fill = np.random.normal() + 9 * (random.random() - 0.5)
    return np.where(np.isnan(values), fill, values)
"""


def test_nothing_is_left_behind(runner, artifact, capfd):
    """What a file changes is put back after each call, and no call sees another's variables."""

    def state():
        kept = repr((np.random.get_state(), random.getstate(), np.geterr(), warnings.filters))  # noqa: NPY002
        return kept, dict(os.environ), Path.cwd()

    own = runner(CHANGES)  # which starts R
    before = state()
    found = own.run(task("lr"), artifact)
    assert state() == before
    assert not own.is_spent
    assert "UserWarning: of mine" in found.notes
    said = capfd.readouterr()
    assert (said.out, "said" in said.err) == ("", True)
    assert "own_mine" not in sys.modules
    # draws are of the call's seed, wherever the generators stood
    np.random.seed(99)  # noqa: NPY002
    random.seed(99)
    assert untimed(runner(CHANGES).run(task("lr"), artifact)) == untimed(found)


def test_a_process_that_a_file_has_changed_is_spent(runner, artifact):
    """A function of numpy's that is another one afterwards ends the process."""
    mean = np.mean
    own = runner(f"import numpy\nnumpy.mean = numpy.median\n{PYTHON_MEDIAN}")
    try:
        own.run(task("lr"), artifact)
    finally:
        np.mean = mean
    assert own.is_spent


def test_modules_beside_the_file_go_with_it(runner, artifact, tmp_path):
    """They travel, count in the digest, have lines in messages; comments count nothing."""
    (tmp_path / "mine.py").write_text(
        "import helper\n" + PYTHON_MEDIAN.replace("np.nan", "helper.")
    )
    (tmp_path / "helper.py").write_text("import deeper\ndef median(x, axis): return deeper.f(x)\n")
    deeper = "import numpy\ndef f(x):\n    return numpy.nanmedian(x, axis=0)\n"
    (tmp_path / "deeper.py").write_text(deeper)
    (tmp_path / "other.py").write_text("not Python")
    own = own_file("mine", tmp_path / "mine.py")
    assert [name for name, _ in own.modules] == ["deeper", "helper"]
    assert OwnFile.from_plain(own.plain()) == own
    given = runner(own.text, modules=own.modules)
    plain = runner().run(task("lr"), artifact)
    assert untimed(given.run(task("lr"), artifact)) == untimed(plain)
    (tmp_path / "deeper.py").write_text(f"# said\n{deeper}")
    assert own_file("mine", tmp_path / "mine.py").code == own.code
    (tmp_path / "deeper.py").write_text(
        deeper.replace("return", "raise ValueError('deep')\n    return")
    )
    changed = own_file("mine", tmp_path / "mine.py")
    assert changed.code != own.code
    assert changed.text_digest != own.text_digest
    with pytest.raises(TaskFailure, match=r"deep \(deeper.py:3\)"):
        runner(changed.text, modules=changed.modules).run(task("lr"), artifact)


@pytest.mark.parametrize(
    ("files", "part"),
    [
        ({"mine.py": "x = (\n"}, "mine.py:1: Python cannot parse the file"),
        ({"mine.py": "import a\n", "a.py": "x = (\n"}, "a.py:1: Python cannot parse the file"),
        (
            {"mine.py": "from . import a\n", "a.py": "\n x = 1"},
            "mine.py:1: imports a module by its",
        ),
        ({"mine.py": "\nimport math\n", "math.py": "x = 1"}, "mine.py:2: import math: Python has"),
        ({"mine.py": "import a\n", "a.py": "import mine\n"}, "a.py:1: imports mine.py, by which"),
    ],
)
def test_imports_that_cannot_be_followed_are_refused(tmp_path, files, part):
    """With file and line, before anything runs."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as error:
        own_file("mine", tmp_path / "mine.py")
    assert part in str(error.value)


def test_versions_of_what_is_imported():
    """Distributions by their names, what is not installed without a version."""
    found = distributions(
        ["import yaml, os, helper\nfrom numpy import linalg\nimport nosuch"], ["helper"]
    )
    assert found == {"PyYAML": found["PyYAML"], "numpy": np.__version__, "nosuch": ""}


def idle(stages):
    """A method that leaves the training table as it is."""
    home = stages.calls._session.environment(stages.calls._session.shared)
    text = "impute_train <- function(data, params, seed) list(completed = list(data), state = NULL)"
    stages.calls._session.source_text(text, home)
    return home


def test_missing_values_reach_only_a_classifier_that_accepts_them():
    """Training and test tables with gaps: one is trained and tested, the other is refused."""
    text = python_classifier(predict="np.where(np.isnan(values[:, 1]), 0.25, 0.75)")
    text = text.replace("values[positive].mean", "np.isnan(values).mean")
    files = {
        name: OwnFile(name, "c.py", text, accepts_missing=name == "takes")
        for name in ("takes", "leaves")
    }
    stages = RStages(own_classifiers=files)
    numbers = np.random.default_rng(1).normal(size=(20, 2))
    table = table_of(stages, a=numbers[:, 0], b=[np.nan, *numbers[1:, 1]])
    method = METHODS["mean_imp"]
    stages.calls._loaded["imputation/mean_imp.R"] = idle(stages)
    rows = stages.impute_rows(method, table, [{}])
    with pytest.raises(TaskFailure, match=r"missing values remain .* training table: b \(1 row\)"):
        stages.usable(method, rows)
    imputed = stages.usable(method, rows, accepts_missing=True)
    trained = stages.train("takes", imputed, outcome_of(stages, 20))
    found, _ = stages.predict("takes", trained.models.at(0), table)
    assert found.probability.tolist() == [0.25] + [0.75] * 19
    with pytest.raises(TaskFailure, match=r"missing values remain .* test table: b \(1 row\)"):
        stages.predict("leaves", trained.models.at(0), table)
    assert files["takes"].code != files["leaves"].code
    assert [stages.accepts_missing(name) for name in ("takes", "leaves", "rf")] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "kind", "what", "verdict", "part"),
    [
        (f"import nosuch\n{PYTHON_MEDIAN}", "method", "packages", FAILED, "not installed: nosuch"),
        (
            f"{PYTHON_MEDIAN}def f(): open('x')\n",
            "method",
            "one file",
            WARNING,
            "line 8 calls open(): only this file and the modules",
        ),
        (f"1 / 0\n{PYTHON_MEDIAN}", "method", "loads", FAILED, "by zero (mine.py:1)"),
        (
            "def impute_train(a, b, c, d): ...\n",
            "method",
            "functions",
            FAILED,
            "impute_test(values",
        ),
        (
            python_method("params = {'k': 1}; params['k']; return values"),
            "method",
            "hyperparameters",
            WARNING,
            'params["k"] is read but not given: --param k=VALUE',
        ),
        (
            python_method("raise ValueError('boom')"),
            "method",
            "training",
            FAILED,
            "boom (mine.py:7)",
        ),
        (
            python_method("return values + np.nanmean(values, axis=0)"),
            "method",
            "test rows alone",
            WARNING,
            "30 of 30 rows",
        ),
        (
            "import os\n" + python_method("os.environ['X'] = '1'; return values"),
            "method",
            "process",
            WARNING,
            "impute_train changes environment variables",
        ),
        (
            python_classifier(predict="1 / (1 + np.exp(values @ model))"),
            "classifier",
            "positive",
            WARNING,
            "those of positive",
        ),
    ],
)
def test_check_method_finds_what_is_wrong(tmp_path, text, kind, what, verdict, part):
    """The check that is about it says so, as of files in R."""
    found = verdicts(tmp_path, text, kind, file="mine.py")
    assert found[what][0] == verdict
    assert part in found[what][1]


def test_check_method_passes_good_files(tmp_path):
    """Without a warning; whether a classifier accepts missing values is told."""
    assert other_than_ok(verdicts(tmp_path, PYTHON_MEDIAN, file="mine.py")) == {}
    found = verdicts(tmp_path, PYTHON_CENTROID, "classifier", file="mine.py")
    assert other_than_ok(found) == {}
    assert found["missing values"][1].startswith("not accepted")
