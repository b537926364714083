# Stages impute and impute-test: a method's file applied to a training or a test
# table (upstream-behaviour sections 5, 6 and 11.4 to 11.5).
#
# What a file ../imputation/<method>.R defines (which of it has to be there: the table in
# docs/own-methods.md):
#
#   impute_train(data, params, seed)      -> list(completed, state)
#   impute_test(data, state, seed)        -> completed
#   impute_test_learnt(data, state, seed) -> completed
#   impute_alone(data, state, seed)       -> completed
#   impute_both(data, test, params, seed) -> list(completed, state, tested)
#
# data       data frame, the prepared training table or the test table cut to
#            its features; NA is missing
# params     list: one row of the method's hyperparameters, by name
# seed       seed of the fold; the generator stands at the method's stream
#            already, so a method that draws need not look at it
# completed  list of imputed tables, columns in the order of `data`, new
#            columns after them
# state      what the test table needs to know of training, kept by the caller
#
# impute_test is upstream's way, which for many methods looks at the test table
# alone (D7). impute_test_learnt imputes each row from what training learnt,
# whatever the other test rows are. impute_alone, by which a finished model imputes the rows
# it is to predict, does so as impute_test_learnt would if each row were the only one, so that
# its place in the table has no say either; a method without it is given the rows one by one.
# impute_both is impute_train, and `tested` what impute_test_learnt would make of the test table:
# for a method that learns what is too large to be kept.
# helpers: use_stream, use_generator (../r/streams.R); require_no_gaps (../r/tables.R)

# Imputes a training table once for each row of hyperparameters. An error, or a
# missing value that is left, leaves its row without a table; when no row is left,
# or `fails_fold` is TRUE, it stops. To a classifier that `accepts_missing` a missing value that
# is left is none of its table's faults.
#
# method     environment of the method's file
# rows       list of rows of hyperparameters; one empty row for a method without
# generator  where preparing the table left the generator, for a method that
#            draws and has no rows; else NULL: row k starts at stream k
# Returns list(tables, states, failures, gone, tested): for each row a list of imputed
# tables or NULL, the state or NULL, the error's message or NA; names of the features that its
# tables lack; imputed test tables where they are made along with the training tables, or NULL.
complete_training <- function(method, data, rows, generator, seed, fails_fold,
                              accepts_missing = FALSE) {
  usable_rows(
    impute_rows(method, data, rows, generator, seed, fails_fold), fails_fold, accepts_missing
  )
}

# The first half, which is the same for all classifiers.
#
# test  the test table, where its rows are to be imputed from what training learns; or NULL
impute_rows <- function(method, data, rows, generator, seed, fails_fold, test = NULL) {
  tables <- states <- gone <- tested <- vector("list", length(rows))
  failures <- rep(NA_character_, length(rows))
  for (k in seq_along(rows)) {
    if (is.null(generator)) use_stream(seed, k) else use_generator(generator)
    impute <- function() {
      if (is.null(test) || is.null(method$impute_both)) {
        method$impute_train(data, rows[[k]], seed)
      } else {
        method$impute_both(data, test, rows[[k]], seed)
      }
    }
    found <- if (fails_fold) impute() else tryCatch(impute(), error = conditionMessage)
    if (is.character(found)) {
      message("imputation row ", k, " (", .row_text(rows[[k]]), ") failed: ", found)
      failures[k] <- found
    } else {
      tables[[k]] <- found$completed
      # assigning NULL would remove the element and move the states of later rows
      if (!is.null(found$state)) states[[k]] <- found$state
      if (!is.null(found$tested)) tested[[k]] <- found$tested
      gone[[k]] <- setdiff(names(data), names(found$completed[[1L]]))
    }
  }
  list(tables = tables, states = states, failures = failures, gone = gone, tested = tested)
}

# The second half: rows whose tables the classifier cannot be given count as failed.
usable_rows <- function(imputed, fails_fold, accepts_missing) {
  for (k in which(is.na(imputed$failures))) {
    check <- function() for (table in imputed$tables[[k]]) require_no_gaps(table, "training")
    fault <- NULL
    if (!accepts_missing) {
      fault <- if (fails_fold) check() else tryCatch(check(), error = conditionMessage)
    }
    if (is.character(fault)) {
      message("imputation row ", k, " failed: ", fault)
      imputed$failures[k] <- fault
      imputed$tables[k] <- imputed$states[k] <- list(NULL)
    } else if (length(imputed$gone[[k]])) {
      # what a classifier is not given has to be said: a feature without a value to learn from
      warning(
        "trained without features that have no value in the training rows: ",
        paste(imputed$gone[[k]], collapse = ", "),
        call. = FALSE
      )
    }
  }
  if (!anyNA(imputed$failures)) {
    count <- length(imputed$failures)
    stop(
      "No imputation method succeeded, cannot continue: ",
      if (count > 1L) paste0("all ", count, " hyperparameter rows fail, first with "),
      imputed$failures[1L],
      call. = FALSE
    )
  }
  imputed
}

.row_text <- function(row) {
  if (length(row)) paste0(names(row), "=", unlist(row), collapse = " ") else "no hyperparameters"
}

# Imputes a test table with one row's state, from stream 1 as upstream does.
# `learnt`: by impute_test_learnt.
complete_test <- function(method, data, state, seed, learnt) {
  use_stream(seed)
  impute <- if (learnt) method$impute_test_learnt else method$impute_test
  impute(data, state, seed)
}
