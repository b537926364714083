# Missing values become ten times the range of their feature: a value far outside,
# for trees to split off.
# What a method defines: ../stages/impute.R.
# helpers: fill_train, fill_test (_single_value.R)

impute_train <- function(data, params, seed) {
  fill_train(data, function(observed) 10 * abs(max(observed) - min(observed)))
}

impute_test <- function(data, state, seed) fill_test(data, state)

impute_test_learnt <- impute_test
