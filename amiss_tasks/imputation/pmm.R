# Missing values become observed values of rows with similar predicted means (predictive mean
# matching), by chained equations.
# The signature of the functions is documented in ../impute.R.

impute_train <- function(data, params, seed) mice_train(data, "pmm", params)

impute_test <- function(data, state, seed) mice_test(data, "pmm", state)

.match <- function(y, ry, x, wy, params) {
  do.call(mice::mice.impute.pmm, c(list(y, ry, x, wy), .mice_arguments(params)))
}

impute_test_learnt <- function(data, state, seed) mice_learnt(data, state, .match)
