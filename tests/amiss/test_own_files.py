"""Imputation methods and classifiers of the user's own, as the stages run them."""

from __future__ import annotations

import pytest
from amissstudies import amiss_values
from own_files import CENTROID, MEDIAN, classifier, method
from toyblock import toy_block

from amiss_tasks.pipeline import PIPELINE, AmissPipeline
from amiss_tasks.r import session as r_session
from amiss_tasks.r.own_file import OwnFile
from amiss_tasks.tasks.r_stages import RStages
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.pipeline import Settings, TaskFailure, TaskSpec

VALUES = amiss_values(restriction="missense", imputation="mine")


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "block.npz"
    toy_block().save(path)
    return path


def options(text=MEDIAN, own=CENTROID, axes=()):
    return {
        "own_methods": [OwnFile("mine", "mine.R", text, axes).plain()],
        "own_classifiers": [OwnFile("centroid", "centroid.R", own).plain()],
    }


def task(classifier="lr", **changes):
    return TaskSpec(0, 0, 1, classifier, VALUES | changes)


@pytest.fixture
def run(artifact):
    """Run one task of a study with these files."""

    def run(classifier="lr", protocol="amiss", changes=(), **files):
        settings = Settings({}, protocol, 1, options=options(**files))
        runner = AmissRunner(settings, lambda *_: None)
        return runner.run(task(classifier, **dict(changes)), artifact)

    return run


def untimed(result):
    return [
        {key: repr(value) for key, value in row.items() if not key.endswith("time")}
        for row in (*result.rows, *result.details)
    ]


@pytest.mark.parametrize("protocol", ["amiss", "corrected"])
@pytest.mark.parametrize("name", ["lr", "rf"])
def test_a_method_of_ones_own_that_is_amiss_s_gives_its_numbers(run, protocol, name):
    """The median written as a user would is median_imp to the last bit, under both protocols."""
    built_in = run(name, protocol, {"imputation": "median_imp"})
    assert untimed(run(name, protocol)) == untimed(built_in)


def test_a_classifier_of_ones_own_that_is_amiss_s_gives_its_numbers(run):
    """A logistic regression written as a user would has amiss's rows."""
    text = """
fit <- function(x, y) list(model = glm.fit(cbind(1, x), y == "positive", family = binomial()))
predict_positive <- function(model, x) plogis(cbind(1, x) %*% coef(model))
"""
    got, wanted = run("centroid", own=text), run("lr")
    for one, other in zip(got.rows, wanted.rows, strict=True):
        assert [one[n] for n in ("TP", "FP", "FN", "TN")] == [
            other[n] for n in ("TP", "FP", "FN", "TN")
        ]
        assert one["Brier"] == pytest.approx(other["Brier"], rel=1e-6)


def test_rows_of_hyperparameters_are_tried_and_the_best_kept(run):
    """Each row is given to impute_train by its names; the row with the largest MCC is chosen."""
    text = MEDIAN.replace("median, na.rm = TRUE", "function(x) params$base + params$more")
    found = run(text=text, axes=(("base", (0, 100)), ("more", (0.5, 1.5)))).facts
    rows = found["imputation_rows"]
    assert [(row["base"], row["more"]) for row in rows] == [
        (0, 0.5),
        (100, 0.5),
        (0, 1.5),
        (100, 1.5),
    ]
    assert found["selection_mcc"] == max(row["selection_mcc"] for row in rows)
    assert {k: found["imputation_hp"][k] for k in ("base", "more")} == {
        k: rows[found["imputation_row"] - 1][k] for k in ("base", "more")
    }


def test_a_bare_table_is_enough(run):
    """A method without a state may return the completed table itself."""
    bare = """
fill <- function(data) { data[is.na(data)] <- 0; data }
impute_train <- function(data, params, seed) fill(data)
impute_test <- function(data, state, seed) fill(data)
"""
    assert untimed(run(text=bare)) == untimed(run(changes={"imputation": "zero_imp"}))


