# Missing values become the largest observed value of their feature.
# The signature of both functions is documented in _single_value.R.

impute_train <- function(data, params, seed) fill_train(data, max)

impute_test <- function(data, state, seed) fill_test(data, state)
