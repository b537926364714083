# Pattern submodels: a logistic regression for each pattern of missing values, fitted to the
# training rows of that pattern (Fletcher Mercaldo and Blume 2020,
# doi:10.1093/biostatistics/kxy040), for tables that were not imputed.
# What a classifier defines: rf.R. Regressions are those of lr.R.
#
# A row is predicted by the first of these submodels that there is:
#
#   own       of the training rows with its very pattern, if they are enough
#   complete  of all training rows that have its features (the paper's complete-case submodel),
#             if they are enough
#   fewer     the same without the features that the fewest training rows have: as many are left
#             out as it takes for the rows to be enough, or to be all of them
#   share     without any feature: the share of positives
#
# Rows are enough if the smaller class has .ROWS_PER_FEATURE of them for each feature that varies
# among them, and as many at least. Of features that as many rows have, the last is left out first.
# helpers: fit_logistic, is_rank_deficient, probability_negative (_logistic.R)

# Of the simulations of Vittinghoff and McCulloch 2007 (doi:10.1093/aje/kwk052) those with five
# to nine events for each variable do little worse than those with ten.
.ROWS_PER_FEATURE <- 5L

# Each row's pattern as a name: the columns that it has.
.patterns_of <- function(known) {
  apply(known, 1L, function(row) paste(c("columns", which(row)), collapse = " "))
}

# Whether these training rows, which have these columns, are enough to be fitted by them.
.are_enough <- function(model, rows, columns) {
  smaller <- min(tabulate(model$y[rows], 2L))
  if (smaller < .ROWS_PER_FEATURE) {
    return(FALSE)
  }
  x <- model$x[rows, columns, drop = FALSE]
  # a column that does not vary here, as most dummies of a rare pattern, costs no coefficient
  varying <- sum(colSums(x != rep(x[1L, ], each = length(rows))) > 0)
  smaller >= .ROWS_PER_FEATURE * varying
}

# How rows of a pattern are predicted: list(rule, rows, features), of the training rows.
#
# own       the training rows with the pattern
# features  the columns that it has
.choose <- function(model, known, own, features) {
  if (.are_enough(model, own, features)) {
    return(list(rule = "own", rows = own, features = features))
  }
  # from the feature that most rows have to the one that fewest have: each set of features that
  # is looked at is a beginning of this order, and the rows that have it follow from the place
  # of the first one that they lack
  ranked <- features[order(-colSums(known[, features, drop = FALSE]))]
  size <- length(ranked)
  lacking <- max.col(cbind(!known[, ranked, drop = FALSE], TRUE) + 0L, ties.method = "first")
  for (taken in size:0) {
    rows <- which(lacking > taken)
    # without a feature all rows are there
    if (length(rows) == nrow(known) || .are_enough(model, rows, ranked[seq_len(taken)])) break
  }
  list(
    rule = if (taken == 0L) "share" else if (taken < size) "fewer" else "complete",
    rows = rows, features = sort(ranked[seq_len(taken)])
  )
}

# Submodels of these patterns, by pattern. One that serves several is fitted once.
.submodels <- function(model, patterns, known) {
  fits <- list()
  chosen <- lapply(which(!duplicated(patterns)), function(row) {
    own <- which(model$patterns == patterns[row])
    found <- .choose(model, !is.na(model$x), own, which(known[row, ]))
    # all but the first rule have all training rows with these features
    is_own <- found$rule == "own"
    key <- paste(c(if (is_own) "own", "columns", found$features), collapse = " ")
    if (is.null(fits[[key]])) {
      x <- model$x[found$rows, found$features, drop = FALSE]
      fits[[key]] <<- fit_logistic(x, model$y[found$rows])
    }
    list(rule = found$rule, features = found$features, fit = fits[[key]])
  })
  names(chosen) <- unique(patterns)
  list(of = chosen, fits = fits)
}

fit <- function(x, y) {
  started <- proc.time()[["elapsed"]]
  known <- !is.na(x)
  model <- list(x = unname(x), y = y, patterns = .patterns_of(known))
  found <- .submodels(model, model$patterns, known)
  model$submodels <- found$of
  rules <- vapply(found$of, `[[`, "", "rule")
  count <- function(is_so) sum(vapply(found$fits, is_so, NA))
  list(
    model = model,
    fitted_positive = as.vector(predict_positive(model, x)) > 0.5,
    seconds = proc.time()[["elapsed"]] - started,
    settings = list(
      patterns = length(rules), own = sum(rules == "own"),
      not_converged = count(function(fit) !fit$converged),
      rank_deficient = count(function(fit) is_rank_deficient(fit$model))
    ),
    fits = list(regressions = length(found$fits))
  )
}

.RULES <- c(
  own = "by the model of their own pattern", complete = "by that of all rows with their features",
  fewer = "by that of fewer features", share = "by the share of positives"
)

predict_positive <- function(model, x) {
  x <- unname(x)
  known <- !is.na(x)
  patterns <- .patterns_of(known)
  submodels <- model$submodels
  # a pattern that no training row has gets its submodel from the training rows now
  new <- !patterns %in% names(submodels)
  if (any(new)) {
    more <- .submodels(model, patterns[new], known[new, , drop = FALSE])
    submodels <- c(submodels, more$of)
  }
  positive <- double(nrow(x))
  for (pattern in unique(patterns)) {
    rows <- which(patterns == pattern)
    own <- submodels[[pattern]]
    positive[rows] <- 1 - probability_negative(own$fit$model, x[rows, own$features, drop = FALSE])
  }
  rules <- vapply(submodels[patterns], `[[`, "", "rule")
  counts <- table(factor(rules, names(.RULES)))
  structure(positive, note = paste0(
    nrow(x), " rows predicted: ", paste(counts, .RULES, collapse = ", ")
  ))
}
