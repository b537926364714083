# Centring and scaling as caret::preProcess does, learnt on one table and applied
# to any (upstream-behaviour section 5, "Training").
# helpers: none

# Mean and standard deviation of the numeric columns, and levels of the text in the order of
# use_text_order (guard.R); indicators (logical) are left as they are.
#
# corrected  names of the choices of upstream that are corrected (../protocols.py); with
#            categorical_factor text becomes factors rather than codes (D3)
learn_scaling <- function(data, corrected = character()) {
  numeric <- names(data)[vapply(data, is.numeric, NA)]
  columns <- unclass(data)[numeric]
  # some classifiers accept missing values: what is known is scaled
  centre <- vapply(columns, mean, 0, na.rm = TRUE)
  # of the centred column: its last bits may differ from that of the column
  spread <- mapply(function(column, value) sd(column - value, na.rm = TRUE), columns, centre)
  # a constant column is centred only: divided by 0 it would be NaN in every row
  spread[is.na(spread) | spread == 0] <- 1
  text <- names(data)[vapply(data, is.character, NA)]
  list(
    numeric = numeric, centre = centre, spread = spread,
    factors = length(text) > 0L && "categorical_factor" %in% corrected,
    levels = lapply(unclass(data)[text], function(column) sort(unique(column))),
    usual = lapply(unclass(data)[text], .most_frequent)
  )
}

.most_frequent <- function(column) {
  levels <- sort(unique(column))
  levels[which.max(tabulate(match(column, levels), length(levels)))]
}

# Text as a factor with the levels of training. A value that training has not is
# MISSING where that is a level, else the most frequent level.
.as_learnt_factor <- function(column, levels, usual) {
  column[!column %in% levels] <- if ("MISSING" %in% levels) "MISSING" else usual
  factor(column, levels = levels)
}

# The table as the numeric matrix that a classifier is given: text as codes among
# the sorted values of this very table (D3), indicators as 0 and 1. Where text becomes
# factors it is a data frame.
scaled_matrix <- function(data, scaling) {
  for (name in scaling$numeric) {
    data[[name]] <- (data[[name]] - scaling$centre[[name]]) / scaling$spread[[name]]
  }
  if (!scaling$factors) {
    x <- data.matrix(data)
    # of nothing but indicators it would be of integers, which Python has no missing value of
    storage.mode(x) <- "double"
    return(x)
  }
  for (name in names(scaling$levels)) {
    data[[name]] <- .as_learnt_factor(data[[name]], scaling$levels[[name]], scaling$usual[[name]])
  }
  for (name in names(data)[vapply(data, is.logical, NA)]) data[[name]] <- as.double(data[[name]])
  data
}
