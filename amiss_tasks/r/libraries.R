# Whether the packages that R would load are whole, and which library each one is from.
# helpers: none

# Name to least version of the packages that one imports or depends on; R itself left out.
.needs_of <- function(description) {
  fields <- gsub("[[:space:]]+", " ", description[c("Depends", "Imports")])
  parts <- trimws(unlist(strsplit(fields[!is.na(fields)], ",")))
  names <- sub(" ?\\(.*", "", parts)
  least <- ifelse(grepl("\\(>= ", parts), sub(".*\\(>= ?([^)]*)\\).*", "\\1", parts), NA)
  names(least) <- names
  least[!names %in% c("R", "")]
}

# Names of packages that the code of one's own cannot do without and that are not installed: it
# loads them whatever happens, neither on a condition, nor where an error is caught, nor after
# asking whether they are there.
own_lacks <- function(text, file) {
  calls <- .calls_in(parse_own(text, file))
  named <- function(calls, by) {
    is_meant <- function(call) {
      .called(call) %in% by && length(call) > 1L && is.null(call$character.only)
    }
    unlist(lapply(Filter(is_meant, calls), function(call) .word(call[[2L]])))
  }
  loading <- c("::", ":::", "library", "loadNamespace")
  choosing <- Filter(function(call) .called(call) %in% c("if", "try", "tryCatch"), calls)
  guarded <- unlist(lapply(choosing, function(call) named(.calls_in(call), loading)))
  without <- c(guarded, named(calls, c("require", "requireNamespace")))
  names <- setdiff(unique(named(calls, loading)), without)
  as.character(Filter(function(name) !nzchar(system.file(package = name)), names))
}

# One sentence about the first package, of those named and all that they need, that cannot be
# loaded; empty when there is none. A package that is not installed at all is named by `missing`.
# `more`: packages of the study's methods beside those that every study needs.
library_fault <- function(more = character(), packages = c(R_PACKAGES, more)) {
  least <- rep(NA_character_, length(packages))
  names(least) <- packages
  seen <- character()
  places <- .libPaths()
  while (length(least)) {
    name <- names(least)[1L]
    wanted <- least[[1L]]
    least <- least[-1L]
    # as find.package() does, in a twentieth of the time
    is_there <- function(path) file.exists(file.path(path, "DESCRIPTION"))
    path <- Find(is_there, file.path(places, name))
    if (is.null(path)) {
      if (name %in% packages) next # r_versions says so
      return(paste0("R has no package ", name, ", which other packages need"))
    }
    where <- paste0("R's package ", name, " in the library ", dirname(path))
    meta <- file.path(path, "Meta", "package.rds")
    about <- tryCatch(readRDS(meta), error = function(e) NULL)
    if (is.null(about)) {
      return(paste0(where, " is not whole (", meta, " cannot be read)"))
    }
    built <- about$Built$R
    major <- unclass(built)[[1L]][1L] # comparing versions themselves takes most of the time
    if (major < 4L) {
      return(paste0(where, " was built for R ", built, ", which R ", getRversion(), " refuses"))
    }
    if (major > as.integer(R.version$major)) {
      return(paste0(where, " was built for R ", built, "; this is R ", getRversion()))
    }
    version <- about$DESCRIPTION[["Version"]]
    if (!is.na(wanted) && utils::compareVersion(version, wanted) < 0) {
      return(paste0(where, " has version ", version, ", but ", wanted, " is needed"))
    }
    if (name %in% seen) next
    seen <- c(seen, name)
    least <- c(least, .needs_of(about$DESCRIPTION))
  }
  ""
}
