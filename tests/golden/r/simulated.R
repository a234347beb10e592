# Simulates a small paired cohort and writes what limma and edgeR say of it.
# In: nothing. Out: tables/simulated_*.tsv beside this folder. Run: Rscript r/simulated.R (from tests/golden).
suppressPackageStartupMessages({library(limma); library(edgeR)})
set.seed(20240229)
out <- "tables"
digits <- 10
save <- function(frame, name) {
  for (j in seq_along(frame)) if (is.numeric(frame[[j]])) frame[[j]] <- signif(frame[[j]], digits)
  write.table(frame, file.path(out, paste0("simulated_", name, ".tsv")), sep = "\t", quote = FALSE, row.names = FALSE)
}

n_genes <- 300
patients <- paste0("P", 1:6)
samples <- data.frame(
  sample = paste0(rep(patients, each = 2), c("_pre", "_relapse")),
  patient = rep(patients, each = 2),
  timepoint = rep(c("pre", "relapse"), 6),
  response = rep(c("R", "R", "N", "N", "N", "R"), each = 2),
  age = rep(c(11, 4, 7, 16, 9, 13), each = 2)
)
# Expression from 0.3 to 3,000 counts, so that filterByExpr has something to drop; genes 21 to 40 move together.
base <- exp(runif(n_genes, log(0.3), log(3000)))
depth <- exp(rnorm(12, 0, 0.4))
patient_effect <- matrix(rnorm(n_genes * 6, 0, 0.3), n_genes)[, rep(1:6, each = 2)]
shared <- rnorm(12, 0, 0.5)
change <- rep(0, n_genes)
change[1:20] <- 1
change[41:50] <- -0.8
mu <- base * exp(patient_effect + outer(change, rep(c(0, 1), 6)))
mu[21:40, ] <- mu[21:40, ] * rep(exp(shared), each = 20)
mu <- sweep(mu, 2, depth, "*")
counts <- matrix(rnbinom(length(mu), mu = mu, size = 8), n_genes)
rownames(counts) <- sprintf("gene%03d", 1:n_genes)
colnames(counts) <- samples$sample
save(data.frame(gene = rownames(counts), counts, check.names = FALSE), "counts")
save(samples, "samples")

keep <- filterByExpr(counts, group = samples$timepoint)
save(data.frame(gene = rownames(counts), kept = as.integer(keep)), "kept")
dge <- DGEList(counts)[keep, , keep.lib.sizes = FALSE]
dge <- calcNormFactors(dge)
save(data.frame(sample = samples$sample, factor = dge$samples$norm.factors), "tmm")
save(data.frame(gene = rownames(dge), cpm(dge, log = TRUE, prior.count = 2), check.names = FALSE), "log_cpm")

sets <- list(up = 1:20, correlated = 21:40, down = 41:50, none = seq(55, 295, by = 12))
names_kept <- rownames(dge)
index <- lapply(sets, function(i) which(names_kept %in% sprintf("gene%03d", i)))

answers <- function(design, coefficient, label) {
  v <- voom(dge, design)
  fit <- eBayes(lmFit(v, design))
  table <- topTable(fit, coef = coefficient, number = Inf, sort.by = "none", confint = TRUE)
  save(data.frame(gene = rownames(table), table[, c("logFC", "CI.L", "CI.R", "AveExpr", "t", "P.Value", "adj.P.Val")]),
       paste0(label, "_de"))
  free <- camera(v, index, design, contrast = coefficient, inter.gene.cor = NA, sort = FALSE)
  fixed <- camera(v, index, design, contrast = coefficient, inter.gene.cor = 0.01, sort = FALSE)
  signed <- list(both = data.frame(gene = names_kept[c(index$up, index$down)],
                                   weight = rep(c(1, -1), lengths(index[c("up", "down")]))))
  rotated <- fry(v, c(index, signed), design, contrast = coefficient, sort = "none")
  save(data.frame(set = names(index), n = free$NGenes, correlation = free$Correlation, direction = free$Direction,
                  p_estimated = free$PValue, p_fixed = fixed$PValue), paste0(label, "_camera"))
  save(data.frame(set = rownames(rotated), n = rotated$NGenes, direction = rotated$Direction, p = rotated$PValue),
       paste0(label, "_fry"))
  invisible(v)
}
paired <- model.matrix(~patient + timepoint, samples)
v <- answers(paired, "timepointrelapse", "paired")
save(data.frame(gene = rownames(v), v$weights), "paired_weights")
groups <- model.matrix(~age + timepoint, samples)
answers(groups, "timepointrelapse", "groups")
save(data.frame(prior_df = eBayes(lmFit(v, paired))$df.prior, prior_variance = eBayes(lmFit(v, paired))$s2.prior),
     "paired_prior")

x <- c(sort(round(runif(250, 0, 12), 2)), 12, 12, 12)
y <- 1.2 - 0.08 * x + rnorm(length(x), 0, 0.1)
y[c(10, 100)] <- 3
trend <- lowess(x, y, f = 0.5)
save(data.frame(x = x, y = y, fitted = trend$y), "lowess")

if (requireNamespace("statmod", quietly = TRUE)) {
  random <- model.matrix(~timepoint, samples)
  block <- samples$patient
  first <- voom(dge, random)
  one <- duplicateCorrelation(first, random, block = block)$consensus
  second <- voom(dge, random, block = block, correlation = one)
  two <- duplicateCorrelation(second, random, block = block)$consensus
  fit <- eBayes(lmFit(second, random, block = block, correlation = two))
  table <- topTable(fit, coef = "timepointrelapse", number = Inf, sort.by = "none", confint = TRUE)
  save(data.frame(gene = rownames(table), table[, c("logFC", "CI.L", "CI.R", "AveExpr", "t", "P.Value", "adj.P.Val")]),
       "random_de")
  save(data.frame(pass = 1:2, correlation = c(one, two)), "random_correlation")
}
info <- capture.output(sessionInfo())
writeLines(info[!grepl("lapack|blas", info, ignore.case = TRUE)], file.path(out, "sessionInfo.txt"))
