# What `gridrun explain` writes into a script, section by section (see _script.py): above each
# section stand the values that it needs and the functions of the stages, the method and the
# classifier that it calls, as they are in their files.

# ---- The fold's tables
script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
if (!file.exists(fold_file) && length(script)) {
  fold_file <- file.path(dirname(script), fold_file)
}
given <- readRDS(fold_file)
training <- given[["train"]] # the fold's training table, NA where a value is missing
outcome <- given[["outcome"]] # its classes; positive is the first level
groups <- given[["groups"]] # numbers of its variants, where inner folds keep these together
test <- given[["test"]]
test_positive <- given[["test_positive"]]

# every random number follows from this and from the seeds below; text is in ICU's order
RNGkind("Mersenne-Twister", "Inversion", "Rejection")
use_text_order()

# ---- Stage prepare: rows and features
sampled <- draw_sample(
  training, outcome, predraw, drawn_rows, downsampling, feature_share, row_share, numeric,
  categorical, seeds, corrected
)
stopifnot(identical(unname(lapply(sampled$hyperparameter_rows, as.integer)), drawn))
prepared <- prepare(training, sampled, variance, correlation, numeric)
x <- cut_table(training, prepared$rows, prepared$features)
y <- cut_outcome(outcome, prepared$rows)
stopifnot(nrow(x) == rows_left, identical(names(x), features_left))

# ---- Stage impute: the training table
imputed <- complete_training(
  method, x, hyperparameters, if (goes_on) sampled$generator, impute_seed, fails_fold,
  accepts_missing
)
completed <- imputed$tables

# ---- Stage impute: the feature checks once more, on the imputed tables (D15)
completed <- check_again(completed, variance, correlation, numeric, indicators)$tables

# ---- Stage train
trained <- train(
  classifier, completed, y, train_seed, search, search_seeds, corrected, groups[prepared$rows]
)
cat(
  "MCC by which rows of hyperparameters are compared:", round(trained$mcc, 4), "-> row",
  trained$row, "\n"
)
stopifnot(trained$row == chosen)

# ---- Stage impute-test
test_tables <- complete_test(
  method, cut_table(test, seq_len(nrow(test)), names(x)), imputed$states[[chosen]], test_seed,
  learnt
)

# ---- Stage evaluate
# gridrun computes its metrics in Python; these are the same. A probability of exactly one half
# counts as negative, but for the MCC as positive, as caret and ModelMetrics have it, where
# that is not corrected (D29).
scores <- function(actual, p) {
  positive <- as.double(sum(actual))
  above <- sum(rank(p)[actual]) - positive * (positive + 1) / 2
  data.frame(
    TP = sum(actual & p > 0.5), FP = sum(!actual & p > 0.5),
    FN = sum(actual & !p > 0.5), TN = sum(!actual & !p > 0.5),
    MCC = .mcc(actual, if ("thresholds" %in% corrected) p > 0.5 else p >= 0.5, corrected),
    AUC = above / (positive * (length(p) - positive))
  )
}
found <- do.call(rbind, lapply(trained$models, function(model) {
  do.call(rbind, lapply(test_tables, function(data) {
    scores(test_positive, predict_rows(classifier, model, data, NULL, accepts_missing)$positive)
  }))
}))
print(found, digits = 15)
stopifnot(
  all(found[c("TP", "FP", "FN", "TN")] == expected[c("TP", "FP", "FN", "TN")]),
  isTRUE(all.equal(found$MCC, expected$MCC)),
  isTRUE(all.equal(found$AUC, expected$AUC))
)
cat("equal to gridrun's numbers\n")

# ---- The training matrix
# The classifier is in Python, and Debian has no package of R's: the script ends with what the
# classifier was given, the table imputed with the chosen row of hyperparameters. The model's
# settings are in the head of this script.
data <- completed[[chosen]][[1L]]
matrix_given <- prepared_matrix(data, recipe_of(data, seq_len(nrow(data))))
are_equal <- all.equal(unname(matrix_given), unname(given[["matrix"]]), check.attributes = FALSE)
stopifnot(isTRUE(are_equal))
cat(
  "the training matrix of", nrow(matrix_given), "rows and", ncol(matrix_given),
  "columns is gridrun's\n"
)
