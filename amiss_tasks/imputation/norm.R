# Missing values are drawn from Bayesian linear regressions on the other features, by chained
# equations.
# What a method defines: ../stages/impute.R.
# helpers: mice_train, mice_test (_mice.R); mice_learnt (_mice_learnt.R)
# helpers: .mice_arguments (_mice_units.R)

impute_train <- function(data, params, seed) mice_train(data, "norm", params)

impute_test <- function(data, state, seed) mice_test(data, "norm", state)

.draw <- function(y, ry, x, wy, params) {
  do.call(mice::mice.impute.norm, c(list(y, ry, x, wy), .mice_arguments(params)))
}

impute_test_learnt <- function(data, state, seed) mice_learnt(data, state, .draw)

# The same with one draw of the noise for all rows: that which a single row would get.
.draw_alone <- function(y, ry, x, wy, params) {
  x <- cbind(1, as.matrix(x))
  drawn <- do.call(mice::.norm.draw, c(list(y, ry, x), .mice_arguments(params)))
  drop(x[wy, , drop = FALSE] %*% drawn$beta) + rnorm(1L) * drawn$sigma
}

impute_alone <- function(data, state, seed) mice_learnt(data, state, .draw, .draw_alone, TRUE)
