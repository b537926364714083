# impute_test_learnt for the four methods of MICE: test rows stand below the training rows with
# mice's `ignore`, so that models are fitted to training rows only (van Buuren and
# Groothuis-Oudshoorn 2011; `ignore` since mice 3.12).
#
# `ignore` alone is not enough for rows to be independent of one another: mice draws the noise
# of all rows from one sequence of random numbers. So each model fills the training rows and
# the test rows in separate calls that start at the same generator state, and the second call
# leaves no trace in the generator: training rows go through the same chain whatever test rows
# there are. In the second call every test row draws, whether it lacks the value or not, so
# that it gets the numbers of its own place in the table. A row's values depend on that place,
# but not on the other rows; where `alone` is TRUE every row gets the numbers of the first
# place, which are those it would get in a table of its own.
# helpers: .ATTACHED, .METHOD, .ITERATIONS (_mice.R)
# helpers: generator_state, use_generator (../r/streams.R)
# helpers: table_of, cut_table (../r/tables.R)
# helpers: in_units, out_of_units, predictor_matrix (_mice_units.R)

# A method of mice's that fills training rows, then test rows; see the head of this file.
#
# fill      function(y, ry, x, wy, params): values for the rows `wy` by a model of the rows `ry`
# follow    the same for the test rows
# training  number of rows that are training rows
.split_method <- function(fill, follow, training, params) {
  function(y, ry, x, wy, ...) {
    below <- seq_along(y) > training
    values <- y
    start <- generator_state()
    ours <- wy & !below
    if (any(ours)) values[ours] <- fill(y, ry, x, ours, params)
    after <- generator_state()
    if (any(wy & below)) {
      use_generator(start)
      # a row that is incomplete in x gets no value from mice either
      able <- below & stats::complete.cases(x)
      drawn <- y
      drawn[able] <- follow(y, ry, x, able, params)
      values[wy & below] <- drawn[wy & below]
      use_generator(if (any(ours)) after else start)
    }
    values[wy]
  }
}

# Text as a factor whose first levels are the training rows' own: other levels never have a
# coefficient, since no training row has them.
.as_training_factor <- function(values, training) {
  known <- sort(unique(values[seq_len(training)]))
  factor(values, levels = c(known, setdiff(sort(unique(values)), known)))
}

# First guesses of a chain: training rows draw from the observed values of the training rows,
# and so do all test rows, in a sequence that leaves no trace; `alone`: each as the first of it.
.first_guesses <- function(both, training, alone) {
  for (name in names(both)) {
    values <- both[[name]]
    observed <- values[seq_len(training)]
    observed <- observed[!is.na(observed)]
    if (!length(observed)) next
    gaps <- which(is.na(values[seq_len(training)]))
    both[[name]][gaps] <- observed[sample.int(length(observed), length(gaps), replace = TRUE)]
    # the generator is put back behind the draws of the training rows: what they draw for the next
    # feature must not depend on how many test rows there are
    after <- generator_state()
    rest <- length(values) - training
    drawn <- sample.int(length(observed), if (alone) 1L else rest, replace = TRUE)
    guesses <- rep_len(observed[drawn], rest)
    use_generator(after)
    below <- which(is.na(values) & seq_along(values) > training)
    both[[name]][below] <- guesses[below - training]
  }
  both
}

# What predicts what: as chosen on the training rows, or all but what mice finds constant or
# collinear among them, which then takes no part.
.training_setup <- function(training, plan, params) {
  if (!is.null(plan$predictors)) {
    return(predictor_matrix(plan$predictors, names(training)))
  }
  looked_at <- suppressWarnings(mice::mice(
    training,
    m = 1L, maxit = 0L, printFlag = FALSE, remove.collinear = !isTRUE(params$keep_collinear)
  ))
  looked_at$predictorMatrix
}

# Imputed tables of a test table from models of the training table.
#
# fill, follow  as in .split_method
# state         list(params, training, plan)
# alone         whether each row gets what it would get as the only one; `follow` sees to it
#               that values do, and this that first guesses do
mice_learnt <- function(data, state, fill, follow = fill, alone = FALSE,
                        completions = .TEST_COMPLETIONS) {
  ours <- in_units(state$training, state$plan)
  theirs <- in_units(data, state$plan)
  training <- nrow(ours)
  columns <- names(ours)
  both <- lapply(columns, function(name) c(ours[[name]], theirs[[name]]))
  names(both) <- columns
  text <- columns[vapply(both, is.character, NA)]
  both[text] <- lapply(both[text], .as_training_factor, training)
  both <- table_of(both, training + nrow(data))
  predictors <- .training_setup(ours, state$plan, state$params)
  # where predictors are chosen, a feature without any is drawn from its known values
  part <- rowSums(predictors != 0) > 0 | (!is.null(state$plan$predictors) & !columns %in% text)
  method <- ifelse(part & vapply(both, anyNA, NA), .METHOD, "")

  functions <- list(.split_method(fill, follow, training, state$params))
  names(functions) <- paste0("mice.impute.", .METHOD)
  # mice finds a method by its name on the search path
  attach(functions, name = .ATTACHED, warn.conflicts = FALSE)
  on.exit(detach(.ATTACHED, character.only = TRUE))
  lapply(seq_len(completions), function(number) {
    run <- mice::mice(
      both,
      m = 1L, maxit = .ITERATIONS, method = method, predictorMatrix = predictors,
      ignore = seq_len(nrow(both)) > training, data.init = .first_guesses(both, training, alone),
      remove.constant = FALSE, remove.collinear = FALSE, printFlag = FALSE
    )
    completed <- cut_table(mice::complete(run), training + seq_len(nrow(data)), columns)
    out_of_units(data, completed, state$plan, state$training)
  })
}
