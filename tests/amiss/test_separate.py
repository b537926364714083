"""Tasks do not reach each other, whatever a file of the user's own does to its process."""

from __future__ import annotations

import pytest
from own_files import MEDIAN

from amiss_tasks.testing import small_study  # noqa: F401 - a fixture

MARKS = {
    "base": (
        "identical(toupper('a'), 'seen')",
        "unlockBinding('toupper', baseenv()); assign('toupper', function(x) 'seen', baseenv())",
    ),
    "variable": ("nzchar(Sys.getenv('MARK'))", "Sys.setenv(MARK = '1')"),
    "handler": (
        "length(globalCallingHandlers()) > 0",
        # R refuses it below handlers of its own, as here
        "try(globalCallingHandlers(message = function(m) NULL), silent = TRUE)",
    ),
    "namespace": (
        "inherits(stats::sd, 'marked')",
        (
            "space <- asNamespace('stats'); unlockBinding('sd', space); "
            "assign('sd', structure(stats::sd, class = 'marked'), space); lockBinding('sd', space)"
        ),
    ),
    "tracer": (
        "inherits(base::nchar, 'functionWithTrace')",
        "suppressMessages(trace('nchar', quote(NULL), print = FALSE, where = baseenv()))",
    ),
    "method": (
        "identical(mean(structure(1, class = 'numeric_version')), 'seen')",
        "registerS3method('mean', 'difftime', function(x, ...) 'seen', baseenv())",
    ),
    "option": ("!is.null(getOption('mark'))", "options(mark = 1)"),
    "locale": ("Sys.getlocale('LC_NUMERIC') != 'C'", "Sys.setlocale('LC_TIME', 'C')"),
    "connection": ("nrow(showConnections()) > 0", "textConnection('x')"),
    "sink": ("sink.number() > 0", "sink('/dev/null')"),
    "umask": ("as.integer(Sys.umask()) == 63L", "Sys.umask('077')"),
    "temporary": ("!dir.exists(tempdir())", "unlink(tempdir(), recursive = TRUE)"),
}
"""Kind of trace to an R condition that finds it, and a statement that leaves it."""


def marking(seen, leave):
    # at the beginning of impute_train, which a task calls once
    line = "  state <-"
    check = f"  if ({seen}) stop('an earlier task was here')\n  {leave}\n"
    return MEDIAN.replace(line, check + line, 1)


def run(small_study, tmp_path, names):  # noqa: F811
    """A study with methods that leave traces; then one with amiss's own method alone."""
    for name in names:
        (tmp_path / f"{name}.R").write_text(marking(*MARKS[name]))
    own = {name: tmp_path / f"{name}.R" for name in names}
    study = small_study(
        imputation=[*names, "mean_imp"], own_methods=own, classifiers=["lr"], folds=2
    )
    report = study.run(backend="inprocess")
    return report, study.results()


def numbers(table):
    kept = table[table["imputation"] == "mean_imp"]
    return kept[["fold", "TP", "FP", "FN", "TN", "MCC", "AUC", "Brier"]].to_numpy().tolist()


@pytest.mark.parametrize(
    "names",
    [["base", "variable"], *(pytest.param([name], marks=pytest.mark.slow) for name in MARKS)],
    ids="-".join,
)
def test_no_task_meets_what_another_left(small_study, tmp_path, names):  # noqa: F811
    """A file's second task finds no trace of its first, and amiss's own numbers do not change."""
    report, table = run(small_study, tmp_path, names)
    assert set(table["reason"].fillna("")) <= {""}, table[["imputation", "reason"]]
    assert report.tally.done == 2 * (len(names) + 1)
    alone = small_study(imputation=["mean_imp"], classifiers=["lr"], folds=2, name="alone")
    alone.run(backend="inprocess")
    assert numbers(table) == numbers(alone.results())
