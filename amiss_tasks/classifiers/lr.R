# Logistic regression as caret's method "glm", without caret. Its 25 bootstrap
# fits have nothing to choose and do not touch the model, so one fit is made.
# What a classifier defines: rf.R.
# helpers: fit_logistic, is_rank_deficient, probability_negative (_logistic.R)

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
  fitted <- fit_logistic(x[complete, , drop = FALSE], y[complete])
  seconds <- proc.time()[["elapsed"]] - started
  # caret: negative unless P(negative) is below one half
  list(
    model = fitted$model,
    fitted_positive = probability_negative(fitted$model, x) < 0.5,
    seconds = seconds,
    settings = list(converged = fitted$converged, rank = fitted$model$rank),
    fits = list(regressions = 1L)
  )
}

predict_positive <- function(model, x) {
  if (is_rank_deficient(model)) {
    warning("prediction from a rank-deficient fit may be misleading")
  }
  1 - probability_negative(model, x)
}
