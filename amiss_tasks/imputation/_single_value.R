# What the seven single-value methods share.
#
# Every file imputation/<method>.R defines two functions:
#
#   impute_train(data, params, seed) -> list(completed, state)
#   impute_test(data, state, seed)   -> completed
#
# data       data frame, the prepared training table or the test table cut to
#            its features; NA is missing
# params     list: the method's hyperparameters (none for these seven)
# seed       seed of the fold; a method that draws takes its stream from it
# completed  list of completed tables, columns in the order of `data`, new
#            columns after them; one table for these seven
# state      what the test table needs to know of training, kept by the caller

# Stops, as upstream does, where a column with missing values is not numeric.
.require_numeric <- function(data, missing) {
  unfit <- names(data)[missing & !vapply(data, is.numeric, NA)]
  if (length(unfit)) {
    stop(
      "All columns with missingness must be numeric: ", paste(unfit, collapse = ", "),
      call. = FALSE
    )
  }
}

# Fills the missing values of each column with its value in `values`.
fill_with <- function(data, values) {
  for (name in names(values)) {
    gaps <- is.na(data[[name]])
    if (any(gaps)) data[[name]][gaps] <- values[[name]]
  }
  data
}

# impute_train for a method whose value is `estimate(observed values)`. The
# state is the value of every numeric column, for the test table may lack
# values where the training table has them all.
fill_train <- function(data, estimate) {
  .require_numeric(data, vapply(data, anyNA, NA))
  numeric <- names(data)[vapply(data, is.numeric, NA)]
  values <- lapply(data[numeric], function(column) estimate(column[!is.na(column)]))
  list(completed = list(fill_with(data, values)), state = values)
}

# impute_test for the same.
fill_test <- function(data, state) list(fill_with(data, state))
