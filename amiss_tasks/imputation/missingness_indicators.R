# Missing values become 0, and each pattern of missingness becomes a feature.
# What a method defines: ../stages/impute.R.
# helpers: .require_numeric, fill_train, fill_with (_single_value.R)
# helpers: stop_upstream_defect (../r/guard.R)
# helpers: append_columns, indicator_columns (../stages/indicators.R)

# params: drop_constants = TRUE leaves out indicators that are the same in every
# training row (D13).
impute_train <- function(data, params, seed) {
  .require_numeric(data, vapply(data, anyNA, NA))
  # of equal patterns the first stands for all; that of the first complete
  # column stays, though it is constant (D13)
  patterns <- indicator_columns(data, names(data))
  kept <- !duplicated(unname(patterns))
  varies <- vapply(patterns, function(gaps) any(gaps) && !all(gaps), NA)
  without_constants <- isTRUE(params$drop_constants)
  features <- names(data)[if (without_constants) kept & varies else kept]
  if (length(features) < 2L && !without_constants) {
    stop_upstream_defect(paste0(
      "attempt to set 'colnames' on an object with less than two dimensions ",
      "(D13: all columns have the same pattern of missingness)"
    ), "missingness_indicators")
  }
  filled <- fill_train(data, function(observed) 0)
  completed <- append_columns(filled$completed[[1L]], indicator_columns(data, features))
  list(completed = list(completed), state = list(values = filled$state, features = features))
}

impute_test <- function(data, state, seed) {
  filled <- fill_with(data, state$values)
  list(append_columns(filled, indicator_columns(data, state$features)))
}

impute_test_learnt <- impute_test
