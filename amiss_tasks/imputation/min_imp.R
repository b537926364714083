# Missing values become the smallest observed value of their feature.
# The signature of both functions is documented in _single_value.R.

impute_train <- function(data, params, seed) fill_train(data, min)

impute_test <- function(data, state, seed) fill_test(data, state)
