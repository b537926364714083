"""``gridrun check-method``: what it says of good and bad files, and how it ends."""

from __future__ import annotations

import json

import pytest
from commands import gridrun
from own_files import CENTROID, MEDIAN, classifier, method, page_blocks

from amiss_tasks.own.checks import try_file
from gridrun.errors import UserError
from gridrun.pipeline.file_checks import FAILED, OK, WARNING
from gridrun.tools.check_method import try_file as try_isolated
from gridrun.worker import answering


def verdicts(tmp_path, text, kind="method", file="mine.R", **params):
    """What each check came to in this process: name to (verdict, found)."""
    (tmp_path / file).write_text(text)
    checks = try_file(kind, tmp_path / file, params)
    return {
        check.what: (check.verdict, check.found) for check in checks if check.verdict != "trying"
    }


def other_than_ok(found):
    return {what: verdict for what, (verdict, _) in found.items() if verdict != OK}


@pytest.mark.parametrize("name", ["quantile.R", "centroid.R", "iterative.py", "hgb.py"])
def test_the_page_s_files_pass(tmp_path, name):
    """The files of docs/own-methods.md have no warning, and at most ten lines of code."""
    text = (page_blocks("r") | page_blocks("python"))[name]
    assert len(list(filter(None, text.splitlines()))) <= 10
    kind = "classifier" if name in {"centroid.R", "hgb.py"} else "method"
    params = {"quantile.R": {"probability": 0.5}, "iterative.py": {"rounds": 5}}.get(name, {})
    (tmp_path / name).write_text(text)
    # in a process of their own, with one thread: OpenMP's threads wait for each other by computing
    done = [it for it in try_isolated(kind, tmp_path / name, params) if it.verdict != "trying"]
    assert {it.what: it.found for it in done if it.verdict != OK} == {}
    assert len(done) == {"method": 19, "classifier": 12}[kind]


@pytest.mark.parametrize(
    ("text", "what", "verdict", "part"),
    [
        (f"library(nosuch)\n{MEDIAN}", "packages", FAILED, "not installed: nosuch"),
        (f"{MEDIAN}f <- function() source('x.R')\n", "one file", WARNING, "line 9 calls source()"),
        (f"stop('early')\n{MEDIAN}", "loads", FAILED, "early (mine.R:1)"),
        (
            "impute_train <- function(data, params, seed) 1\n",
            "functions",
            FAILED,
            "impute_test(data",
        ),
        (method("params$k; data"), "hyperparameters", WARNING, "--param k=VALUE"),
        (method("stop('boom')"), "training", FAILED, "boom (mine.R:7)"),
        (method("data[-1, ]"), "rows kept", FAILED, "79 rows, not the 80"),
        (method("data[-2]"), "columns kept", FAILED, "lacks the columns beta"),
        (method("data$beta <- paste(data$beta); data"), "types kept", FAILED, "column beta"),
        (method("data$beta[5] <- NA; data"), "no value missing", FAILED, "column beta, row 5"),
        (method("data$beta <- data$beta * 2; data"), "observed values", WARNING, "changed: beta"),
        (method("data$new <- Inf; data"), "finite values", FAILED, "new"),
        (method("if (nrow(data) < 80) data[0, ] else data"), "test rows", FAILED, "0 rows, not"),
        (method("if (nrow(data) == 80) data$new <- 1; data"), "test rows", FAILED, "there: new"),
        (method("data$beta <- mean(data$beta); data"), "test rows alone", WARNING, "30 of 30 rows"),
        (
            MEDIAN.replace("  for", "  if (is.logical(data[[1]])) stop('x')\n  for"),
            "empty test column",
            WARNING,
            "x (mine.R:6)",
        ),
        (method("data$new <- as.numeric(Sys.time()); data"), "same seed", FAILED, "another"),
        (method("left <<- 1; options(digits = 3); data"), "process", WARNING, "digits, the global"),
    ],
)
def test_what_is_wrong_with_a_method_is_found(tmp_path, text, what, verdict, part):
    """The check that is about it says so."""
    found = verdicts(tmp_path, text)
    assert found[what][0] == verdict
    assert part in found[what][1]


POINTER = """
impute_train <- function(data, params, seed) {
  state <- unclass(getLoadedDLLs()[["stats"]])$handle
  list(completed = impute_test(data, state, seed), state = state)
}
impute_test <- function(data, state, seed) {
  data[is.na(data)] <- 0
  data$new <- as.numeric(any(grepl("nil", capture.output(print(state)))))
  data
}
"""


