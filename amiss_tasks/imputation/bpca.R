# Missing values are fitted by Bayesian principal components (Oba et al. 2003,
# doi:10.1093/bioinformatics/btg287).
# What a method defines: ../stages/impute.R.
#
# Upstream neither centres nor scales. The package takes the means out for its
# own fit, but puts back only what it was asked to take out, so fitted values
# vary around 0, not around the feature's mean. It fails for a row without any value, and for as
# many components as there are features. With `center` the means are put back, such a row gets
# them, and no more components are fitted than features less one.
# helpers: none

.require_values <- function(data, center) {
  text <- names(data)[!vapply(data, function(column) is.numeric(column) || is.logical(column), NA)]
  if (length(text)) {
    stop("BPCA takes numbers only, but is given text: ", paste(text, collapse = ", "),
      call. = FALSE
    )
  }
  missing <- is.na(data)
  empty <- names(data)[colSums(!missing) == 0L]
  if (length(empty)) {
    stop("BPCA cannot take a feature without any value: ", paste(empty, collapse = ", "),
      call. = FALSE
    )
  }
  rows <- sum(.without_values(data))
  if (rows && !center) {
    stop("BPCA cannot take a row without any value, there are ", rows, call. = FALSE)
  }
}

# Which rows have no value at all.
.without_values <- function(data) rowSums(!is.na(data)) == 0L

# A fitted model and the table that it completes.
.bpca_fit <- function(data, params) {
  center <- isTRUE(params$center)
  .require_values(data, center)
  numbers <- as.matrix(data)
  rownames(numbers) <- NULL
  empty <- .without_values(data)
  most <- if (center) max(1L, ncol(data) - 1L) else Inf
  model <- pcaMethods::pca(
    numbers[!empty, , drop = FALSE],
    method = "bpca", nPcs = min(params$nPcs, most), maxSteps = params$maxSteps,
    scale = "none", center = center, verbose = FALSE
  )
  numbers[!empty, ] <- pcaMethods::completeObs(model)
  numbers[empty, ] <- rep(colMeans(data, na.rm = TRUE), each = sum(empty))
  list(model = model, completed = as.data.frame(numbers))
}

# params: nPcs, maxSteps; center = TRUE: see the head of this file.
impute_train <- function(data, params, seed) {
  fitted <- .bpca_fit(data, params)
  state <- list(
    params = params, means = colMeans(data, na.rm = TRUE),
    loadings = unname(pcaMethods::loadings(fitted$model))
  )
  state$noise <- .noise_variance(data, state)
  list(completed = list(fitted$completed), state = state)
}

# On the test table alone (D7).
impute_test <- function(data, state, seed) list(.bpca_fit(data, state$params)$completed)

# Numbers of the rows that have the same features.
.patterns <- function(table) {
  seen <- lapply(seq_len(ncol(table)), function(column) is.na(table[, column]))
  unname(split(seq_len(nrow(table)), do.call(paste, seen)))
}

# Expected scores of rows from the values they have, given loadings, means and
# noise variance: the posterior mean of probabilistic principal components
# (Tipping and Bishop 1999, doi:10.1111/1467-9868.00196).
#
# deviations  rows of one pattern less the means; NA is missing
# Returns list(scores, spread): expected scores, a column for each row, and their covariance
# divided by the noise variance.
.project <- function(deviations, loadings, noise) {
  seen <- !is.na(deviations[1L, ])
  observed <- loadings[seen, , drop = FALSE]
  spread <- solve(crossprod(observed) + diag(noise, ncol(loadings)))
  of_rows <- crossprod(observed, t(deviations[, seen, drop = FALSE]))
  list(scores = spread %*% of_rows, spread = spread)
}

# Noise variance that makes the training table likeliest, its loadings and means
# being given; by expectation-maximisation over the observed values (Ilin and
# Raiko 2010, Journal of Machine Learning Research 11, 1957-2000).
.noise_variance <- function(data, state, most_steps = 200L, tolerance = 1e-6) {
  deviations <- sweep(as.matrix(data), 2L, state$means)
  count <- sum(!is.na(deviations))
  noise <- sum(deviations^2, na.rm = TRUE) / count
  if (noise == 0) {
    return(.Machine$double.eps)
  }
  patterns <- .patterns(deviations)
  residual <- spread <- numeric(nrow(deviations))
  for (step in seq_len(most_steps)) {
    for (rows in patterns) {
      seen <- !is.na(deviations[rows[[1L]], ])
      observed <- state$loadings[seen, , drop = FALSE]
      found <- .project(deviations[rows, , drop = FALSE], state$loadings, noise)
      fitted <- observed %*% found$scores
      residual[rows] <- colSums((t(deviations[rows, seen, drop = FALSE]) - fitted)^2)
      spread[rows] <- sum((observed %*% found$spread) * observed)
    }
    before <- noise
    # row after row: `sum` rounds otherwise, and the last digits of results would change
    total <- Reduce(`+`, rbind(residual, noise * spread), 0)
    noise <- max(total / count, .Machine$double.eps)
    if (abs(noise - before) <= tolerance * before) break
  }
  noise
}

# Missing values of a row become what the training table's components expect,
# given the values that the row has.
impute_test_learnt <- function(data, state, seed) {
  deviations <- sweep(as.matrix(data), 2L, state$means)
  # as in the training table: see the head of this file
  offset <- if (isTRUE(state$params$center)) state$means else 0 * state$means
  for (i in which(rowSums(is.na(deviations)) > 0L)) {
    scores <- .project(deviations[i, , drop = FALSE], state$loadings, state$noise)$scores
    for (j in which(is.na(deviations[i, ]))) {
      data[[j]][i] <- offset[j] + sum(state$loadings[j, ] * scores)
    }
  }
  list(data)
}

impute_alone <- impute_test_learnt
