# GSVA 1.46 (Debian 12: r-bioc-gsva) on a seeded bulk matrix: ssgsea (not normalised), gsva, zscore and plage.
# Writes tables/gsva_*.tsv.gz; run from tests/golden: LC_ALL=C Rscript r/gsva.R
suppressMessages(library(GSVA))
set.seed(7)
genes <- sprintf("g%04d", 1:500)
samples <- sprintf("s%02d", 1:20)
base <- rgamma(500, 2, 0.5)
expression <- matrix(base + rnorm(500 * 20, sd = 0.8), 500, 20, dimnames = list(genes, samples))
expression[1:25, 11:20] <- expression[1:25, 11:20] + 1
expression <- pmax(expression, 0) + matrix(runif(500 * 20, 0, 1e-3), 500, 20)
expression <- signif(expression, 9)
sets <- list(up = genes[1:25])
sizes <- c(5, 8, 12, 20, 35, 60, 100, 150)
for (k in seq_along(sizes)) sets[[sprintf("set%d", k)]] <- sample(genes, sizes[k])
write <- function(values, name, label) {
  frame <- data.frame(rownames(values), formatC(values, digits = 10, format = "g", width = 1), check.names = FALSE)
  names(frame)[1] <- label
  connection <- gzfile(file.path("tables", sprintf("gsva_%s.tsv.gz", name)), "w")
  write.table(frame, connection, sep = "\t", quote = FALSE, row.names = FALSE)
  close(connection)
}
write(expression, "expression", "gene")
members <- do.call(rbind, lapply(names(sets), function(n) data.frame(set = n, gene = sets[[n]])))
write.table(members, "tables/gsva_sets.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
for (method in c("ssgsea", "gsva", "zscore", "plage")) {
  invisible(capture.output(
    values <- gsva(expression, sets, method = method, kcdf = "Gaussian", ssgsea.norm = FALSE, verbose = FALSE)
  ))
  write(values, method, "set")
}
writeLines(capture.output(sessionInfo()), "tables/gsva_sessionInfo.txt")
