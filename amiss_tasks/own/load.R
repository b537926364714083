# R files of the user's own (see ../own/files.py): loaded once, called with the
# process put back as it was, so that no task sees what another one's file did.

# Runs code of one's own, with packages attached that it has attached before; puts
# back the options, the search path, the working directory, and global variables.
.set_apart <- function(packages, run) {
  kept <- .process_state()
  on.exit(.put_back(kept))
  for (name in packages) {
    suppressPackageStartupMessages(
      library(name, character.only = TRUE, warn.conflicts = FALSE, quietly = TRUE)
    )
  }
  run()
}

.process_state <- function() {
  list(
    options = options(), search = search(), directory = getwd(),
    globals = ls(globalenv(), all.names = TRUE)
  )
}

.put_back <- function(kept) {
  for (entry in setdiff(search(), kept$search)) detach(entry, character.only = TRUE)
  # options that a package set while it was loaded stay: it is not loaded again
  options(kept$options)
  setwd(kept$directory)
  new <- setdiff(ls(globalenv(), all.names = TRUE), c(kept$globals, ".Random.seed"))
  # those of classes and generics cannot be made again
  rm(list = new[!startsWith(new, ".__")], envir = globalenv())
}

# Line of the file in which the innermost of these calls stands, or NA.
.line_in <- function(calls, file) {
  for (call in rev(calls)) {
    place <- attr(call, "srcref")
    if (!is.null(place) && identical(attr(place, "srcfile")$filename, file)) {
      return(place[[1L]])
    }
  }
  NA_integer_
}

# The value of run(); an error's message gets the place in the file it came from.
# `line` is where, if no call says so.
.placed <- function(file, run, line = NA_integer_) {
  withCallingHandlers(run(), error = function(e) {
    found <- .line_in(sys.calls(), file)
    if (is.na(found)) found <- line
    place <- if (is.na(found)) file else paste0(file, ":", found)
    stop(structure(
      class = c("error_in_own_file", class(e)),
      list(message = paste0(conditionMessage(e), " (", place, ")"), call = conditionCall(e))
    ))
  })
}

# The file's expressions; stops with R's message, which has file and line in it.
parse_own <- function(text, file) {
  lines <- strsplit(text, "\n", fixed = TRUE)[[1L]]
  parse(text = lines, srcfile = srcfilecopy(file, lines), keep.source = TRUE, encoding = "UTF-8")
}

# A file's top level evaluated in an environment of its own, whose variables cannot
# be changed afterwards: what a function learns is to be handed on, not kept there.
#
# Returns list(home, packages, file): the environment, packages to attach for a call.
load_own <- function(text, file) {
  parsed <- parse_own(text, file)
  places <- attr(parsed, "srcref")
  home <- new.env(parent = globalenv())
  before <- search()
  packages <- .set_apart(character(), function() {
    for (i in seq_along(parsed)) {
      .placed(file, function() eval(parsed[[i]], home), places[[i]][[1L]])
    }
    attached <- setdiff(search(), before)
    sub("^package:", "", rev(attached[startsWith(attached, "package:")]))
  })
  lockEnvironment(home, bindings = TRUE)
  list(home = home, packages = packages, file = file)
}

# What is wrong with a function that has to be there, or "". It may name its
# arguments as it likes: they are given by position.
function_fault <- function(own, name, arguments) {
  call <- paste0(name, "(", paste(arguments, collapse = ", "), ")")
  found <- get0(name, own$home, mode = "function", inherits = FALSE)
  if (is.null(found)) {
    defined <- ls(own$home)
    return(paste0(
      own$file, " defines no function ", call,
      if (length(defined)) paste0("; it defines ", paste(defined, collapse = ", "))
    ))
  }
  takes <- formals(args(found))
  further <- takes[-seq_along(arguments)]
  further <- further[names(further) != "..."]
  needed <- names(further)[vapply(further, function(x) is.symbol(x) && !nzchar(x), NA)]
  if (!"..." %in% names(takes) && length(takes) < length(arguments) || length(needed)) {
    return(paste0(
      name, " of ", own$file, " takes (", paste(names(takes), collapse = ", "),
      "), it is called as ", call
    ))
  }
  ""
}

require_functions <- function(own, wanted) {
  for (name in names(wanted)) {
    fault <- function_fault(own, name, wanted[[name]])
    if (nzchar(fault)) stop(fault, call. = FALSE)
  }
}

# Calls a function of the file.
call_own <- function(own, name, ...) {
  fun <- get(name, own$home, mode = "function", inherits = FALSE)
  # where the stack is full, no handler of .placed can say where
  full <- function(e) stop(conditionMessage(e), " (", name, " of ", own$file, ")", call. = FALSE)
  .set_apart(own$packages, function() {
    tryCatch(.placed(own$file, function() fun(...)), stackOverflowError = full)
  })
}

# A count with its noun: "1 row", "2 rows".
.counted <- function(count, noun) paste0(count, " ", noun, if (count != 1L) "s")

# An object in a few words.
.kind <- function(object) {
  if (is.null(object)) return("NULL")
  if (identical(object, list())) return("an empty list")
  paste0("an object of class ", paste(class(object), collapse = "/"))
}

# Calls anywhere in parsed code, innermost last.
.calls_in <- function(code) {
  if (is.expression(code) || is.pairlist(code)) {
    return(unlist(lapply(as.list(code), .calls_in), recursive = FALSE))
  }
  if (!is.call(code)) return(NULL)
  parts <- as.list(code)
  parts <- parts[!vapply(parts, function(part) is.symbol(part) && !nzchar(part), NA)]
  c(list(code), unlist(lapply(parts, .calls_in), recursive = FALSE))
}

.called <- function(call) if (is.symbol(call[[1L]])) as.character(call[[1L]]) else ""

.word <- function(x) if (is.symbol(x) || is.character(x)) as.character(x)[1L] else NULL

# Versions of the packages that the code names, by name; "" for one that is not
# installed. Those of R itself are left out.
own_packages <- function(text, file) {
  naming <- c("::", ":::", "library", "require", "requireNamespace", "loadNamespace")
  calls <- Filter(
    function(call) .called(call) %in% naming && length(call) > 1L, .calls_in(parse_own(text, file))
  )
  names <- unique(unlist(lapply(calls, function(call) .word(call[[2L]]))))
  versions <- lapply(names, function(name) {
    if (!nzchar(system.file(package = name))) return("")
    if (identical(packageDescription(name)$Priority, "base")) return(NULL)
    as.character(packageVersion(name))
  })
  names(versions) <- as.character(names)
  Filter(Negate(is.null), versions)
}
