# Logistic regression as caret's method "glm", without caret. Its 25 bootstrap
# fits have nothing to choose and do not touch the model, so one fit is made.
# What a classifier defines: rf.R.
#
# glm models the second level of the outcome, negative; P(positive) is the rest.
# helpers: none

.with_intercept <- function(x) cbind("(Intercept)" = 1, x)

# Linear predictor and link for a fit that may be rank-deficient: aliased
# columns take no part, as in predict.lm.
.probability_negative <- function(model, x) {
  used <- model$pivot[seq_len(model$rank)]
  design <- .with_intercept(x)
  if (model$rank < ncol(design)) {
    warning("prediction from a rank-deficient fit may be misleading")
  }
  linear <- drop(design[, used, drop = FALSE] %*% model$coefficients[used])
  binomial()$linkinv(linear)
}

fit <- function(x, y) {
  started <- proc.time()[["elapsed"]]
  complete <- !rowSums(is.na(x))
  if (!any(complete)) {
    empty <- colnames(x)[colSums(!is.na(x)) == 0L]
    stop(
      "0 (non-NA) cases: every training row has a value that is not a number after imputation",
      if (length(empty)) paste0(" (", paste(empty, collapse = ", "), ")")
    )
  }
  design <- .with_intercept(x[complete, , drop = FALSE])
  fitted <- glm.fit(design, as.integer(y[complete] == "negative"), family = binomial())
  model <- list(
    coefficients = fitted$coefficients, pivot = fitted$qr$pivot, rank = fitted$rank
  )
  seconds <- proc.time()[["elapsed"]] - started
  # caret: negative unless P(negative) is below one half
  positive <- suppressWarnings(.probability_negative(model, x)) < 0.5
  list(
    model = model,
    fitted_positive = positive,
    seconds = seconds,
    settings = list(converged = fitted$converged, rank = fitted$rank),
    fits = list(regressions = 1L)
  )
}

predict_positive <- function(model, x) 1 - .probability_negative(model, x)
