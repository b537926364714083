# What protocol `corrected` does for the four methods of MICE, one switch each. mice takes a
# feature for constant, or a predictor for useless, below variances that are absolute numbers,
# whatever its unit; it leaves out features that are collinear, and stops where a feature has
# fewer known values than predictors. All of this leaves features without values.
#
#   own_units          features are standardised by the training rows, and put back; mice sees
#                      them under plain names, since it takes a name for a regular expression
#                      and for a part of a formula: GERP++ stops it, a.b is also a_b
#   fill_constants     a constant feature takes no part; its missing values become its value
#   keep_collinear     collinear features take part
#   choose_predictors  each feature is predicted by those it is most correlated with
#   use_ridge          regressions are ridge regressions
#
# helpers: none

.MOST_PREDICTORS <- 15L
.VALUES_FOR_A_PREDICTOR <- 3
.RIDGE <- 0.01
.LEAST_PAIRS <- 3L

.MICE_OWN <- c("donors", "ridge", "matchtype", "ntree")

# Arguments of mice's functions: hyperparameters, where these are to reach mice (D5), and the
# ridge. A row's own ridge counts where it is the larger one.
.mice_arguments <- function(params, regression = TRUE) {
  given <- if (isTRUE(params$reach_mice)) params[names(params) %in% .MICE_OWN] else list()
  if (isTRUE(params$use_ridge) && regression) {
    given$ls.meth <- "ridge"
    given$ridge <- max(.RIDGE, given$ridge)
  }
  given
}

# What is learnt of a training table before mice sees it.
#
# Returns list(constants, centre, spread, plain_names, predictors): named lists of numbers,
# whether mice sees plain names, and for each feature the names of its predictors, or NULL where
# all others are.
mice_plan <- function(data, params) {
  known <- lapply(unclass(data), function(column) column[!is.na(column)])
  numbers <- names(data)[vapply(data, is.numeric, NA)]
  plan <- list(constants = list(), centre = list(), spread = list(), predictors = NULL)
  if (isTRUE(params$fill_constants)) {
    alike <- vapply(known[numbers], function(values) length(unique(values)) == 1L, NA)
    plan$constants <- lapply(known[numbers[alike]], `[[`, 1L)
    numbers <- numbers[!alike]
  }
  if (isTRUE(params$own_units)) {
    plan$centre <- lapply(known[numbers], mean)
    # of the centred values: those of a feature far from 0 would lose their last digits
    plan$spread <- Map(function(values, centre) sd(values - centre), known[numbers], plan$centre)
    plan$spread[vapply(plan$spread, function(x) is.na(x) || x == 0, NA)] <- 1
  }
  if (isTRUE(params$choose_predictors)) {
    plan$predictors <- .choose_predictors(in_units(data, plan))
  }
  plan$plain_names <- isTRUE(params$own_units)
  plan
}

# The features of a table that mice sees.
.taking_part <- function(data, plan) setdiff(names(data), names(plan$constants))

# A table as mice sees it: without constant features, standardised, under plain names.
in_units <- function(data, plan) {
  data <- data[.taking_part(data, plan)]
  for (name in names(plan$centre)) {
    data[[name]] <- (data[[name]] - plan$centre[[name]]) / plan$spread[[name]]
  }
  if (isTRUE(plan$plain_names)) {
    names(data) <- paste0("feature", seq_along(data))
  } else {
    .refuse_calls(names(data))
  }
  data
}

# mice writes names into a formula and evaluates it. A name may be from a file of anybody's, as a
# dummy's is, and there is no call without a parenthesis; mice stops at names with one anyway,
# after it has run what they call.
.refuse_calls <- function(names) {
  calls <- grepl("(", names, fixed = TRUE)
  if (any(calls)) {
    stop(
      "mice would run the name of this feature as code: ", paste(names[calls], collapse = ", "),
      " (protocol corrected gives it plain names)",
      call. = FALSE
    )
  }
}

# The feature's own name for each of the names that mice saw.
own_names <- function(seen, data, plan) {
  .taking_part(data, plan)[match(seen, names(in_units(data, plan)))]
}

# A table with the values that mice found for its gaps. A value that mice took from a row of
# the training table is that row's to the last bit.
#
# data       the table before; completed: the same rows from mice
# training   the training table, or the table itself
out_of_units <- function(data, completed, plan, training = data) {
  names(completed) <- .taking_part(data, plan)
  for (name in names(data)) {
    gaps <- is.na(data[[name]])
    if (!any(gaps)) next
    if (name %in% names(plan$constants)) {
      data[[name]][gaps] <- plan$constants[[name]]
      next
    }
    found <- completed[[name]][gaps]
    if (name %in% names(plan$centre)) {
      centre <- plan$centre[[name]]
      spread <- plan$spread[[name]]
      given <- match(found, (training[[name]] - centre) / spread)
      given[is.na(found)] <- NA
      found <- ifelse(is.na(given), found * spread + centre, training[[name]][given])
    }
    data[[name]][gaps] <- found
  }
  data
}

# How strongly features go with a target, over the rows that have both, 0 to 1: the correlation;
# for text the correlation ratio.
.strength <- function(feature, target) {
  both <- !is.na(feature) & !is.na(target)
  if (sum(both) < .LEAST_PAIRS) {
    return(0)
  }
  feature <- feature[both]
  target <- target[both]
  if (is.character(feature)) feature <- ave(target, feature)
  found <- suppressWarnings(abs(cor(feature, target)))
  if (is.na(found)) 0 else found
}

# For each feature the names of its predictors: those it goes with most, at most 15, and at most
# one for three of its known values. Text counts once for each level but one.
.choose_predictors <- function(data) {
  widths <- vapply(unclass(data), function(column) {
    if (is.character(column)) max(1L, length(unique(column)) - 1L) else 1L
  }, 1L)
  chosen <- lapply(names(data), function(target) {
    if (!is.numeric(data[[target]])) {
      return(character())
    }
    others <- setdiff(names(data), target)
    strengths <- vapply(unclass(data)[others], .strength, 0, target = data[[target]])
    others <- others[order(strengths, decreasing = TRUE)]
    others <- others[sort(strengths, decreasing = TRUE) > 0]
    known <- sum(!is.na(data[[target]]))
    most <- min(.MOST_PREDICTORS, floor(known / .VALUES_FOR_A_PREDICTOR))
    # a text that is too wide leaves its place to those behind it
    taken <- 0L
    kept <- vapply(others, function(name) {
      fits <- taken + widths[[name]] <= most
      if (fits) taken <<- taken + widths[[name]]
      fits
    }, NA)
    others[kept]
  })
  names(chosen) <- names(data)
  chosen
}

# The same as mice's matrix, a row for each target.
#
# seen  names of the features as mice sees them, in the same order
predictor_matrix <- function(chosen, seen) {
  rows <- lapply(chosen, function(predictors) as.numeric(names(chosen) %in% predictors))
  matrix(unlist(rows), length(seen), byrow = TRUE, dimnames = list(seen, seen))
}
