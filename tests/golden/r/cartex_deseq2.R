# What DESeq2 says of HA against CD19 CAR T cells, by ~donor+day+CAR (3 donors × 3 days): the genes by p.
# In: $OHMICS_DATA/cartex. Out: tables/cartex_deseq2.tsv.gz (gene, log2 fold change, p of the 3,000 genes of smallest p).
# Run: LC_ALL=C Rscript r/cartex_deseq2.R (from tests/golden).
suppressPackageStartupMessages({library(DESeq2); library(edgeR)})
folder <- file.path(Sys.getenv("OHMICS_DATA"), "cartex")
samples <- read.csv(file.path(folder, "samples.csv"), row.names = 1)
counts <- as.matrix(read.csv(gzfile(file.path(folder, "counts_ensembl.csv.gz")), row.names = 1, check.names = FALSE))
counts <- counts[, rownames(samples)]
columns <- data.frame(donor = factor(samples$Donor), day = factor(samples$Timepoint),
                      car = factor(samples$CAR, levels = c("CD19", "HA")), row.names = rownames(samples))
counts <- counts[filterByExpr(counts, group = columns$car), ]
storage.mode(counts) <- "integer"
data <- DESeqDataSetFromMatrix(counts, columns, ~donor + day + car)
elapsed <- system.time(data <- DESeq(data, quiet = TRUE))
found <- results(data, name = "car_HA_vs_CD19")
cat(nrow(found), "genes,", sum(found$padj < 0.05, na.rm = TRUE), "at FDR 0.05;", round(elapsed[["elapsed"]], 1), "s\n")
first <- order(found$pvalue)[1:3000]
target <- gzfile("tables/cartex_deseq2.tsv.gz", "w", compression = 9)
write.table(data.frame(gene = rownames(found)[first], log2_fc = signif(found$log2FoldChange[first], 7),
                       p = signif(found$pvalue[first], 7)), target, sep = "\t", quote = FALSE, row.names = FALSE)
close(target)
info <- capture.output(sessionInfo())
writeLines(info[!grepl("lapack|blas", info, ignore.case = TRUE)], "tables/cartex_deseq2_sessionInfo.txt")
