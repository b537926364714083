# What gridrun/report/statistics computes, again and otherwise: base R, one comparison at a time.
# Arguments: the long frame, and the file to write; the same of a grid for its effects; the file for
# all pairs of methods of the long frame; probabilities, and files for their recalibration and bins.
args <- commandArgs(trailingOnly = TRUE)
long <- read.csv(args[1])
reference <- "mean"
worst <- -1
rope <- 0.02

correlation <- function(ratio) {
  # mean over all pairs of folds of sqrt(r_j r_k), r = n_test / (n_test + n_train)
  r <- ratio / (1 + ratio)
  pairs <- combn(length(r), 2)
  mean(sqrt(r[pairs[1, ]] * r[pairs[2, ]]))
}

one <- function(group, method, view) {
  ours <- long[long$classifier == group & long$method == method, ]
  theirs <- long[long$classifier == group & long$method == reference, ]
  both <- merge(ours, theirs, by = c("cell", "fold"), suffixes = c("", ".ref"))
  if (view == "worst case") {
    both$value[is.na(both$value)] <- worst
    both$value.ref[is.na(both$value.ref)] <- worst
  }
  if (view == "fallback") {
    lacks <- is.na(both$value)
    both$value[lacks] <- both$value.ref[lacks]
  }
  d <- both$value - both$value.ref
  by_fold <- tapply(d, both$fold, mean, na.rm = TRUE)
  ratio <- tapply(both$test_rows / both$training_rows, both$fold, mean)
  ratio <- ratio[!is.na(by_fold)]
  by_fold <- by_fold[!is.na(by_fold)]
  folds <- length(by_fold)
  rho <- correlation(ratio)
  error <- sqrt((1 / folds + rho / (1 - rho)) * var(by_fold))
  # the ordinary t test of the same folds, its standard error replaced
  plain <- t.test(by_fold)
  widened <- plain$estimate + (plain$conf.int - plain$estimate) * error / plain$stderr
  df <- plain$parameter
  data.frame(
    classifier = group, method = method, failures = view,
    mean = mean(both$value, na.rm = TRUE), folds = folds, pairs = sum(!is.na(d)),
    difference = plain$estimate, lower = widened[1], upper = widened[2],
    p_value = 2 * pt(-abs(plain$statistic * plain$stderr / error), df),
    p_worse = integrate(
      function(x) dt((x - plain$estimate) / error, df) / error, -Inf, -rope,
      rel.tol = 1e-11
    )$value,
    p_better = integrate(
      function(x) dt((x - plain$estimate) / error, df) / error, rope, Inf,
      rel.tol = 1e-11
    )$value,
    variance_factor = 1 / folds + rho / (1 - rho)
  )
}

found <- NULL
for (view in c("fallback", "scored only", "worst case")) {
  part <- NULL
  for (group in unique(long$classifier)) {
    for (method in setdiff(unique(long$method), reference)) {
      part <- rbind(part, one(group, method, view))
    }
  }
  part$p_holm <- p.adjust(part$p_value, "holm")
  found <- rbind(found, part)
}
write.csv(found, args[2], row.names = FALSE)

grid <- read.csv(args[3], stringsAsFactors = TRUE)
ratio <- 3 / 7
by_fold <- function(model, term) {
  sapply(split(grid, grid$fold), function(part) {
    fit <- lm(model, part, contrasts = list(method = "contr.sum", b = "contr.sum", c = "contr.sum"))
    effects <- dummy.coef(fit)[[term]]
    as.vector(effects)
  })
}
over_folds <- function(effects, parameter) {
  folds <- ncol(effects)
  error <- apply(effects, 1, sd) * sqrt(1 / folds + ratio)
  half <- qt(0.975, folds - 1) * error
  middle <- rowMeans(effects)
  data.frame(parameter, effect = middle, lower = middle - half, upper = middle + half)
}
main <- value ~ method + b + c
pair <- value ~ method + b + c + method:b
effects <- rbind(
  over_folds(by_fold(main, "method"), "method"),
  over_folds(by_fold(main, "b"), "b"),
  over_folds(by_fold(main, "c"), "c"),
  over_folds(by_fold(pair, "method:b"), "method:b")
)
write.csv(effects, args[4], row.names = FALSE)

# all pairs of methods, on the cells and folds in which each has a value
pairs <- NULL
for (group in unique(long$classifier)) {
  part <- long[long$classifier == group, ]
  wide <- reshape(
    part[c("cell", "fold", "method", "value")],
    idvar = c("cell", "fold"), timevar = "method", direction = "wide"
  )
  methods <- unique(part$method)
  values <- wide[paste0("value.", methods)]
  names(values) <- methods
  for (method in methods) {
    lacks <- is.na(values[[method]])
    values[lacks, method] <- values[lacks, reference]
  }
  whole <- complete.cases(values)
  by_fold <- aggregate(values[whole, ], list(fold = wide$fold[whole]), mean)
  ratio <- tapply(part$test_rows / part$training_rows, part$fold, mean)
  rho <- correlation(ratio[as.character(by_fold$fold)])
  folds <- nrow(by_fold)
  tests <- as.data.frame(t(combn(methods, 2)))
  names(tests) <- c("first", "second")
  for (at in seq_len(nrow(tests))) {
    d <- by_fold[[tests$first[at]]] - by_fold[[tests$second[at]]]
    tests$difference[at] <- mean(d)
    error <- sd(d) * sqrt(1 / folds + rho / (1 - rho))
    tests$p_value[at] <- 2 * pt(-abs(mean(d) / error), folds - 1)
  }
  tests$p_holm <- p.adjust(tests$p_value, "holm")
  pairs <- rbind(pairs, data.frame(classifier = group, tests))
}
write.csv(pairs, args[5], row.names = FALSE)

# logistic recalibration, and observed shares by bins
told <- read.csv(args[6])
told$at <- qlogis(pmin(pmax(told$probability, 0.001), 0.999))
fits <- do.call(rbind, lapply(split(told, told$name), function(part) {
  both <- coef(glm(positive ~ at, binomial, part))
  held <- coef(glm(positive ~ 1, binomial, part, offset = at))
  clipped <- mean(part$probability < 0.001 | part$probability > 0.999)
  data.frame(
    name = part$name[1], intercept = both[1], slope = both[2], in_the_large = held[1],
    clipped = clipped
  )
}))
write.csv(fits, args[7], row.names = FALSE)
bins <- do.call(rbind, lapply(split(told, told$name), function(part) {
  bin <- cut(part$probability, (0:10) / 10, include.lowest = TRUE)
  data.frame(
    name = part$name[1], n = as.vector(table(bin)),
    predicted = as.vector(tapply(part$probability, bin, mean)),
    observed = as.vector(tapply(part$positive, bin, mean))
  )
}))
write.csv(bins, args[8], row.names = FALSE)
