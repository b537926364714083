"""Pieces of R that scripts of folds are made of: each stage as a call of R's packages. Data.

``@NAME@`` stands for what a script fills in. Source: ``upstream-behaviour`` sections 5
to 7 and 11, and the R files of ``amiss_tasks``, which do the same behind one signature.
"""

from __future__ import annotations

START = """
file <- "@TABLES@"
script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
if (!file.exists(file) && length(script)) file <- file.path(dirname(script), file)
given <- readRDS(file)
train <- given$train      # the fold's training table, NA where a value is missing
outcome <- given$outcome  # its classes; positive is the first level
test <- given$test
test_positive <- given$test_positive

RNGkind("Mersenne-Twister", "Inversion", "Rejection")
invisible(Sys.setlocale("LC_COLLATE", "C"))
options(ranger.num.threads = 1L)
"""

HYPERPARAMETER_DRAW = """
# Of the @ROWS@ rows of hyperparameters of @METHOD@ @MOST@ are tried, drawn before all else.
drawn_rows <- sample(@ROWS@, @MOST@)
stopifnot(identical(as.integer(drawn_rows), @DRAWN@))
"""

DOWNSAMPLING = """
# Downsampling: the surplus of the larger class is drawn and left out.
sizes <- table(outcome)
surplus <- max(sizes) - min(sizes)
if (surplus > 0) {
  larger <- which(outcome == names(sizes)[which.max(sizes)])
  rows <- rows[-sample(larger, surplus)]
}
"""

FEATURE_SAMPLING = """
# A share of the features: numeric ones come first, a categorical one brings its dummies.
drawn <- sample(c(numeric, categorical), floor(@SHARE@ * length(c(numeric, categorical))))
columns <- if (all(categorical %in% columns)) {
  drawn
} else {
  dummies <- lapply(intersect(drawn, categorical), function(name) {
    columns[startsWith(columns, paste0(name, "."))]
  })
  c(intersect(drawn, numeric), unlist(dummies))
}
"""

ROW_SAMPLING = """
# A share of the rows, in the order drawn.
rows <- rows[sample(seq_along(rows), floor(length(rows) * @SHARE@))]
"""

ROW_SAMPLING_BY_CLASS = """
# A share of the rows of each class, in the order drawn.
rows <- unlist(lapply(split(rows, outcome[rows], drop = TRUE), function(own) {
  own[sample.int(length(own), max(1, floor(length(own) * @SHARE@)))]
}), use.names = FALSE)
"""

VARIANCE = """
low_variance <- near_zero_variance(x)
x <- x[setdiff(names(x), low_variance)]
"""

CORRELATION = """
correlated <- correlated_features(correlations(x[intersect(names(x), numeric)]))
x <- x[setdiff(names(x), correlated)]
"""

SINGLE_VALUE = """
# A missing value becomes, in training and test rows alike, @WORDS@.
estimate <- function(observed) @ESTIMATE@
impute_train <- function(data, params) {
  numbers <- names(data)[vapply(data, is.numeric, NA)]
  values <- lapply(data[numbers], function(column) estimate(column[!is.na(column)]))
  list(completed = list(fill(data, values)), state = values)
}
fill <- function(data, values) {
  for (name in names(values)) data[[name]][is.na(data[[name]])] <- values[[name]]
  data
}
impute_test <- function(data, state) list(fill(data, state))
"""

ESTIMATES = {
    "zero_imp": ("0", "0"),
    "max_imp": ("max(observed)", "the largest of its feature"),
    "min_imp": ("min(observed)", "the smallest of its feature"),
    "mean_imp": ("mean(observed)", "the mean of its feature"),
    "median_imp": ("median(observed)", "the median of its feature"),
    "outlier_imp": (
        "10 * abs(max(observed) - min(observed))",
        "ten times the range of its feature",
    ),
}
"""Method to the R expression of its value, and to words for it."""

MICE = """
# Chained equations.
chained <- function(data, completions) {
  run <- mice::mice(data, method = "@METHOD@", m = completions, maxit = 10, printFlag = FALSE)
  lapply(seq_len(completions), function(number) mice::complete(run, number))
}
# Hyperparameters never reach mice (D5): rows of them differ by their random numbers alone.
impute_train <- function(data, params) list(completed = chained(data, 1), state = NULL)
# The test rows by themselves (D7), ten times.
impute_test <- function(data, state) chained(data, 10)
"""

BPCA = """
# Bayesian principal components.
impute_train <- function(data, params) {
  fitted <- pcaMethods::pca(
    as.matrix(data),
    method = "bpca", nPcs = params$nPcs, maxSteps = params$maxSteps,
    scale = "none", center = FALSE, verbose = FALSE
  )
  completed <- as.data.frame(pcaMethods::completeObs(fitted))
  list(completed = list(completed), state = list(params = params))
}
# The test rows by themselves (D7).
impute_test <- function(data, state) impute_train(data, state$params)$completed
"""

