# What the tests ask of R beyond the stages' own functions.

named_square <- function(values, names) {
  dimnames(values) <- list(names, names)
  values
}

column_types <- function(table) vapply(table, typeof, "", USE.NAMES = FALSE)

# A warning, then an error two calls down.
fail_below <- function(values) {
  warning("on the way")
  .fail(values)
}

.fail <- function(values) stop("deep: ", length(values))

recurse <- function(n) recurse(n + 1)

echo <- function(value) value

warn_twice <- function() {
  warning("first")
  warning("second")
  invisible(3L)
}

spoil_generator <- function() {
  RNGkind("L'Ecuyer-CMRG")
  set.seed(7)
  Sys.setlocale("LC_COLLATE", "C.UTF-8")
  NULL
}

generator <- function() {
  kind <- RNGkind()
  set.seed(1)
  list(kind = kind, draw = runif(1), collate = Sys.getlocale("LC_COLLATE"))
}

settings <- function() {
  list(
    interactive = interactive(), tz = Sys.getenv("TZ"), threads = Sys.getenv("OMP_NUM_THREADS")
  )
}

kinds_of_missing <- function(x) list(nan = is.nan(x), na = is.na(x))

# Calls a function of a method's environment from a seed of R's main generator.
seeded <- function(seed, environment, name, ...) {
  set.seed(seed)
  environment[[name]](...)
}

# knnImputation with donors of their own, which it standardises together with the targets.
knn_from <- function(environment, data, donors, k) {
  standard <- environment$.learn_standard(environment$.numbers_of(rbind(data, donors)))
  environment$knn_fill(data, donors, k, standard)
}

as_list <- function(...) list(...)

# Bytes of a value, as numbers.
bytes_of <- function(value) as.integer(serialize(value, NULL))

# Names as make.names leaves them.
r_names <- function(names) make.names(names)

# What a method's file defines, as a list without one of its functions.
without <- function(file, name) {
  functions <- mget(ls(file), envir = file)
  functions[setdiff(names(functions), name)]
}

# Texts in the order in which R sorts them here.
sorted_text <- function(texts) sort(texts)

# Positions of pasted keys, from 1, in the order of merge().
merge_order <- function(...) sort.list(paste(..., sep = "\r"))

spoil_order <- function() {
  icuSetCollate(locale = "none")
  sort(c("NONCODING_CHANGE", "NON_SYNONYMOUS"))
}

# A table with one text column as a classifier is given it, by what it learnt itself.
codes_of <- function(texts) {
  data <- table_of(list(t = texts, n = seq_along(texts) / 1), length(texts))
  list(
    codes = as.integer(scaled_matrix(data, learn_scaling(data))[, "t"]),
    levels = learn_scaling(data)$levels$t,
    model = as.integer(.learnt_codes(data, learn_scaling(data))$t)
  )
}

# The predictor that mice leaves out of three dummies that sum to 1 and are equally frequent.
left_out <- function(seed) {
  set.seed(seed)
  # the last row lacks the target, so that the models see the other 60
  level <- c(sample(rep(c("U", "N", "D"), each = 20L)), "U")
  data <- data.frame(target = c(rnorm(60L), NA), a = rnorm(61L), b = rnorm(61L))
  for (name in c("U", "N", "D")) data[[name]] <- as.numeric(level == name)
  run <- suppressWarnings(
    mice::mice(data, method = "norm", m = 1L, maxit = 1L, printFlag = FALSE)
  )
  run$loggedEvents$out
}
