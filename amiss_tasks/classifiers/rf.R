# Random forest as caret's method "rf" with out-of-bag selection, without caret.
#
# What a file <classifier>.R defines (which of it has to be there: the table in
# docs/own-methods.md):
#
#   fit(x, y)                  -> list(model, fitted_positive, seconds, settings, fits)
#   predict_positive(model, x) -> P(positive) of each row; its attribute `note`, if it has one, is
#                                 a note of the outcome
#   draw_settings(columns)     -> what random search gives fit as a third argument
#   without_rows(model)        -> the model as predict_positive needs it, without what it
#                                 keeps of each training row
#
# x                numeric matrix, scaled; no value missing, unless the classifier accepts
#                  that; a data frame where text features are factors (D3)
# y                factor, positive first
# model            what predict_positive needs
# fitted_positive  the model's own classes of the training rows, logical; for a
#                  forest those of the out-of-bag votes
# seconds          wall time of the final fit
# settings         list: the hyperparameters chosen
# held_out         TRUE where fitted_positive comes from models that were not fitted
#                  to the row
# fits             named list: how many models of which name were really fitted
#
# The generator stands at the classifiers' stream when fit is called.
# helpers: refuse_many_levels (../r/tables.R)

.MTRY <- c(7L, 15L, 23L, 31L, 39L)

# caret draws with replacement; here the five differ, as those of the grid do.
draw_settings <- function(columns) {
  sort(sample.int(columns, min(length(.MTRY), columns)))
}

fit <- function(x, y, mtry = .MTRY) {
  if (is.data.frame(x)) refuse_many_levels(x)
  # caret draws a seed for its resamples first, though OOB has none
  sample.int(.Machine$integer.max, 1L)
  seeds <- sample.int(1000000L, length(mtry) + 1L)
  accuracy <- vapply(seq_along(mtry), function(i) {
    set.seed(seeds[i])
    # without its trees a forest has the same votes and costs less
    forest <- randomForest::randomForest(x, y, mtry = mtry[i], keep.forest = FALSE)
    1 - forest$err.rate[forest$ntree, "OOB"]
  }, 0)
  if (all(is.na(accuracy))) stop("no forest has an out-of-bag accuracy")
  chosen <- mtry[which.max(accuracy)]
  set.seed(seeds[length(seeds)])
  started <- proc.time()[["elapsed"]]
  forest <- randomForest::randomForest(x, y, mtry = chosen)
  list(
    model = forest,
    fitted_positive = forest$predicted == "positive",
    held_out = TRUE,
    seconds = proc.time()[["elapsed"]] - started,
    settings = list(mtry = chosen),
    fits = list(forests = length(seeds))
  )
}

# Classes, votes and names of the training rows are not needed to predict others.
without_rows <- function(model) {
  model[c("y", "predicted", "votes", "oob.times", "call")] <- NULL
  model
}

predict_positive <- function(model, x) {
  # a model that was read from a file comes without the package whose predict() it needs
  loadNamespace("randomForest")
  predict(model, x, type = "prob")[, "positive"]
}
