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

# The same from all rows that have the wanted value, by distances over the features that both
# rows have; Troyanskaya et al. 2001 (doi:10.1093/bioinformatics/17.6.520) impute so.
#
# A sum over a part of the row's features counts for all of them, as in dist(). Fewer than k rows
# with the value do; where no row has a feature in common, the feature's mean is taken.
.fill_from_common <- function(data, donors, k, standard) {
  standard$spread[is.na(standard$spread) | standard$spread == 0] <- 1
  targets <- .standardise(.numbers_of(data), standard)
  pool <- t(.standardise(.numbers_of(donors), standard))
  known <- !is.na(pool)
  for (i in which(rowSums(is.na(targets)) > 0L)) {
    seen <- !is.na(targets[i, ])
    squares <- (pool[seen, , drop = FALSE] - targets[i, seen])^2
    common <- colSums(known[seen, , drop = FALSE])
    distance <- sqrt(colSums(squares, na.rm = TRUE) * sum(seen) / common)
    ranked <- order(distance)[seq_len(sum(common > 0))]
    for (name in names(data)[!seen]) {
      values <- donors[[name]]
      nearest <- head(ranked[known[name, ranked]], k)
      # less the smallest: the weights of a row far from all others would all be 0
      weights <- exp(distance[nearest[1L]] - distance[nearest])
      data[[name]][i] <- if (length(nearest)) {
        sum(weights * values[nearest]) / sum(weights)
      } else {
        mean(values, na.rm = TRUE)
      }
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

# params: k; common = TRUE measures distances over common features.
impute_train <- function(data, params, seed) {
  standard <- .learn_standard(.numbers_of(data))
  if (isTRUE(params$common)) {
    return(list(
      completed = list(.fill_from_common(data, data, params$k, standard)),
      state = list(params = params, donors = data, standard = standard)
    ))
  }
  completed <- .fill_alone(data, params$k, standard)
  list(
    completed = list(completed),
    state = list(params = params, donors = completed, standard = standard)
  )
}

# On the test table alone (D7).
impute_test <- function(data, state, seed) {
  standard <- .learn_standard(.numbers_of(data))
  if (isTRUE(state$params$common)) {
    return(list(.fill_from_common(data, data, state$params$k, standard)))
  }
  list(.fill_alone(data, state$params$k, standard))
}

# Neighbours are training rows, standardised as the training table was: as they were imputed, or
# as far as they are known.
impute_test_learnt <- function(data, state, seed) {
  if (isTRUE(state$params$common)) {
    return(list(.fill_from_common(data, state$donors, state$params$k, state$standard)))
  }
  list(knn_fill(data, state$donors, state$params$k, state$standard))
}

impute_alone <- impute_test_learnt
