# What limma-voom and camera say of HA against CD19 CAR T cells, by ~donor+day+CAR (3 donors × 3 days).
# In: $OHMICS_DATA/cartex. Out: tables/cartex_de.tsv.gz, cartex_sets.tsv. Run: Rscript r/cartex.R (from tests/golden).
suppressPackageStartupMessages({library(limma); library(edgeR)})
folder <- file.path(Sys.getenv("OHMICS_DATA"), "cartex")
samples <- read.csv(file.path(folder, "samples.csv"), row.names = 1)
counts <- as.matrix(read.csv(gzfile(file.path(folder, "counts_ensembl.csv.gz")), row.names = 1, check.names = FALSE))
counts <- counts[, rownames(samples)]
donor <- factor(samples$Donor)
day <- factor(samples$Timepoint)
car <- factor(samples$CAR, levels = c("CD19", "HA"))
design <- model.matrix(~donor + day + car)
dge <- DGEList(counts)
dge <- calcNormFactors(dge[filterByExpr(dge, group = car), , keep.lib.sizes = FALSE])
v <- voom(dge, design)
table <- topTable(eBayes(lmFit(v, design)), coef = "carHA", number = Inf, sort.by = "none")
cat(nrow(table), "genes,", sum(table$adj.P.Val < 0.05), "at FDR 0.05\n")
target <- gzfile("tables/cartex_de.tsv.gz", "w", compression = 9)
write.table(data.frame(gene = rownames(table), log2_fc = signif(table$logFC, 7), p = signif(table$P.Value, 7)),
            target, sep = "\t", quote = FALSE, row.names = FALSE)
close(target)
index <- lapply(c(10, 30, 100), function(n) seq(7, by = 101, length.out = n))
names(index) <- paste0("every101_", lengths(index))
index$top60 <- order(table$P.Value)[1:60]
free <- camera(v, index, design, contrast = "carHA", inter.gene.cor = NA, sort = FALSE)
rotated <- fry(v, index, design, contrast = "carHA", sort = "none")
write.table(data.frame(set = names(index), n = free$NGenes, correlation = signif(free$Correlation, 8),
                       p_camera = signif(free$PValue, 8), p_fry = signif(rotated$PValue, 8)),
            "tables/cartex_sets.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
