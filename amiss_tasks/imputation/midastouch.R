# Missing values become observed values of rows with near predicted means, drawn with
# probabilities that fall with the distance, by chained equations: mice's method midastouch
# (Siddique and Belin 2008, doi:10.1002/sim.3001; Gaffert, Meinfelder and Bosch 2016).
# What a method defines: ../stages/impute.R.
# helpers: mice_train (_mice.R); mice_learnt (_mice_learnt.R); fitted_once (_mice_fit.R)
# helpers: .mice_arguments (_mice_units.R)
# helpers: generator_state, use_generator (../r/streams.R)

.RIDGE_OF_MICE <- 1e-5
.LEAST <- sqrt(.Machine$double.eps)
.MOST <- sqrt(.Machine$double.xmax)
.LEAST_DIAGONAL <- .Machine$double.eps^(1 / 4)
.CLOSENESS_WITHOUT_FIT <- 3
.MOST_CLOSENESS <- 100
.REFINEMENTS <- 3L

.within <- function(x) pmax(pmin(x, .MOST), .LEAST)

# The coefficients of weighted ridge regressions without one donor each, a column for each.
#
# mice solves as many systems. They differ from the one of all donors by a matrix of rank 1 and
# by the donor's part in the ridge, which is small: so each is solved by the formula of Sherman
# and Morrison, and refined for the ridge. A donor without whom a predictor has no other value
# than 0 is solved by itself; the only one that was drawn has the coefficients of all.
.without_each <- function(x, y, weights, system, right, ridge) {
  m <- ncol(x)
  squares <- t(x^2)
  squares[1L, ] <- 0
  # what a donor adds to the diagonal beside the product of its row with itself
  extra <- sweep(squares, 2L, weights, "*") * ridge
  wanted <- right - t(x * (y * weights))
  inverse <- solve(system)
  spread <- inverse %*% t(x)
  left <- 1 - weights * colSums(t(x) * spread)
  shrunk <- function(sides) {
    first <- inverse %*% sides
    first + sweep(spread, 2L, weights * colSums(t(x) * first) / left, "*")
  }
  product <- function(found) {
    system %*% found - sweep(t(x), 2L, weights * colSums(t(x) * found), "*") - extra * found
  }
  found <- shrunk(wanted)
  for (step in seq_len(.REFINEMENTS)) found <- found + shrunk(wanted - product(found))
  diagonals <- diag(system) - sweep(squares, 2L, weights * (1 + ridge), "*")
  lost <- colSums(abs(diagonals[-1L, , drop = FALSE]) <= .LEAST * diag(system)[-1L]) > 0
  for (i in which(lost | left < .LEAST)) {
    own <- tcrossprod(x[i, ]) * weights[i]
    diag(own)[-1L] <- diag(own)[-1L] * (1 + ridge)
    rest <- system - own
    empty <- diag(rest)[-1L] == 0
    diag(rest)[-1L][empty] <- max(.LEAST_DIAGONAL, ridge)
    alone <- weights[i] == sum(weights)
    found[, i] <- if (alone) solve(system, right) else solve(rest, wanted[, i])
  }
  found
}

# A bootstrap sample of the donors and the regressions on it.
#
# Returns list(weights, coefficients, predicted, closeness): how often each donor was drawn; the
# coefficients without it; its own prediction by them; the exponent of distances.
.fit_touch <- function(y, x, ridge) {
  n <- length(y)
  x <- cbind(1, x)
  weights <- as.numeric(tabulate(sample.int(n, replace = TRUE), n))
  system <- crossprod(x, weights * x)
  diag(system) <- diag(system) * (1 + c(0, rep(ridge, ncol(x) - 1L)))
  empty <- diag(system) == 0
  diag(system)[empty] <- max(.LEAST_DIAGONAL, ridge)
  right <- drop(crossprod(weights * x, y))
  errors <- y - drop(x %*% solve(system, right))
  centre <- sum(y * weights) / n
  explained <- 1 - sum(weights * errors^2) / sum(weights * (y - centre)^2)
  closeness <- suppressWarnings(min((50 * explained / (1 - explained))^(3 / 8), .MOST_CLOSENESS))
  coefficients <- .without_each(x, y, weights, system, right, ridge)
  list(
    weights = weights, coefficients = coefficients,
    predicted = rowSums(x * t(coefficients)),
    closeness = if (is.na(closeness)) .CLOSENESS_WITHOUT_FIT else closeness
  )
}

.touch <- function(y, ry, x, wy, params, draw = sample) {
  # a table without predictors has one that says nothing
  if (!ncol(x)) x <- cbind(x, none = 0)
  ridge <- c(.mice_arguments(params)$ridge, .RIDGE_OF_MICE)[1L]
  observed <- y[ry]
  fit <- fitted_once(.fit_touch, observed, x[ry, , drop = FALSE], ridge)
  distances <- fit$predicted - t(cbind(1, x[wy, , drop = FALSE]) %*% fit$coefficients)
  chances <- .within(1 / abs(distances)^fit$closeness) * fit$weights
  chances <- sweep(chances, 2L, .within(colSums(chances, na.rm = TRUE)), "/")
  observed[apply(chances, 2L, draw, x = length(observed), size = 1L, replace = FALSE)]
}

impute_train <- function(data, params, seed) mice_train(data, .touch, params)

impute_test_learnt <- function(data, state, seed) mice_learnt(data, state, .touch)

impute_test <- impute_test_learnt

# The same with one random number for all rows: that which a single row would get.
.touch_alone <- function(y, ry, x, wy, params) {
  start <- NULL
  draw <- function(...) {
    if (is.null(start)) start <<- generator_state()
    use_generator(start)
    sample(...)
  }
  .touch(y, ry, x, wy, params, draw)
}

impute_alone <- function(data, state, seed) mice_learnt(data, state, .touch, .touch_alone, TRUE)
