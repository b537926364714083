# Missing values stay missing, for classifiers that accept them.
# What a method defines: ../stages/impute.R.
# helpers: cut_table (../r/tables.R)

# A feature without any value in the training rows has nothing to be learnt from and is left out,
# as missForest leaves it out.
impute_train <- function(data, params, seed) {
  known <- names(data)[!vapply(data, function(column) all(is.na(column)), NA)]
  if (!length(known)) stop("no feature has a value in the training rows", call. = FALSE)
  list(completed = list(cut_table(data, seq_len(nrow(data)), known)), state = NULL)
}

impute_test <- function(data, state, seed) list(data)

impute_test_learnt <- impute_test

# A row's values are the same wherever it stands.
impute_alone <- impute_test