def test_several_completed_tables_are_several_models_and_rows(run):
    """Two training and three test tables give six result rows."""
    text = MEDIAN.replace(
        "list(impute_test(data, state))", "list(impute_test(data, state)[[1]])[c(1, 1)]"
    )
    text = text.replace("  data\n", "  list(data, data, data)\n")
    names = [(row["model_ix"], row["test_completion_ix"]) for row in run(text=text).rows]
    assert names == [(f"model_{m}", f"imp_{i}") for m in (1, 2) for i in (1, 2, 3)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x <- (", r"mine.R:2:0: unexpected end of input"),
        (f"library(nosuch)\n{MEDIAN}", r"no package called .nosuch. \(mine.R:1\)"),
        ("impute_test <- 3", r"defines no function impute_train\(data, params, seed\)"),
        (MEDIAN.replace("(data, params, seed)", "(data)"), r"takes \(data\), it is called as"),
        (method("stop('boom')"), r"boom \(mine.R:\d\)"),
        (method("as.matrix(data)"), "matrix/array, not a data frame: give as.data.frame"),
        (method("data[-1, ]"), r"has \d+ rows, not the \d+"),
        (method("data[-1]"), "lacks the columns SIFT_score"),
        (method("data[rev(names(data))]"), "columns in another order"),
        (
            method("data[[2]] <- paste(data[[2]]); data"),
            "column LRT_score an object of class char",
        ),
        (method("data[[2]][3] <- NaN; data"), "a missing value left: column LRT_score, row 3"),
        (f"kept <- 1\n{method('kept <<- data; data')}", r"locked binding for 'kept' \(mine.R:8\)"),
        (MEDIAN.replace("state = state", "stat = state"), "more than completed and state: stat"),
    ],
)
def test_what_is_wrong_with_a_method_is_said(run, text, message):
    """It is a finding of kind error, with R's message or the table, column and row at fault."""
    with pytest.raises(TaskFailure, match=message) as failure:
        run(text=text)
    assert failure.value.kind == "error"


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (classifier(fit="centre"), r"fit of centroid.R returned .* numeric, not list\(model"),
        (classifier(fit="structure(list(model = 1), class = 'glm')"), "class glm, not list"),
        (classifier(fit="list(model = 1, setings = 2)"), "setings, which is none of model"),
        (
            classifier(fit="list(model = 1, settings = list(2))"),
            "settings that are not a named list",
        ),
        (
            classifier(fit="list(model = centre, fitted_positive = y)"),
            "fitted_positive that is not",
        ),
        (classifier(fit="list(model = 1, held_out = TRUE)"), "without fitted_positive"),
        (classifier(predict="1 + exp(x %*% model)"), "for row 1, which is not a probability"),
        (classifier(predict="0.5"), "returned 1 number for"),
        (classifier(predict="x[, 1:2]"), "2 columns: give that of positive alone"),
        (classifier(predict="x[, 1] * NA"), "missing values, the first for row 1"),
        (classifier(predict="ifelse(x[, 1] > 0, 'a', 'b')"), "class character, not numbers"),
        (classifier(predict="stop('no')"), r"no \(centroid.R:5\)"),
    ],
)
def test_what_is_wrong_with_a_classifier_is_said(run, own, message):
    """It is a finding of kind error that names the function and what it returned."""
    with pytest.raises(TaskFailure, match=message) as failure:
        run("centroid", own=own)
    assert failure.value.kind == "error"


def test_what_fit_leaves_out_is_filled_in(run):
    """Classes of the training rows, one model, and seconds around fit; what it gives is kept."""
    plain = run("centroid")
    assert plain.facts["fits"] == {"models": 1}
    assert plain.facts["settings"] == {}
    assert plain.rows[0]["tr_time"] >= 0
    full = "list(model = centre, settings = list(features = 2, how = 'a'), seconds = 7,"
    full += "fits = list(trees = 3), fitted_positive = y == 'positive', held_out = TRUE)"
    told = run("centroid", own=classifier(fit=full))
    # a setting with the name of another fact takes nothing's place
    assert told.facts["settings"] == {"features": 2, "how": "a"}
    assert len(told.facts["features"]) == 6
    assert told.facts["fits"] == {"trees": 3}
    assert told.rows[0]["tr_time"] == 7
    assert told.facts["selection_mcc"] == 1


LOOK = """
look <- function() {
  list(search(), getOption("warn"), getOption("digits"), getwd(), ls(globalenv()))
}
"""


