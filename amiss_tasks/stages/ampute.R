# Stage ampute: known values of a training table are removed, completely at random
# (MCAR), by another feature's values (MAR) or by their own (MNAR), and later compared
# with what a method puts in their place. Source: upstream's scripts 06 and 07,
# function compute_rmse.
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

# Fewest values that MAR and MNAR are asked about; fewer go at random. mice::ampute
# removes the only value of a group for certain, and standardized ranks of fewer than
# ten miss the share by more than 0.003.
.FEWEST_DECIDED <- 10L

# Which of some values mice::ampute removes, the more likely the larger what decides:
# the values themselves (MNAR) or another feature's in the same rows (MAR).
#
# Their ranks as standard normal scores, for ampute calibrates its logits on standard
# normal scores: skewed or discrete ones would miss the share. Ties are ranked at
# random, so a value's chance is the mean over the ranks that it shares. The other
# column is a stand-in: its weight in the weighted sum is 0.
.decided_cells <- function(deciding, share, mechanism) {
  score <- qnorm(rank(deciding, ties.method = "random") / (length(deciding) + 1))
  own <- mechanism == "MNAR"
  amputed <- mice::ampute(
    if (own) cbind(score, 0) else cbind(0, score),
    prop = share, patterns = rbind(c(0, 1)), weights = rbind(c(own, !own) + 0),
    mech = mechanism, type = "RIGHT", std = FALSE
  )
  is.na(amputed$amp[[1L]])
}

# The same without regard to any value, each with probability `share`.
.undecided_cells <- function(count, share) {
  if (count == 0L) {
    return(logical(0L))
  }
  amputed <- mice::ampute(
    matrix(0, count, 2L),
    prop = share, patterns = rbind(c(0, 1)), mech = "MCAR"
  )
  is.na(amputed$amp[[1L]])
}

# Correlation above which the correlation check drops one of two features.
.NEARLY_EQUAL <- 0.9

# The feature by which MAR removes values, as the number of a column: that whose ranks
# tell most of the others' values, counted in values known beside it times the squared
# correlation of ranks. One that is rarely known, or goes with nothing, would make MAR
# the same as MCAR; one that the correlation check may drop would hide from the methods
# what removal depends on, so it is taken only where there is no other.
.driver <- function(values) {
  ranks <- apply(values, 2L, rank, na.last = "keep")
  ranks <- matrix(ranks, nrow(values), ncol(values))
  # it warns of features that do not vary; they tell nothing
  rho <- suppressWarnings(cor(ranks, use = "pairwise.complete.obs"))
  tells <- crossprod(!is.na(values)) * rho^2
  diag(tells) <- 0
  tells <- rowSums(tells, na.rm = TRUE)
  near <- abs(suppressWarnings(cor(values, use = "pairwise.complete.obs"))) > .NEARLY_EQUAL
  diag(near) <- FALSE
  alone <- rowSums(near, na.rm = TRUE) == 0L
  if (any(tells[alone] > 0)) {
    tells[!alone] <- 0
  }
  if (!any(tells > 0)) {
    stop(
      "values cannot be removed by another feature's (MAR): no two numeric features of the ",
      "training table vary and have values in the same rows; leave MAR out of the mechanisms"
    )
  }
  which.max(tells)
}

# Which cells MAR or MNAR removes, feature by feature. The driving feature of MAR stays.
# Returns list(gone, driver, at_random): driver is NA for MNAR; at_random counts the
# values about which nothing could decide.
.cells_by_value <- function(values, share, mechanism) {
  known <- !is.na(values)
  gone <- matrix(FALSE, nrow(values), ncol(values))
  driver <- if (mechanism == "MAR") .driver(values) else NA_integer_
  at_random <- 0L
  for (j in setdiff(seq_len(ncol(values)), driver)) {
    deciding <- values[, if (is.na(driver)) j else driver]
    decided <- which(known[, j] & !is.na(deciding))
    if (length(decided) < .FEWEST_DECIDED) {
      decided <- integer(0L)
    } else {
      gone[decided, j] <- .decided_cells(deciding[decided], share, mechanism)
    }
    rest <- setdiff(which(known[, j]), decided)
    gone[rest, j] <- .undecided_cells(length(rest), share)
    at_random <- at_random + length(rest)
  }
  list(gone = gone, driver = driver, at_random = at_random)
}

# Which cells are removed completely at random.
.cells_at_random <- function(known, share) {
  gone <- matrix(FALSE, nrow(known), ncol(known))
  for (part in split(seq_len(nrow(known)), (seq_len(nrow(known)) - 1L) %/% .AMPUTED_TOGETHER)) {
    gone[part, ] <- .mcar_cells(length(part), ncol(known), share)
  }
  list(gone = gone & known, driver = NA_integer_, at_random = 0L)
}

# The cells that are removed when each row that has a value keeps one.
.keep_one <- function(gone, known) {
  for (row in which(rowSums(known) > 0L & rowSums(known & !gone) == 0L)) {
    had <- which(known[row, ])
    gone[row, had[sample.int(length(had), 1L)]] <- FALSE
  }
  gone
}

# Removes a share of the known values of a training table's numeric features.
#
# table      training table of a fold; dummies and text are left as they are
# share      probability of each value, over all values of a feature
# numeric    names of the study's numeric features
# seed       seed of the generator
# mechanism  MCAR, MAR or MNAR
# Returns list(table, known, removed, driver, at_random): the table; counts of values
# that may go and that went; the driving feature of MAR, else NA; how many of the
# values that may go had nothing to decide about them.
ampute_table <- function(table, share, numeric, seed, mechanism = "MCAR") {
  set.seed(seed)
  features <- intersect(numeric, names(table))
  rows <- nrow(table)
  values <- vapply(unclass(table)[features], as.double, double(rows))
  values <- matrix(values, rows, length(features))
  known <- !is.na(values)
  found <- if (mechanism == "MCAR") {
    .cells_at_random(known, share)
  } else {
    .cells_by_value(values, share, mechanism)
  }
  gone <- .keep_one(found$gone, known)
  for (j in which(colSums(gone) > 0L)) {
    column <- as.double(table[[features[j]]])
    column[gone[, j]] <- NA
    # upstream passes the table through a file once more
    table[[features[j]]] <- .read_back(column)
  }
  list(
    table = table,
    known = sum(known[, setdiff(seq_along(features), found$driver)]), removed = sum(gone),
    driver = if (is.na(found$driver)) NA_character_ else features[found$driver],
    at_random = found$at_random
  )
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
