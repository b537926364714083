# Stages train and evaluate: models of the completed tables, their predictions
# (upstream-behaviour sections 5, "Training" and "Choice", and 7).

# Matthews correlation between labels and predicted labels, both logical with
# TRUE for positive; NaN where a margin is empty.
.mcc <- function(actual, predicted) {
  # as doubles: products of counts pass the largest integer
  tp <- as.double(sum(actual & predicted))
  fp <- as.double(sum(!actual & predicted))
  fn <- as.double(sum(actual & !predicted))
  tn <- as.double(sum(!actual & !predicted))
  (tp * tn - fp * fn) / sqrt(tp + fp) / sqrt(tp + fn) / sqrt(tn + fp) / sqrt(tn + fn)
}

# Trains a classifier on each completed table of one imputation, one after
# another in the classifiers' stream.
#
# classifier  environment with fit(x, y), see classifiers/
# completed   list of completed training tables
# outcome     factor, positive first
# seed        seed of the fold; every classifier starts at its stream 1
# Returns list(models, facts): for each table list(fit, scaling), and
# list(selection_mcc, seconds, rows, settings, fits).
train <- function(classifier, completed, outcome, seed) {
  use_stream(seed)
  trained <- lapply(completed, function(data) {
    if (nrow(data) < 2L) stop("nrow(x) > 1 is not TRUE", call. = FALSE)
    require_both_classes(outcome)
    scaling <- learn_scaling(data)
    fit <- classifier$fit(scaled_matrix(data, scaling), outcome)
    list(
      model = list(fit = fit$model, scaling = scaling),
      facts = list(
        selection_mcc = .mcc(outcome == "positive", fit$fitted_positive),
        seconds = fit$seconds, rows = nrow(data), settings = fit$settings, fits = fit$fits
      )
    )
  })
  list(models = lapply(trained, `[[`, "model"), facts = lapply(trained, `[[`, "facts"))
}

# P(positive) of each row of a completed test table. `rows`: predict these
# positions as a table of their own; NULL for the whole table.
predict_rows <- function(classifier, model, data, rows = NULL) {
  if (!is.null(rows)) data <- cut_table(data, rows, names(data))
  started <- proc.time()[["elapsed"]]
  positive <- classifier$predict_positive(model$fit, scaled_matrix(data, model$scaling))
  list(positive = as.double(positive), seconds = proc.time()[["elapsed"]] - started)
}
