# What the seven single-value methods share. The signature of the functions of
# imputation/*.R is documented in ../stages/impute.R.
# helpers: none

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

# A row's values are the same wherever it stands.
impute_alone <- function(data, state, seed) impute_test(data, state, seed)
