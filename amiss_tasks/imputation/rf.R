# Missing values are drawn from the leaves of random forests grown on the other features, by
# chained equations (Doove et al. 2014, doi:10.1016/j.csda.2013.10.025).
# What a method defines: ../stages/impute.R.
# helpers: mice_train, mice_test (_mice.R); mice_learnt (_mice_learnt.R)
# helpers: .mice_arguments (_mice_units.R)

.TREES <- 10L

# The forests are ranger's, which would take every core.
.one_thread <- function() options(ranger.num.threads = 1L)

# mice's own way stops without predictors, and where a leaf has a single value x it draws from
# 1 to x: sample(x, 1). Where predictors are chosen, training rows are drawn as test rows are.
.filled_by <- function(params) if (isTRUE(params$choose_predictors)) .leaf_values else "rf"

impute_train <- function(data, params, seed) {
  .one_thread()
  mice_train(data, .filled_by(params), params)
}

impute_test <- function(data, state, seed) {
  .one_thread()
  mice_test(data, .filled_by(state$params), state)
}

# For each row `wy` one of the observed values that share a leaf with it in any tree. As mice
# does it, but for a single random number a row: mice may take several, so that the values of
# one row would decide what the next one draws.
.leaf_values <- function(y, ry, x, wy, params, numbers = runif(sum(wy))) {
  trees <- c(.mice_arguments(params, FALSE)$ntree, .TREES)[1L]
  observed <- y[ry]
  if (!ncol(x)) x <- cbind(x, none = 0)
  forest <- ranger::ranger(
    x = x[ry, , drop = FALSE], y = observed, num.trees = trees, num.threads = 1L
  )
  leaves <- function(rows) {
    found <- predict(
      forest,
      data = x[rows, , drop = FALSE], type = "terminalNodes", num.threads = 1L
    )
    matrix(ranger::predictions(found), sum(rows))
  }
  donors_in <- leaves(ry)
  wanted <- leaves(wy)
  # R evaluates the default of `numbers` here and no earlier, so it is drawn after the forest
  # was grown, as mice draws
  at <- numbers
  vapply(seq_len(sum(wy)), function(i) {
    donors <- observed[row(donors_in)[donors_in == rep(wanted[i, ], each = length(observed))]]
    donors[ceiling(at[i] * length(donors))]
  }, observed[1L])
}

impute_test_learnt <- function(data, state, seed) mice_learnt(data, state, .leaf_values)

# The same with one random number for all rows: that which a single row would get.
.leaf_values_alone <- function(y, ry, x, wy, params) {
  .leaf_values(y, ry, x, wy, params, rep(runif(1L), sum(wy)))
}

impute_alone <- function(data, state, seed) {
  mice_learnt(data, state, .leaf_values, .leaf_values_alone, TRUE)
}
