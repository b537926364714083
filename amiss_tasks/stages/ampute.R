# Stage ampute: known values of a training table are removed completely at random
# (MCAR), and later compared with what a method puts in their place. Source:
# upstream's scripts 06 and 07, function compute_rmse.
# helpers: .read_back (../r/tables.R)

# Rows that go through one call of mice::ampute, whose time and memory grow with
# the square of the number of patterns.
.AMPUTED_TOGETHER <- 250L

# Cells of a table of this size that mice::ampute (Schouten, Lugtig and Vink 2018,
# doi:10.1080/00949655.2018.1491577) makes missing, each with probability `share`.
#
# ampute wants a complete table, which there is none of. Without regard to values
# (MCAR) only the table's size counts, so a stand-in serves. Its last column is
# never missing: ampute takes no pattern, and no table, with less than that.
.mcar_cells <- function(rows, columns, share) {
  draws <- matrix(runif(rows * columns) >= share, rows)
  patterns <- unique(draws)
  # unique patterns come as often as they were drawn; rows without any gap are
  # left to `prop`
  key <- function(rows) apply(rows, 1L, paste0, collapse = "")
  frequency <- tabulate(match(key(draws), key(patterns)), nrow(patterns))
  complete <- rowSums(!patterns) == 0L
  if (all(complete)) {
    return(matrix(FALSE, rows, columns))
  }
  # it warns that some patterns happened to be given to no row
  amputed <- suppressWarnings(mice::ampute(
    matrix(0, rows, columns + 1L),
    prop = 1 - sum(frequency[complete]) / rows,
    patterns = cbind(patterns[!complete, , drop = FALSE], 1L) + 0L,
    freq = frequency[!complete] / sum(frequency[!complete]),
    mech = "MCAR"
  ))
  unname(is.na(as.matrix(amputed$amp))[, seq_len(columns), drop = FALSE])
}

# Which of the known cells are removed. A row that has a value keeps one.
.removed_cells <- function(known, share) {
  gone <- matrix(FALSE, nrow(known), ncol(known))
  for (part in split(seq_len(nrow(known)), (seq_len(nrow(known)) - 1L) %/% .AMPUTED_TOGETHER)) {
    gone[part, ] <- .mcar_cells(length(part), ncol(known), share)
  }
  gone <- gone & known
  for (row in which(rowSums(known) > 0L & rowSums(known & !gone) == 0L)) {
    had <- which(known[row, ])
    gone[row, had[sample.int(length(had), 1L)]] <- FALSE
  }
  gone
}

# Removes a share of the known values of a training table's numeric features.
#
# table     training table of a fold; dummies and text are left as they are
# share     probability of each value
# numeric   names of the study's numeric features
# seed      seed of the generator
# Returns list(table, known, removed): the table, and counts of values.
ampute_table <- function(table, share, numeric, seed) {
  set.seed(seed)
  features <- intersect(numeric, names(table))
  rows <- nrow(table)
  known <- vapply(unclass(table)[features], function(column) !is.na(column), logical(rows))
  known <- matrix(known, rows, length(features))
  gone <- .removed_cells(known, share)
  for (j in which(colSums(gone) > 0L)) {
    column <- as.double(table[[features[j]]])
    column[gone[, j]] <- NA
    # upstream passes the table through a file once more
    table[[features[j]]] <- .read_back(column)
  }
  list(table = table, known = sum(known), removed = sum(gone))
}

# How far an imputed training table is from what was removed: root of the mean
# squared error, in standard deviations of the feature's known values. A feature
# that does not vary has no such unit and is left out.
#
# truth      training table before values were removed, of all rows of the fold
# given      the same after
# rows       rows of it that were imputed
# completed  imputed table of these rows
# Returns list(rmse, cells, unfilled, by_feature): NA where nothing was removed or
# a removed value has none in its place; compared values; those of them that have
# none; for each feature the same as `rmse`.
imputation_error <- function(truth, given, rows, completed) {
  errors <- list()
  for (name in intersect(names(given), names(completed))) {
    true <- truth[[name]][rows]
    gone <- which(is.na(given[[name]][rows]) & !is.na(true))
    # over all rows of the fold: the unit must not depend on which rows a combination draws
    spread <- if (length(gone)) sd(truth[[name]], na.rm = TRUE) else NA
    if (!is.na(spread) && spread > 0) {
      errors[[name]] <- (completed[[name]][gone] - true[gone]) / spread
    }
  }
  rmse <- function(error) sqrt(mean(error^2))
  every <- as.double(unlist(errors, use.names = FALSE))
  list(
    rmse = if (length(every)) rmse(every) else NA_real_,
    cells = length(every), unfilled = sum(is.na(every)),
    by_feature = lapply(errors, rmse)
  )
}
