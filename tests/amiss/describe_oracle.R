# The same statistics by R's own functions, for comparison.

quartiles <- function(values) unname(quantile(values, na.rm = TRUE))

missing_p <- function(missing, positive) fisher.test(table(missing, positive))$p.value

rank_p <- function(positive, negative) {
  suppressWarnings(wilcox.test(positive, negative, exact = FALSE)$p.value)
}

level_p <- function(levels, positive) {
  suppressWarnings(chisq.test(table(levels, positive), correct = FALSE)$p.value)
}

adjusted <- function(p) p.adjust(p, "BH")

pairwise <- function(first, second) {
  suppressWarnings(cor(first, second, use = "pairwise.complete.obs"))
}
