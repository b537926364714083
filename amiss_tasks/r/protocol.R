# Which choices of upstream are corrected: switches of ../protocols.py, by name.

.in_force <- new.env()
.in_force$names <- character()

# Sets the switches that are corrected, as one text with commas.
use_switches <- function(names) {
  .in_force$names <- strsplit(names, ",", fixed = TRUE)[[1L]]
  invisible(NULL)
}

# Whether a choice of upstream is corrected.
corrected <- function(name) name %in% .in_force$names
