# Missing values become observed values of rows with similar predicted means (predictive mean
# matching), by chained equations.
# What a method defines: ../stages/impute.R.
# helpers: mice_train, mice_test (_mice.R); mice_learnt (_mice_learnt.R)
# helpers: .mice_arguments (_mice_units.R)
# helpers: generator_state, use_generator (../r/streams.R)

impute_train <- function(data, params, seed) mice_train(data, "pmm", params)

impute_test <- function(data, state, seed) mice_test(data, "pmm", state)

.match <- function(y, ry, x, wy, params) {
  do.call(mice::mice.impute.pmm, c(list(y, ry, x, wy), .mice_arguments(params)))
}

impute_test_learnt <- function(data, state, seed) mice_learnt(data, state, .match)

# The same with one draw among the donors for all rows: that which a single row would get.
.match_alone <- function(y, ry, x, wy, params) {
  settings <- list(donors = 5L, ridge = 1e-5, matchtype = 1L, ls.meth = "qr")
  given <- .mice_arguments(params)
  settings[names(given)] <- given
  x <- cbind(1, as.matrix(x))
  drawn <- mice::.norm.draw(y, ry, x, ridge = settings$ridge, ls.meth = settings$ls.meth)
  # mice's matchtype says which coefficients predict the donors and which the missing values:
  # the estimated ones or those drawn from their posterior
  by <- list(drawn$coef, drawn$beta)
  of <- list(c(1L, 1L), c(1L, 2L), c(2L, 2L))[[settings$matchtype + 1L]]
  observed <- drop(x[ry, , drop = FALSE] %*% by[[of[1L]]])
  wanted <- drop(x[wy, , drop = FALSE] %*% by[[of[2L]]])
  start <- generator_state()
  donors <- vapply(wanted, function(value) {
    use_generator(start)
    mice::matchindex(observed, value, settings$donors)
  }, 0L)
  y[ry][donors]
}

impute_alone <- function(data, state, seed) mice_learnt(data, state, .match, .match_alone, TRUE)
