# Centring and scaling as caret::preProcess does, learnt on one table and applied
# to any (upstream-behaviour section 5, "Training").

# Mean and standard deviation of the numeric columns; indicators (logical) and
# text are left as they are.
learn_scaling <- function(data) {
  numeric <- names(data)[vapply(data, is.numeric, NA)]
  columns <- unclass(data)[numeric]
  centre <- vapply(columns, mean, 0)
  # of the centred column: its last bits may differ from that of the column
  spread <- mapply(function(column, value) sd(column - value), columns, centre)
  spread[is.na(spread) | spread == 0] <- 1
  list(numeric = numeric, centre = centre, spread = spread)
}

# The table as the numeric matrix that a classifier is given: text as codes among
# the sorted values of this very table (D3), indicators as 0 and 1.
scaled_matrix <- function(data, scaling) {
  for (name in scaling$numeric) {
    data[[name]] <- (data[[name]] - scaling$centre[[name]]) / scaling$spread[[name]]
  }
  data.matrix(data)
}
