"""Tables that stand beside the gene-set tests: over-representation, genes that lists share, running sums."""

from __future__ import annotations

from ohmics._columns import (
    CELL_TYPE,
    CONTRAST,
    FAMILY,
    GENE_LIST,
    MECHANISM,
    METHOD,
    P,
    Q,
    count,
    fraction,
    number,
    text,
)
from ohmics.schema import Table

ORA = Table(
    name="ORA",
    title="Over-representation of gene lists among changed genes",
    key=("contrast", "cell_type", "gene_list", "method", "direction"),
    columns=(
        CONTRAST,
        CELL_TYPE,
        GENE_LIST,
        METHOD,
        text(
            "direction",
            "changed genes looked at: higher or lower in the test samples",
            values=("up", "down"),
            nullable=False,
        ),
        MECHANISM,
        count("n_tested", "genes tested in this cell type: the background"),
        count("n_changed", "of these, genes at q below the threshold in this direction"),
        count("n_list", "of these, genes of the list"),
        count("overlap", "genes of the list among the changed ones"),
        number("expected", "overlap expected when genes were drawn at random", low=0),
        number("fold", "overlap over expected", low=0),
        P,
        Q,
        text("genes", "genes of the overlap, joined by |"),
        FAMILY,
    ),
)
SET_OVERLAP = Table(
    name="SET_OVERLAP",
    title="Genes that significant gene lists share",
    key=("contrast", "cell_type", "gene_list", "other"),
    columns=(
        CONTRAST,
        CELL_TYPE,
        GENE_LIST,
        text("other", "another significant list that shares tested genes with it", nullable=False),
        count("size", "tested genes of the list"),
        count("size_other", "tested genes of the other list"),
        count("shared", "tested genes of both"),
        fraction("jaccard", "shared over the genes of either"),
        fraction("overlap_coefficient", "shared over the genes of the smaller list"),
        text("genes", "shared genes, joined by |"),
    ),
)
RUNNING_SUMS = Table(
    name="RUNNING_SUMS",
    title="Running sums of gene lists",
    key=("contrast", "cell_type", "gene_list", "method", "part", "rank"),
    columns=(
        CONTRAST,
        CELL_TYPE,
        GENE_LIST,
        METHOD,
        text("part", "which genes of a signed list; a plain list is all up", values=("up", "down"), nullable=False),
        count("rank", "place of the gene in the ranking, 1 the highest in the test samples"),
        text("gene", "approved symbol", nullable=False),
        number("statistic", "moderated t that genes are ranked by"),
        number("before", "running sum just before the gene", low=-1, high=1),
        number("after", "running sum at the gene", low=-1, high=1),
        count("n_tested", "genes in the ranking"),
    ),
)
