"""R and Python files of a user's own, and the blocks of the page that shows how to write them."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "own-methods.md"

MEDIAN = """\
impute_train <- function(data, params, seed) {
  state <- lapply(data, median, na.rm = TRUE)
  list(completed = list(impute_test(data, state)), state = state)
}
impute_test <- function(data, state, seed) {
  for (name in names(state)) data[[name]][is.na(data[[name]])] <- state[[name]]
  data
}
"""

CENTROID = """\
fit <- function(x, y) {
  centre <- colMeans(x[y == "positive", ]) - colMeans(x[y == "negative", ])
  list(model = centre)
}
predict_positive <- function(model, x) 1 / (1 + exp(-x %*% model))
"""


PYTHON_MEDIAN = """\
import numpy as np
def impute_train(values, names, params, seed):
    state = np.nanmedian(values, axis=0)
    return impute_test(values, names, state, seed), state
def impute_test(values, names, state, seed):
    values = np.where(np.isnan(values), state, values)
    return values
"""

PYTHON_CENTROID = """\
import numpy as np
def fit(values, names, positive, seed):
    centre = values[positive].mean(axis=0) - values[~positive].mean(axis=0)
    return {"model": centre}
def predict_positive(model, values, names):
    return 1 / (1 + np.exp(-values @ model))
"""


def method(ending: str) -> str:
    """The median, its completed table changed by some code at the end."""
    return MEDIAN.replace("  data\n", f"  {ending}\n")


def classifier(*, fit: str = "list(model = centre)", predict: str | None = None) -> str:
    """The centroid, with another value of one of its functions."""
    text = CENTROID.replace("list(model = centre)", fit)
    return text.replace("1 / (1 + exp(-x %*% model))", predict) if predict else text


def python_method(ending: str) -> str:
    """The median in Python, with other code in its last line but for the indentation."""
    return PYTHON_MEDIAN.replace("    return values\n", f"    {ending}\n")


def python_classifier(*, fit: str = '{"model": centre}', predict: str | None = None) -> str:
    """The centroid in Python, with another value of one of its functions."""
    text = PYTHON_CENTROID.replace('{"model": centre}', fit)
    return text.replace("1 / (1 + np.exp(-values @ model))", predict) if predict else text


def page_blocks(language: str) -> dict[str, str]:
    """Blocks of the page that begin with the name of a file."""
    block = rf"^```{language}\n(# ([\w.]+\.\w+).*?)^```$"
    found = re.findall(block, PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return {name: text for text, name in found}
