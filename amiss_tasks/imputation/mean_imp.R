# Missing values become the mean of their feature.
# The signature of both functions is documented in _single_value.R.

impute_train <- function(data, params, seed) fill_train(data, mean)

impute_test <- function(data, state, seed) fill_test(data, state)
