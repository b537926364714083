# Missing values become the median, and text the most frequent word, of the k nearest rows by
# Gower's distance (Gower 1971, doi:10.2307/2528823), as kNN() of package VIM does (Kowarik and
# Templ 2016, doi:10.18637/jss.v074.i07).
# What a method defines: ../stages/impute.R.
#
# The distance of two rows is the mean over the features that both have: for a number its
# difference by the range in training, at most 1; for text 0 if it is equal, else 1. Neighbours
# are training rows that have the wanted value.
# helpers: none

.MOST_CELLS <- 2e6

# What is learnt of a training table.
#
# Returns list(donors, ranges, usual): the table, ranges of its numbers by name, and for each
# feature the value of a row that has no feature in common with any donor.
.learn <- function(data) {
  known <- lapply(unclass(data), function(column) column[!is.na(column)])
  text <- vapply(known, is.character, NA)
  list(
    donors = data,
    ranges = lapply(known[!text & lengths(known) > 0L], function(x) max(x) - min(x)),
    usual = lapply(known, .typical)
  )
}

# The median of numbers, the most frequent of texts; of texts as frequent the first.
.typical <- function(values) {
  if (is.character(values)) {
    levels <- unique(values)
    return(levels[which.max(tabulate(match(values, levels)))])
  }
  if (length(values)) median(as.double(values)) else NA_real_
}

# Distances of some rows of a table to all donors, a row for each; NA where no feature is common.
.distances <- function(data, rows, learnt) {
  sums <- common <- matrix(0, length(rows), nrow(learnt$donors))
  for (name in names(data)) {
    ours <- data[[name]][rows]
    theirs <- learnt$donors[[name]]
    seen <- which(!is.na(ours))
    known <- which(!is.na(theirs))
    if (!length(seen) || !length(known)) next
    if (is.character(theirs)) {
      differences <- outer(ours[seen], theirs[known], "!=")
    } else {
      range <- learnt$ranges[[name]]
      # equal values are at a distance of 0, others at most at 1, whatever a constant's range is
      differences <- pmin(abs(outer(ours[seen], theirs[known], "-")) / range, 1)
      if (range == 0) differences[is.nan(differences)] <- 0
    }
    sums[seen, known] <- sums[seen, known] + differences
    common[seen, known] <- common[seen, known] + 1
  }
  distances <- sums / common
  distances[common == 0] <- NA
  distances
}

.fill <- function(data, learnt, k) {
  incomplete <- which(Reduce(`|`, lapply(unclass(data), is.na)))
  known <- lapply(unclass(learnt$donors), function(column) !is.na(column))
  gaps <- lapply(unclass(data), is.na)
  filled <- lapply(unclass(data), identity)
  block <- max(1L, floor(.MOST_CELLS / nrow(learnt$donors)))
  for (rows in split(incomplete, ceiling(seq_along(incomplete) / block))) {
    distances <- .distances(data, rows, learnt)
    for (i in seq_along(rows)) {
      row <- rows[i]
      near <- order(distances[i, ], na.last = NA)
      for (name in names(data)[vapply(gaps, `[`, NA, row)]) {
        nearest <- near[known[[name]][near]]
        nearest <- nearest[seq_len(min(k, length(nearest)))]
        filled[[name]][row] <- if (length(nearest)) {
          .typical(learnt$donors[[name]][nearest])
        } else {
          learnt$usual[[name]]
        }
      }
    }
  }
  data[] <- filled
  data
}

impute_train <- function(data, params, seed) {
  learnt <- .learn(data)
  list(
    completed = list(.fill(data, learnt, params$k)),
    state = list(learnt = learnt, k = params$k)
  )
}

impute_test_learnt <- function(data, state, seed) list(.fill(data, state$learnt, state$k))

impute_test <- impute_test_learnt

impute_alone <- impute_test_learnt
