# Stage prepare: which rows and features of a fold's training table are used
# (upstream-behaviour sections 5.2 to 5.6 and 11.3).
# helpers: stop_upstream_defect (../r/guard.R); generator_state (../r/streams.R)
# helpers: require_both_classes, cut_table (../r/tables.R)
# helpers: indicator_names (indicators.R)

# Rows left after the larger class was cut to the size of the smaller one.
.downsample <- function(outcome, corrected) {
  require_both_classes(outcome)
  sizes <- table(outcome)
  surplus <- max(sizes) - min(sizes)
  if (surplus == 0L) {
    if ("balanced_downsampling" %in% corrected) {
      return(seq_along(outcome))
    }
    stop_upstream_defect(paste0(
      "downsampling of classes of equal size (", sizes[[1L]],
      " each) removes every row (D8: an empty negative index)"
    ), "balanced_downsampling")
  }
  majority <- which(outcome == names(sizes)[which.max(sizes)])
  # the larger class has two rows at least, so sample() cannot take a single row's number for
  # the end of a range
  seq_along(outcome)[-sample(majority, surplus)]
}

# Columns that stand for the drawn features. Numeric ones come first; with
# dummies a categorical stands for all columns that begin with its name and a dot.
.columns_of <- function(drawn, columns, numeric, categorical) {
  if (all(categorical %in% columns)) {
    return(drawn)
  }
  dummies <- lapply(
    drawn[drawn %in% categorical],
    function(feature) columns[startsWith(columns, paste0(feature, "."))]
  )
  c(drawn[drawn %in% numeric], unlist(dummies))
}

# A share of some rows, in drawn order; corrected, of each class (D22), and one row
# at least.
.sample_rows <- function(rows, outcome, share, corrected) {
  if (!"sampling" %in% corrected) {
    return(rows[sample(seq_along(rows), floor(length(rows) * share))])
  }
  drawn <- lapply(split(rows, outcome[rows], drop = TRUE), function(own) {
    # by position: of a class with one row, sample(own) would draw from 1 to that row's number
    own[sample.int(length(own), max(1, floor(length(own) * share)))]
  })
  unlist(drawn, use.names = FALSE)
}

# Draws rows and features of a fold's training table; all draws of a fold come
# from one generator, in this order. A method with many rows of hyperparameters
# has the first one, so its tables differ from those of other methods (D6), unless
# these draws are made for all methods alike.
#
# data           training table; outcome: factor, positive first
# predraw        for each of these draws the rows of hyperparameters to draw from
# drawn_rows     how many of them are drawn each time
# downsampling   TRUE or FALSE
# *_share        share of the features, of the rows; nothing is drawn for 1
# numeric, categorical   names of the features that are drawn from
# all_columns    FALSE where the data have features that are not among these
# seeds          list(hyperparameters, downsampling, features, rows): seed of the
#                generator; corrected, each of these draws starts from its own
#                (D6), else all follow the first
# corrected      names of the choices of upstream that are corrected (../protocols.py)
# Returns list(rows, columns, hyperparameter_rows, generator): positions, names, a
# list with the numbers of the rows of each such draw, where the generator stands
# afterwards.
draw_sample <- function(data, outcome, predraw, drawn_rows, downsampling, feature_share,
                        row_share, numeric, categorical, seeds, corrected = character(),
                        all_columns = TRUE) {
  start <- function(step) if ("draw_order" %in% corrected) set.seed(seeds[[step]])
  set.seed(seeds$hyperparameters)
  hyperparameter_rows <- lapply(predraw, function(rows) sample(seq_len(rows), drawn_rows))
  start("downsampling")
  rows <- if (downsampling) .downsample(outcome, corrected) else seq_along(outcome)
  columns <- names(data)
  if (!all_columns) {
    these <- .columns_of(c(numeric, categorical), columns, numeric, categorical)
    columns <- intersect(columns, these)
    if (!length(columns)) stop("no column of the data is one of these features")
  }
  if (feature_share != 1) {
    start("features")
    features <- c(numeric, categorical)
    # features are drawn, not columns, so that a categorical one keeps all its dummies or none
    drawn <- sample(features, floor(length(features) * feature_share))
    columns <- .columns_of(drawn, columns, numeric, categorical)
  }
  if (row_share != 1) {
    start("rows")
    rows <- .sample_rows(rows, outcome, row_share, corrected)
  }
  if (!length(rows)) stop("row sampling leaves no row")
  list(
    rows = rows, columns = columns, hyperparameter_rows = hyperparameter_rows,
    generator = generator_state()
  )
}

