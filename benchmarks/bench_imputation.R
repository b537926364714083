# Timed counterparts of the stages impute and impute-test under protocol `corrected`: mice as a
# user calls it, and the forests that missForest cannot do without. Sourced by
# bench_imputation.py.

.cpu_seconds <- function(code) {
  gc(verbose = FALSE)
  started <- proc.time()
  force(code)
  sum((proc.time() - started)[c("user.self", "sys.self")])
}

# Seconds of gridrun's stages: the training table by each row of hyperparameters, and the test
# table by the last of them.
#
# sizes  list(iterations, completions) of MICE
time_stages <- function(method, train, test, rows, seed, sizes) {
  if (exists(".ITERATIONS", method)) {
    method$.ITERATIONS <- sizes$iterations
    method$.TEST_COMPLETIONS <- sizes$completions
  }
  .cpu_seconds({
    imputed <- impute_rows(method, train, rows, NULL, seed, FALSE, test)
    if (!all(is.na(imputed$failures))) stop(imputed$failures[1L])
    last <- length(rows)
    if (is.null(imputed$tested[[last]])) {
      complete_test(method, test, imputed$states[[last]], seed, TRUE)
    }
  })
}

# Seconds of mice for the same tables. Test rows stand below the training rows with `ignore`.
time_mice <- function(name, method, train, test, rows, seed, sizes) {
  options(ranger.num.threads = 1L)
  use_stream(seed)
  run <- function(data, params, plan, completions, ignore = NULL) {
    do.call(mice::mice, c(
      list(
        method$in_units(data, plan),
        method = name, m = completions, maxit = sizes$iterations, ignore = ignore,
        predictorMatrix = method$predictor_matrix(
          plan$predictors, names(method$in_units(data, plan))
        ), remove.collinear = FALSE,
        printFlag = FALSE
      ),
      method$.mice_arguments(params, name != "rf")
    ))
  }
  .cpu_seconds({
    for (params in rows) {
      plan <- method$mice_plan(train, params)
      run(train, params, plan, 1L)
    }
    ignore <- seq_len(nrow(train) + nrow(test)) > nrow(train)
    run(rbind(train, test), rows[[length(rows)]], plan, sizes$completions, ignore)
  })
}

# Seconds of missForest's loop, written down as published (Stekhoven and Buehlmann 2012,
# algorithm 1): nothing but randomForest's fits and predictions on the training table.
time_forests <- function(train, rows, seed) {
  use_stream(seed)
  gaps <- is.na(train)
  sorted <- names(sort(colSums(gaps)[colSums(gaps) > 0L]))
  .cpu_seconds(for (params in rows) {
    now <- as.matrix(train)
    for (j in sorted) now[gaps[, j], j] <- mean(now[, j], na.rm = TRUE)
    change <- Inf
    for (iteration in 1:10) {
      before <- now
      for (j in sorted) {
        wanted <- gaps[, j]
        others <- setdiff(colnames(now), j)
        forest <- suppressWarnings(randomForest::randomForest(
          now[!wanted, others], now[!wanted, j],
          ntree = params$ntree, mtry = params$mtry, nodesize = 1L
        ))
        now[wanted, j] <- predict(forest, now[wanted, others, drop = FALSE])
      }
      last <- change
      change <- sum((now - before)^2) / sum(now^2)
      if (change >= last) break
    }
  })
}
