# What the four methods of MICE share (van Buuren and Groothuis-Oudshoorn 2011,
# doi:10.18637/jss.v045.i03). The signature of the functions of imputation/*.R is
# documented in ../stages/impute.R.
#
# Upstream hands hyperparameters over in a way that loses them (D5), so mice's
# defaults hold whatever the row says, and rows differ by their stream alone. A
# row with reach_mice = TRUE does reach mice.
# helpers: .mice_arguments, mice_plan, in_units, own_names, out_of_units (_mice_units.R)
# helpers: predictor_matrix (_mice_units.R)

.ATTACHED <- "gridrun_mice"
.METHOD <- "gridrun"
.ITERATIONS <- 10L
.TEST_COMPLETIONS <- 10L

# Features in which mice left missing values, with its own reason (constant, collinear).
.tell_left_out <- function(run, data, plan) {
  events <- run$loggedEvents
  reported <- events[events$meth %in% c("constant", "collinear"), , drop = FALSE]
  left <- reported$out %in% names(run$nmis)[run$nmis > 0]
  if (any(left)) {
    message(
      "mice leaves missing values in ",
      paste0(
        own_names(reported$out[left], data, plan), " (", reported$meth[left], ")",
        collapse = ", "
      )
    )
  }
}

# Imputed tables of one run of mice, in number order.
#
# method  name of mice's method, or a function(y, ry, x, wy, params) in its place
.mice_complete <- function(data, method, completions, params, iterations = .ITERATIONS,
                           plan = mice_plan(data, params)) {
  if (is.function(method)) {
    fill <- method
    method <- .METHOD
    functions <- list(function(y, ry, x, wy, ...) fill(y, ry, x, wy, params))
    names(functions) <- paste0("mice.impute.", .METHOD)
    # mice finds a method by its name on the search path
    attach(functions, name = .ATTACHED, warn.conflicts = FALSE)
    on.exit(detach(.ATTACHED, character.only = TRUE))
  }
  seen <- in_units(data, plan)
  call <- c(
    list(
      seen,
      method = method, m = completions, maxit = iterations, printFlag = FALSE
    ),
    .mice_arguments(params, !method %in% c("rf", .METHOD))
  )
  if (isTRUE(params$keep_collinear)) call$remove.collinear <- FALSE
  if (!is.null(plan$predictors)) {
    call$predictorMatrix <- predictor_matrix(plan$predictors, names(seen))
  }
  run <- do.call(mice::mice, call)
  .tell_left_out(run, data, plan)
  lapply(seq_len(completions), function(number) {
    out_of_units(data, mice::complete(run, number), plan)
  })
}

# impute_train for one of mice's methods.
mice_train <- function(data, method, params) {
  plan <- mice_plan(data, params)
  list(
    completed = .mice_complete(data, method, 1L, params, plan = plan),
    state = list(params = params, training = data, plan = plan)
  )
}

# impute_test for the same: a run of its own on the test table alone (D7).
mice_test <- function(data, method, state) {
  .mice_complete(data, method, .TEST_COMPLETIONS, state$params)
}
