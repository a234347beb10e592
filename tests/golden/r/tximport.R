# Transcripts of salmon and RSEM's shape -> what tximport 1.26 makes of them with countsFromAbundance = "lengthScaledTPM".
# Some genes are without expression in one sample, some in all: their lengths are then stood in for.
suppressMessages(library(tximport))
set.seed(7)
n_genes <- 40
n_samples <- 5
per_gene <- sample(1:4, n_genes, replace = TRUE)
gene <- rep(sprintf("ENSG%011d", seq_len(n_genes)), per_gene)
tx <- sprintf("ENST%011d", seq_along(gene))
# An order in which the transcripts of a gene do not stand together.
shuffled <- sample(length(tx))
gene <- gene[shuffled]
tx <- tx[shuffled]
folder <- tempfile()
dir.create(folder)
length <- round(runif(length(tx), 300, 4000))
rows <- list()
files <- character()
for (s in seq_len(n_samples)) {
  effective <- round(pmax(1, length - runif(1, 120, 260) + rnorm(length(tx), 0, 5)), 3)
  reads <- round(rgamma(length(tx), 0.6, scale = 900) * runif(1, 0.5, 2), 3)
  reads[runif(length(tx)) < 0.15] <- 0
  reads[gene %in% sprintf("ENSG%011d", c(3, 11))] <- 0
  if (s == 2) reads[gene %in% sprintf("ENSG%011d", c(5, 8, 21))] <- 0
  rate <- reads / effective
  tpm <- signif(1e6 * rate / sum(rate), 8)
  name <- paste0("S", s)
  file <- file.path(folder, paste0(name, ".sf"))
  frame <- data.frame(Name = tx, Length = length, EffectiveLength = effective, TPM = tpm, NumReads = reads)
  write.table(frame, file, sep = "\t", quote = FALSE, row.names = FALSE)
  rows[[s]] <- cbind(sample = name, frame)
  files[name] <- file
}
tx2gene <- data.frame(tx = tx, gene = gene)
found <- tximport(
  files, type = "salmon", tx2gene = tx2gene, countsFromAbundance = "lengthScaledTPM", importer = read.delim
)
save <- function(frame, name) {
  write.table(frame, file.path("tables", name), sep = "\t", quote = FALSE, row.names = FALSE)
}
save(do.call(rbind, rows), "tximport_quant.tsv")
save(tx2gene, "tximport_genes.tsv")
save(data.frame(gene = rownames(found$counts), signif(found$counts, 10), check.names = FALSE), "tximport_counts.tsv")
writeLines(capture.output(sessionInfo()), "tables/tximport_sessionInfo.txt")
