# Missing values are predicted by random forests grown on the other features, column after
# column, until the table changes more than it did the time before (Stekhoven and Buehlmann
# 2012, doi:10.1093/bioinformatics/btr597; package missForest, which Debian lacks).
# What a method defines: ../stages/impute.R.
# helpers: generator_state, use_generator (../r/streams.R)

.MOST_ITERATIONS <- 10L
.TEST_COMPLETIONS <- 10L

# The table as a matrix, without the columns that have no value at all.
.forest_matrix <- function(data) {
  data <- data[!vapply(data, function(column) all(is.na(column)), NA)]
  for (name in names(data)) {
    if (!is.numeric(data[[name]])) {
      stop("column ", name, " must be factor or numeric, is ", class(data[[name]])[1L],
        call. = FALSE
      )
    }
  }
  numbers <- as.matrix(data)
  dimnames(numbers) <- list(NULL, names(data))
  storage.mode(numbers) <- "double"
  numbers
}

# Columns with missing values, those with fewest first.
.forest_order <- function(gaps) {
  counts <- colSums(gaps)
  ranked <- order(counts)
  ranked[counts[ranked] > 0]
}

.column_means <- function(numbers) colMeans(numbers, na.rm = TRUE)

.fill_means <- function(numbers, means) {
  gaps <- which(is.na(numbers), arr.ind = TRUE)
  numbers[gaps] <- means[gaps[, 2L]]
  numbers
}

# One forest for column `j`, grown on the rows that have it. Unlike in a forest for regression
# by itself, leaves may hold a single row.
.grow <- function(filled, observed, j, params) {
  randomForest::randomForest(
    filled[observed, -j, drop = FALSE], filled[observed, j],
    ntree = params$ntree, mtry = params$mtry, nodesize = 1L
  )
}

# Goes over all columns once.
#
# filled  the matrix so far; gaps: where values are missing
# follow  called with each column and its forest
.iterate <- function(filled, gaps, params, follow = NULL) {
  for (j in .forest_order(gaps)) {
    forest <- .grow(filled, !gaps[, j], j, params)
    filled[gaps[, j], j] <- predict(forest, filled[gaps[, j], -j, drop = FALSE])
    if (!is.null(follow)) follow(j, forest)
  }
  filled
}

# Returns list(filled, iterations): the imputed matrix, and after how many iterations it
# was reached.
.forest_fill <- function(numbers, params) {
  gaps <- is.na(numbers)
  filled <- .fill_means(numbers, .column_means(numbers))
  change <- Inf
  for (iteration in seq_len(.MOST_ITERATIONS)) {
    following <- .iterate(filled, gaps, params)
    before <- change
    change <- sum((following - filled)^2) / sum(following^2)
    # an iteration that changed more than the one before is thrown away; only the last one is
    # kept whatever it changed, as the package keeps it
    if (!(change < before) && iteration < .MOST_ITERATIONS) {
      return(list(filled = filled, iterations = iteration - 1L))
    }
    filled <- following
  }
  list(filled = filled, iterations = .MOST_ITERATIONS)
}

.forest_table <- function(data, params) {
  as.data.frame(.forest_fill(.forest_matrix(data), params)$filled)
}

# Forests are large, so the state has what they can be grown from again instead: the training
# table and where the generator stood.
impute_train <- function(data, params, seed) {
  generator <- generator_state()
  numbers <- .forest_matrix(data)
  found <- .forest_fill(numbers, params)
  state <- list(
    params = params, numbers = numbers, iterations = found$iterations, generator = generator
  )
  list(completed = list(as.data.frame(found$filled)), state = state)
}

# Ten times, on the test table alone (D7).
impute_test <- function(data, state, seed) {
  lapply(seq_len(.TEST_COMPLETIONS), function(number) .forest_table(data, state$params))
}

# The training forests, applied in the order in which they were grown, for as many iterations
# as training took, to test rows that start at the training means (as Albu et al. 2024,
# arXiv:2407.03379, do). A feature that no training row lacks has no forest: its mean stays.
impute_test_learnt <- function(data, state, seed) {
  # a column without any value in training has no forest and is in no imputed table
  features <- colnames(state$numbers)
  tested <- vapply(unclass(data)[features], as.double, double(nrow(data)))
  tested <- matrix(tested, nrow(data), dimnames = list(NULL, features))
  missing <- is.na(tested)
  means <- .column_means(state$numbers)
  tested <- .fill_means(tested, means)
  follow <- function(j, forest) {
    rows <- missing[, j]
    if (any(rows)) tested[rows, j] <<- predict(forest, tested[rows, -j, drop = FALSE])
  }
  gaps <- is.na(state$numbers)
  filled <- .fill_means(state$numbers, means)
  use_generator(state$generator)
  for (iteration in seq_len(state$iterations)) {
    filled <- .iterate(filled, gaps, state$params, follow)
  }
  list(as.data.frame(tested))
}

impute_alone <- impute_test_learnt
