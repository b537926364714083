# What stands between Python and every R function that a stage calls.
# helpers: none

# Text of a call, one line, without the data that may be inlined in it.
.call_text <- function(call) {
  text <- deparse(call, width.cutoff = 80L, nlines = 1L)[1L]
  if (nchar(text) > 100L) paste0(substr(text, 1L, 97L), "...") else text
}

# Calls between the guarded function and the error, oldest first.
.calls_below <- function(calls, own_frames) {
  # tryCatch and withCallingHandlers take five frames, fun(...) is the sixth
  calls <- calls[-seq_len(min(own_frames + 6L, length(calls)))]
  # the last two are the condition system's and the handler's own
  calls <- calls[seq_len(max(0L, length(calls) - 2L))]
  if (length(calls) > 30L) calls <- c(calls[1:15], calls[length(calls) - 14:0])
  vapply(calls, .call_text, "")
}

# Has R sort text as it does for upstream in en_US.UTF-8, whatever locales are installed: by
# ICU's root collation, where "_" comes before letters and cases go together. Codes of text
# (D3), levels of factors and the rows of a merge are in this order.
use_text_order <- function() {
  if (!capabilities("ICU")) {
    stop(
      "this R was built without ICU, by which text is sorted as upstream sorts it; ",
      "install R with ICU (Debian's r-base-core has it)",
      call. = FALSE
    )
  }
  Sys.setlocale("LC_COLLATE", "C")
  icuSetCollate(locale = "root")
  invisible(NULL)
}

# Everything that decides random numbers and the order of text, set before each
# call so that no task sees what ran before it.
.settle <- function() {
  RNGkind("Mersenne-Twister", "Inversion", "Rejection")
  use_text_order()
  NULL
}

# Calls fun(...); an error becomes data, warnings are collected and muffled.
# Returns list(ok, value, warnings) or list(ok, warnings, message, classes, calls).
guard <- function(fun, ...) {
  warnings <- character()
  calls <- character()
  .settle()
  own_frames <- sys.nframe()
  tryCatch(
    withCallingHandlers(
      {
        value <- fun(...)
        list(ok = TRUE, value = value, warnings = warnings)
      },
      warning = function(w) {
        warnings <<- c(warnings, conditionMessage(w))
        invokeRestart("muffleWarning")
      },
      error = function(e) calls <<- .calls_below(sys.calls(), own_frames)
    ),
    error = function(e) {
      list(
        ok = FALSE, warnings = warnings, message = conditionMessage(e),
        classes = class(e), calls = calls
      )
    }
  )
}

# Stops with a condition that the runner records as a defect of upstream, rather than as an error
# of this task; the message says how to run the task all the same, as protocols.advice_for does.
stop_upstream_defect <- function(message, switch) {
  advice <- paste0("; to run it, set switches: {", switch, ": corrected} in study.yaml")
  stop(structure(
    class = c("upstream_defect", "error", "condition"),
    list(message = paste0(message, advice), call = NULL)
  ))
}

# Evaluates the text of an R file in an environment, as sys.source() does a file.
source_text <- function(text, environment) {
  eval(parse(text = text, keep.source = FALSE), environment)
}
