# What a classifier with an inner cross-validation needs of R: caret's folds and
# seeds, drawn from the classifiers' stream, and each fold's table scaled by the
# fold's own training rows (upstream-behaviour sections 5, "Training", and 11.6).
# helpers: learn_scaling, scaled_matrix (../r/scaling.R); use_stream (../r/streams.R)
# helpers: cut_table, group_outcome, require_both_classes (../r/tables.R)

# Row numbers of up to `k` folds that have each class in the same share, as
# caret::createFolds draws them: classes in alphabetical order; within a class
# whole rounds of 1..k and the rest drawn, then shuffled. A class with fewer rows
# than folds gets a draw of folds, and k rows or fewer are left out one by one. Where `groups` are
# given (numbers of variants, D9), all this is so of groups, and their rows stay together.
.stratified_folds <- function(outcome, k, groups = NULL) {
  if (!is.null(groups)) {
    of_groups <- .stratified_folds(group_outcome(outcome, groups), k)
    return(lapply(of_groups, function(held_out) which(groups %in% unique(groups)[held_out])))
  }
  if (length(outcome) <= k) {
    return(as.list(seq_along(outcome)))
  }
  fold <- integer(length(outcome))
  for (label in sort(levels(outcome), method = "radix")) {
    rows <- which(outcome == label)
    spare <- length(rows) %% k
    if (length(rows) < k) {
      fold[rows] <- sample.int(k, length(rows))
    } else {
      rounds <- rep(seq_len(k), length(rows) %/% k)
      if (spare > 0L) rounds <- c(rounds, sample.int(k, spare))
      fold[rows] <- sample(rounds)
    }
  }
  unname(split(seq_along(outcome), fold))
}

# Checks of one imputed table that come before any draw, with caret's words.
check_training <- function(data, outcome) {
  if (nrow(data) < 2L) stop("nrow(x) > 1 is not TRUE", call. = FALSE)
  require_both_classes(outcome)
}

# caret's draws for one imputed table: folds of the rows, then a seed for each
# fold and setting and one for the final fit.
#
# state      generator where the table before left it, see state_after; NULL for
#            the first table, which starts at the stream of `seed`
# folds      number of folds wanted
# settings   models fitted in each fold
# groups     variant of each row, as numbers, where folds keep variants together; else NULL
# Returns list(held_out, seeds): row numbers of each fold; folds x settings + 1
# seeds, fold by fold.
draw_resamples <- function(outcome, seed, state, folds, settings, groups = NULL) {
  use_stream(seed)
  if (!is.null(state)) assign(".Random.seed", state, envir = globalenv())
  fold_seed <- sample.int(.Machine$integer.max, 1L)
  before <- get(".Random.seed", envir = globalenv())
  set.seed(fold_seed)
  held_out <- .stratified_folds(outcome, folds, groups)
  assign(".Random.seed", before, envir = globalenv())
  list(held_out = held_out, seeds = sample.int(1000000L, length(held_out) * settings + 1L))
}

.use_seed <- function(seed) {
  RNGkind("L'Ecuyer-CMRG")
  set.seed(seed)
}

# The first `size` uniform numbers that a fit seeded with `seed` sees.
uniform_draws <- function(seed, size) {
  .use_seed(seed)
  runif(size)
}

# State of the generator after a final fit seeded with `seed` drew `size` numbers.
state_after <- function(seed, size) {
  uniform_draws(seed, size)
  get(".Random.seed", envir = globalenv())
}

# What a table has to go through before a model is given it (see rows_for): its
# columns, and the scaling learnt on some rows of the training table.
recipe_of <- function(data, rows) {
  list(scaling = learn_scaling(cut_table(data, rows, names(data))), columns = names(data))
}

# An imputed table as the matrix that a model is given.
prepared_matrix <- function(data, recipe) scaled_matrix(data, recipe$scaling)

outcome_is_positive <- function(outcome) outcome == "positive"
