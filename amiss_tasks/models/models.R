# A finished model: kept, read back, and applied to rows that have no label.

# What a classifier's file says of it that predictions do not need: training rows (see
# classifiers/rf.R).
lean_models <- function(classifier, models) {
  if (is.null(classifier$without_rows)) {
    return(models)
  }
  lapply(models, function(model) {
    model$fit <- classifier$without_rows(model$fit)
    model
  })
}

# Whether some part of a value is as long as a training table: a column of it, or a table
# or matrix with as many rows.
holds_rows <- function(value, rows) {
  if (is.data.frame(value) || is.matrix(value)) {
    return(nrow(value) == rows)
  }
  if (is.list(value)) {
    return(any(vapply(value, holds_rows, NA, rows = rows)))
  }
  is.atomic(value) && length(value) == rows
}

together <- function(...) list(...)

# What a file keeps in R's own serialisation where it holds anything at all: state and models of
# files of the user's own. Reading it can run code.
keep_model <- function(path, kept) {
  saveRDS(kept, path, version = 3L)
  invisible(NULL)
}

read_model <- function(path) readRDS(path)

# What is kept of a model: list(state, models).
kept_of <- function(state, models) list(state = state, models = models)

# A table to be predicted. Numbers stay doubles, whatever values they have: the type of a
# column must not depend on the other rows.
prediction_table <- function(numbers, names, text) {
  columns <- lapply(seq_along(names), function(j) numbers[, j])
  names(columns) <- names
  table_of(c(columns, text), nrow(numbers))
}

# Imputed tables in which each row is imputed as if it were alone; see ../stages/impute.R.
complete_alone <- function(method, data, state, seed) {
  of_rows <- function(rows, impute) {
    use_stream(seed)
    impute(cut_table(data, rows, names(data)), state, seed)
  }
  if (!is.null(method$impute_alone)) {
    return(of_rows(seq_len(nrow(data)), method$impute_alone))
  }
  found <- lapply(seq_len(nrow(data)), of_rows, method$impute_test_learnt)
  lapply(seq_along(found[[1L]]), function(number) {
    parts <- lapply(found, function(tables) unclass(tables[[number]]))
    columns <- lapply(names(parts[[1L]]), function(name) unlist(lapply(parts, `[[`, name)))
    names(columns) <- names(parts[[1L]])
    table_of(columns, nrow(data))
  })
}

# For each row, the columns of a model that some imputed table leaves without a value, as
# one text; "" where there are none.
left_missing <- function(tables, columns) {
  gaps <- Reduce(`|`, lapply(tables, function(data) {
    matrix(vapply(unclass(data)[columns], is.na, logical(nrow(data))), nrow(data))
  }))
  apply(gaps, 1L, function(row) paste(columns[row], collapse = "; "))
}

# An imputed table as a model is given it. Where text reaches the classifier as codes, they
# are those of the training table; upstream codes it anew in every table (D3), so that a row
# would be predicted otherwise beside other rows.
.learnt_codes <- function(data, scaling) {
  if (scaling$factors) {
    return(data)
  }
  for (name in names(scaling$levels)) {
    column <- .as_learnt_factor(data[[name]], scaling$levels[[name]], scaling$usual[[name]])
    data[[name]] <- as.integer(column)
  }
  data
}

# P(positive) of these rows (from 1) of an imputed table.
predict_alone <- function(classifier, model, data, rows, accepts_missing) {
  data <- rows_for(model, data, rows, accepts_missing)
  data <- .learnt_codes(data, model$scaling)
  as.double(classifier$predict_positive(model$fit, scaled_matrix(data, model$scaling)))
}

# Source text, comments above included, of functions in R files, of what they refer to in
# those files, and so on; in the order of the files.
#
# texts   texts of R files
# wanted  names of the functions that are needed
functions_of <- function(texts, wanted) {
  parts <- unlist(lapply(texts, .assignments_in), recursive = FALSE)
  named <- vapply(parts, `[[`, "", "name")
  needed <- character()
  waiting <- wanted
  while (length(waiting)) {
    needed <- c(needed, waiting)
    # of two files the later one's definition holds, as when they are loaded
    refers <- lapply(parts[named %in% waiting], `[[`, "refers")
    waiting <- setdiff(intersect(unlist(refers), named), needed)
  }
  last <- !duplicated(named, fromLast = TRUE)
  vapply(parts[named %in% needed & last], `[[`, "", "text")
}

# Names in an expression, those in the defaults of a function's arguments included.
.names_in <- function(expression) {
  defaults <- if (is.call(expression) && identical(expression[[1L]], as.name("function"))) {
    unlist(lapply(as.list(expression[[2L]]), all.names))
  }
  c(all.names(expression), defaults)
}

# Names that some code refers to.
names_used <- function(code) {
  unique(unlist(lapply(parse(text = code, encoding = "UTF-8"), .names_in)))
}

# Assignments at the top of a file: name, text, names that it refers to.
.assignments_in <- function(text) {
  lines <- strsplit(text, "\n", fixed = TRUE)[[1L]]
  expressions <- parse(text = lines, keep.source = TRUE, encoding = "UTF-8")
  places <- lapply(attr(expressions, "srcref"), as.integer)
  Map(function(expression, place) {
    first <- place[1L]
    while (first > 1L && startsWith(lines[first - 1L], "#")) first <- first - 1L
    list(
      name = as.character(expression[[2L]]), refers = .names_in(expression[[3L]]),
      text = paste(lines[first:place[3L]], collapse = "\n")
    )
  }, as.list(expressions), places)
}

keep_fold <- function(path, train, outcome, test, test_positive, matrix, groups) {
  saveRDS(
    list(
      train = train, outcome = outcome, test = test, test_positive = test_positive,
      matrix = matrix, groups = groups
    ),
    path,
    version = 3L
  )
  invisible(NULL)
}

# An imputed training table as a model is given it.
training_matrix <- function(model, data) {
  scaled_matrix(rows_for(model, data, accepts_missing = TRUE), model$scaling)
}
