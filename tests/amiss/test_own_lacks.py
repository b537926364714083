"""A file of one's own that loads a package which is not installed: said before any task runs."""

import subprocess

import pytest
from commands import gridrun
from own_files import MEDIAN

from amiss_tasks.r.own_file import OwnFile
from amiss_tasks.tasks.r_calls import RCalls
from amiss_tasks.testing import write_small_study
from gridrun.api import open_study
from gridrun.errors import EnvironmentFault

CANNOT = [
    "f <- function(x) { library(nosuch); x }",
    "f <- function(x) nosuch::g(x)",
    "library('nosuch')",
    "loadNamespace('nosuch')",
]
CAN = [
    "f <- function(x) if (requireNamespace('nosuch', quietly = TRUE)) nosuch::g(x) else x",
    "f <- function(x) tryCatch(library(nosuch), error = function(e) x)",
    "f <- function(nosuch) library(nosuch, character.only = TRUE)",
    "f <- function(x) { library(MASS); stats::sd(x) }",
    "if (R.version$major > 9) library(nosuch)",
]


@pytest.mark.parametrize(
    ("text", "lacks"), [*((t, True) for t in CANNOT), *((t, False) for t in CAN)]
)
def test_what_a_file_cannot_do_without(text, lacks):
    """Whatever happens it is loaded; not where the file asks, or catches the error."""
    calls = RCalls()
    if not lacks:
        calls.versions((), [OwnFile("mine", "mine.R", text)])
        return
    with pytest.raises(EnvironmentFault, match=r"R has no package nosuch, which mine\.R loads"):
        calls.versions((), [OwnFile("mine", "mine.R", text)])


def test_the_run_ends_before_its_first_task(tmp_path):
    """None of its tasks is a finding about the method, and none of others' is left half way."""
    file = tmp_path / "mine.R"
    file.write_text(MEDIAN.replace("  state <-", "  library(nosuch)\n  state <-", 1))
    study = open_study(
        write_small_study(
            tmp_path / "study",
            imputation=["zero_imp", "mine"],
            own_methods={"mine": file},
            classifiers=["lr"],
            folds=1,
        )
    )
    with pytest.raises(EnvironmentFault, match="R has no package nosuch, which mine"):
        study.run(backend="inprocess")
    assert study.logs() == []


FILL = "fill <- function(data) { data[is.na(data)] <- 0; data }\n"
LOSES = """
impute_train <- function(data, params, seed) {
  completed <- tiny::fill(data)
  if (file.exists("LIBRARY/second")) {
    file.rename("LIBRARY/tiny", "LIBRARY/away")
    file.remove("LIBRARY/second")
    quit(status = 7)  # what is loaded goes on
  }
  if (file.exists("LIBRARY/first")) file.rename("LIBRARY/first", "LIBRARY/second")
  list(completed = completed, state = 0)
}
impute_test <- function(data, state, seed) tiny::fill(data)
"""
"""A method that takes the package away which it needs, in its second task."""


@pytest.fixture
def library(tmp_path):
    """A library of R with a package `tiny`."""
    source, made = tmp_path / "source" / "tiny", tmp_path / "library"
    (source / "R").mkdir(parents=True)
    made.mkdir()
    about = {"Package": "tiny", "Version": "0.1", "Title": "T", "License": "GPL-3"}
    (source / "DESCRIPTION").write_text("".join(f"{k}: {v}\n" for k, v in about.items()))
    (source / "NAMESPACE").write_text("export(fill)\n")
    (source / "R" / "fill.R").write_text(FILL)
    install = ["R", "CMD", "INSTALL", "--no-docs", "--no-test-load", "-l", made, source]
    subprocess.run(install, check=True, capture_output=True)
    return made


@pytest.mark.slow
def test_a_package_that_vanishes_leaves_its_tasks_waiting(library, tmp_path):
    """One message, nothing failed; with the package back the same command gives the whole table."""
    file = tmp_path / "mine.R"
    file.write_text(LOSES.replace("LIBRARY", str(library)))
    directory = write_small_study(
        tmp_path / "study",
        imputation=["zero_imp", "mine"],
        own_methods={"mine": file},
        classifiers=["lr"],
        folds=3,
    )

    def run():
        return gridrun("local", directory, "--in-process", R_LIBS=str(library))

    (library / "first").touch()
    broken = run()
    assert broken.returncode == 3
    said = f"{broken.stdout}\n{broken.stderr}"
    assert said.count("R has no package tiny, which mine.R loads\n  install it") == 1
    assert "0 failed" in said
    states = open_study(directory).results()["state"].tolist()
    assert states.count("failed") == 0
    assert states.count("waiting") >= 2
    (library / "away").rename(library / "tiny")
    assert run().returncode == 0
    table = open_study(directory).results().set_index(["method", "fold"])
    assert (table.loc["mine", "MCC"] == table.loc["zero_imp", "MCC"]).all()
