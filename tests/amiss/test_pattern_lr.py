"""pattern_lr against plain glm: a model for each pattern of missing values, and its rules."""

from __future__ import annotations

import numpy as np
import pytest

from amiss_tasks.protocols import CORRECTED, Protocol
from amiss_tasks.r.session import RObject
from amiss_tasks.tasks.r_stages import RStages

BY_GLM = """
# P(positive) of some rows by stats::glm on these training rows and columns, by its formula
by_glm <- function(x, positive, rows, columns, new) {
  data <- data.frame(y = positive, x)
  names(data) <- c("y", paste0("x", seq_len(ncol(x))))
  newdata <- data.frame(new)
  names(newdata) <- names(data)[-1L]
  right <- if (length(columns)) paste0("x", columns, collapse = " + ") else "1"
  model <- suppressWarnings(glm(
    as.formula(paste("y ~", right)), family = binomial, data = data[rows, ]
  ))
  unname(suppressWarnings(predict(model, newdata, type = "response")))
}
fitted_by <- function(classifier, x, positive) {
  classifier$fit(x, factor(ifelse(positive, "positive", "negative"), c("positive", "negative")))
}
predicted <- function(classifier, model, x) {
  found <- classifier$predict_positive(model, x)
  list(positive = as.double(found), note = attr(found, "note"))
}
"""
RANDOM = np.random.default_rng(3)
ROWS = 200


def training() -> tuple[np.ndarray, np.ndarray]:
    """Rows of four patterns: whole (100), without the last (80), without the second (12), none."""
    x = RANDOM.normal(size=(ROWS, 3))
    positive = x[:, 0] + 0.5 * x[:, 1] + RANDOM.normal(size=ROWS) > 0
    x[100:180, 2] = np.nan
    x[180:192, 1] = np.nan
    x[192:] = np.nan
    return x, positive


class ByR:
    """The classifier's file and the check, in one R."""

    def __init__(self) -> None:
        stages = RStages(protocol=Protocol(CORRECTED))
        self._session = stages.calls._session
        self._home = self._session.environment(self._session.shared)
        self._session.source_text(BY_GLM, self._home)
        self._classifier = stages.classifier_file("pattern_lr")

    def fit(self, x, positive) -> RObject:
        return self._session.call(self._home, "fitted_by", self._classifier, x, positive).value

    def predict(self, model, x) -> tuple[np.ndarray, str]:
        found = self._session.call(self._home, "predicted", self._classifier, model, x)
        value = found.value.python()
        return value["positive"], value["note"][0]

    def by_glm(self, x, positive, rows, columns, new) -> np.ndarray:
        arguments = (x, positive, np.asarray(rows) + 1, np.asarray(columns, int) + 1, new)
        return self._session.call(self._home, "by_glm", *arguments).value.python()


@pytest.fixture(scope="module")
def r() -> ByR:
    return ByR()


def test_each_pattern_is_predicted_as_plain_glm_predicts_it(r):
    """By the rows of its own, by all that have its features, by fewer features, by the share."""
    x, positive = training()
    found = r.fit(x, positive)
    new = RANDOM.normal(size=(6, 3))
    new[1, 2] = new[2, 1] = new[3, 0] = np.nan
    new[4, :2] = np.nan
    new[5] = np.nan
    probability, note = r.predict(found["model"], new)
    everyone = np.arange(ROWS)
    rules = [
        (everyone[:100], [0, 1, 2]),  # its own pattern
        (everyone[100:180], [0, 1]),  # its own pattern
        (everyone[~np.isnan(x[:, [0, 2]]).any(axis=1)], [0, 2]),  # 12 rows are too few
        (everyone[~np.isnan(x[:, [1, 2]]).any(axis=1)], [1, 2]),  # never seen
        (everyone[~np.isnan(x[:, 2])], [2]),  # never seen
        (everyone, []),  # 8 rows have nothing: of all rows the share
    ]
    for row, (rows, columns) in enumerate(rules):
        expected = r.by_glm(x, positive, rows, columns, new[row : row + 1])[0]
        assert probability[row] == pytest.approx(expected, abs=1e-7), row
    assert probability[5] == pytest.approx(positive.mean(), abs=1e-9)
    assert note == (
        "6 rows predicted: 2 by the model of their own pattern, "
        "3 by that of all rows with their features, 0 by that of fewer features, "
        "1 by the share of positives"
    )
    assert found["settings"]["patterns"].python()[0] == 4
    assert found["settings"]["own"].python()[0] == 2


def test_the_feature_that_the_fewest_rows_have_is_left_out_first(r):
    """Until five rows of the smaller class are left for each feature."""
    x, positive = training()
    x[:, 2] = np.where(np.arange(ROWS) < 20, RANDOM.normal(size=ROWS), np.nan)
    new = RANDOM.normal(size=(1, 3))
    probability, note = r.predict(r.fit(x, positive)["model"], new)
    rows = np.flatnonzero(~np.isnan(x[:, :2]).any(axis=1))
    assert probability[0] == pytest.approx(r.by_glm(x, positive, rows, [0, 1], new)[0], abs=1e-7)
    assert "1 by that of fewer features" in note


def test_a_column_that_does_not_vary_in_a_pattern_costs_no_rows(r):
    """As most dummies of a rare pattern: its own rows are still enough, and predict as glm's do."""
    x, positive = training()
    dummies = np.zeros((ROWS, 20))
    dummies[:100] = RANDOM.integers(0, 2, (100, 20))
    wide = np.hstack([x, dummies])
    model = r.fit(wide, positive)
    assert model["settings"]["own"].python()[0] == 1
    new = np.hstack([[[0.3, -0.2, np.nan]], np.zeros((1, 20))])
    probability, _ = r.predict(model["model"], new)
    expected = r.by_glm(wide, positive, np.arange(100, 180), [0, 1], new)
    assert probability[0] == pytest.approx(expected[0], abs=1e-7)


def test_a_row_is_predicted_alike_whatever_rows_are_beside_it(r):
    """Submodels come of training rows alone."""
    x, positive = training()
    model = r.fit(x, positive)["model"]
    together, _ = r.predict(model, x)
    alone = [r.predict(model, x[row : row + 1])[0][0] for row in range(0, ROWS, 17)]
    assert alone == together[::17].tolist()


def test_separation_and_aliased_features_are_as_lr_has_them(r):
    """No penalty: classes that a feature parts get 0 and 1; an aliased column takes no part."""
    x = np.column_stack([np.arange(60) - 29.5, 2 * (np.arange(60) - 29.5), np.ones(60)])
    found = r.fit(x, x[:, 0] > 0)
    probability, _ = r.predict(found["model"], x)
    assert np.abs(probability - (x[:, 0] > 0)).max() < 1e-6
    assert found["settings"]["rank_deficient"].python()[0] == 1
