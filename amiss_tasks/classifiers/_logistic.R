# One logistic regression by maximum likelihood, without a penalty: lr.R and pattern_lr.R share it.
#
# glm models the second level of the outcome, negative; P(positive) is the rest.
# helpers: none

.with_intercept <- function(x) cbind("(Intercept)" = 1, x)

# list(model, converged) of rows without a missing value.
fit_logistic <- function(x, y) {
  fitted <- glm.fit(.with_intercept(x), as.integer(y == "negative"), family = binomial())
  list(
    model = list(
      coefficients = fitted$coefficients, pivot = fitted$qr$pivot, rank = fitted$rank
    ),
    converged = fitted$converged
  )
}

# Whether some columns are aliased, so take no part.
is_rank_deficient <- function(model) model$rank < length(model$coefficients)

# Linear predictor and link for a fit that may be rank-deficient: aliased
# columns take no part, as in predict.lm.
probability_negative <- function(model, x) {
  used <- model$pivot[seq_len(model$rank)]
  linear <- drop(.with_intercept(x)[, used, drop = FALSE] %*% model$coefficients[used])
  binomial()$linkinv(linear)
}
