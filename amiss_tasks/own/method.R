# An imputation method of the user's own, as ../stages/impute.R calls one:
#
#   impute_train(data, params, seed) -> list(completed, state), or the completed table
#   impute_test(data, state, seed)   -> a completed table, or a list of them
#
# The arguments are those of that file. One way of completing test rows serves both
# protocols. What comes back is checked here; what is wrong with it is an error of the
# task.

METHOD_FUNCTIONS <- list(
  impute_train = c("data", "params", "seed"), impute_test = c("data", "state", "seed")
)

.is_number <- function(column) is.numeric(column) || is.logical(column)

# Some names, not too many.
.some <- function(names) {
  paste(c(head(names, 5L), if (length(names) > 5L) paste(length(names) - 5L, "more")),
    collapse = ", "
  )
}

.frame_fault <- function(table, data) {
  if (is.data.frame(table)) return("")
  advice <- if (is.matrix(table)) ": give as.data.frame() of it" else ""
  paste0("is ", .kind(table), ", not a data frame", advice)
}

.rows_fault <- function(table, data) {
  if (nrow(table) == nrow(data)) return("")
  sprintf("has %s, not the %d it was given", .counted(nrow(table), "row"), nrow(data))
}

.columns_fault <- function(table, data) {
  # a repeated name may be why another one is lacking
  twice <- unique(names(table)[duplicated(names(table))])
  if (length(twice)) return(paste("has columns of one name:", .some(twice)))
  absent <- setdiff(names(data), names(table))
  if (length(absent)) return(paste("lacks the columns", .some(absent)))
  if (!identical(names(table)[seq_along(data)], names(data))) {
    return("has its columns in another order; put new columns behind those it was given")
  }
  ""
}

.types_fault <- function(table, data) {
  flat <- vapply(table, function(column) is.atomic(column) && is.null(dim(column)), NA)
  numbers <- vapply(table, .is_number, NA)
  # new columns are features, which a classifier takes as numbers
  wanted <- c(vapply(data, .is_number, NA), rep(TRUE, length(table) - length(data)))
  wrong <- which(!flat | numbers != wanted | (!wanted & !vapply(table, is.character, NA)))
  if (!length(wrong)) return("")
  first <- wrong[1L]
  paste0(
    "has in column ", names(table)[first], " ", .kind(table[[first]]), ", not ",
    if (wanted[first]) "numbers" else "text",
    if (length(wrong) > 1L) paste0(", and so in ", .counted(length(wrong) - 1L, "more column"))
  )
}

.gaps_fault <- function(table, data) {
  gaps <- vapply(table, function(column) sum(is.na(column)), 0L)
  if (!sum(gaps)) return("")
  name <- names(table)[gaps > 0L][1L]
  first <- sprintf("column %s, row %d", name, which(is.na(table[[name]]))[1L])
  if (sum(gaps) == 1L) return(paste("has a missing value left:", first))
  sprintf(
    "has %d missing values left, in %s; the first: %s", sum(gaps), .some(names(table)[gaps > 0L]),
    first
  )
}

# Above it sums of squares are infinite, and with them a feature's standard deviation.
.LARGEST <- 1e150

.finite_fault <- function(table, data) {
  for (name in names(table)) {
    column <- table[[name]]
    beyond <- if (is.numeric(column)) which(abs(column) > .LARGEST)
    if (length(beyond)) {
      return(sprintf(
        "has in column %s, row %d %s, of which no standard deviation can be computed (%s so)",
        name, beyond[1L], format(column[beyond[1L]]), .counted(length(beyond), "row")
      ))
    }
  }
  ""
}

TABLE_CHECKS <- list(
  frame = .frame_fault, rows = .rows_fault, columns = .columns_fault, types = .types_fault,
  gaps = .gaps_fault, finite = .finite_fault
)

# Completed tables as a list, whether one or several were returned. `as`: as what they were.
as_tables <- function(found, what, as = "") {
  if (is.data.frame(found)) return(list(found))
  if (!is.list(found) || is.object(found) || !length(found)) {
    advice <- if (is.matrix(found)) ": give as.data.frame() of it" else ""
    stop(what, " returned ", as, .kind(found), ", not a data frame", advice, call. = FALSE)
  }
  unname(found)
}

# What impute_train returned as list(completed, state).
as_training <- function(found, what) {
  if (is.data.frame(found)) return(list(completed = list(found), state = NULL))
  if (!is.list(found) || is.object(found) || !"completed" %in% names(found)) {
    stop(
      what, " returned ", .kind(found), ", not list(completed = , state = ) or a data frame",
      call. = FALSE
    )
  }
  unknown <- setdiff(names(found), c("completed", "state"))
  if (length(unknown)) {
    stop(what, " returned more than completed and state: ", .some(unknown), call. = FALSE)
  }
  list(completed = as_tables(found$completed, what, "as completed "), state = found$state)
}

# The first fault that checks find in completed tables, "" if there is none. `one` is
# what a table is called that is the only one.
.first_fault <- function(tables, data, checks = TABLE_CHECKS, one = "its table") {
  for (i in seq_along(tables)) {
    for (check in checks) {
      fault <- check(tables[[i]], data)
      if (nzchar(fault)) return(paste(if (length(tables) > 1L) paste("table", i) else one, fault))
    }
  }
  ""
}

# Completed tables as plain data frames; stops at the first fault.
checked_tables <- function(tables, data, what) {
  fault <- .first_fault(tables, data)
  if (nzchar(fault)) stop(what, ": ", fault, call. = FALSE)
  lapply(tables, function(table) table_of(lapply(as.list(table), as.vector), nrow(data)))
}

# The table anew, for code that changes what it is given in place (data.table does).
.copy_of <- function(data) {
  table_of(lapply(as.list(data), function(column) column[seq_along(column)]), nrow(data))
}

own_method <- function(text, file) {
  own <- load_own(text, file)
  require_functions(own, METHOD_FUNCTIONS)
  called <- function(name) paste0(name, " of ", file)
  method <- new.env()
  method$impute_train <- function(data, params, seed) {
    what <- called("impute_train")
    found <- as_training(call_own(own, "impute_train", .copy_of(data), params, seed), what)
    list(completed = checked_tables(found$completed, data, what), state = found$state)
  }
  method$impute_test <- function(data, state, seed) {
    what <- called("impute_test")
    found <- as_tables(call_own(own, "impute_test", .copy_of(data), state, seed), what)
    checked_tables(found, data, what)
  }
  method$impute_test_learnt <- method$impute_test
  method
}
