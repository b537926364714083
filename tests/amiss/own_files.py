"""R files of a user's own, and the blocks of the page that shows how to write them."""

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


def method(ending: str) -> str:
    """The median, its completed table changed by some code at the end."""
    return MEDIAN.replace("  data\n", f"  {ending}\n")


def classifier(*, fit: str = "list(model = centre)", predict: str | None = None) -> str:
    """The centroid, with another value of one of its functions."""
    text = CENTROID.replace("list(model = centre)", fit)
    return text.replace("1 / (1 + exp(-x %*% model))", predict) if predict else text


def page_blocks(language: str) -> dict[str, str]:
    """Blocks of the page that begin with the name of a file."""
    block = rf"^```{language}\n(# ([\w.]+\.\w+).*?)^```$"
    found = re.findall(block, PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return {name: text for text, name in found}
