# Missing values are predicted by random forests grown on the other features, column after
# column, until the table changes more than it did the time before (Stekhoven and Buehlmann
# 2012, doi:10.1093/bioinformatics/btr597; package missForest, which Debian lacks).
# The signature of the functions is documented in ../impute.R.

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
.iterate <- function(filled, gaps, params) {
  for (j in .forest_order(gaps)) {
    forest <- .grow(filled, !gaps[, j], j, params)
    filled[gaps[, j], j] <- predict(forest, filled[gaps[, j], -j, drop = FALSE])
  }
  filled
}

# Returns list(filled, iterations): the completed matrix, and after how many iterations it
# was reached.
.forest_fill <- function(numbers, params) {
  gaps <- is.na(numbers)
  filled <- .fill_means(numbers, .column_means(numbers))
  change <- Inf
  for (iteration in seq_len(.MOST_ITERATIONS)) {
    following <- .iterate(filled, gaps, params)
    before <- change
    change <- sum((following - filled)^2) / sum(following^2)
    # the iteration that changed more than the one before is thrown away
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

impute_train <- function(data, params, seed) {
  list(completed = list(.forest_table(data, params)), state = list(params = params))
}

# Ten times, on the test table alone (D7).
impute_test <- function(data, state, seed) {
  lapply(seq_len(.TEST_COMPLETIONS), function(number) .forest_table(data, state$params))
}
