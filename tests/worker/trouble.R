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

# What a method may leave: a daemon with nothing of our environment, files, and an open port.
leaves_much <- function() {
  sleeps <- "exec env -i setsid nohup sh -c 'echo $$ >> \"$0\"; exec sleep 3600'"
  system(paste(sleeps, shQuote(Sys.getenv("LEFT")), ">/dev/null 2>&1 &"))
  writeLines("text", tempfile())
  writeLines("text", "in_the_working_directory")
  left <<- serverSocket(as.integer(Sys.getenv("LEFT_PORT")))
  while (!file.exists(Sys.getenv("LEFT"))) Sys.sleep(0.01)
  1L
}

leaves_much_and_dies <- function() {
  leaves_much()
  tools::pskill(Sys.getpid(), 11L)
}