OWN_METHOD = """
# The study's own file, @FILE@, and what may come back from it as lists of tables.
own <- new.env()
local({
@TEXT@
}, envir = own)
as_tables <- function(found) if (is.data.frame(found)) list(found) else unname(found)
impute_train <- function(data, params, seed) {
  found <- own$impute_train(data, params, seed)
  if (is.data.frame(found)) found <- list(completed = found)
  list(completed = as_tables(found$completed), state = found$state)
}
impute_test <- function(data, state, seed) as_tables(own$impute_test(data, state, seed))
"""

IMPUTE = """
hyperparameters <- @HYPERPARAMETERS@
imputed <- lapply(seq_along(hyperparameters), function(k) {
  @GENERATOR@
  # a row that fails has no table and cannot be chosen
  tryCatch(impute_train(x, hyperparameters[[k]]@SEED@), error = function(e) {
    message("row ", k, " fails: ", conditionMessage(e))
  })
})
"""

CHECK_AGAIN = """
# The feature checks once more, on the completed tables (D15).
for (k in seq_along(imputed)) {
  for (number in seq_along(imputed[[k]]$completed)) {
    data <- imputed[[k]]$completed[[number]]
    dropped <- character()
@CHECKS@    imputed[[k]]$completed[[number]] <- data[setdiff(names(data), dropped)]
  }
}
"""

VARIANCE_AGAIN = """    dropped <- near_zero_variance(data)
"""

CORRELATION_AGAIN = """    numbers <- intersect(setdiff(names(data), dropped), numeric)
    if (length(numbers) > 1) {
      dropped <- c(dropped, correlated_features(correlations(data[numbers])))
    }
"""

SCALE = """
# Numbers are centred and scaled as the training table is; the matrix has indicators as 0 and 1.
learn_scale <- function(data) {
  numbers <- names(data)[vapply(data, is.numeric, NA)]
  centre <- vapply(data[numbers], mean, 0)
  spread <- mapply(function(column, value) sd(column - value), data[numbers], centre)
  spread[is.na(spread) | spread == 0] <- 1
  text <- names(data)[vapply(data, is.character, NA)]
  list(
    columns = names(data), numbers = numbers, centre = centre, spread = spread,
    levels = lapply(data[text], function(column) sort(unique(column)))
  )
}
scaled <- function(data, by) {
  data <- data[by$columns]
  for (name in by$numbers) data[[name]] <- (data[[name]] - by$centre[[name]]) / by$spread[[name]]
@TEXT@}
"""

AS_MATRIX = """  data.matrix(data)
"""

AS_FACTORS = """  for (name in names(by$levels)) {
    column <- data[[name]]
    column[!column %in% by$levels[[name]]] <- "MISSING"
    data[[name]] <- factor(column, levels = by$levels[[name]])
  }
  for (name in names(data)[vapply(data, is.logical, NA)]) data[[name]] <- as.double(data[[name]])
  if (length(by$levels)) data else data.matrix(data)
"""

MCC = """
# Counts of true and false positives and negatives, and Matthews' correlation.
counts_of <- function(actual, predicted) {
  c(
    TP = sum(actual & predicted), FP = sum(!actual & predicted),
    FN = sum(actual & !predicted), TN = sum(!actual & !predicted)
  )
}
mcc_of <- function(actual, predicted) {
  n <- as.list(as.double(counts_of(actual, predicted)))
  names(n) <- c("tp", "fp", "fn", "tn")
  margins <- (n$tp + n$fp) * (n$tp + n$fn) * (n$tn + n$fp) * (n$tn + n$fn)
  value <- (n$tp * n$tn - n$fp * n$fn) / sqrt(margins)
  @ONE_SIDED@
}
"""

RF = """
# Random forest: the mtry with the best out-of-bag accuracy, then one more forest.
fit <- function(m, y) {
  sample.int(.Machine$integer.max, 1)  # caret draws a seed for resamples it does not need
@MTRY@  seeds <- sample.int(1000000, length(mtry) + 1)
  accuracy <- vapply(seq_along(mtry), function(i) {
    set.seed(seeds[i])
    forest <- randomForest::randomForest(m, y, mtry = mtry[i])
    1 - forest$err.rate[forest$ntree, "OOB"]
  }, 0)
  set.seed(seeds[length(seeds)])
  chosen <- mtry[which.max(accuracy)]
  cat("mtry", paste(mtry, collapse = " "), "-> out-of-bag accuracy", round(accuracy, 4), "\\n")
  randomForest::randomForest(m, y, mtry = chosen)
}
training_mcc <- function(model, m, y) mcc_of(y == "positive", model$predicted == "positive")
p_positive <- function(model, m) predict(model, m, type = "prob")[, "positive"]
"""

RF_GRID = """  mtry <- c(7, 15, 23, 31, 39)
"""

