# Missing values are drawn from Bayesian linear regressions on the other features, by chained
# equations.
# The signature of the functions is documented in ../impute.R.

impute_train <- function(data, params, seed) mice_train(data, "norm", params)

impute_test <- function(data, state, seed) mice_test(data, "norm", state)

.draw <- function(y, ry, x, wy, params) mice::mice.impute.norm(y, ry, x, wy)

impute_test_learnt <- function(data, state, seed) mice_learnt(data, state, .draw)
