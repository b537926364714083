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

# Goes over all columns once. Forests are grown on the training rows, which stand first, and
# their predictions put into all rows.
#
# filled  the matrix so far; gaps: where values are missing; ours: which rows are training rows
.iterate <- function(filled, gaps, ours, params) {
  for (j in .forest_order(gaps[ours, , drop = FALSE])) {
    forest <- .grow(filled, ours & !gaps[, j], j, params)
    filled[gaps[, j], j] <- predict(forest, filled[gaps[, j], -j, drop = FALSE])
  }
  filled
}

# Returns list(filled, iterations): the imputed matrix, and after how many iterations it
# was reached. Rows below the training rows go through the same iterations and have no say.
#
# iterations  so many, and no look at what they change; NULL: until they change more
.forest_fill <- function(numbers, params, training = nrow(numbers), iterations = NULL) {
  gaps <- is.na(numbers)
  ours <- seq_len(nrow(numbers)) <= training
  filled <- .fill_means(numbers, .column_means(numbers[ours, , drop = FALSE]))
  most <- c(iterations, .MOST_ITERATIONS)[1L]
  change <- Inf
  for (iteration in seq_len(most)) {
    following <- .iterate(filled, gaps, ours, params)
    before <- change
    found <- following[ours, , drop = FALSE]
    change <- sum((found - filled[ours, , drop = FALSE])^2) / sum(found^2)
    # an iteration that changed more than the one before is thrown away; only the last one is
    # kept whatever it changed, as the package keeps it
    if (is.null(iterations) && !(change < before) && iteration < most) {
      return(list(filled = filled, iterations = iteration - 1L))
    }
    filled <- following
  }
  list(filled = filled, iterations = most)
}

.rows_of <- function(filled, rows) as.data.frame(filled[rows, , drop = FALSE])

# A test table as a matrix of the training matrix's columns: one without any value in training
# has no forest and is in no imputed table.
.as_training <- function(data, numbers) {
  features <- colnames(numbers)
  tested <- vapply(unclass(data)[features], as.double, double(nrow(data)))
  matrix(tested, nrow(data), length(features), dimnames = list(NULL, features))
}

# A training table, and test rows by its forests as they are grown: growing them again for the
# test rows would take as long as growing them. The state is that of training alone.
impute_both <- function(data, test, params, seed) {
  # forests are large, so the state has what they can be grown from again instead: the training
  # table and where the generator stood
  generator <- generator_state()
  numbers <- .forest_matrix(data)
  both <- if (is.null(test)) numbers else rbind(numbers, .as_training(test, numbers))
  training <- nrow(numbers)
  found <- .forest_fill(both, params, training)
  list(
    completed = list(.rows_of(found$filled, seq_len(training))),
    state = list(
      params = params, numbers = numbers, iterations = found$iterations, generator = generator
    ),
    tested = if (!is.null(test)) list(.rows_of(found$filled, -seq_len(training)))
  )
}

impute_train <- function(data, params, seed) {
  impute_both(data, NULL, params, seed)[c("completed", "state")]
}

# Ten times, on the test table alone (D7).
impute_test <- function(data, state, seed) {
  lapply(seq_len(.TEST_COMPLETIONS), function(number) {
    as.data.frame(.forest_fill(.forest_matrix(data), state$params)$filled)
  })
}

# The training forests, applied in the order in which they were grown, for as many iterations
# as training took, to test rows that start at the training means (as Albu et al. 2025,
# doi:10.1371/journal.pone.0334125, do). A feature that no training row lacks has no forest: its
# mean stays.
impute_test_learnt <- function(data, state, seed) {
  training <- nrow(state$numbers)
  both <- rbind(state$numbers, .as_training(data, state$numbers))
  use_generator(state$generator)
  found <- .forest_fill(both, state$params, training, state$iterations)
  list(.rows_of(found$filled, -seq_len(training)))
}

impute_alone <- impute_test_learnt
