# Stages train and evaluate: models of the imputed tables, their predictions
# (upstream-behaviour sections 5, "Training" and "Choice", and 7).
# helpers: learn_scaling, scaled_matrix (../r/scaling.R)
# helpers: generator_state, use_generator, use_stream (../r/streams.R)
# helpers: cut_table, group_outcome, require_both_classes, require_no_gaps (../r/tables.R)

# Matthews correlation between labels and predicted labels, both logical with
# TRUE for positive; NaN where a margin is empty, corrected 0 (D10). One root of the
# whole product, as in ModelMetrics, so that equal models have equal values to the last
# bit.
.mcc <- function(actual, predicted, corrected = character()) {
  # as doubles: products of counts pass the largest integer
  tp <- as.double(sum(actual & predicted))
  fp <- as.double(sum(!actual & predicted))
  fn <- as.double(sum(actual & !predicted))
  tn <- as.double(sum(!actual & !predicted))
  mcc <- (tp * tn - fp * fn) / sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
  if (is.nan(mcc) && "one_sided_mcc" %in% corrected) 0 else mcc
}

.INNER_FOLDS <- 10L

# The value of an expression, drawn from a seed; the generator stands as before.
.drawn_from <- function(seed, expression) {
  # upstream does not make these draws, so the draws it makes must not be moved by them
  before <- generator_state()
  on.exit(use_generator(before))
  set.seed(seed)
  force(expression)
}

# Fold of each row, classes spread evenly over the folds. `groups`: numbers of what stays
# together (variants), each of the class that most of its rows have.
.inner_folds <- function(outcome, groups = NULL) {
  if (!is.null(groups)) {
    return(.inner_folds(group_outcome(outcome, groups))[match(groups, unique(groups))])
  }
  folds <- min(.INNER_FOLDS, length(outcome))
  fold <- integer(length(outcome))
  last <- 0L
  for (rows in split(seq_along(outcome), outcome, drop = TRUE)) {
    shuffled <- rows[sample.int(length(rows))]
    # a class begins at the fold after the one where the class before ended, else the first folds
    # would get the spare rows of both classes
    fold[shuffled] <- (last + seq_along(shuffled) - 1L) %% folds + 1L
    last <- last + length(rows)
  }
  fold
}

# Classes of the rows, TRUE for positive, each by a model that was not fitted to it.
.held_out_classes <- function(classifier, data, outcome, settings, seed, corrected, groups) {
  fold <- .drawn_from(seed, .inner_folds(outcome, groups))
  positive <- logical(length(outcome))
  for (number in unique(fold)) {
    kept <- which(fold != number)
    own <- cut_table(data, kept, names(data))
    scaling <- learn_scaling(own, corrected)
    fit <- do.call(
      classifier$fit,
      c(list(scaled_matrix(own, scaling), outcome[kept]), settings)
    )
    left <- which(fold == number)
    rows <- scaled_matrix(cut_table(data, left, names(data)), scaling)
    positive[left] <- classifier$predict_positive(fit$model, rows) > 0.5
  }
  positive
}

# One model: list(model, facts).
.train_one <- function(classifier, data, outcome, search, seeds, corrected, groups) {
  if (nrow(data) < 2L) stop("nrow(x) > 1 is not TRUE", call. = FALSE)
  require_both_classes(outcome)
  scaling <- learn_scaling(data, corrected)
  rows <- scaled_matrix(data, scaling)
  settings <- list()
  if (search == "random" && !is.null(classifier$draw_settings)) {
    settings <- list(.drawn_from(seeds$search, classifier$draw_settings(ncol(rows))))
  }
  fit <- do.call(classifier$fit, c(list(rows, outcome), settings))
  # classes of rows that a model was fitted to favour hyperparameters by which it overfits (D4);
  # a forest's are out-of-bag votes and need no inner folds
  chosen_by <- fit$fitted_positive
  if (!isTRUE(fit$held_out) && "imputation_choice" %in% corrected) {
    chosen_by <- .held_out_classes(
      classifier, data, outcome, settings, seeds$selection, corrected, groups
    )
  }
  list(
    model = list(fit = fit$model, scaling = scaling, columns = names(data)),
    facts = list(
      selection_mcc = .mcc(outcome == "positive", chosen_by, corrected),
      seconds = fit$seconds, rows = nrow(data), settings = fit$settings, fits = fit$fits
    )
  )
}

