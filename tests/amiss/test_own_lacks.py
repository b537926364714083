"""A file of one's own that loads a package which is not installed: said before any task runs."""

import pytest
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
