# Missing values are fitted by Bayesian principal components (Oba et al. 2003,
# doi:10.1093/bioinformatics/btg287).
# The signature of the functions is documented in ../impute.R.
#
# Upstream neither centres nor scales. The package takes the means out for its
# own fit, but puts back only what it was asked to take out, so fitted values
# vary around 0, not around the feature's mean.

.require_values <- function(data) {
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
  rows <- sum(rowSums(!missing) == 0L)
  if (rows) {
    stop("BPCA cannot take a row without any value, there are ", rows, call. = FALSE)
  }
}

.bpca_complete <- function(data, params) {
  .require_values(data)
  numbers <- as.matrix(data)
  rownames(numbers) <- NULL
  fitted <- pcaMethods::pca(
    numbers,
    method = "bpca", nPcs = params$nPcs, maxSteps = params$maxSteps,
    scale = "none", center = FALSE, verbose = FALSE
  )
  as.data.frame(pcaMethods::completeObs(fitted))
}

impute_train <- function(data, params, seed) {
  list(completed = list(.bpca_complete(data, params)), state = list(params = params))
}

# On the test table alone (D7).
impute_test <- function(data, state, seed) list(.bpca_complete(data, state$params))