def test_nothing_is_left_behind(run, tmp_path):
    """Options, attached packages, global variables and directory are as before a file's call."""
    text = "library(MASS)\noptions(warn = 2)\n" + method(
        "options(digits = 3); left <<- 1; setwd(tempdir()); mvrnorm; data"
    )
    session = r_session.start()
    home = session.environment(session.shared)
    (tmp_path / "look.R").write_text(LOOK)
    session.source_text((tmp_path / "look.R").read_text(), home)

    def state():
        return repr(session.call(home, "look").value.python())

    before = state()
    result = run(text=text)
    assert state() == before
    assert result.facts["own_packages"].keys() == {"MASS"}
    # what the file attaches is attached at its next call, too
    assert untimed(run(text=text)) == untimed(result)


IN_PLACE = """
library(data.table)
impute_train <- function(data, params, seed) {
  stopifnot(anyNA(data))
  list(completed = impute_test(data, params$value, seed), state = params$value)
}
impute_test <- function(data, state, seed) {
  setDT(data)
  for (name in names(data)) set(data, which(is.na(data[[name]])), name, state)
  as.data.frame(data)
}
"""


def test_a_table_that_is_changed_in_place_is_the_file_s_own(run):
    """The second row of hyperparameters gets the table with its missing values, not the first's."""
    if not RStages().own_packages([OwnFile("mine", "mine.R", IN_PLACE)])["data.table"]:
        # no package of gridrun's: only files of a user's own may load it
        pytest.skip("R has no package data.table here")
    found = run(text=IN_PLACE, axes=(("value", (0, 1)),)).facts["imputation_rows"]
    assert [row["selection_mcc"] is not None for row in found] == [True, True]


def test_content_keys_follow_the_text(run):
    """Files of one name and other code have other keys; comments make no difference."""
    keys = [
        run("centroid", text=text, own=own).content_key
        for text, own in (
            (MEDIAN, CENTROID),
            (f"# said\n{MEDIAN}", CENTROID),
            (MEDIAN.replace("median", "mean"), CENTROID),
            (MEDIAN, CENTROID.replace("exp(-", "exp(-2 * ")),
        )
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_the_pipeline_has_what_a_study_adds():
    """Names, classifiers and code digests are added at the end; amiss's own stay as they are."""
    own = PIPELINE.of_study(options())
    (methods,) = (p for p in own.parameters if p.name == "imputation")
    (amiss,) = (p for p in PIPELINE.parameters if p.name == "imputation")
    assert methods.values == (*amiss.values, "mine")
    assert methods.shorthands == amiss.shorthands
    assert own.classifiers == (*PIPELINE.classifiers, "centroid")
    assert PIPELINE.classifiers == ("rf", "xgboost", "lr", "pattern_lr")
    for name in PIPELINE.classifiers:
        zero = {"imputation": "zero_imp"}
        assert own.code_digests(name, zero) == PIPELINE.code_digests(name, zero)
    assert "hyperparameter_search_type" not in own.classifier_reads("centroid")
    digests = own.code_digests("centroid", {"imputation": "mine"})
    assert {"own method mine", "own classifier centroid"} <= digests.keys()
    other = AmissPipeline(options(text=MEDIAN.replace("median", "mean")))
    changed = other.code_digests("centroid", {"imputation": "mine"})
    assert {n for n in digests if digests[n] != changed[n]} == {"own method mine"}
    assert own.estimate_seconds("centroid", {"imputation": "mine"}) > 0


def test_dispositions_and_switches_of_a_classifier_of_ones_own():
    """It is skipped under factor, not searched, and depends on how rows are compared (D4)."""
    settings = Settings({}, "amiss", 1, options=options())
    own = PIPELINE.of_study(settings.options)
    values = {"categorical": "factor", "imputation": "mine"}
    assert own.disposition("centroid", values, settings).state == "skipped"
    values["categorical"] = "dummy"
    assert own.disposition("centroid", values, settings).state == "waiting"
    switches = own.switches(settings, "centroid", {"imputation": "mine"})
    assert "imputation_choice" in switches
    assert not {"test_imputation", "random_search", "eta_zero"} & switches.keys()
    assert "imputation_choice" not in own.switches(settings, "rf", {"imputation": "mine"})
