# The R side of amiss at an R prompt, without Python:
#
#   source("amiss_tasks/r/all.R")
#   method <- load_method("mean_imp")
#   imputed <- complete_training(method, data, list(list()), NULL, seed = 42, fails_fold = TRUE)
#   classifier <- load_classifier("lr")
#   trained <- train(classifier, imputed$tables, outcome, 42, "grid", list())
#   predict_rows(classifier, trained$models[[1]], imputed$tables[[1]][[1]])
#
# Functions are defined where this file is sourced; each is described in its own file.

R_FILES <- c(
  "r/guard.R",
  "r/streams.R",
  "r/tables.R",
  "stages/ampute.R",
  "stages/prepare.R",
  "r/scaling.R",
  "stages/indicators.R",
  "stages/impute.R",
  "stages/train.R",
  "classifiers/_resamples.R",
  "classifiers/_logistic.R",
  "own/load.R",
  "own/method.R",
  "own/classifier.R",
  "own/python.R"
)

# The directory amiss_tasks, by the path that this file is sourced from.
.amiss_tasks <- local({
  sourced <- unlist(lapply(sys.frames(), function(frame) frame$ofile))
  dirname(dirname(normalizePath(sourced[length(sourced)])))
})

for (.file in R_FILES) sys.source(file.path(.amiss_tasks, .file), envir = environment())

# The files of a folder that the head of one of them names as helpers, and those that theirs do.
.helpers_of <- function(folder, file) {
  head <- grep("^# helpers: ", readLines(file.path(folder, file)), value = TRUE)
  named <- unlist(regmatches(head, gregexpr("(?<=[(])_[^)]+[.]R", head, perl = TRUE)))
  unique(c(unlist(lapply(named, .helpers_of, folder = folder)), named))
}

# A method's file and its helpers, in an environment of their own.
.load_file <- function(folder, name) {
  folder <- file.path(.amiss_tasks, folder)
  file <- paste0(name, ".R")
  environment <- new.env(parent = environment(.load_file))
  for (one in c(.helpers_of(folder, file), file)) {
    sys.source(file.path(folder, one), envir = environment)
  }
  environment
}

# An imputation method, as complete_training() and complete_test() take it.
load_method <- function(name) .load_file("imputation", name)

# A classifier in R, as train() and predict_rows() take it.
load_classifier <- function(name) .load_file("classifiers", name)
