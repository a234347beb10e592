"""Tables of quality beyond one row a sample: what the filters did, which cells a sample holds, who resembles whom."""

from __future__ import annotations

from ohmics._columns import CELL_TYPE, SAMPLE, count, flag, fraction, number, text
from ohmics.schema import Table

CELL_SUMMARY = Table(
    name="CELL_SUMMARY",
    title="Cells of each sample before and after the filters",
    key=("sample", "cells"),
    columns=(
        SAMPLE,
        text("cells", "before: all barcodes; kept: after every filter", values=("before", "kept"), nullable=False),
        count("n_cells", "number of cells"),
        number("median_umi", "median UMI a cell", low=0),
        number("low_umi", "5th percentile of UMI a cell", low=0),
        number("high_umi", "95th percentile of UMI a cell", low=0),
        number("median_genes", "median genes detected a cell", low=0),
        number("median_pct_mito", "median mitochondrial share", unit="percent", low=0, high=100),
        number("complexity", "median of log10 genes over log10 UMI a cell; low: few genes take most counts", low=0),
        count("n_doublets", "cells called doublets"),
    ),
)
CELL_FILTERS = Table(
    name="CELL_FILTERS",
    title="Cells that each filter removed",
    key=("sample", "filter"),
    columns=(
        SAMPLE,
        text("filter", "what a cell failed; any: at least one filter", nullable=False),
        count("n_cells", "cells that failed it, whatever else they failed"),
        count("n_only", "cells that failed nothing else"),
        fraction("share", "cells that failed it over all barcodes of the sample"),
    ),
)
CELL_TYPE_SHARES = Table(
    name="CELL_TYPE_SHARES",
    title="Kept cells of each type in each sample",
    key=("sample", "cell_type"),
    columns=(
        SAMPLE,
        CELL_TYPE,
        count("n_cells", "kept cells of the type"),
        fraction("fraction", "of the sample's kept cells"),
    ),
)
SAMPLE_CORRELATION = Table(
    name="SAMPLE_CORRELATION",
    title="How alike bulk samples are",
    key=("sample", "other"),
    storage="parquet",
    columns=(
        SAMPLE,
        text("other", "the other sample", nullable=False),
        number("correlation", "Spearman over genes counted in half of the samples", low=-1, high=1),
    ),
)
SAMPLE_SIMILARITY = Table(
    name="SAMPLE_SIMILARITY",
    title="The sample each bulk sample resembles most",
    key=("sample",),
    columns=(
        SAMPLE,
        number("median_correlation", "median Spearman correlation with the other samples", low=-1, high=1),
        text("nearest", "sample of the highest correlation"),
        number("nearest_correlation", "correlation with it", low=-1, high=1),
        number("own_correlation", "highest correlation with another sample of the same patient", low=-1, high=1),
        count("rank_own", "place of that sample among all others, 1: nearest; empty for a patient's only sample"),
        flag("outlier", "whether QC flags the sample as unlike the others", nullable=False),
    ),
)
