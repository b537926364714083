# A fold's steps as a statistician would call them; P(positive) of its rows.
by_hand <- function(method, classifier) {
  data <- as.data.frame(matrix((seq_len(80) * 7) %% 31 %% 13, 20))
  names(data) <- c("a", "b", "c", "d")
  data$a[c(2, 5)] <- NA
  data$c[7] <- NA
  outcome <- outcome_factor(data$b + data$d > 11)
  sampled <- draw_sample(
    data, outcome, list(), 8L, TRUE, 1, 0.9, names(data), character(),
    list(hyperparameters = 1L, downsampling = 2L, rows = 3L),
    corrected = c("draw_order", "sampling", "balanced_downsampling")
  )
  prepared <- prepare(data, sampled, variance = TRUE, correlation = TRUE, names(data))
  x <- cut_table(data, prepared$rows, prepared$features)
  y <- cut_outcome(outcome, prepared$rows)
  imputed <- complete_training(method, x, list(list()), NULL, 42, fails_fold = TRUE)
  trained <- train(classifier, imputed$tables, y, 42, "grid", list())
  tested <- complete_test(
    method, data[prepared$features], imputed$states[[1]], 42,
    learnt = TRUE
  )
  predict_rows(classifier, trained$models[[1]], tested[[1]])$positive
}
