# Missing values are predicted by linear regressions on the other features, by chained
# equations; nothing but the first guess is drawn.
# What a method defines: ../stages/impute.R.
# helpers: mice_train, mice_test (_mice.R); mice_learnt (_mice_learnt.R)
# helpers: .mice_arguments (_mice_units.R)

impute_train <- function(data, params, seed) mice_train(data, "norm.predict", params)

impute_test <- function(data, state, seed) mice_test(data, "norm.predict", state)

.predict <- function(y, ry, x, wy, params) {
  do.call(mice::mice.impute.norm.predict, c(list(y, ry, x, wy), .mice_arguments(params)))
}

impute_test_learnt <- function(data, state, seed) mice_learnt(data, state, .predict)

impute_alone <- function(data, state, seed) mice_learnt(data, state, .predict, alone = TRUE)
