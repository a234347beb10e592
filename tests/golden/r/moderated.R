# What limma says of a paired cohort with one bad sample and outlying genes: sample quality weights, eBayes with trend
# and robust, treat, contrasts. In: nothing (seeded). Out: tables/moderated_*.tsv. Run: Rscript r/moderated.R (from
# tests/golden).
suppressPackageStartupMessages({library(limma); library(edgeR)})
set.seed(20240701)
save <- function(frame, name) {
  for (j in seq_along(frame)) if (is.numeric(frame[[j]])) frame[[j]] <- signif(frame[[j]], 10)
  write.table(frame, file.path("tables", paste0("moderated_", name, ".tsv")), sep = "\t", quote = FALSE, row.names = FALSE)
}
n_genes <- 400
patients <- paste0("P", 1:6)
samples <- data.frame(
  sample = paste0(rep(patients, each = 2), c("_pre", "_relapse")),
  patient = rep(patients, each = 2),
  timepoint = rep(c("pre", "relapse"), 6),
  arm = rep(c("a", "b", "c"), each = 4)
)
base <- exp(runif(n_genes, log(1), log(3000)))
patient_effect <- matrix(rnorm(n_genes * 6, 0, 0.3), n_genes)[, rep(1:6, each = 2)]
change <- c(rep(1, 25), rep(0.3, 25), rep(0, n_genes - 50))
# The spread of a gene between samples falls with its expression, and twelve genes spread far more than the others.
spread <- 0.15 + 0.6 / log2(base + 2)
spread[300:311] <- 2.5
noise <- matrix(rnorm(n_genes * 12), n_genes) * spread
noise[, 6] <- noise[, 6] * 3
mu <- base * exp(patient_effect + outer(change, rep(c(0, 1), 6)) + noise)
counts <- matrix(rpois(length(mu), mu), n_genes, dimnames = list(sprintf("gene%03d", 1:n_genes), samples$sample))
save(data.frame(gene = rownames(counts), counts, check.names = FALSE), "counts")
save(samples, "samples")

keep <- filterByExpr(counts, group = samples$timepoint)
dge <- calcNormFactors(DGEList(counts)[keep, , keep.lib.sizes = FALSE])
paired <- model.matrix(~patient + timepoint, samples)
v <- voom(dge, paired)
fit <- lmFit(v, paired)
priors <- data.frame(gene = rownames(v))
tests <- data.frame(gene = rownames(v))
for (trend in c(FALSE, TRUE)) for (robust in c(FALSE, TRUE)) {
  name <- paste0(if (trend) "trend" else "flat", if (robust) "_robust" else "")
  one <- eBayes(fit, trend = trend, robust = robust)
  priors[[paste0(name, "_df")]] <- rep_len(one$df.prior, nrow(v))
  priors[[paste0(name, "_variance")]] <- rep_len(one$s2.prior, nrow(v))
  tests[[paste0(name, "_p")]] <- one$p.value[, "timepointrelapse"]
  tests[[paste0(name, "_t")]] <- one$t[, "timepointrelapse"]
  far <- treat(fit, lfc = 0.5, trend = trend, robust = robust)
  tests[[paste0(name, "_treat_p")]] <- far$p.value[, "timepointrelapse"]
  tests[[paste0(name, "_treat_t")]] <- far$t[, "timepointrelapse"]
}
save(priors, "priors")
save(tests, "tests")

weighed <- voomWithQualityWeights(dge, paired)
save(data.frame(sample = samples$sample, weight = weighed$targets$sample.weights), "quality")
table <- topTable(eBayes(lmFit(weighed, paired)), coef = "timepointrelapse", number = Inf, sort.by = "none", confint = TRUE)
save(data.frame(gene = rownames(table), table[, c("logFC", "CI.L", "CI.R", "AveExpr", "t", "P.Value", "adj.P.Val")]),
     "quality_de")
# The same with a random effect, each step as in voomLmFit: voom, weights, correlation, and all three again.
plain <- model.matrix(~timepoint, samples)
first <- voom(dge, plain)
one <- arrayWeights(first, plain)
first$weights <- t(one * t(first$weights))
between <- duplicateCorrelation(first, plain, block = samples$patient)$consensus
second <- voom(dge, plain, weights = one, block = samples$patient, correlation = between)
two <- arrayWeights(second, plain)
second$weights <- t(two * t(second$weights))
final <- duplicateCorrelation(second, plain, block = samples$patient)$consensus
fitted <- eBayes(lmFit(second, plain, block = samples$patient, correlation = final))
save(data.frame(sample = samples$sample, first = one, weight = two, correlation = c(between, rep(final, 11))), "random_quality")
save(data.frame(gene = rownames(fitted), log2_fc = fitted$coefficients[, 2], p = fitted$p.value[, 2]), "random_quality_de")

arms <- model.matrix(~0 + arm + timepoint, samples)
contrast <- c(-1, 2, -1, 0) / 2
again <- contrastAsCoef(arms, contrast)
arm_fit <- eBayes(lmFit(voom(dge, arms), again$design))
save(data.frame(gene = rownames(arm_fit), log2_fc = arm_fit$coefficients[, again$coef], p = arm_fit$p.value[, again$coef]),
     "arms")

drawn <- data.frame(overlap = c(0, 3, 10, 40, 1), list = c(20, 20, 50, 200, 5), significant = c(100, 100, 300, 2000, 15000),
                    tested = c(15000, 15000, 12000, 16000, 16000))
drawn$p <- phyper(drawn$overlap - 1, drawn$list, drawn$tested - drawn$list, drawn$significant, lower.tail = FALSE)
save(drawn, "phyper")
info <- capture.output(sessionInfo())
writeLines(info[!grepl("lapack|blas", info, ignore.case = TRUE)], "tables/moderated_sessionInfo.txt")
cat(sum(keep), "genes;", sum(priors$flat_robust_df < max(priors$flat_robust_df)), "with fewer prior df\n")
print(unique(priors$flat_df)); print(weighed$targets$sample.weights)