RF_RANDOM = """  before <- .Random.seed
  set.seed(@SEED@)
  mtry <- sort(sample.int(ncol(m), min(5, ncol(m))))
  assign(".Random.seed", before, envir = globalenv())
"""

LR = """
# Logistic regression; glm models the second level of the outcome, negative.
fit <- function(m, y) {
  data <- data.frame(m, .outcome = y, check.names = FALSE)
  suppressWarnings(glm(.outcome ~ ., family = binomial(), data = data))
}
p_positive <- function(model, m) {
  data <- as.data.frame(m)
  1 - suppressWarnings(unname(predict(model, data, type = "response")))
}
"""

LR_RESUBSTITUTION = """
training_mcc <- function(model, m, y) mcc_of(y == "positive", 1 - p_positive(model, m) < 0.5)
"""

OWN_CLASSIFIER = """
# The study's own file, @FILE@.
own_classifier <- new.env()
local({
@TEXT@
}, envir = own_classifier)
fit <- function(m, y) own_classifier$fit(m, y)
p_positive <- function(found, m) {
  pmin(pmax(as.vector(own_classifier$predict_positive(found$model, m)), 0), 1)
}
training_mcc <- function(found, m, y) {
  positive <- found$fitted_positive
  mcc_of(y == "positive", if (is.null(positive)) p_positive(found, m) > 0.5 else positive)
}
"""

HELD_OUT = """
# Rows of hyperparameters are compared by inner folds that the model was not fitted to (D4).
held_out_mcc <- function(data, y) {
  before <- .Random.seed
  set.seed(@SEED@)
  fold <- .inner_folds(y)
  assign(".Random.seed", before, envir = globalenv())
  positive <- logical(length(y))
  for (number in unique(fold)) {
    kept <- data[fold != number, , drop = FALSE]
    by <- learn_scale(kept)
    model <- fit(scaled(kept, by), y[fold != number])
    left <- scaled(data[fold == number, , drop = FALSE], by)
    positive[fold == number] <- p_positive(model, left) > 0.5
  }
  mcc_of(y == "positive", positive)
}
"""

TRAIN = """
# Completed tables are trained on one after another, in one stream; the row of hyperparameters
# with the best MCC on the training rows is taken, of equal ones the first.
use_stream(@SEED@)
trained <- lapply(imputed, function(of_row) {
  lapply(of_row$completed, function(data) {
    by <- learn_scale(data)
    m <- scaled(data, by)
    model <- fit(m, y)
    mcc <- @CHOICE@
    list(model = model, by = by, mcc = mcc)
  })
})
mcc <- vapply(trained, function(of_row) {
  values <- vapply(of_row, `[[`, 0, "mcc")
  values[is.nan(values)] <- -Inf
  if (length(values)) mean(values) else -Inf
}, 0)
chosen <- which.max(mcc)
cat("MCC by which rows of hyperparameters are compared:", round(mcc, 4), "-> row", chosen, "\\n")
"""

EVALUATE = """
use_stream(@SEED@)
completed <- impute_test(test[names(x)], imputed[[chosen]]$state@STATE_SEED@)

# Area under the ROC curve, by ranks.
auc_of <- function(actual, p) {
  n <- as.double(sum(actual))
  (sum(rank(p)[actual]) - n * (n + 1) / 2) / (n * (length(p) - n))
}
found <- do.call(rbind, lapply(trained[[chosen]], function(one) {
  do.call(rbind, lapply(completed, function(data) {
    p <- p_positive(one$model, scaled(data, one$by))
    # a probability of exactly one half counts as negative, but for the MCC as positive, as
    # caret and ModelMetrics have it
    counts <- as.list(counts_of(test_positive, p > 0.5))
    data.frame(counts, MCC = mcc_of(test_positive, p >= 0.5), AUC = auc_of(test_positive, p))
  }))
}))
print(found, digits = 15)

# What gridrun has@RECORDED@, one row for each completed test table.
expected <- data.frame(
@EXPECTED@
)
stopifnot(
  all(found[c("TP", "FP", "FN", "TN")] == expected[c("TP", "FP", "FN", "TN")]),
  isTRUE(all.equal(found$MCC, expected$MCC)),
  isTRUE(all.equal(found$AUC, expected$AUC))
)
cat("equal to gridrun's numbers\\n")
"""

PREPARED_ONLY = """
# Boosted trees are Python's xgboost here: Debian has no package of R's. Its training matrix is
# this one, from row @CHOSEN@ of hyperparameters; the settings are in the head of this script.
data <- imputed[[@CHOSEN@]]$completed[[1]]
m <- scaled(data, learn_scale(data))
stopifnot(isTRUE(all.equal(unname(m), unname(given$matrix), check.attributes = FALSE)))
cat("the training matrix of", nrow(m), "rows and", ncol(m), "columns is gridrun's\\n")
"""
