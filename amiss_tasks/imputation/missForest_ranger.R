# Missing values are predicted by random forests grown by ranger on the other features, column
# after column, until the table changes more than it did the time before: what CRAN's missForest
# does since version 1.6 (Stekhoven and Buehlmann 2012, doi:10.1093/bioinformatics/btr597; Wright
# and Ziegler 2017, doi:10.18637/jss.v077.i01). Test rows are imputed by the training forests
# (Albu et al. 2025, doi:10.1371/journal.pone.0334125).
# What a method defines: ../stages/impute.R.
# helpers: generator_state, use_generator (../r/streams.R)

.MOST_ITERATIONS <- 10L

# CRAN's least number of rows in a leaf, as what ranger asks of a node before it is split: Debian
# 12's ranger has no bound on leaves (min.bucket is of 0.15).
.NODE_SIZE <- 5L

# The table as a matrix, without the columns that have no value at all.
.numbers_of <- function(data) {
  data <- data[!vapply(data, function(column) all(is.na(column)), NA)]
  text <- names(data)[!vapply(data, is.numeric, NA)]
  if (length(text)) {
    stop("missForest_ranger takes numbers only, but is given text: ", paste(text, collapse = ", "),
      call. = FALSE
    )
  }
  numbers <- as.matrix(data)
  dimnames(numbers) <- list(NULL, names(data))
  storage.mode(numbers) <- "double"
  numbers
}

.fill_means <- function(numbers, means) {
  gaps <- which(is.na(numbers), arr.ind = TRUE)
  numbers[gaps] <- means[gaps[, 2L]]
  numbers
}

# The forest of column `j`, from the rows that have it; ranger's seed is drawn from R's generator.
.grow <- function(filled, observed, j, params) {
  predictors <- filled[observed, -j, drop = FALSE]
  ranger::ranger(
    x = predictors, y = filled[observed, j],
    num.trees = params$ntree, mtry = min(params$mtry, ncol(predictors)),
    min.node.size = .NODE_SIZE, num.threads = 1L, verbose = FALSE
  )
}

# seed: NULL draws one, as the package does, for nothing: a regression forest predicts without.
.predict <- function(forest, rows, seed = NULL) {
  predict(forest, data = rows, seed = seed, num.threads = 1L, verbose = FALSE)$predictions
}

# Goes over all columns with missing values once, those with fewest first.
#
# filled  the matrix so far; gaps: where values are missing
# follow  called with each column and its forest
.iterate <- function(filled, gaps, params, follow = NULL) {
  counts <- colSums(gaps)
  ranked <- order(counts)
  for (j in ranked[counts[ranked] > 0]) {
    rows <- gaps[, j]
    if (ncol(filled) < 2L) next
    forest <- .grow(filled, !rows, j, params)
    filled[rows, j] <- .predict(forest, filled[rows, -j, drop = FALSE])
    if (!is.null(follow)) follow(j, forest)
  }
  filled
}

# Returns list(filled, iterations): the imputed matrix, and after how many iterations it
# was reached.
.forest_fill <- function(numbers, params) {
  gaps <- is.na(numbers)
  filled <- .fill_means(numbers, colMeans(numbers, na.rm = TRUE))
  change <- Inf
  for (iteration in seq_len(.MOST_ITERATIONS)) {
    following <- .iterate(filled, gaps, params)
    before <- change
    change <- sum((following - filled)^2) / sum(following^2)
    # an iteration that changed more than the one before is thrown away; only the last one is
    # kept whatever it changed, as the package keeps it
    if (!isTRUE(change < before) && iteration < .MOST_ITERATIONS) {
      return(list(filled = filled, iterations = iteration - 1L))
    }
    filled <- following
  }
  list(filled = filled, iterations = .MOST_ITERATIONS)
}

# Forests are large, so the state has what they can be grown from again instead: the training
# table and where the generator stood.
impute_train <- function(data, params, seed) {
  generator <- generator_state()
  numbers <- .numbers_of(data)
  found <- .forest_fill(numbers, params)
  state <- list(
    params = params, numbers = numbers, iterations = found$iterations, generator = generator
  )
  list(completed = list(as.data.frame(found$filled)), state = state)
}

# The training forests, applied in the order in which they were grown, for as many iterations
# as training took, to test rows that start at the training means. A feature that no training row
# lacks has no forest: its mean stays.
impute_test_learnt <- function(data, state, seed) {
  # a column without any value in training has no forest and is in no imputed table
  features <- colnames(state$numbers)
  tested <- vapply(unclass(data)[features], as.double, double(nrow(data)))
  tested <- matrix(tested, nrow(data), dimnames = list(NULL, features))
  missing <- is.na(tested)
  means <- colMeans(state$numbers, na.rm = TRUE)
  tested <- .fill_means(tested, means)
  follow <- function(j, forest) {
    rows <- missing[, j]
    # a number drawn here would be missing to the next forest, which is to be that of training
    if (any(rows)) tested[rows, j] <<- .predict(forest, tested[rows, -j, drop = FALSE], 1L)
  }
  gaps <- is.na(state$numbers)
  filled <- .fill_means(state$numbers, means)
  use_generator(state$generator)
  for (iteration in seq_len(state$iterations)) {
    filled <- .iterate(filled, gaps, state$params, follow)
  }
  list(as.data.frame(tested))
}

impute_test <- impute_test_learnt

impute_alone <- impute_test_learnt
