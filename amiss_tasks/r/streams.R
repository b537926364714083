# Random streams as doRNG hands them to upstream's seeded loops
# (upstream-behaviour section 11.4): L'Ecuyer-CMRG started from `seed` while
# Mersenne-Twister is the ambient kind; stream k by parallel::nextRNGStream.
# helpers: none

# Puts the generator at the start of stream `k` (counted from 1) of `seed`.
use_stream <- function(seed, k = 1L) {
  RNGkind("Mersenne-Twister", "Inversion", "Rejection")
  set.seed(seed)
  RNGkind("L'Ecuyer-CMRG")
  state <- generator_state()
  for (step in seq_len(k - 1L)) state <- parallel::nextRNGStream(state)
  use_generator(state)
}

# Where the generator stands; its kind is part of it.
generator_state <- function() get(".Random.seed", envir = globalenv())

# Puts the generator there.
use_generator <- function(state) {
  assign(".Random.seed", state, envir = globalenv())
  invisible(state)
}
