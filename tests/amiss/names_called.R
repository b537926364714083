# For each R file: the functions of other files that it calls, one "file<TAB>other<TAB>name" a line.
root <- commandArgs(trailingOnly = TRUE)[1L]
files <- list.files(root, "[.]R$", recursive = TRUE)
files <- files[grepl("^(imputation|classifiers|stages|r)/", files) & files != "r/all.R"]
parsed <- lapply(file.path(root, files), parse)
defined <- lapply(parsed, function(code) {
  vapply(as.list(code), function(one) as.character(one[[2L]])[1L], "")
})
names(defined) <- files
for (i in seq_along(files)) {
  used <- setdiff(unique(unlist(lapply(as.list(parsed[[i]]), all.names))), defined[[i]])
  shared <- files[grepl("^(r|stages)/", files) | grepl("/_", files)]
  near <- shared[dirname(shared) == dirname(files[i])]
  for (other in c(near, shared[grepl("^(r|stages)/", shared)])) {
    for (name in intersect(used, defined[[other]])) {
      cat(files[i], other, name, sep = "\t")
      cat("\n")
    }
    used <- setdiff(used, defined[[other]])
  }
}
