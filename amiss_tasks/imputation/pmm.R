# Missing values become observed values of rows with similar predicted means (predictive mean
# matching), by chained equations.
# The signature of the functions is documented in ../impute.R.

impute_train <- function(data, params, seed) mice_train(data, "pmm")

impute_test <- function(data, state, seed) mice_test(data, "pmm")
