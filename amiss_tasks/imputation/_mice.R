# What the four methods of MICE share (van Buuren and Groothuis-Oudshoorn 2011,
# doi:10.18637/jss.v045.i03). The signature of the functions of imputation/*.R is
# documented in ../stages/impute.R.
#
# Upstream hands hyperparameters over in a way that loses them (D5), so mice's
# defaults hold whatever the row says, and rows differ by their stream alone. A
# row with reach_mice = TRUE does reach mice.
# helpers: none

.ITERATIONS <- 10L
.TEST_COMPLETIONS <- 10L

# Hyperparameters as mice's own arguments.
.mice_arguments <- function(params) {
  if (isTRUE(params$reach_mice)) params[names(params) != "reach_mice"] else list()
}

# Features in which mice left missing values, with its own reason (constant, collinear).
.tell_left_out <- function(run) {
  events <- run$loggedEvents
  reported <- events[events$meth %in% c("constant", "collinear"), , drop = FALSE]
  left <- reported$out %in% names(run$nmis)[run$nmis > 0]
  if (any(left)) {
    message(
      "mice leaves missing values in ",
      paste0(reported$out[left], " (", reported$meth[left], ")", collapse = ", ")
    )
  }
}

# Imputed tables of one run of mice, in number order.
.mice_complete <- function(data, method, completions, params, iterations = .ITERATIONS) {
  call <- c(
    list(data, method = method, m = completions, maxit = iterations, printFlag = FALSE),
    .mice_arguments(params)
  )
  run <- do.call(mice::mice, call)
  .tell_left_out(run)
  lapply(seq_len(completions), function(number) mice::complete(run, number))
}

# impute_train for one of mice's methods.
mice_train <- function(data, method, params) {
  list(
    completed = .mice_complete(data, method, 1L, params),
    state = list(params = params, training = data)
  )
}

# impute_test for the same: a run of its own on the test table alone (D7).
mice_test <- function(data, method, state) {
  .mice_complete(data, method, .TEST_COMPLETIONS, state$params)
}
