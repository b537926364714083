# Missing values are drawn from the leaves of random forests grown on the other features, by
# chained equations (Doove et al. 2014, doi:10.1016/j.csda.2013.10.025).
# What a method defines: ../stages/impute.R.
# helpers: mice_train, mice_test (_mice.R); mice_learnt (_mice_learnt.R)
# helpers: .mice_arguments (_mice_units.R)
# helpers: generator_state, use_generator (../r/streams.R)

.TREES <- 10L

# The forests are ranger's, which would take every core.
.one_thread <- function() options(ranger.num.threads = 1L)

# mice's own way stops without predictors, and where a leaf has a single value x it draws from
# 1 to x: sample(x, 1). Where predictors are chosen, training rows are drawn as test rows are.
.filled_by <- function(params) if (isTRUE(params$choose_predictors)) .leaf_values else "rf"

impute_train <- function(data, params, seed) {
  .one_thread()
  mice_train(data, .filled_by(params), params)
}

impute_test <- function(data, state, seed) {
  .one_thread()
  mice_test(data, .filled_by(state$params), state)
}

# A function that grows a forest and says in which leaf of each tree each row is.
#
# mice_learnt asks for every forest twice, from the same place of the generator: for the training
# rows and for the test rows. It is grown once.
.leaves_once <- function() {
  kept <- list()
  function(y, ry, x, trees) {
    asked <- list(generator_state(), y[ry], ry, x, trees)
    if (!identical(asked, kept$asked)) kept <<- c(list(asked = asked), .leaves(y, ry, x, trees))
    use_generator(kept$generator)
    kept
  }
}

# Leaves of a forest of the rows `ry`; where the generator stands after it.
#
# Returns list(leaves, observed, size, before, generator): a number for each complete row of `x`
# and each tree, which names one leaf of one tree; the rows `ry` leaf by leaf, as positions among
# themselves; for each leaf how many these are, and how many stand before them.
.leaves <- function(y, ry, x, trees) {
  if (!ncol(x)) x <- cbind(x, none = 0)
  forest <- ranger::ranger(
    x = x[ry, , drop = FALSE], y = y[ry], num.trees = trees, num.threads = 1L, oob.error = FALSE
  )
  # ranger draws a seed for each table it predicts, the known and the wanted rows, and needs none
  runif(2L)
  generator <- generator_state()
  rows <- which(stats::complete.cases(x))
  found <- predict(
    forest,
    data = x[rows, , drop = FALSE], type = "terminalNodes", num.threads = 1L, seed = 1L
  )
  nodes <- matrix(as.integer(ranger::predictions(found)), length(rows))
  most <- max(nodes) + 1L
  leaves <- matrix(NA_integer_, nrow(x), trees)
  leaves[rows, ] <- nodes + rep(1L + most * (seq_len(trees) - 1L), each = length(rows))
  donors_in <- leaves[ry, ]
  size <- tabulate(donors_in, most * trees)
  list(
    leaves = leaves, observed = (order(donors_in) - 1L) %% sum(ry) + 1L, size = size,
    before = cumsum(size) - size, generator = generator
  )
}

# For each row `wy` one of the observed values that share a leaf with it in any tree. As mice
# does it, but for a single random number a row: mice may take several, so that the values of
# one row would decide what the next one draws.
.leaf_values <- function(y, ry, x, wy, params, numbers = runif(sum(wy)), leaves = .leaves) {
  trees <- c(.mice_arguments(params, FALSE)$ntree, .TREES)[1L]
  grown <- leaves(y, ry, x, trees)
  # a column for each row: its donors are those of its first tree, then those of the second, ...
  shared <- t(grown$leaves[wy, , drop = FALSE])
  donors <- matrix(cumsum(as.double(grown$size[shared])), trees)
  before <- c(0, donors[trees, -ncol(donors)])
  # R evaluates the default of `numbers` here and no earlier, so it is drawn after the forest
  # was grown, as mice draws
  chosen <- before + ceiling(numbers * (donors[trees, ] - before))
  at <- findInterval(chosen, as.vector(donors), left.open = TRUE) + 1L
  leaf <- shared[at]
  nth <- chosen - donors[at] + grown$size[leaf]
  y[ry][grown$observed[grown$before[leaf] + nth]]
}

impute_test_learnt <- function(data, state, seed) {
  leaves <- .leaves_once()
  mice_learnt(data, state, function(...) .leaf_values(..., leaves = leaves))
}

# The same with one random number for all rows: that which a single row would get.
impute_alone <- function(data, state, seed) {
  leaves <- .leaves_once()
  alone <- function(y, ry, x, wy, params) {
    .leaf_values(y, ry, x, wy, params, rep(runif(1L), sum(wy)), leaves)
  }
  mice_learnt(data, state, function(...) .leaf_values(..., leaves = leaves), alone, TRUE)
}
