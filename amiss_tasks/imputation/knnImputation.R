# Missing values become means of the k nearest complete rows, weighted by
# exp(-distance): knnImputation of package DMwR (Torgo 2010, Data Mining with R).
# What a method defines: ../stages/impute.R.
#
# Distances are Euclidean over the features that the row has, standardised. A
# constant feature has no standard deviation, so no row then counts as complete.
# helpers: none

# Mean and standard deviation of each column of a numeric matrix.
.learn_standard <- function(numbers) {
  standardised <- scale(numbers)
  list(
    centre = attr(standardised, "scaled:center"), spread = attr(standardised, "scaled:scale")
  )
}

.standardise <- function(numbers, standard) {
  sweep(sweep(numbers, 2L, standard$centre), 2L, standard$spread, "/")
}

.numbers_of <- function(data) {
  text <- names(data)[!vapply(data, function(column) is.numeric(column) || is.logical(column), NA)]
  if (length(text)) {
    stop("kNN takes numbers only, but is given text: ", paste(text, collapse = ", "),
      call. = FALSE
    )
  }
  numbers <- as.matrix(data)
  dimnames(numbers) <- list(NULL, names(data))
  numbers
}

# Fills the rows of `data` that have missing values from the complete rows of `donors`.
#
# data, donors  data frames with the same columns
# k             number of neighbours
# standard      what both tables are standardised by
knn_fill <- function(data, donors, k, standard) {
  targets <- .standardise(.numbers_of(data), standard)
  pool <- .standardise(.numbers_of(donors), standard)
  complete <- which(rowSums(is.na(pool)) == 0L)
  # one complete row alone is no matrix to upstream, which then stops as well
  needed <- max(k, 2L)
  if (length(complete) < needed) {
    stop(
      "Not sufficient complete cases for computing neighbors: ", length(complete),
      " complete rows, ", needed, " needed (k=", k, ")",
      call. = FALSE
    )
  }
  pool <- pool[complete, , drop = FALSE]
  for (i in which(rowSums(is.na(targets)) > 0L)) {
    gaps <- is.na(targets[i, ])
    differences <- sweep(pool[, !gaps, drop = FALSE], 2L, targets[i, !gaps])
    # a product as in DMwR, not rowSums(): another rounding could make another row the nearest
    distance <- sqrt(drop(differences^2 %*% rep(1, ncol(differences))))
    nearest <- order(distance)[seq_len(k)]
    weights <- exp(-distance[nearest])
    weights <- weights / sum(weights)
    # means of the values as they are: standardised ones only say which rows are near
    for (name in names(data)[gaps]) {
      data[[name]][i] <- sum(weights * donors[[name]][complete[nearest]])
    }
  }
  data
}

# A table imputed from its own complete rows.
.fill_alone <- function(data, k, standard) {
  if (any(rowSums(!is.na(data)) == 1L)) {
    # upstream takes this row's distances for something other than a matrix
    stop("kNN cannot compare a row that has a single value", call. = FALSE)
  }
  knn_fill(data, data, k, standard)
}

impute_train <- function(data, params, seed) {
  standard <- .learn_standard(.numbers_of(data))
  completed <- .fill_alone(data, params$k, standard)
  list(
    completed = list(completed),
    state = list(params = params, donors = completed, standard = standard)
  )
}

# On the test table alone (D7).
impute_test <- function(data, state, seed) {
  list(.fill_alone(data, state$params$k, .learn_standard(.numbers_of(data))))
}

# Neighbours are imputed training rows, standardised as the training table was.
impute_test_learnt <- function(data, state, seed) {
  list(knn_fill(data, state$donors, state$params$k, state$standard))
}

impute_alone <- impute_test_learnt
