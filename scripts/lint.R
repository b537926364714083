# Lints the R files of amiss_tasks with the linters of .lintr; any finding is a failure.
files <- list.files("amiss_tasks", "[.]R$", recursive = TRUE, full.names = TRUE)
options(lintr.linter_file = normalizePath(".lintr"))
findings <- lapply(files, lintr::lint)
for (found in findings) {
  if (length(found) > 0) print(found)
}
count <- sum(lengths(findings))
cat(sprintf("%d R files, %d findings\n", length(files), count))
quit(status = as.integer(count > 0))
