# Ways in which R goes wrong, one function each; `fine` is the one that does not.

fine <- function() {
  cat("R's cat\n")
  message("R's message")
  system("echo a shell from R")
  sum(1:10)
}

stops <- function() stop("deep trouble")

segfaults <- function() tools::pskill(Sys.getpid(), 11L)

quits <- function() quit(save = "no", status = 4)

recurses <- function() recurses()

asks_too_much <- function() numeric(1e13)

# A transform of prime length costs n^2 steps inside C, where R does not look up.
loops_in_c <- function() fft(numeric(20000003))

# Three seconds inside C on any machine, all of them computing; no callback, no look at anything.
busy_in_c <- function() {
  once <- min(replicate(3, system.time(fft(numeric(5003)))[["elapsed"]]))
  length(mvfft(matrix(0, 5003, ceiling(3 / max(once, 0.005)))))
}

sleeps <- function() {
  Sys.sleep(2)
  1L
}

waits_for_a_shell <- function() {
  system("sleep 2")
  1L
}

leaves_a_stopped_one <- function() {
  system("sh -c 'kill -STOP $$' &")
  until <- proc.time()[["user.self"]] + 1.5
  while (proc.time()[["user.self"]] < until) sum(1:1000)
  1L
}

waits_for_a_stopped_one <- function() system("kill -STOP $$")
