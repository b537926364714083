"""What shells complete: values of the study that the line names, or of the pipeline."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from toystudies import TOY

from gridrun.cli import app
from gridrun.cli._completion import bash_words, choices, classifiers, parameters

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"


def at(*line):
    """The context that a shell's completion has after these words."""
    root = typer.main.get_command(app)
    context = root.make_context("gridrun", [], resilient_parsing=True)
    name, *rest = map(str, line)
    command = root.get_command(context, name)
    return command.make_context(name, rest, parent=context, resilient_parsing=True)


@pytest.fixture(scope="module")
def quickstart():
    """The context of a command on the quickstart."""
    return at("local", QUICKSTART)


@pytest.mark.parametrize(
    ("written", "completed"),
    [
        ("qual", ["quality=clingen", "quality=twostar", "quality=onestar"]),
        ("tr", ["transcript=", "training_data_sampling_percentage="]),
        ("quality=", ["clingen", "twostar", "onestar"]),
        ("imputation=me", ["mean_imp", "median_imp"]),
        ("imputation=mean_imp,me", ["mean_imp,median_imp"]),
        ("quality=onestar,", ["onestar,clingen", "onestar,twostar"]),
        ("transcript=", ["canonical"]),
        ("feature_sampling_percentage=", ["1.0"]),
        ("unknown=", []),
        ("x", []),
    ],
)
def test_only_is_completed_with_the_values_of_the_study_s_grid(quickstart, written, completed):
    """First the parameter, then a value of it, then further ones that are not named yet."""
    name = f"{written.partition('=')[0]}=" if "=" in written else ""
    assert choices(quickstart, written) == [f"{name}{value}" for value in completed]


def test_without_a_study_the_pipeline_s_values_are_offered(tmp_path):
    """Where the study cannot be read, all values of the pipeline that is named are offered."""
    assert "imputation=knnImputation" in choices(at("local", tmp_path), "imputation=knn")
    assert "smoothing=flat" in choices(at("local", tmp_path, "--pipeline", TOY), "smoo")
    assert choices(at("local", tmp_path, "--pipeline", "none:X"), "imp") == []
    assert parameters(at("params"), "cat") == ["categorical"]


def test_classifiers_are_those_of_the_study(tmp_path):
    """The study's own, in its order; the pipeline's where there is no study."""
    assert classifiers(at("export-model", QUICKSTART), "") == ["rf", "lr"]
    assert classifiers(at("export-model", tmp_path), "x") == ["xgboost"]


@pytest.mark.parametrize(
    ("words", "cursor", "joined", "at_word"),
    [
        (["gridrun", "local", "--only", "quality", "=", "one"], 5, "quality=one", 3),
        (["gridrun", "local", "--only", "quality", "="], 4, "quality=", 3),
        (["gridrun", "local", "--only", "quality", "=", "one", "x"], 6, "x", 4),
        (["gridrun", "local", ""], 2, "", 2),
    ],
)
def test_words_that_bash_took_to_pieces_are_one_again(monkeypatch, words, cursor, joined, at_word):
    """Bash ends a word at =; the cursor stays in the word that it was in."""
    monkeypatch.setenv("_GRIDRUN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "\n".join(words))
    monkeypatch.setenv("COMP_CWORD", str(cursor))
    with bash_words():
        assert os.environ["COMP_WORDS"].split("\n")[at_word] == joined
        assert os.environ["COMP_CWORD"] == str(at_word)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_gets_what_belongs_behind_the_equals_sign():
    """Called as bash calls it, the command answers with values alone."""
    script = """
        IFS=$'\\n'
        words=(gridrun local "$1" --only imputation = me)
        COMP_WORDS="${words[*]}" COMP_CWORD=6 _GRIDRUN_COMPLETE=complete_bash "$2"
    """
    program = Path(sys.executable).with_name("gridrun")
    ran = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", QUICKSTART, program],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.stdout.split() == ["mean_imp", "median_imp"], ran.stderr
