# What limma-voom says of the 43 Pre and On pairs of Riaz 2017 (GSE91061), by ~patient+timepoint.
# In: $OHMICS_DATA/riaz2017. Out: tables/riaz2017_de.tsv.gz. Run: Rscript r/riaz2017.R (from tests/golden).
suppressPackageStartupMessages({library(limma); library(edgeR)})
folder <- file.path(Sys.getenv("OHMICS_DATA"), "riaz2017")
samples <- read.delim(file.path(folder, "samples.tsv"), na.strings = character())
counts <- as.matrix(read.csv(gzfile(file.path(folder, "GSE91061_counts_entrez.csv.gz")), row.names = 1,
                             check.names = FALSE))
samples <- samples[!duplicated(samples[, c("patient", "timepoint")]), ]
both <- intersect(samples$patient[samples$timepoint == "Pre"], samples$patient[samples$timepoint == "On"])
samples <- samples[samples$patient %in% both, ]
counts <- counts[, samples$sample]
timepoint <- factor(samples$timepoint, levels = c("Pre", "On"))
design <- model.matrix(~factor(samples$patient) + timepoint)
dge <- DGEList(counts)
dge <- calcNormFactors(dge[filterByExpr(dge, group = timepoint), , keep.lib.sizes = FALSE])
v <- voom(dge, design)
fit <- eBayes(lmFit(v, design))
table <- topTable(fit, coef = "timepointOn", number = Inf, sort.by = "none")
cat(length(both), "pairs,", nrow(table), "genes,", sum(table$adj.P.Val < 0.2), "at FDR 0.2,", sum(table$adj.P.Val < 0.1), "at 0.1\n")
answer <- data.frame(gene = rownames(table), log2_fc = signif(table$logFC, 8), t = signif(table$t, 8),
                     p = signif(table$P.Value, 8))
target <- gzfile("tables/riaz2017_de.tsv.gz", "w", compression = 9)
write.table(answer, target, sep = "\t", quote = FALSE, row.names = FALSE)
close(target)

# Gene sets every reader can rebuild: genes of the tested table by position.
index <- lapply(c(10, 30, 100), function(n) seq(7, by = 101, length.out = n))
names(index) <- paste0("every101_", lengths(index))
index$top60 <- order(table$P.Value)[1:60]
free <- camera(v, index, design, contrast = "timepointOn", inter.gene.cor = NA, sort = FALSE)
rotated <- fry(v, index, design, contrast = "timepointOn", sort = "none")
write.table(data.frame(set = names(index), n = free$NGenes, correlation = signif(free$Correlation, 8),
                       p_camera = signif(free$PValue, 8), p_fry = signif(rotated$PValue, 8)),
            "tables/riaz2017_sets.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
