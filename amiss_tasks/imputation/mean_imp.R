# Missing values become the mean of their feature.
# What a method defines: ../stages/impute.R.
# helpers: fill_train, fill_test (_single_value.R)

impute_train <- function(data, params, seed) fill_train(data, mean)

impute_test <- function(data, state, seed) fill_test(data, state)

impute_test_learnt <- impute_test
