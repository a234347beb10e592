"""What a Methods text may cite: short key to authors, title, journal, year and DOI."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Citation:
    """One work; ``doi`` is empty for a book, whose ``where`` then holds the ISBN."""

    authors: str
    year: int
    title: str
    where: str
    doi: str = ""


CITATIONS: dict[str, Citation] = {
    "scanpy": Citation("Wolf FA, Angerer P, Theis FJ", 2018, "SCANPY: large-scale single-cell gene expression data analysis", "Genome Biology 19:15", "10.1186/s13059-017-1382-0"),
    "anndata": Citation("Virshup I et al.", 2024, "anndata: access and store annotated data matrices", "Journal of Open Source Software 9:4371", "10.21105/joss.04371"),
    "scrublet": Citation("Wolock SL, Lopez R, Klein AM", 2019, "Scrublet: computational identification of cell doublets in single-cell transcriptomic data", "Cell Systems 8:281", "10.1016/j.cels.2018.11.005"),
    "harmony": Citation("Korsunsky I et al.", 2019, "Fast, sensitive and accurate integration of single-cell data with Harmony", "Nature Methods 16:1289", "10.1038/s41592-019-0619-0"),
    "leiden": Citation("Traag VA, Waltman L, van Eck NJ", 2019, "From Louvain to Leiden: guaranteeing well-connected communities", "Scientific Reports 9:5233", "10.1038/s41598-019-41695-z"),
    "umap": Citation("McInnes L et al.", 2018, "UMAP: Uniform Manifold Approximation and Projection", "Journal of Open Source Software 3:861", "10.21105/joss.00861"),
    "ucell": Citation("Andreatta M, Carmona SJ", 2021, "UCell: robust and scalable single-cell gene signature scoring", "Computational and Structural Biotechnology Journal 19:3796", "10.1016/j.csbj.2021.06.043"),
    "westfall_young": Citation("Westfall PH, Young SS", 1993, "Resampling-based multiple testing: examples and methods for p-value adjustment", "Wiley, ISBN 978-0-471-55761-6"),
    "maxt": Citation("Ge Y, Dudoit S, Speed TP", 2003, "Resampling-based multiple testing for microarray data analysis", "Test 12:1", "10.1007/BF02595811"),
    "edger": Citation("Robinson MD, McCarthy DJ, Smyth GK", 2010, "edgeR: a Bioconductor package for differential expression analysis of digital gene expression data", "Bioinformatics 26:139", "10.1093/bioinformatics/btp616"),
    "tmm": Citation("Robinson MD, Oshlack A", 2010, "A scaling normalization method for differential expression analysis of RNA-seq data", "Genome Biology 11:R25", "10.1186/gb-2010-11-3-r25"),
    "voom": Citation("Law CW, Chen Y, Shi W, Smyth GK", 2014, "voom: precision weights unlock linear model analysis tools for RNA-seq read counts", "Genome Biology 15:R29", "10.1186/gb-2014-15-2-r29"),
    "limma": Citation("Ritchie ME et al.", 2015, "limma powers differential expression analyses for RNA-sequencing and microarray studies", "Nucleic Acids Research 43:e47", "10.1093/nar/gkv007"),
    "ebayes": Citation("Smyth GK", 2004, "Linear models and empirical Bayes methods for assessing differential expression in microarray experiments", "Statistical Applications in Genetics and Molecular Biology 3:3", "10.2202/1544-6115.1027"),
    "bh": Citation("Benjamini Y, Hochberg Y", 1995, "Controlling the false discovery rate: a practical and powerful approach to multiple testing", "Journal of the Royal Statistical Society B 57:289", "10.1111/j.2517-6161.1995.tb02031.x"),
    "gsea": Citation("Subramanian A et al.", 2005, "Gene set enrichment analysis: a knowledge-based approach for interpreting genome-wide expression profiles", "PNAS 102:15545", "10.1073/pnas.0506580102"),
    "gseapy": Citation("Fang Z, Liu X, Peltz G", 2023, "GSEApy: a comprehensive package for performing gene set enrichment analysis in Python", "Bioinformatics 39:btac757", "10.1093/bioinformatics/btac757"),
    "fgsea": Citation("Korotkevich G et al.", 2021, "Fast gene set enrichment analysis", "bioRxiv 060012", "10.1101/060012"),
    "camera": Citation("Wu D, Smyth GK", 2012, "Camera: a competitive gene set test accounting for inter-gene correlation", "Nucleic Acids Research 40:e133", "10.1093/nar/gks461"),
    "roast": Citation("Wu D et al.", 2010, "ROAST: rotation gene set tests for complex microarray experiments", "Bioinformatics 26:2176", "10.1093/bioinformatics/btq401"),
    "pseudobulk": Citation("Squair JW et al.", 2021, "Confronting false discoveries in single-cell differential expression", "Nature Communications 12:5692", "10.1038/s41467-021-25960-2"),
    "clr": Citation("Aitchison J", 1982, "The statistical analysis of compositional data", "Journal of the Royal Statistical Society B 44:139", "10.1111/j.2517-6161.1982.tb01195.x"),
    "snakemake": Citation("Mölder F et al.", 2021, "Sustainable data analysis with Snakemake", "F1000Research 10:33", "10.12688/f1000research.29032.2"),
}  # fmt: skip
