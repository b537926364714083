# Missing values become 0.
# The signature of both functions is documented in _single_value.R.

impute_train <- function(data, params, seed) fill_train(data, function(observed) 0)

impute_test <- function(data, state, seed) fill_test(data, state)
