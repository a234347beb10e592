"""Every table ohmics writes, once: its columns, their type, unit, range, key and meaning."""

from __future__ import annotations

from ohmics import model
from ohmics._columns import (
    BARCODE,
    CELL_TYPE,
    CONTRAST,
    GENE_LIST,
    LIST_COVERAGE,
    MECHANISM,
    METHOD,
    PATIENT,
    REASON,
    SAMPLE,
    count,
    flag,
    fraction,
    number,
    text,
)
from ohmics._tables_calls import ANTIGEN as ANTIGEN
from ohmics._tables_calls import ANTIGEN_DEPTH as ANTIGEN_DEPTH
from ohmics._tables_calls import ANTIGEN_PRESENTATION as ANTIGEN_PRESENTATION
from ohmics._tables_calls import CAR as CAR
from ohmics._tables_calls import CONTENT as CONTENT
from ohmics._tables_calls import CONTENT_FITS as CONTENT_FITS
from ohmics._tables_calls import JUNCTIONS as JUNCTIONS
from ohmics._tables_calls import LINEAGE as LINEAGE
from ohmics._tables_calls import LINEAGE_CELLS as LINEAGE_CELLS
from ohmics._tables_calls import MALIGNANT as MALIGNANT
from ohmics._tables_calls import STATES as STATES
from ohmics._tables_patients import CALL_ERRORS as CALL_ERRORS
from ohmics._tables_patients import PATIENT_COMPARISON as PATIENT_COMPARISON
from ohmics._tables_quality import CELL_FILTERS as CELL_FILTERS
from ohmics._tables_quality import CELL_SUMMARY as CELL_SUMMARY
from ohmics._tables_quality import CELL_TYPE_SHARES as CELL_TYPE_SHARES
from ohmics._tables_quality import SAMPLE_CORRELATION as SAMPLE_CORRELATION
from ohmics._tables_quality import SAMPLE_SIMILARITY as SAMPLE_SIMILARITY
from ohmics._tables_results import ASSOCIATION as ASSOCIATION
from ohmics._tables_results import CELL_MEASURES as CELL_MEASURES
from ohmics._tables_results import COMPOSITION as COMPOSITION
from ohmics._tables_results import DE as DE
from ohmics._tables_results import EFFECTS as EFFECTS
from ohmics._tables_results import ENRICHMENT as ENRICHMENT
from ohmics._tables_results import EVIDENCE as EVIDENCE
from ohmics._tables_results import SKIPPED as SKIPPED
from ohmics._tables_results import SURVIVAL_CURVES as SURVIVAL_CURVES
from ohmics._tables_sets import ORA as ORA
from ohmics._tables_sets import RUNNING_SUMS as RUNNING_SUMS
from ohmics._tables_sets import SET_OVERLAP as SET_OVERLAP
from ohmics.errors import OhmicsError, listing
from ohmics.schema import Table as Table
from ohmics.schema import check as check