def test_a_state_that_cannot_be_saved_is_found(tmp_path):
    """A pointer to something in memory, gone when it is read again, is a warning."""
    assert other_than_ok(verdicts(tmp_path, POINTER)) == {"saved state": WARNING}


@pytest.mark.parametrize(
    ("text", "what", "verdict", "part"),
    [
        (classifier(fit="centre"), "fit", FAILED, "not list(model = )"),
        (classifier(predict="2 * x[, 1]"), "probabilities", FAILED, "is not a probability"),
        (
            classifier(predict="1 / (1 + exp(x %*% model))"),
            "positive",
            WARNING,
            "those of positive",
        ),
        (
            classifier(predict="rank(x[, 1]) / nrow(x)"),
            "rows alone",
            WARNING,
            "30 rows get another",
        ),
        (
            classifier(fit="list(model = centre * as.numeric(Sys.time()) %% 100)"),
            "same seed",
            FAILED,
            "other predictions",
        ),
    ],
)
def test_what_is_wrong_with_a_classifier_is_found(tmp_path, text, what, verdict, part):
    """The check that is about it says so."""
    found = verdicts(tmp_path, text, "classifier")
    assert found[what][0] == verdict
    assert part in found[what][1]


def test_draws_are_the_same_for_the_same_seed(tmp_path):
    """A method that draws at random passes, but for rows that are completed alone."""
    text = method("data$new <- rnorm(nrow(data)); data")
    assert other_than_ok(verdicts(tmp_path, text)) in ({}, {"test rows alone": WARNING})


def test_a_file_that_does_not_parse_is_a_mistake(tmp_path):
    """R's message with file and line, not a failed check."""
    with pytest.raises(UserError, match=r"mine.R:2:1: unexpected '}'"):
        verdicts(tmp_path, "x <- (1 +\n}\n")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (
            method("cat('round\\n'); repeat Sys.sleep(1)"),
            "ran longer than its limit of 3 s; --seconds",
        ),
        (method("cat('round\\n'); quit(status = 4)"), "the process exited with code 4"),
        (method("cat('round\\n'); tools::pskill(Sys.getpid(), 9)"), "signal 9 (SIGKILL)"),
    ],
)
def test_a_process_that_hangs_or_dies_is_a_failed_check(tmp_path, text, part):
    """The check it happened in is failed, with what the file printed; nothing hangs."""
    (tmp_path / "mine.R").write_text(text)
    *_, last = try_isolated("method", tmp_path / "mine.R", seconds=3)
    assert (last.what, last.verdict) == ("training", FAILED)
    assert part in last.found
    assert last.printed == "round"


def test_a_process_that_is_stopped_is_a_failed_check(tmp_path, monkeypatch):
    """It is given up long before the check's own limit."""
    monkeypatch.setattr(answering, "STOPPED_SECONDS", 1.0)
    text = method("cat('round\n'); tools::pskill(Sys.getpid(), tools::SIGSTOP)")
    (tmp_path / "mine.R").write_text(text)
    *_, last = try_isolated("method", tmp_path / "mine.R", seconds=600)
    assert (last.what, last.verdict, last.printed) == ("training", FAILED, "round")
    assert "stopped answering: it was stopped (SIGSTOP)" in last.found


def command(*arguments):
    return gridrun("check-method", *arguments)


def test_the_command_s_lines_and_exit_codes(tmp_path):
    """0 when nothing failed, 1 when something did, 2 for a mistake; --json for machines."""
    (tmp_path / "centroid.R").write_text(CENTROID)
    (tmp_path / "bad.R").write_text(method("stop('boom')"))
    good = command(tmp_path / "centroid.R", "--classifier")
    assert good.returncode == 0, good.stderr
    lines = good.stdout.splitlines()
    assert all(line.startswith("ok      ") for line in lines[:-1])
    assert lines[-1] == "12 checks: 0 failed, 0 warnings"
    bad = command(tmp_path / "bad.R", "--json")
    assert bad.returncode == 1
    last = json.loads(bad.stdout)[-1]
    assert (last["what"], last["verdict"]) == ("training", "failed")
    assert "boom (bad.R:7)" in last["found"]
    none = command(tmp_path / "bda.R")
    assert (none.returncode, none.stdout) == (2, "")
    assert 'did you mean "bad.R"?' in none.stderr
    assert command(tmp_path / "bad.R", "--param", "k").returncode == 2
    assert command(tmp_path / "bad.R", "--seconds", "nan").returncode == 2