# What counts when rows are compared; `found` is a model or an error's message.
.worth <- function(found) {
  mcc <- if (is.character(found)) NaN else found$facts$selection_mcc
  if (is.nan(mcc)) -Inf else mcc
}

# Sum of two named lists of counts.
.add <- function(counts, more) {
  for (name in names(more)) counts[[name]] <- sum(counts[[name]], more[[name]])
  counts
}

# Trains a classifier on every imputed table of every row of hyperparameters,
# one after another in the classifiers' stream, and keeps the models of the row
# with the largest mean MCC, of equal ones the first.
#
# classifier  environment with fit(x, y), see classifiers/
# tables      for each row a list of imputed training tables; NULL for a row
#             without, which draws nothing and is the worst
# outcome     factor, positive first
# seed        seed of the fold; every classifier starts at its stream 1
# search      grid or random: how hyperparameters are searched
# seeds       list(search, selection): seeds of random settings, and of the inner
#             folds by which rows are compared where that is corrected (D4)
# corrected   names of the choices of upstream that are corrected (../protocols.py)
# groups      variant of each row, as numbers, where inner folds keep variants together (D9)
# Returns list(models, facts, row, mcc, fits): for each table of the chosen row
# list(fit, scaling, columns) and list(selection_mcc, seconds, rows, settings,
# fits); the chosen row; mean MCC of each row, -Inf where there is none; how
# many models of which name were fitted in all.
#
# A model that fails is the worst of its row, and an error where it is the only
# one or is chosen all the same.
train <- function(classifier, tables, outcome, seed, search, seeds, corrected = character(),
                  groups = NULL) {
  use_stream(seed)
  only <- sum(lengths(tables)) == 1L
  attempt <- function(data) {
    train_it <- function() {
      .train_one(classifier, data, outcome, search, seeds, corrected, groups)
    }
    if (only) train_it() else tryCatch(train_it(), error = conditionMessage)
  }
  mcc <- rep(-Inf, length(tables))
  fits <- list()
  chosen <- list(row = 0L, found = NULL)
  for (row in seq_along(tables)) {
    found <- lapply(tables[[row]], attempt)
    if (length(found)) mcc[row] <- mean(vapply(found, .worth, 0))
    for (one in found[!vapply(found, is.character, NA)]) fits <- .add(fits, one$facts$fits)
    if (chosen$row == 0L || mcc[row] > mcc[chosen$row]) chosen <- list(row = row, found = found)
  }
  failed <- Filter(is.character, chosen$found)
  if (length(failed)) stop(failed[[1L]], call. = FALSE)
  if (!length(chosen$found)) {
    stop(
      "all models failed, and the first imputation, which is then chosen, has no imputed table",
      call. = FALSE
    )
  }
  list(
    models = lapply(chosen$found, `[[`, "model"), facts = lapply(chosen$found, `[[`, "facts"),
    row = chosen$row, mcc = mcc, fits = fits
  )
}

# Rows of an imputed test table with the columns that a model was trained on; stops where one
# of them still has a missing value.
# `rows`: these positions as a table of their own; NULL for the whole table.
# `accepts_missing`: whether the model's classifier does.
rows_for <- function(model, data, rows = NULL, accepts_missing = FALSE) {
  absent <- setdiff(model$columns, names(data))
  if (length(absent)) {
    stop(
      "the imputed test table lacks features of the training table: ",
      paste(absent, collapse = ", "),
      call. = FALSE
    )
  }
  if (is.null(rows)) rows <- seq_len(nrow(data))
  cut <- cut_table(data, rows, model$columns)
  if (accepts_missing) cut else require_no_gaps(cut, "test")
}

# P(positive) of each of these rows, see rows_for. What the classifier notes of them is a warning.
predict_rows <- function(classifier, model, data, rows = NULL, accepts_missing = FALSE) {
  data <- rows_for(model, data, rows, accepts_missing)
  started <- proc.time()[["elapsed"]]
  positive <- classifier$predict_positive(model$fit, scaled_matrix(data, model$scaling))
  if (!is.null(attr(positive, "note"))) warning(attr(positive, "note"), call. = FALSE)
  list(positive = as.double(positive), seconds = proc.time()[["elapsed"]] - started)
}
