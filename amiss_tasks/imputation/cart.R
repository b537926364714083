# Missing values are drawn from the leaves of regression trees grown on the other features, by
# chained equations (Burgette and Reiter 2010, doi:10.1093/aje/kwq260; mice's method cart).
# What a method defines: ../stages/impute.R.
# helpers: mice_train (_mice.R); mice_learnt (_mice_learnt.R); fitted_once (_mice_fit.R)

.PRUNED_BELOW <- 1e-4

# mice's tree, without what rpart does beside growing it: ten cross-validations, and splits
# for rows that lack a predictor.
.grow <- function(y, x, minbucket) {
  tree <- rpart::rpart(
    y ~ .,
    data = data.frame(y = y, x), method = "anova",
    control = rpart::rpart.control(
      minbucket = minbucket, cp = .PRUNED_BELOW, xval = 0L,
      maxcompete = 0L, maxsurrogate = 0L, usesurrogate = 0L
    )
  )
  # nodes in place of their means, so that a prediction is the leaf's place in the frame
  tree$frame$yval <- as.numeric(seq_len(nrow(tree$frame)))
  tree
}

# For each row `wy` one of the observed values of its leaf, by a single random number a row: mice
# may take several, so that the values of one row would decide what the next one draws; and from
# a leaf with a single value x it draws from 1 to x.
.leaf_values <- function(y, ry, x, wy, params, numbers = runif(sum(wy))) {
  observed <- y[ry]
  if (!ncol(x)) x <- cbind(x, none = 0)
  tree <- fitted_once(.grow, observed, x[ry, , drop = FALSE], params$minbucket)
  leaves <- predict(tree, data.frame(x[wy, , drop = FALSE]))
  donors <- split(observed, factor(tree$where, seq_len(nrow(tree$frame))))
  counts <- lengths(donors)[leaves]
  starts <- (cumsum(lengths(donors)) - lengths(donors))[leaves]
  unlist(donors, use.names = FALSE)[starts + ceiling(numbers * counts)]
}

impute_train <- function(data, params, seed) mice_train(data, .leaf_values, params)

impute_test_learnt <- function(data, state, seed) mice_learnt(data, state, .leaf_values)

impute_test <- impute_test_learnt

# The same with one random number for all rows: that which a single row would get.
.leaf_values_alone <- function(y, ry, x, wy, params) {
  .leaf_values(y, ry, x, wy, params, rep(runif(1L), sum(wy)))
}

impute_alone <- function(data, state, seed) {
  mice_learnt(data, state, .leaf_values, .leaf_values_alone, TRUE)
}