# Drops features with near-zero variance, then one of each correlated pair.
#
# data      training table
# sampled   what draw_sample returned
# variance, correlation   whether each check is made
# numeric   names of the numeric features, which alone the second check looks at
# Returns list(rows, features, low_variance, correlated).
prepare <- function(data, sampled, variance, correlation, numeric) {
  features <- sampled$columns
  dropped <- list(low_variance = character(), correlated = character())
  if (variance) {
    dropped$low_variance <- near_zero_variance(cut_table(data, sampled$rows, features))
    features <- setdiff(features, dropped$low_variance)
  }
  if (correlation) {
    numbers <- cut_table(data, sampled$rows, intersect(features, numeric))
    dropped$correlated <- correlated_features(correlations(numbers))
    features <- setdiff(features, dropped$correlated)
  }
  if (!length(features)) stop("the feature checks leave no feature")
  c(list(rows = sampled$rows, features = features), dropped)
}

# The feature checks on imputed training tables (D15): what missing values hid.
#
# tables    for each row of hyperparameters a list of imputed tables, or NULL
# variance, correlation, numeric   as for prepare
# indicators   whether the tables have indicators (indicators.R). They are checked as other columns
#              are, but correlated ones among themselves: no feature goes for an indicator
# Returns list(tables, dropped): the tables without what was dropped; for each row
# the names dropped from its first table.
check_again <- function(tables, variance, correlation, numeric, indicators = FALSE) {
  among <- list(numeric, if (indicators) indicator_names(numeric))
  flagged <- function(data) {
    low <- if (variance) near_zero_variance(data) else character()
    gone <- lapply(among, function(names) {
      numbers <- intersect(setdiff(names(data), low), names)
      if (!correlation || length(numbers) < 2L) {
        return(character())
      }
      correlated_features(correlations(cut_table(data, seq_len(nrow(data)), numbers)))
    })
    c(low, unlist(gone))
  }
  dropped <- vector("list", length(tables))
  for (row in seq_along(tables)) {
    for (number in seq_along(tables[[row]])) {
      data <- tables[[row]][[number]]
      gone <- flagged(data)
      kept <- setdiff(names(data), gone)
      if (!length(kept)) stop("the feature checks after imputation leave no feature", call. = FALSE)
      # each table keeps its own features: its model is given test rows cut to the same (rows_for)
      tables[[row]][[number]] <- cut_table(data, seq_len(nrow(data)), kept)
      if (number == 1L) dropped[[row]] <- gone
    }
  }
  list(tables = tables, dropped = lapply(dropped, as.character))
}

# Figures of one column: ratio of the most to the second most frequent value,
# and distinct values in percent of the rows. Source: caret::nearZeroVar.
variance_figures <- function(column) {
  observed <- column[!is.na(column)]
  distinct <- unique(observed)
  counts <- sort(tabulate(match(observed, distinct)), decreasing = TRUE)
  list(
    ratio = if (length(counts) > 1L) counts[1L] / counts[2L] else 0,
    # of all rows, as caret counts: many missing values make a feature less varied
    percent = 100 * length(distinct) / length(column),
    constant = length(distinct) <= 1L
  )
}

# Names of columns with near-zero variance: constant, or both one value 19 times
# as frequent as the next and at most `percent` distinct values.
near_zero_variance <- function(data, ratio = 95 / 5, percent = 1) {
  columns <- as.list(data)
  if (any(vapply(columns, is.character, NA))) {
    # caret looks at one matrix, which beside text is text: numbers are compared
    # as formatted to 7 digits
    columns <- lapply(columns, function(column) {
      if (is.character(column) || is.logical(column)) {
        return(column)
      }
      ifelse(is.na(column), NA, format(column))
    })
  }
  flagged <- vapply(columns, function(column) {
    figures <- variance_figures(column)
    figures$constant || (figures$ratio > ratio && figures$percent <= percent)
  }, NA)
  names(columns)[flagged]
}

# Pearson correlations over the rows that both columns have; 0 where undefined.
correlations <- function(data) {
  if (length(data) < 2L) stop("only one variable given")
  result <- suppressWarnings(cor(data, use = "pairwise.complete.obs"))
  result[is.na(result)] <- 0
  result
}

# Names of features to drop so that no pair is correlated above `cutoff`.
# Source: caret::findCorrelation in its exact form: pairs are visited by falling
# mean correlation; of a pair goes the one whose mean with the features still
# there is larger than the mean of the others.
correlated_features <- function(correlation, cutoff = 0.9) {
  size <- abs(correlation)
  diag(size) <- NA
  ranked <- order(apply(size, 2L, mean, na.rm = TRUE), decreasing = TRUE)
  size <- size[ranked, ranked, drop = FALSE]
  pairs <- which(size > cutoff & upper.tri(size), arr.ind = TRUE)
  pairs <- pairs[order(pairs[, 1L], pairs[, 2L]), , drop = FALSE]
  gone <- logical(nrow(size))
  for (k in seq_len(nrow(pairs))) {
    pair <- pairs[k, ]
    if (any(gone[pair])) next
    first <- mean(size[pair[1L], ], na.rm = TRUE)
    others <- mean(size[-pair[2L], ], na.rm = TRUE)
    loser <- if (first > others) pair[1L] else pair[2L]
    gone[loser] <- TRUE
    size[loser, ] <- NA
    size[, loser] <- NA
  }
  colnames(size)[gone]
}
