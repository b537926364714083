# Missing values are drawn from the leaves of random forests grown on the other features, by
# chained equations (Doove et al. 2014, doi:10.1016/j.csda.2013.10.025).
# The signature of the functions is documented in ../impute.R.

# mice would otherwise try to install the package, and use every core.
.require_ranger <- function() {
  if (!requireNamespace("ranger", quietly = TRUE)) {
    stop("imputation=rf needs the R package ranger (Debian: r-cran-ranger)", call. = FALSE)
  }
  options(ranger.num.threads = 1L)
}

impute_train <- function(data, params, seed) {
  .require_ranger()
  mice_train(data, "rf")
}

impute_test <- function(data, state, seed) {
  .require_ranger()
  mice_test(data, "rf")
}
