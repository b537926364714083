# Missing values are drawn from the leaves of random forests grown on the other features, by
# chained equations (Doove et al. 2014, doi:10.1016/j.csda.2013.10.025).
# The signature of the functions is documented in ../impute.R.

# The forests are ranger's, which would take every core. Their number of trees is
# 10 whatever the row says (D5).
.one_thread <- function() options(ranger.num.threads = 1L)

impute_train <- function(data, params, seed) {
  .one_thread()
  mice_train(data, "rf")
}

impute_test <- function(data, state, seed) {
  .one_thread()
  mice_test(data, "rf")
}
