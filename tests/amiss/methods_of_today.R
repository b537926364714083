# What methods beyond upstream's are held against: mice's own functions, trees as mice grows them,
# and missForest as a plain loop over ranger.

# Known values, predictors and gaps as mice hands them to a method: predictors that are collinear,
# one that a single row has, and few of another.
made <- function(rows) {
  set.seed(11)
  x <- matrix(rnorm(rows * 4), rows, dimnames = list(NULL, c("a", "b", "c", "d")))
  x <- cbind(x, twice = 2 * x[, "a"] + 1, rare = as.numeric(seq_len(rows) == 4))
  y <- x[, "a"] + sin(2 * x[, "b"]) + rnorm(rows) / 4
  ry <- seq_len(rows) %% 3 != 0
  y[!ry] <- NA
  list(y = y, ry = ry, x = x)
}

# Values by a function of mice's and by ours from the same seed, and whether both leave the
# generator at the same place.
both <- function(ours, name, rows, seed, params) {
  given <- made(rows)
  theirs <- get(paste0("mice.impute.", name), asNamespace("mice"))
  set.seed(seed)
  own <- list(y = given$y, ry = given$ry, x = given$x)
  wanted <- if (is.null(params$ridge)) do.call(theirs, own) else do.call(theirs, c(own, params))
  after <- .Random.seed
  set.seed(seed)
  found <- ours(given$y, given$ry, given$x, !given$ry, c(params, use_ridge = !is.null(params$ridge)))
  list(wanted = wanted, found = found, same = identical(after, .Random.seed))
}

# For each row without a value: sorted donors of its leaf in the tree that mice grows, and the
# values that ours draws by evenly spread random numbers, as often as there are donors.
leaves <- function(ours, rows, minbucket) {
  given <- made(rows)
  data <- data.frame(y = given$y, given$x)[given$ry, ]
  tree <- rpart::rpart(
    y ~ ., data, method = "anova", control = rpart::rpart.control(minbucket = minbucket, cp = 1e-4)
  )
  tree$frame$yval <- seq_len(nrow(tree$frame))
  of <- predict(tree, data.frame(given$x)[!given$ry, ])
  wanted <- lapply(of, function(leaf) sort(data$y[tree$where == leaf]))
  params <- list(minbucket = minbucket)
  found <- lapply(seq_along(of), function(i) {
    count <- length(wanted[[i]])
    at <- which(!given$ry)[i]
    sort(vapply((seq_len(count) - 0.5) / count, function(number) {
      ours(given$y, given$ry, given$x, seq_len(rows) == at, params, number)
    }, 0))
  })
  list(wanted = unname(wanted), found = found)
}

# Values of all rows without one at once as for a kept model, and of each of them by itself.
alone <- function(ours, together, rows, params) {
  given <- made(rows)
  set.seed(5)
  found <- together(given$y, given$ry, given$x, !given$ry, params)
  one <- vapply(which(!given$ry), function(at) {
    set.seed(5)
    ours(given$y, given$ry, given$x, seq_len(rows) == at, params)
  }, 0)
  list(together = found, alone = one)
}

# Values where there is next to nothing to learn from.
hardly_anything <- function(ours, params) {
  set.seed(7)
  x <- matrix(rnorm(24), 12, dimnames = list(NULL, c("a", "b")))
  ry <- rep(c(TRUE, FALSE), c(8, 4))
  try_one <- function(y, x, ry) {
    y[!ry] <- NA
    ours(y, ry, x, !ry, params)
  }
  few <- seq_len(12) < 3
  list(
    no_predictor = try_one(rnorm(12), x[, 0, drop = FALSE], ry),
    constant = try_one(rep(4, 12), x, ry),
    constant_predictor = try_one(rnorm(12), x * 0 + 1, ry),
    few = try_one(rnorm(12), x, few),
    one = try_one(rnorm(12), x[, 1, drop = FALSE], seq_len(12) == 1)
  )
}

# missForest of numbers by ranger, as CRAN's package has it since version 1.6, but for the size of
# nodes; from where the generator stands.
plain_missforest <- function(data, mtry, ntree) {
  before <- as.matrix(data)
  gone <- is.na(before)
  now <- apply(before, 2, function(column) ifelse(is.na(column), mean(column, na.rm = TRUE), column))
  old <- Inf
  new <- 0
  iteration <- 0
  kept <- list()
  while (new < old && iteration < 10) {
    if (iteration > 0) old <- new
    previous <- now
    for (j in order(colSums(gone))) {
      if (!any(gone[, j])) next
      forest <- ranger::ranger(
        x = now[!gone[, j], -j], y = now[!gone[, j], j], num.trees = ntree, mtry = mtry,
        min.node.size = 5, num.threads = 1
      )
      now[gone[, j], j] <- predict(forest, data = now[gone[, j], -j], num.threads = 1)$predictions
    }
    iteration <- iteration + 1
    kept[[iteration]] <- now
    new <- sum((now - previous)^2) / sum(now^2)
  }
  as.data.frame(kept[[if (iteration == 10) iteration else iteration - 1]])
}

plain_missforest_from <- function(data, mtry, ntree, seed, use_stream) {
  use_stream(seed)
  plain_missforest(data, mtry, ntree)
}
