# Timed counterparts of the classifiers: caret with its 25 bootstraps, and the
# forests that random forest cannot do without. Sourced by bench_models.py.

.seconds <- function(code) {
  gc(verbose = FALSE)
  started <- proc.time()
  force(code)
  sum((proc.time() - started)[c("user.self", "sys.self")])
}

# CPU seconds of gridrun's training of one completed table.
time_own <- function(classifier, completed, outcome, seed) {
  .seconds(.train_table(classifier, completed, outcome, seed))
}

.train_table <- function(classifier, completed, outcome, seed) {
  train(classifier, list(completed), outcome, seed, search = "grid", seeds = list())
}

# CPU seconds of caret's logistic regression as upstream calls it, and the
# largest difference of its P(positive) from gridrun's on the training rows; NULL
# where caret is not installed.
time_caret_lr <- function(classifier, completed, outcome, seed) {
  if (!requireNamespace("caret", quietly = TRUE)) {
    return(NULL)
  }
  use_stream(seed)
  seconds <- .seconds(
    fit <- suppressWarnings(caret::train(
      completed[[1L]], outcome,
      method = "glm", preProcess = c("center", "scale"),
      trControl = caret::trainControl(method = "boot", number = 25L)
    ))
  )
  theirs <- suppressWarnings(predict(fit, completed[[1L]], type = "prob"))$positive
  own <- .train_table(classifier, completed, outcome, seed)
  ours <- predict_rows(classifier, own$models[[1L]], completed[[1L]])$positive
  list(seconds = seconds, difference = max(abs(theirs - ours)))
}

# CPU seconds of six bare forests: same data, seeds and generator, nothing else;
# the sixth with the mtry that the choice came to.
time_bare_forests <- function(completed, outcome, seed, mtry) {
  data <- completed[[1L]]
  x <- scaled_matrix(data, learn_scaling(data))
  use_stream(seed)
  sample.int(.Machine$integer.max, 1L)
  seeds <- sample.int(1000000L, 6L)
  .seconds(
    for (i in seq_along(seeds)) {
      set.seed(seeds[i])
      suppressWarnings(randomForest::randomForest(x, outcome, mtry = c(7, 15, 23, 31, 39, mtry)[i]))
    }
  )
}
