# Missing values become the median of their feature.
# The signature of the functions is documented in ../impute.R.

impute_train <- function(data, params, seed) fill_train(data, median)

impute_test <- function(data, state, seed) fill_test(data, state)

impute_test_learnt <- impute_test
