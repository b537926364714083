# A model that mice's chains fit for the training rows serves the test rows as well: they are
# filled one after the other from the same known values, with the generator at the same place
# (_mice_learnt.R), so that the second fit is the first one again. It is remembered.
# helpers: generator_state, use_generator (../r/streams.R)

.last_fit <- new.env()

# What `fit` makes of the known values `y` of a feature and their predictors `x`; the generator
# is left where fitting leaves it. Arguments in `...` are handed on.
fitted_once <- function(fit, y, x, ...) {
  given <- list(generator_state(), y, x, ...)
  if (identical(given, .last_fit$given)) {
    use_generator(.last_fit$after)
  } else {
    model <- fit(y, x, ...)
    assign("given", given, envir = .last_fit)
    assign("model", model, envir = .last_fit)
    assign("after", generator_state(), envir = .last_fit)
  }
  .last_fit$model
}
