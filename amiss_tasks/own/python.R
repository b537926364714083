# A Python file of the user's own, by functions of the names and arguments that a file in R has
# (see method.R and classifier.R): tables go to Python as matrices, what is learnt stays in R as
# raw bytes. `ask` is a function of Python's, see ../tasks/own_python/calls.py.
# helpers: table_of (../r/tables.R)

# The value of an answer of Python's; stops with its message, which has file and line.
.answered <- function(found) {
  for (text in found$warnings) warning(text, call. = FALSE)
  if (is.null(found$value)) {
    message <- if (is.null(found$error)) "Python gave no answer" else found$error
    stop(structure(
      class = c("error_in_own_file", "error", "condition"), list(message = message, call = NULL)
    ))
  }
  found$value
}

# A table as a matrix of doubles.
.numbers_of <- function(data) {
  text <- names(data)[vapply(data, is.character, NA)]
  if (length(text)) {
    stop(
      "a method in Python takes numbers, and ", toString(text), " is text: ",
      "give categorical: dummy, or write the method in R",
      call. = FALSE
    )
  }
  matrix(as.double(unlist(unclass(data), use.names = FALSE)), nrow(data), length(data))
}

.tables_of <- function(found) {
  lapply(unname(found), function(table) {
    columns <- lapply(seq_along(table$names), function(j) table$values[, j])
    names(columns) <- as.character(table$names)
    table_of(columns, nrow(table$values))
  })
}

# A seed of a call, drawn where the generator stands, as what a call in R draws is.
.call_seed <- function() sample.int(.Machine$integer.max, 1L)

# As load_own() gives a file in R: list(home, packages, file).
load_python <- function(ask, file) {
  home <- new.env()
  call <- function(...) .answered(ask(...))
  home$impute_train <- function(data, params, seed) {
    found <- call("impute_train", seed, .numbers_of(data), names(data), params)
    list(completed = .tables_of(found$completed), state = found$state)
  }
  home$impute_test <- function(data, state, seed) {
    .tables_of(call("impute_test", seed, .numbers_of(data), names(data), state))
  }
  home$fit <- function(x, y) {
    call("fit", .call_seed(), x, colnames(x), y == levels(y)[1L])
  }
  home$predict_positive <- function(model, x) {
    call("predict_positive", .call_seed(), model, x, colnames(x))
  }
  list(home = home, packages = character(), file = file)
}

python_method <- function(ask, file) .method_of(load_python(ask, file))

python_classifier <- function(ask, file) .classifier_of(load_python(ask, file))
