# Tables of a fold as R data frames.
# helpers: none

# A column as R reads it back from the CSV file that upstream passes it through
# (upstream-behaviour section 11, last paragraph): one without any value is
# logical, one of whole numbers is integer unless a number was written with an
# exponent.
.read_back <- function(column) {
  if (all(is.na(column))) {
    return(rep(NA, length(column)))
  }
  values <- column[!is.na(column)]
  if (any(abs(values) > .Machine$integer.max) || any(values != round(values))) {
    return(column)
  }
  large <- unique(values[abs(values) >= 1e5])
  if (any(grepl("e", as.character(large), fixed = TRUE))) {
    return(column)
  }
  as.integer(column)
}

# A fold's table: `numbers` is a double matrix (NA for missing) whose columns
# are `names`; `text` a named list of character vectors, put after them.
fold_table <- function(numbers, names, text) {
  columns <- lapply(seq_along(names), function(j) .read_back(numbers[, j]))
  names(columns) <- names
  table_of(c(columns, text), nrow(numbers))
}

# A data frame from named columns, without the checks that cost data.frame()
# its time; `rows` is needed where there is no column.
table_of <- function(columns, rows) {
  structure(columns, class = "data.frame", row.names = .set_row_names(rows))
}

# Rows `rows` and columns `columns` of a table, in the order given.
cut_table <- function(table, rows, columns) {
  table_of(lapply(unclass(table)[columns], `[`, rows), length(rows))
}

# Outcome as upstream trains on it: positive is the first level.
outcome_factor <- function(positive) {
  factor(ifelse(positive, "positive", "negative"), levels = c("positive", "negative"))
}

# Outcome of groups of rows, in order of first appearance: that of most of their rows, of as many
# the second level.
group_outcome <- function(outcome, groups) {
  first <- levels(outcome)[1L]
  share <- vapply(split(outcome == first, factor(groups, unique(groups))), mean, 0)
  factor(levels(outcome)[ifelse(share > 0.5, 1L, 2L)], levels = levels(outcome))
}

# Stops, with caret's words, where a class has no row.
require_both_classes <- function(outcome) {
  empty <- levels(outcome)[tabulate(outcome, nlevels(outcome)) == 0L]
  if (length(empty)) {
    stop(
      "One or more factor levels in the outcome has no data: ",
      paste0("'", empty, "'", collapse = ", "),
      call. = FALSE
    )
  }
}

# These rows of an outcome, both levels kept.
cut_outcome <- function(outcome, rows) outcome[rows]

# Stops in randomForest's words, with the features that they are about, where one has more
# levels than it takes.
refuse_many_levels <- function(x) {
  levels <- vapply(x, function(column) {
    if (is.factor(column) && !is.ordered(column)) nlevels(column) else 0L
  }, 0L)
  many <- levels[levels > 53L]
  if (length(many)) {
    stop(
      "randomForest: Can not handle categorical predictors with more than 53 categories: ",
      paste0(names(many), " has ", many, collapse = ", "),
      call. = FALSE
    )
  }
}

# Packages that tasks load.
R_PACKAGES <- c("randomForest", "mice", "ranger", "pcaMethods")

# What may change numbers, by name; "" for a package that is not installed. No
# package is loaded for it. `more`: packages of the study's methods beside those.
r_versions <- function(more = character()) {
  packages <- c(R_PACKAGES, more)
  versions <- lapply(packages, function(name) {
    if (nzchar(system.file(package = name))) as.character(packageVersion(name)) else ""
  })
  names(versions) <- packages
  c(
    list(R = R.version.string), versions,
    list(BLAS = extSoftVersion()[["BLAS"]], LAPACK = paste(La_version(), La_library()))
  )
}

# Which features of an imputed table still have missing values, and in how many rows, as one
# text; "" where there are none.
gaps_in <- function(data) {
  gaps <- vapply(unclass(data), function(column) sum(is.na(column)), 0L)
  gaps <- gaps[gaps > 0L]
  if (!length(gaps)) {
    return("")
  }
  rows <- ifelse(gaps == 1L, "1 row", paste(gaps, "rows"))
  paste0(names(gaps), " (", rows, ")", collapse = ", ")
}

# Stops where an imputed table still has missing values: some classifiers would take them for
# values, leave the rows out, or score a part of them (upstream-behaviour section 5, "MICE").
require_no_gaps <- function(data, which) {
  gaps <- gaps_in(data)
  if (nzchar(gaps)) {
    stop("missing values remain after imputation in the ", which, " table: ", gaps, call. = FALSE)
  }
  data
}
