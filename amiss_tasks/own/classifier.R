# A classifier of the user's own, as train.R calls one:
#
#   fit(x, y)                  -> list(model, ...)
#   predict_positive(model, x) -> P(positive) of each row
#
# x, y and what fit may return beside the model are documented in
# ../classifiers/rf.R; what is left out is filled in here.

CLASSIFIER_FUNCTIONS <- list(fit = c("x", "y"), predict_positive = c("model", "x"))

.FIT_NAMES <- c("model", "fitted_positive", "seconds", "settings", "fits", "held_out")

# How far rounding may take a probability out of 0 to 1.
.ROUNDING <- 1e-9

.fit_fault <- function(found, rows) {
  # many models are lists themselves, and some of them have a `model`
  if (!is.list(found) || is.object(found) || !"model" %in% names(found)) {
    return(paste0("returned ", .kind(found), ", not list(model = )"))
  }
  unknown <- setdiff(names(found), .FIT_NAMES)
  if (length(unknown)) {
    return(paste0("returned ", .some(unknown), ", which is none of ", toString(.FIT_NAMES)))
  }
  positive <- found$fitted_positive
  if (!is.null(positive) && !(is.logical(positive) && length(positive) == rows)) {
    return(sprintf("returned a fitted_positive that is not %d values of TRUE or FALSE", rows))
  }
  if (anyNA(positive)) return("returned NA in fitted_positive")
  if (!is.null(found$held_out) && !isTRUE(found$held_out) && !isFALSE(found$held_out)) {
    return("returned a held_out that is neither TRUE nor FALSE")
  }
  if (isTRUE(found$held_out) && is.null(positive)) {
    return("returned held_out = TRUE without fitted_positive")
  }
  .facts_fault(found)
}

.is_scalar <- function(x) is.atomic(x) && length(x) == 1L && is.null(dim(x)) && !is.object(x)

.are_named <- function(x) is.null(x) || is.list(x) && length(x) == sum(nzchar(names(x)))

.facts_fault <- function(found) {
  if (!is.null(found$seconds) && !(.is_scalar(found$seconds) && is.numeric(found$seconds))) {
    return("returned seconds that are not one number")
  }
  for (name in c("settings", "fits")) {
    values <- found[[name]]
    if (!.are_named(values) || !all(vapply(values, .is_scalar, NA))) {
      return(paste0("returned ", name, " that are not a named list of single values"))
    }
  }
  if (!all(vapply(found$fits, is.numeric, NA))) return("returned fits that are not all numbers")
  ""
}

.probability_fault <- function(positive, rows) {
  if (!is.numeric(positive)) return(paste0("returned ", .kind(positive), ", not numbers"))
  if (is.matrix(positive) && ncol(positive) != 1L) {
    return(sprintf("returned %d columns: give that of positive alone", ncol(positive)))
  }
  if (length(positive) != rows) {
    return(paste("returned", .counted(length(positive), "number"), "for", .counted(rows, "row")))
  }
  if (anyNA(positive)) {
    return(sprintf(
      "returned %s, the first for row %d", .counted(sum(is.na(positive)), "missing value"),
      which(is.na(positive))[1L]
    ))
  }
  outside <- which(positive < -.ROUNDING | positive > 1 + .ROUNDING)
  if (length(outside)) {
    return(sprintf(
      "returned %s for row %d, which is not a probability (%s)",
      format(positive[outside[1L]]), outside[1L], .counted(length(outside), "such row")
    ))
  }
  ""
}

# A classifier of a loaded file, in R or in Python.
.classifier_of <- function(own) {
  stop_at <- function(name, fault) {
    if (nzchar(fault)) stop(name, " of ", own$file, " ", fault, call. = FALSE)
  }
  classifier <- new.env()
  classifier$predict_positive <- function(model, x) {
    positive <- call_own(own, "predict_positive", model, x)
    stop_at("predict_positive", .probability_fault(positive, nrow(x)))
    pmin(pmax(as.vector(positive), 0), 1)
  }
  classifier$fit <- function(x, y) {
    started <- proc.time()[["elapsed"]]
    found <- call_own(own, "fit", x, y)
    seconds <- proc.time()[["elapsed"]] - started
    stop_at("fit", .fit_fault(found, nrow(x)))
    if (is.null(found$seconds)) found$seconds <- seconds
    if (is.null(found$fitted_positive)) {
      found$fitted_positive <- classifier$predict_positive(found$model, x) > 0.5
    }
    if (is.null(found$fits)) found$fits <- list(models = 1L)
    if (is.null(found$settings)) found$settings <- structure(list(), names = character())
    found
  }
  classifier
}

own_classifier <- function(text, file) {
  own <- load_own(text, file)
  require_functions(own, CLASSIFIER_FUNCTIONS)
  .classifier_of(own)
}
