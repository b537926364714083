"""Imputation methods that misbehave: each costs its own tasks, with a reason that names the fault.

The R code is in tables: what is done, and what the reason of the failure has to name. Those that
end or fill their process run in the slow suite, in one study by the real command.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from amissstudies import amiss_values
from commands import gridrun
from own_files import MEDIAN, method
from toyblock import toy_block

from amiss_tasks.r.own_file import OwnFile
from amiss_tasks.tasks.runner import AmissRunner
from amiss_tasks.testing import write_small_study
from gridrun.api import open_study
from gridrun.pipeline import Settings, TaskSpec
from gridrun.worker import try_task


def training(statement: str) -> str:
    """The median, with a statement at the beginning of what a task calls once."""
    return MEDIAN.replace("  state <-", f"  {statement}\n  state <-", 1)


NO_TABLE = {
    "null": (training("return(NULL)"), r"returned NULL, not list\(completed"),
    "empty_list": (training("return(list(completed = list()))"), "as completed an empty list"),
    "a_matrix": (training("return(list(completed = as.matrix(data)))"), r"as\.data\.frame\(\)"),
    "a_function": (training("return(list(completed = mean))"), "class function"),
    "no_columns": (method("data[0]"), "lacks the columns SIFT_score"),
    "one_name": (method("names(data)[2] <- names(data)[1]; data"), "one name: SIFT_score"),
    "fewer_rows": (method("data[-1, ]"), r"has 27 rows, not the 28"),
    "factor": (method("data[[1]] <- factor(data[[1]]); data"), "SIFT_score an .* class factor"),
    "list": (method("data[[1]] <- as.list(data[[1]]); data"), "SIFT_score an .* class list"),
    "matrix_in_it": (method("data[[1]] <- cbind(data[[1]], 1); data"), "SIFT_score an .* matrix"),
    "complex": (method("data[[1]] <- data[[1]] + 0i; data"), "SIFT_score an .* class complex"),
    "dates": (method("data[[1]] <- Sys.Date() + data[[1]]; data"), "SIFT_score an .* class Date"),
    "nan": (method("data[[2]][3] <- NaN; data"), "missing value left: column LRT_score, row 3"),
    "inf": (method("data[[2]][3] <- -Inf; data"), r"LRT_score, row 3 -Inf, .* \(1 row so\)"),
    "huge": (
        method("data[[2]][3:4] <- 1e300; data"),
        r"LRT_score, row 3 1e\+300, .* \(2 rows so\)",
    ),
    "inf_in_test": (
        MEDIAN.replace(
            "  data\n", "  data[[2]][3] <- if (is.null(seed)) 0 else Inf\n  data\n"
        ).replace("impute_test(data, state)", "impute_test(data, state, NULL)"),
        "impute_test of inf_in_test.R: its table has in column LRT_score, row 3 Inf",
    ),
    "endless": (
        training("f <- function(n) f(n + 1); f(1)"),
        r"infinite recursion.* \(impute_train of endless.R\)",
    ),
    "brackets": (training("eval(parse(text = strrep('(', 1e5)))"), r"overflow .*\(brackets.R:2\)"),
    "handler": (training("globalCallingHandlers(warning = stop)"), r"handlers .*\(handler.R:2\)"),
    "no_name": (training("nosuch(1)"), r'could not find function "nosuch" \(no_name.R:2\)'),
    "terminal": (
        training(r"cat('\033[2J\a'); stop('\033[31mred\033[0m\r\nnext')"),
        r"\\u001b\[31mred\\u001b\[0m next \(terminal.R:2\)$",
    ),
}
"""What of it is no table, or stops: R code, and a pattern that the reason has."""


LIMIT_BYTES = 4 << 30
LIMIT_SECONDS = 40
NUMBERS = ("TP", "FP", "FN", "TN", "Accuracy", "Brier", "MCC", "AUC", "Sensitivity", "F1")
ERROR, CRASH, TIMEOUT, MEMORY = "error", "crash", "timeout", "memory"
ENDS = {
    "aborts": ("tools::pskill(Sys.getpid(), 6)", CRASH, "signal 6 (SIGABRT)"),
    "is_killed": ("tools::pskill(Sys.getpid(), 9)", CRASH, "signal 9 (SIGKILL)"),
    "quits": ("quit('no', status = 3)", CRASH, "code 3"),
    "sleeps": ("Sys.sleep(1e6)", TIMEOUT, "its limit of 40 s"),
    "takes_all": ("x <- numeric(1e9)", MEMORY, "cannot allocate vector of size 7.5 Gb"),
    "prints": ("line <- strrep('0123456789', 1e5); for (i in 1:300) cat(line, '\n')", None, ""),
    "sinks": ("sink('/dev/null'); closeAllConnections(); textConnection('x')", None, ""),
    "replaces": (
        "e <- asNamespace('stats'); unlockBinding('glm.fit', e); assign('glm.fit', stop, e)",
        None,
        "",
    ),
    "traces": ("trace('sum', quote(stop('traced')), print = FALSE, where = baseenv())", ERROR, ""),
    "forks": (
        "for (how in c('', 'setsid', 'setsid -f')) system(paste(how, 'sleep 3600'), wait = FALSE)",
        None,
        "",
    ),
    "changes": (
        "options(warn = 2, OutDec = ','); Sys.setenv(TZ = 'Asia/Tokyo'); RNGkind('Wichmann-Hill')",
        None,
        "",
    ),
    "removes": ("unlink(tempdir(), recursive = TRUE)", None, ""),
    "terminal": (NO_TABLE["terminal"][0], ERROR, "\\u001b[31mred"),
}
"""A statement in impute_train; the kind of failure, None where the task is done; in its reason."""


@pytest.fixture(scope="module")
def runner():
    """One process for all of them: none of these leaves anything behind."""
    files = [OwnFile(name, f"{name}.R", text).plain() for name, (text, _) in NO_TABLE.items()]
    settings = Settings({}, "amiss", 1, options={"own_methods": files})
    return AmissRunner(settings, lambda *_: None)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    path = tmp_path_factory.mktemp("odd") / "block.npz"
    toy_block().save(path)
    return path


@pytest.mark.parametrize("name", NO_TABLE)
def test_what_is_no_table_is_named(runner, artifact, name):
    """The task has failed, with one printable line that names the file and what is wrong."""
    values = amiss_values(restriction="missense", imputation=name)
    tried = try_task(runner, TaskSpec(0, 0, 1, "lr", values), artifact)
    assert tried.result is None
    assert tried.kind == "error"
    assert re.search(NO_TABLE[name][1], tried.reason)
    assert tried.reason.isprintable()


def run(study, *options, before=()):
    """``gridrun local`` by a process of its own; ``before`` stands before the command."""
    command = [*before, sys.executable, "-m", "gridrun", "local", str(study), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)


def left_by(directory):
    """Command lines of processes whose environment says that they were started below a place."""
    mark = f"TMPDIR={directory}".encode()
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and mark in (process / "environ").read_bytes():
                yield (process / "cmdline").read_text().replace("\0", " ")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("on_ray", [False, True])
def test_each_costs_its_own_tasks_only(on_ray, tmp_path, monkeypatch):
    """Kinds and reasons are as the table says, amiss's numbers as without; nothing is left."""
    # a limit of memory is for all processes together, and Ray reserves more than that
    options, before = ([], []) if on_ray else (["--in-process"], ["prlimit", f"--as={LIMIT_BYTES}"])
    ends = {name: end for name, end in ENDS.items() if not (on_ray and name == "takes_all")}
    for name, (statement, _, _) in ends.items():
        text = statement if statement.startswith("impute_train") else training(statement)
        (tmp_path / f"{name}.R").write_text(text)
    study = write_small_study(
        tmp_path / "study",
        imputation=["mean_imp", "zero_imp", *ends],
        own_methods={name: tmp_path / f"{name}.R" for name in ends},
        classifiers=["lr"],
        folds=1,
        limits={"task": {"seconds": LIMIT_SECONDS}},
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir(mode=0o700)
    monkeypatch.setenv("TMPDIR", str(temporary))
    ran = run(study, *options, before=before)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert list(left_by(temporary)) == []
    assert list(temporary.iterdir()) == []

    opened = open_study(study)
    found = opened.results().set_index("imputation")
    for name, (_, kind, reason) in ends.items():
        row = found.loc[name]
        assert row["state"] == ("failed" if kind else "done"), (name, row["reason"])
        if kind:
            assert row["reason"].startswith(f"{kind}: "), name
            assert reason in row["reason"]
    assert {attempt.kind for attempt in opened.logs() if attempt.log is None} == set()
    shown = [gridrun("logs", study, "--show"), gridrun("results", study)]
    for text in (ran.stdout, ran.stderr, *(command.stdout + command.stderr for command in shown)):
        assert all(letter.isprintable() or letter in "\n\t" for letter in text)

    alone = write_small_study(
        tmp_path / "alone", imputation=["mean_imp", "zero_imp"], classifiers=["lr"], folds=1
    )
    assert gridrun("local", alone, "--in-process").returncode == 0
    expected = open_study(alone).results().set_index("imputation")
    same = [column for column in NUMBERS if column in expected]
    assert expected[same].equals(found.loc[expected.index, same])


def sleepers(word):
    """Ids of processes that sleep for so many seconds."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if file.read_bytes() == f"sleep\0{word}\0".encode():
                found.append(int(file.parent.name))
    return found


DAEMONS = (
    "for (how in c('', 'setsid', 'env -i PATH=/bin:/usr/bin setsid nohup')) "
    "system(paste(how, 'sleep {word} >/dev/null 2>&1 &')); Sys.sleep(10)"
)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_daemons_of_a_method_end_with_a_run_that_is_stopped(number, tmp_path):
    """On Ray, in the middle of a task: none of them is left once the command has ended."""
    word = f"4711.{os.getpid()}{number:d}"
    (tmp_path / "forks.R").write_text(training(DAEMONS.format(word=word)))
    study = write_small_study(
        tmp_path / "study",
        imputation=["zero_imp", "forks"],
        own_methods={"forks": tmp_path / "forks.R"},
        classifiers=["lr"],
        folds=2,
    )
    command = [sys.executable, "-m", "gridrun", "local", str(study)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while len(sleepers(word)) < 3 and process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
        assert process.poll() is None, process.stdout.read()
        process.send_signal(number)
        said = process.stdout.read().decode()
    assert process.returncode == 130, said
    assert sleepers(word) == []
