# Values from the leaves of a forest as they are defined, row by row, and as a method's file draws
# them; after each the next random number.
leaf_values_twice <- function(method, trees) {
  set.seed(3)
  x <- matrix(rnorm(180), 60, dimnames = list(NULL, c("a", "b", "c")))
  y <- round(x[, 1L] + rnorm(60))
  known <- seq_len(60) %% 4 != 0
  set.seed(7)
  forest <- ranger::ranger(x = x[known, ], y = y[known], num.trees = trees, num.threads = 1L)
  leaves <- function(rows) {
    found <- predict(forest, data = x[rows, ], type = "terminalNodes", num.threads = 1L)
    matrix(ranger::predictions(found), sum(rows))
  }
  donors_in <- leaves(known)
  wanted <- leaves(!known)
  numbers <- runif(sum(!known))
  plain <- vapply(seq_along(numbers), function(i) {
    donors <- y[known][row(donors_in)[donors_in == rep(wanted[i, ], each = sum(known))]]
    donors[ceiling(numbers[i] * length(donors))]
  }, 0)
  after <- runif(1L)
  draw <- function(seed, ...) {
    set.seed(seed)
    method$.leaf_values(y, known, x, !known, list(reach_mice = TRUE, ntree = trees), ...)
  }
  found <- draw(7)
  found_after <- runif(1L)
  # the second time the forest of another place of the generator is kept
  kept <- method$.leaves_once()
  draw(8, leaves = kept)
  again <- draw(7, leaves = kept)
  once_more <- draw(7, leaves = kept)
  list(
    plain = c(plain, after), found = c(found, found_after), again = again, once_more = once_more
  )
}
