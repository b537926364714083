# What the tests of XGBoost ask of R, above helpers.R.

# caret's own folds and seeds for a classifier with so many settings, one after
# another for tables with these outcomes: list of list(held_out, seeds). The model
# does nothing but take `draws` numbers in its final fit, as xgboost would.
caret_resamples <- function(outcomes, seed, settings, draws) {
  idle <- list(
    library = NULL, type = "Classification", loop = NULL, prob = NULL,
    parameters = data.frame(parameter = "a", class = "numeric", label = "a"),
    grid = function(x, y, len = NULL, search = "grid") data.frame(a = seq_len(settings)),
    fit = function(x, y, wts, param, lev, last, ...) {
      if (last) runif(draws)
      list()
    },
    predict = function(modelFit, newdata, ...) rep("positive", nrow(newdata)),
    sort = function(x) x
  )
  use_stream(seed)
  lapply(outcomes, function(outcome) {
    data <- data.frame(x = as.double(seq_along(outcome)))
    fitted <- suppressWarnings(caret::train(
      data, outcome,
      method = idle, trControl = caret::trainControl(method = "cv", number = 10L)
    ))
    list(
      held_out = unname(fitted$control$indexOut),
      seeds = unlist(fitted$control$seeds, use.names = FALSE)
    )
  })
}

# A factor of the given numbers of positive and negative rows, mixed.
mixed_outcome <- function(positive, negative) {
  set.seed(positive + 1000L * negative)
  outcome_factor(sample(rep(c(TRUE, FALSE), c(positive, negative))))
}

has_package <- function(name) requireNamespace(name, quietly = TRUE)
