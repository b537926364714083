# Missing values become 0, and each pattern of missingness becomes a feature.
# What a method defines: ../stages/impute.R.
# helpers: .require_numeric, fill_train, fill_with (_single_value.R)
# helpers: stop_upstream_defect (../r/guard.R); table_of (../r/tables.R)

# One logical column for each named column of `data`.
.indicators <- function(data, features) {
  columns <- lapply(unclass(data)[features], is.na)
  names(columns) <- sprintf("%s_missing", features)
  columns
}

.append <- function(data, columns) table_of(c(unclass(data)[names(data)], columns), nrow(data))

# params: drop_constants = TRUE leaves out indicators that are the same in every
# training row (D13).
impute_train <- function(data, params, seed) {
  .require_numeric(data, vapply(data, anyNA, NA))
  # of equal patterns the first stands for all; that of the first complete
  # column stays, though it is constant (D13)
  patterns <- .indicators(data, names(data))
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
  completed <- .append(filled$completed[[1L]], .indicators(data, features))
  list(completed = list(completed), state = list(values = filled$state, features = features))
}

impute_test <- function(data, state, seed) {
  filled <- fill_with(data, state$values)
  list(.append(filled, .indicators(data, state$features)))
}

impute_test_learnt <- impute_test
