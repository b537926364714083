# What `gridrun check-method` asks of a file of one's own, see checks.py. Each call
# starts at the random stream of `seed`, as the stages' calls do.

# Lines on which the code calls functions that read files; "function: lines".
files_read <- function(text, file) {
  reading <- c(
    "source", "sys.source", "readRDS", "load", "read.csv", "read.table", "read.delim", "readLines",
    "scan", "dyn.load", "fread", "read_csv"
  )
  found <- getParseData(parse_own(text, file))
  found <- found[found$token == "SYMBOL_FUNCTION_CALL" & found$text %in% reading, ]
  sprintf("line %d calls %s()", found$line1, found$text)
}

# Names of hyperparameters that the code takes out of `params`.
params_read <- function(text, file) {
  taken <- lapply(.calls_in(parse_own(text, file)), function(call) {
    is_taken <- .called(call) %in% c("$", "[[") && identical(call[[2L]], quote(params))
    if (is_taken) .word(call[[3L]]) else NULL
  })
  unique(as.character(unlist(taken)))
}

# What a function of the file changes of the process, in words; puts it back.
traces_of <- function(own, name, seed, ...) {
  use_stream(seed)
  kept <- .process_state()
  kind <- RNGkind()
  on.exit(.put_back(kept))
  for (package in own$packages) {
    suppressPackageStartupMessages(library(package, character.only = TRUE, warn.conflicts = FALSE))
  }
  attached <- search()
  set <- options()
  get(name, own$home, mode = "function", inherits = FALSE)(...)
  altered <- names(set)[!mapply(identical, set, options()[names(set)])]
  new <- setdiff(ls(globalenv(), all.names = TRUE), c(kept$globals, ".Random.seed"))
  c(
    if (!identical(kind, RNGkind())) "the kind of random generator",
    if (length(altered)) paste("options", toString(altered)),
    if (length(new)) paste("the global variables", toString(new)),
    if (length(setdiff(search(), attached))) "the search path",
    if (!identical(getwd(), kept$directory)) "the working directory"
  )
}

# The value of a call of the file's function, and its seconds.
timed_call <- function(own, name, seed, ...) {
  use_stream(seed)
  started <- proc.time()[["elapsed"]]
  value <- call_own(own, name, ...)
  list(value = value, seconds = proc.time()[["elapsed"]] - started)
}

# The first fault of one kind that a task would find in completed tables, "" if there is none.
tables_fault <- function(check, tables, data) {
  .first_fault(tables, data, TABLE_CHECKS[check], "the table")
}

# Columns in which values that were there came back as others.
columns_changed <- function(tables, data) {
  changed <- function(name, table) {
    there <- !is.na(data[[name]])
    !isTRUE(all.equal(as.vector(table[[name]])[there], data[[name]][there],
      check.attributes = FALSE, tolerance = 1e-12
    ))
  }
  Filter(function(name) any(vapply(tables, changed, NA, name = name)), names(data))
}

# Features of the training tables that a test table lacks.
columns_lost <- function(completed, tested) {
  learnt <- unique(unlist(lapply(completed, names)))
  Filter(function(name) !all(vapply(tested, function(table) name %in% names(table), NA)), learnt)
}

.numbers <- function(tables) unlist(lapply(tables, function(table) as.double(as.matrix(table))))

is_same <- function(one, other) identical(one, other)

# How many test rows come out otherwise when they are completed by themselves.
rows_changed_alone <- function(own, data, state, seed, together) {
  rows <- seq_len(nrow(data))
  differs <- vapply(rows, function(row) {
    alone <- as_tables(
      timed_call(own, "impute_test", seed, cut_table(data, row, names(data)), state, seed)$value,
      "impute_test"
    )
    whole <- lapply(together, function(table) cut_table(table, row, names(data)))
    length(alone) != length(whole) || !isTRUE(all.equal(
      .numbers(lapply(alone, function(table) as.data.frame(table)[names(data)])),
      .numbers(whole),
      tolerance = 1e-8
    ))
  }, NA)
  sum(differs)
}

# A test table in which the first column has no value at all, as a fold's may.
without_first_column <- function(data) {
  data[[1L]] <- rep(NA, nrow(data))
  data
}

after_saving <- function(object) unserialize(serialize(object, NULL))

zero_filled <- function(data) {
  for (name in names(data)) data[[name]][is.na(data[[name]])] <- 0
  data
}

# A classifier's toy: the rows scaled as those of training are.
scaled_toy <- function(train, test) {
  scaling <- learn_scaling(train)
  list(train = scaled_matrix(train, scaling), test = scaled_matrix(test, scaling))
}

# How many rows get another P(positive) when they are predicted by themselves.
predictions_changed_alone <- function(own, model, x, seed, together) {
  alone <- vapply(seq_len(nrow(x)), function(row) {
    as.double(timed_call(own, "predict_positive", seed, model, x[row, , drop = FALSE])$value)[1L]
  }, 0)
  sum(abs(alone - as.vector(together)) > 1e-8)
}

# Share of pairs of a positive and a negative row whose probabilities are in order.
pairs_in_order <- function(positive, outcome) {
  first <- as.vector(positive)[outcome == "positive"]
  second <- as.vector(positive)[outcome == "negative"]
  mean(outer(first, second, ">") + outer(first, second, "==") / 2)
}
