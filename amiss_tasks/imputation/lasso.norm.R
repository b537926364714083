# Missing values are drawn around the predictions of lasso regressions on the other features, by
# chained equations (Zhao and Long 2016, doi:10.1177/0962280213511027; Deng et al. 2016,
# doi:10.1038/srep21689; mice's method lasso.norm).
# What a method defines: ../stages/impute.R.
# helpers: mice_train (_mice.R); mice_learnt (_mice_learnt.R); fitted_once (_mice_fit.R)

.FOLDS <- 10L
.LEAST_FOLDS <- 3L
.PAIRS_IN_A_FOLD <- 3

# Whether some column has two values.
.varies <- function(values) {
  any(apply(as.matrix(values), 2L, function(column) any(column != column[1L])))
}

# A lasso regression on a bootstrap sample of the known values, its penalty by cross-validation.
#
# Returns list(at, sd): a function of rows of predictors that gives their means, and the
# standard deviation of the residuals.
.lasso <- function(y, x) {
  n <- length(y)
  drawn <- sample(n, n, replace = TRUE)
  x <- cbind(1, x)
  given <- x[drawn, , drop = FALSE]
  values <- y[drawn]
  # glmnet stops where there is nothing to predict, or nothing to predict it by
  is_able <- n >= .LEAST_FOLDS && .varies(values) && .varies(given)
  folds <- min(.FOLDS, n)
  if (is_able) {
    # those that glmnet would draw; one known value that differs from all others is in one of them
    fold <- sample(rep_len(seq_len(folds), n))
    is_able <- all(vapply(seq_len(folds), function(one) {
      .varies(values[fold != one]) && .varies(given[fold != one, , drop = FALSE])
    }, NA))
  }
  if (!is_able) {
    centre <- mean(values)
    return(list(at = function(rows) rep(centre, nrow(rows)), sd = sqrt(mean((values - centre)^2))))
  }
  fit <- glmnet::cv.glmnet(
    given, values,
    family = "gaussian", alpha = 1, foldid = fold,
    # what glmnet itself decides, with a warning, where folds are as small
    grouped = n / folds >= .PAIRS_IN_A_FOLD
  )
  at <- function(rows) as.vector(predict(fit, cbind(1, rows), s = "lambda.min"))
  list(at = at, sd = sqrt(mean((at(x[drawn, -1L, drop = FALSE]) - values)^2)))
}

.draw <- function(y, ry, x, wy, params, noise = rnorm) {
  fit <- fitted_once(.lasso, y[ry], x[ry, , drop = FALSE])
  fit$at(x[wy, , drop = FALSE]) + noise(sum(wy)) * fit$sd
}

impute_train <- function(data, params, seed) mice_train(data, .draw, params)

impute_test_learnt <- function(data, state, seed) mice_learnt(data, state, .draw)

impute_test <- impute_test_learnt

# The same with one draw of the noise for all rows: that which a single row would get.
.draw_alone <- function(y, ry, x, wy, params) {
  .draw(y, ry, x, wy, params, function(rows) rep(rnorm(1L), rows))
}

impute_alone <- function(data, state, seed) mice_learnt(data, state, .draw, .draw_alone, TRUE)