SAMPLES = Table(
    name="SAMPLES",
    title="Samples",
    key=("sample",),
    open=True,
    columns=(
        SAMPLE,
        PATIENT,
        text("timepoint", "when the sample was taken, in the user's words", nullable=False),
        text("modality", "single_cell or bulk", values=model.MODALITIES, nullable=False),
        text("path", "file or folder with the counts", nullable=False),
        text("therapy", "car_t or ici", values=model.THERAPIES, required=False),
        text("target_antigen", "antigen the therapy aims at, for example CD19", required=False),
        text("disease", "disease, in the user's words", required=False),
        text("tissue", "tissue the sample was taken from", required=False),
        text("enrichment", "sort gate or enrichment, for example CD3+CAR+", required=False),
        text("chemistry", "library chemistry, for example 3' v3", required=False),
        text("batch", "processing batch", required=False),
        text("response", "response in the user's words (NE is a value)", required=False),
        text("transplant_donor_sex", "sex of a stem-cell donor", values=("female", "male"), required=False),
        text("purified_type", "cell type when a bulk sample is one purified type", required=False),
    ),
)
PAIRS = Table(
    name="PAIRS",
    title="Which samples are compared with which",
    key=("contrast", "subject", "block"),
    columns=(
        CONTRAST,
        text("subject", "the unit (usually the patient)", nullable=False),
        text("block", "values of pair_by, joined by |; the unit when unpaired", nullable=False),
        text("test_samples", "samples with the test value, joined by |"),
        text("reference_samples", "samples with the reference value, joined by |"),
        flag("complete", "both sides have a usable sample", nullable=False),
        text("differs_in", "columns among tissue, enrichment, chemistry in which the sides differ, joined by |"),
        text("note", "what the user should know of this pair"),
    ),
)
DESIGN = Table(
    name="DESIGN",
    title="The model matrix of each contrast, one value a row",
    key=("contrast", "sample", "coefficient"),
    columns=(
        CONTRAST,
        SAMPLE,
        text("unit", "the unit (usually the patient)", nullable=False),
        text("block", "values of pair_by or random_by, joined by |; else the unit", nullable=False),
        text("coefficient", "column of the matrix", nullable=False),
        number("value", "the sample's value in that column"),
        flag("asked", "whether this is the coefficient the contrast asks about", nullable=False),
    ),
)
QC = Table(
    name="QC",
    title="Quality per sample",
    key=("sample",),
    columns=(
        SAMPLE,
        count("cells_in", "cells (or bulk: 1) before filters"),
        count("cells_kept", "cells after filters"),
        number("median_umi", "median UMI of kept cells (bulk: library size)", low=0),
        number("median_genes", "median genes detected of kept cells", low=0),
        number("pct_mito", "median mitochondrial share of kept cells", unit="percent", low=0, high=100),
        fraction("doublet_rate", "share of cells called doublets"),
        fraction("ambient_fraction", "estimated share of ambient RNA"),
        text("verdict", "use, use_with_care or excluded", values=("use", "use_with_care", "excluded"), nullable=False),
        text("flags", "reasons for the verdict, joined by ;"),
    ),
)
PCA = Table(
    name="PCA",
    title="First two principal components of the bulk samples",
    key=("sample",),
    columns=(
        SAMPLE,
        number("pc1", "coordinate on the first component of log2 CPM"),
        number("pc2", "coordinate on the second component of log2 CPM"),
        fraction("share_1", "share of the variance on the first component"),
        fraction("share_2", "share of the variance on the second component"),
    ),
)
CELL_QC = Table(
    name="CELL_QC",
    title="Quality per cell",
    key=("sample", "barcode"),
    storage="parquet",
    columns=(
        SAMPLE,
        BARCODE,
        number("n_umi", "UMI of the cell, transgenes excluded", low=0),
        count("n_genes", "genes with a count"),
        number("pct_mito", "share of mitochondrial UMI", unit="percent", low=0, high=100),
        number("doublet_score", "scrublet score"),
        flag("doublet", "called a doublet"),
        flag("kept", "passes every filter", nullable=False),
        text("reason", "filters that removed the cell, joined by ;"),
    ),
)
IDENTITY = Table(
    name="IDENTITY",
    title="Do a patient's samples belong to one person, as far as sex genes tell",
    key=("patient", "sample", "cell_type"),
    columns=(
        PATIENT,
        SAMPLE,
        CELL_TYPE,
        count("n_cells", "cells looked at (bulk: 1)"),
        number("xist", "XIST, counts per 10,000", low=0),
        number("y_genes", "sum of Y genes, counts per 10,000", low=0),
        text("sex", "what the expression looks like", values=("female", "male", "unclear")),
        text(
            "verdict",
            "consistent, possible_chimerism_or_loss_of_y, mismatch or not_assessable",
            values=("consistent", "possible_chimerism_or_loss_of_y", "mismatch", "not_assessable"),
            nullable=False,
        ),
        REASON,
    ),
)
CELLS = Table(
    name="CELLS",
    title="Kept cells",
    key=("sample", "barcode"),
    storage="parquet",
    open=True,
    columns=(
        SAMPLE,
        BARCODE,
        text("cluster", "Leiden cluster"),
        text("cell_type", "cell type of cell_markers.tsv, or unassigned", nullable=False),
        fraction("cell_type_confidence", "confidence of the cell type"),
        flag("malignant", "called or declared malignant; empty when it cannot be told"),
        flag("car_positive", "called CAR+; empty when it cannot be told"),
        number("umap_1", "UMAP coordinate"),
        number("umap_2", "UMAP coordinate"),
    ),
)
GENE_REFERENCE = Table(
    name="GENE_REFERENCE",
    title="Mean, sd and detection of each gene over all kept cells of the cohort",
    key=("cell_type", "gene"),
    storage="parquet",
    columns=(
        CELL_TYPE,
        text("gene", "approved symbol", nullable=False),
        number("mean", "mean of log1p counts per 10,000 (bulk: log2 CPM)", nullable=False),
        number("sd", "standard deviation of the same", low=0, nullable=False),
        fraction("detection", "share of cells (bulk: samples) with a count", nullable=False),
        count("n_cells", "cells (bulk: samples)", nullable=False),
    ),
)
TARGETS = Table(
    name="TARGETS",
    title="Depth to which samples are thinned before they are compared",
    key=("contrast", "sample", "cell_type"),
    columns=(
        CONTRAST,
        SAMPLE,
        CELL_TYPE,
        number("thinned_to", "UMI a cell (bulk: library size)", low=0, nullable=False),
    ),
)
CELL_SCORES = Table(
    name="CELL_SCORES",
    title="Scores per cell, one column a gene list",
    key=("sample", "barcode"),
    storage="parquet",
    open=True,
    columns=(SAMPLE, BARCODE),
)
SCORES = Table(
    name="SCORES",
    title="Scores per sample and cell type",
    key=("sample", "cell_type", "mechanism", "gene_list", "method", "depth", "thinned_to"),
    columns=(
        SAMPLE,
        CELL_TYPE,
        MECHANISM,
        GENE_LIST,
        METHOD,
        text("depth", "raw, or thinned to one depth", values=("raw", "thinned"), nullable=False),
        number("thinned_to", "UMI a cell (bulk: library size); empty for raw", low=0),
        number("score", "mean score of the cells", nullable=False),
        number("null_z", "score against random lists matched in expression, in their sd"),
        count("n_cells", "cells behind the score (bulk: 1)", nullable=False),
        LIST_COVERAGE,
        number("technical_sd", "sd of the score from splitting and thinning the same sample", low=0),
        number(
            "depth_spearman",
            "Spearman correlation of score and total counts over the cells; empty for bulk and sums of cells",
            low=-1,
            high=1,
            required=False,
        ),
    ),
)
COVERAGE = Table(
    name="COVERAGE",
    title="Which genes of each list the data hold",
    key=("sample", "gene_list"),
    columns=(
        SAMPLE,
        GENE_LIST,
        count("n_genes", "genes in the list"),
        count("n_present", "genes the data hold"),
        LIST_COVERAGE,
        text("missing", "genes not found, joined by |"),
        text("by_alias", "genes reached by an alias, as list name>name in the data, joined by |"),
    ),
)
FIGURES = Table(
    name="FIGURES",
    title="Figures of a run, each as PDF, SVG and PNG",
    key=("name",),
    columns=(
        text("name", "name of the files, without .pdf, .svg or .png", nullable=False),
        text("shows", "what the figure shows", nullable=False),
        text("contrast", "name of the contrast; empty for figures of samples, cells, antigens and outcomes"),
        text("source", "tables the figure is drawn from, within the results folder, joined by |", nullable=False),
        text("finding", "what is to be seen, in words"),
        text("caption", "how the figure is read"),
        number("width", "width of the figure", unit="mm", low=0, nullable=False),
        number("height", "height of the figure", unit="mm", low=0, nullable=False),
    ),
)
MANIFEST = Table(
    name="MANIFEST",
    title="What a run read and wrote, by sha256",
    key=("kind", "name"),
    columns=(
        text(
            "kind",
            "output: a file of the results folder; input: a file of the user; catalogue: a file that ships with "
            "ohmics; code: a stage",
            values=("output", "input", "catalogue", "code"),
            nullable=False,
        ),
        text("name", "path within the results folder; of an input what it is and its last name", nullable=False),
        count("bytes", "size of the file", unit="bytes"),
        text("digest", "sha256 of the bytes; of a stage the first 16 signs of that of its modules", nullable=False),
    ),
)
TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        SAMPLES, PAIRS, DESIGN, QC, CELL_SUMMARY, CELL_FILTERS, CELL_TYPE_SHARES, SAMPLE_CORRELATION,
        SAMPLE_SIMILARITY, PCA, CELL_QC, IDENTITY, CELLS, GENE_REFERENCE, TARGETS, CELL_SCORES, SCORES,
        COVERAGE, STATES, CONTENT, CONTENT_FITS, ANTIGEN, ANTIGEN_PRESENTATION, ANTIGEN_DEPTH, JUNCTIONS, CAR,
        LINEAGE, LINEAGE_CELLS, MALIGNANT, EFFECTS, DE, ENRICHMENT, COMPOSITION, CELL_MEASURES, ASSOCIATION,
        SURVIVAL_CURVES, EVIDENCE, SKIPPED, ORA, SET_OVERLAP, RUNNING_SUMS, PATIENT_COMPARISON, CALL_ERRORS, FIGURES,
        MANIFEST,
    )
}  # fmt: skip


def skipped(stage: str, reason: str, **where: str) -> dict[str, str]:
    """Return one row of SKIPPED; ``where`` may name contrast, cell_type, subject and item."""
    unknown = set(where) - {"contrast", "cell_type", "subject", "item"}
    if unknown:
        raise OhmicsError(f"SKIPPED has no column {listing(sorted(unknown))}")
    return {"stage": stage, "contrast": "", "cell_type": "", "subject": "", "item": "", **where, "reason": reason}
