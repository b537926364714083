# Missing values are predicted by linear regressions on the other features, by chained
# equations; nothing but the first guess is drawn.
# The signature of the functions is documented in ../impute.R.

impute_train <- function(data, params, seed) mice_train(data, "norm.predict")

impute_test <- function(data, state, seed) mice_test(data, "norm.predict")
