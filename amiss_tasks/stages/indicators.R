# The parameter `indicators`: beside what a method imputes, columns that say where values were
# missing (Van Ness et al. 2023, doi:10.1145/3580305.3599911; Le Morvan et al. 2021, NeurIPS 34;
# Sperrin et al. 2020, J. Clin. Epidemiol. 125).
# helpers: table_of (../r/tables.R)

# Name of the indicator of each of these features.
indicator_names <- function(features) sprintf("%s_missing", features)

# One logical column for each named column of `data`.
indicator_columns <- function(data, features) {
  columns <- lapply(unclass(data)[features], is.na)
  names(columns) <- indicator_names(features)
  columns
}

# Table with these columns after its own.
append_columns <- function(data, columns) {
  table_of(c(unclass(data)[names(data)], columns), nrow(data))
}

# Imputed tables with the indicators of these features of `data`, the table before it was imputed.
.with_columns <- function(tables, data, features) {
  lapply(tables, function(table) {
    taken <- intersect(indicator_names(features), names(table))
    if (length(taken)) {
      stop(
        "indicators=on adds columns that the method has added already: ", toString(taken),
        call. = FALSE
      )
    }
    append_columns(table, indicator_columns(data, features))
  })
}

# A method with indicators: an environment with the same functions. Which features have one is
# learnt on the training rows: those that some of them lack and others have. The method sees
# none of it: it is given the same table, and the same random numbers.
with_indicators <- function(method) {
  indicated <- new.env()
  indicated$impute_train <- function(data, params, seed) {
    found <- method$impute_train(data, params, seed)
    varies <- vapply(data, function(column) anyNA(column) && !all(is.na(column)), NA)
    features <- names(data)[varies]
    list(
      completed = .with_columns(found$completed, data, features),
      state = list(of_method = found$state, indicators = features)
    )
  }
  for (name in intersect(c("impute_test", "impute_test_learnt", "impute_alone"), ls(method))) {
    indicated[[name]] <- local({
      impute <- method[[name]]
      function(data, state, seed) {
        .with_columns(impute(data, state$of_method, seed), data, state$indicators)
      }
    })
  }
  indicated
}
