# Whether R is as it was before code of the user's own ran: what own/load.R puts back, and what
# nothing can put back.
# helpers: none

.WATCHED <- c("base", "stats", "utils", "methods")

.functions_in <- function(environment) {
  Filter(is.function, as.list.environment(environment, all.names = TRUE))
}

# Everything that a later task would meet; what may be added to is compared by what there was.
.process_facts <- function() {
  spaces <- lapply(.WATCHED, asNamespace)
  methods <- lapply(spaces, function(space) get(".__S3MethodsTable__.", space))
  list(
    added_to = c(
      lapply(c(spaces, methods), .functions_in),
      list(options())
    ),
    loaded = sort(loadedNamespaces()), options = names(options()),
    equal = list(
      environment = sort(Sys.getenv()), search = search(), directory = getwd(),
      locale = Sys.getlocale(),
      globals = setdiff(ls(globalenv(), all.names = TRUE), ".Random.seed"),
      connections = getAllConnections(), # showConnections() collects garbage first
      sinks = c(sink.number(), sink.number("message")),
      handlers = length(globalCallingHandlers()), devices = grDevices::dev.list(),
      temporary = dir.exists(tempdir())
    )
  )
}

process_mark <- function() .process_facts()

process_changed <- function(before) {
  now <- .process_facts()
  if (!identical(now$equal, before$equal)) {
    return(TRUE)
  }
  for (i in seq_along(before$added_to)) {
    old <- before$added_to[[i]]
    if (!identical(now$added_to[[i]][names(old)], old)) {
      return(TRUE)
    }
  }
  # a package may set options of its own when it is loaded
  identical(now$loaded, before$loaded) && length(setdiff(names(options()), before$options)) > 0L
}
