# What R keeps of a model as numbers and text, and back again: a file of these is data, whoever
# wrote it. R's own files (saveRDS) can hold code that runs when they are read.
#
# A value is a tree of nodes, each before what is below it: its kind, its length, the names of its
# attributes; then the elements of a list, then the values of the attributes, as nodes. Numbers
# lie in two files beside, one after another: doubles, and integers with logicals; little-endian,
# so that each keeps its bits. Text lies in one vector.
# helpers: none

.KINDS <- c(
  "NULL" = "null", list = "list", double = "double", integer = "integer", logical = "logical",
  character = "text"
)

# Returns list(kinds, sizes, counts, attributes, text): of each node kind, length and number of
# attributes; the names of all attributes; all text. What cannot be kept so stops it.
take_apart <- function(value, doubles, integers) {
  doubles <- file(doubles, "wb")
  on.exit(close(doubles))
  integers <- file(integers, "wb")
  on.exit(close(integers), add = TRUE)
  kinds <- sizes <- counts <- attributes <- text <- list()
  walk <- function(value) {
    kind <- .KINDS[typeof(value)]
    if (is.na(kind) || isS4(value)) {
      stop("a model file keeps numbers and text, and no ", typeof(value), call. = FALSE)
    }
    more <- attributes(value)
    kinds[[length(kinds) + 1L]] <<- kind
    sizes[[length(sizes) + 1L]] <<- length(value)
    counts[[length(counts) + 1L]] <<- length(more)
    attributes[[length(attributes) + 1L]] <<- names(more)
    switch(kind,
      double = writeBin(as.vector(value), doubles, endian = "little"),
      integer = ,
      logical = writeBin(as.integer(value), integers, endian = "little"),
      text = text[[length(text) + 1L]] <<- as.vector(value),
      list = for (element in unclass(value)) walk(element)
    )
    for (element in more) walk(element)
  }
  walk(value)
  list(
    kinds = unlist(kinds, use.names = FALSE), sizes = unlist(sizes), counts = unlist(counts),
    attributes = as.character(unlist(attributes)), text = as.character(unlist(text))
  )
}

# The value of the nodes that take_apart() made; it knows its arguments.
put_together <- function(kinds, sizes, counts, attributes, text, doubles, integers) {
  doubles <- file(doubles, "rb")
  on.exit(close(doubles))
  integers <- file(integers, "rb")
  on.exit(close(integers), add = TRUE)
  node <- attribute <- word <- 0L
  build <- function() {
    node <<- node + 1L
    size <- sizes[node]
    names <- attributes[attribute + seq_len(counts[node])]
    attribute <<- attribute + length(names)
    value <- switch(kinds[node],
      list = lapply(seq_len(size), function(element) build()),
      double = readBin(doubles, "double", size, endian = "little"),
      integer = readBin(integers, "integer", size, endian = "little"),
      logical = as.logical(readBin(integers, "integer", size, endian = "little")),
      text = {
        word <<- word + size
        as.character(text[word - size + seq_len(size)])
      }
    )
    if (length(names)) {
      more <- lapply(names, function(name) build())
      names(more) <- names
      attributes(value) <- more
    }
    .require_whole(value)
    value
  }
  build()
}

# Stops where a factor or a data frame is none that R itself would have made.
.require_whole <- function(value) {
  is_whole <- if (is.factor(value)) {
    codes <- unclass(value)
    is.integer(codes) && is.character(levels(value)) &&
      all(is.na(codes) | (codes >= 1L & codes <= length(levels(value))))
  } else if (is.data.frame(value)) {
    is.list(value) && !is.null(names(value)) && all(lengths(unclass(value)) == nrow(value))
  } else {
    TRUE
  }
  if (!is_whole) stop("a table or factor of the model is not whole", call. = FALSE)
}

require_forests <- function(models) {
  for (model in models) {
    .require_forest(model$fit, model$columns, isTRUE(model$scaling$factors))
  }
}

# Stops where a forest would lead randomForest's C code, which looks at nothing, out of its
# arrays, or nowhere for ever. Other models are of R, which looks.
#
# columns   names of the columns of the training table
# factors   whether text reaches the forest as factors
.require_forest <- function(model, columns, factors) {
  forest <- model$forest
  tree_shape <- c(forest$nrnodes, forest$ntree)
  is_shaped <- function(values, shape, type = "integer") {
    identical(typeof(values), type) && identical(as.double(dim(values)), as.double(shape))
  }
  predictors <- rownames(model$importance)
  is_sound <- identical(class(model), "randomForest") &&
    identical(model$type, "classification") &&
    identical(model$classes, c("positive", "negative")) &&
    identical(sort(as.character(predictors)), sort(columns)) &&
    is.numeric(tree_shape) && length(tree_shape) == 2L && !anyNA(tree_shape) &&
    all(tree_shape >= 1) && forest$nclass == 2 &&
    is.double(forest$pid) && length(forest$pid) == 2L && length(forest$cutoff) == 2L &&
    is.numeric(forest$ncat) && length(forest$ncat) == length(predictors) &&
    all(forest$ncat >= 1 & (factors | forest$ncat == 1)) &&
    is_shaped(forest$nodestatus, tree_shape) && is_shaped(forest$bestvar, tree_shape) &&
    is_shaped(forest$nodepred, tree_shape) && is_shaped(forest$xbestsplit, tree_shape, "double") &&
    is_shaped(forest$treemap, c(forest$nrnodes, 2, forest$ntree)) &&
    is.integer(forest$ndbigtree) && length(forest$ndbigtree) == forest$ntree &&
    all(forest$ndbigtree >= 1 & forest$ndbigtree <= forest$nrnodes) &&
    .leads_down(forest, length(predictors))
  if (!isTRUE(is_sound)) stop("the random forest is none that randomForest grew", call. = FALSE)
}

# Whether each node of each tree is a leaf with a class, or has a column and two children below.
.leads_down <- function(forest, columns) {
  at <- row(forest$nodestatus)
  size <- rep(forest$ndbigtree, each = forest$nrnodes)
  used <- at <= size
  inner <- used & forest$nodestatus != -1
  left <- forest$treemap[, 1L, ]
  right <- forest$treemap[, 2L, ]
  all((forest$nodepred %in% 1:2)[used & !inner]) &&
    all((forest$bestvar %in% seq_len(columns))[inner]) &&
    all((left > at & left <= size & right > at & right <= size)[inner])
}
