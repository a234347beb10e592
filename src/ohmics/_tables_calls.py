"""Tables of the calls: T-cell states, antigens, CAR+ and malignant cells, lineage."""

from __future__ import annotations

from ohmics._columns import (
    BARCODE,
    CELL_TYPE,
    CONTRAST,
    GENE_LIST,
    METHOD,
    PATIENT,
    REASON,
    SAMPLE,
    Q,
    count,
    fraction,
    number,
    text,
)
from ohmics.schema import Column, Table

STATES = Table(
    name="STATES",
    title="T-cell states",
    key=("sample", "cell_type", "state"),
    columns=(
        SAMPLE,
        CELL_TYPE,
        text("state", "T-cell state, or all: every cell of the type", nullable=False),
        fraction("fraction", "share of the sample's cells of the type; what one state gains others lose"),
        count("n_cells", "cells of the sample in this type and state", required=False),
        number("raw", "terminal exhaustion score (mean_z), raw"),
        number("beyond", "the same beyond activation, proliferation and depth"),
        text("coefficients", "coefficients of the decomposition, as name=value, joined by |"),
        text("collinearity", "how far the covariates can be told apart", required=False),
        number(
            "thinned_to", "median UMI a cell after thinning the patient's samples to one depth", low=0, required=False
        ),
        text("note", "what a reader of these rows should know, joined by ;", required=False),
    ),
)
_KIND = text(
    "content",
    "T cells, which carry T-cell programmes, or purity, which tumour programmes follow",
    values=("t_cell", "purity"),
    nullable=False,
)
CONTENT = Table(
    name="CONTENT",
    title="How much of a bulk sample are T cells, and how much is tumour, gene by gene",
    key=("sample", "content", "gene"),
    columns=(
        SAMPLE,
        _KIND,
        text("gene", "gene that tells the content; (sheet) for a column `purity` of the sheet", nullable=False),
        number("value", "log2 (CPM + 1); purity: minus its z over the samples, or log2 of the sheet's purity"),
        number("technical_sd", "sd that counting reads alone gives the value; 0 for the sheet's purity", low=0),
        text("source", "where the content comes from", nullable=False),
    ),
)
CONTENT_FITS = Table(
    name="CONTENT_FITS",
    title="How scores of bulk samples follow the content of the cells that carry them",
    key=("contrast", "gene_list", "method", "depth"),
    columns=(
        CONTRAST,
        GENE_LIST,
        METHOD,
        text("depth", "raw, or thinned to one depth", values=("raw", "thinned"), nullable=False),
        _KIND,
        count("n_genes", "genes that tell the content, the list's own left out"),
        number("slope", "change of the score a unit of content"),
        fraction("r_squared", "share of the variance of the units' changes (groups: within them) content explains"),
        fraction("reliability", "share of the variance of content that its genes have in common"),
        number("content_change", "mean change of content (groups: difference)"),
        number("content_sd", "sd of the units' changes of content (groups: within them)", low=0),
        count("n_units", "patients"),
    ),
)
_ANTIGEN_COLUMNS = (
    PATIENT,
    text("antigen", "antigen or presentation gene", nullable=False),
    text("pre_sample", "sample before"),
    text("post_sample", "sample after"),
    count("n_cells_pre", "malignant cells before"),
    count("n_cells_post", "malignant cells after"),
    count("detected_pre", "cells with a count, before"),
    count("detected_post", "cells with a count, after"),
    number("expected_detected", "cells with a count expected after, had nothing changed", low=0),
    number("remaining_fraction", "ambient-corrected mean, post over pre, against matched genes", low=0),
    number("remaining_low", "lower end of the two-sided 95 % interval", low=0),
    number("remaining_high", "upper end of the two-sided 95 % interval", low=0),
    number("null_median", "median ratio of the matched genes", low=0),
    number("null_sd", "sd of the log ratio of the matched genes", low=0),
    fraction("negative_fraction", "share of antigen-negative cells; often empty"),
    fraction("negative_low", "lower end of its interval"),
    fraction("negative_high", "upper end of its interval"),
    number("p", "one-sided p of loss", low=0, high=1),
    Q,
    number("expected_low", "lower end of the 95 % range of such cells, had nothing changed", low=0, required=False),
    number("expected_high", "upper end of that range", low=0, required=False),
    text(
        "role",
        "target of the therapy, alternative (research information), presentation or response to IFN-gamma",
        values=("target", "alternative", "presentation", "ifn_gamma"),
        required=False,
    ),
    text("thresholds", "thresholds of the call, as name=value, joined by |", required=False),
    text(
        "call",
        "what the data say of the antigen",
        values=("lost", "reduced", "retained", "gained", "inconclusive", "not_assessable"),
        nullable=False,
    ),
    REASON,
)
ANTIGEN = Table(
    name="ANTIGEN", title="Antigens", key=("patient", "antigen", "pre_sample", "post_sample"), columns=_ANTIGEN_COLUMNS
)
ANTIGEN_PRESENTATION = Table(
    name="ANTIGEN_PRESENTATION", title="Antigen presentation", key=ANTIGEN.key, columns=_ANTIGEN_COLUMNS
)

ANTIGEN_DEPTH = Table(
    name="ANTIGEN_DEPTH",
    title="Detection of target antigens by depth",
    key=("patient", "antigen", "sample", "bin"),
    columns=(
        PATIENT,
        text("antigen", "target antigen", nullable=False),
        SAMPLE,
        text("side", "sample before or after", values=("before", "after"), nullable=False),
        count("bin", "fourth of the sample's malignant cells by depth, from 1", low=1, nullable=False),
        number("umi", "median UMI of these cells", low=0),
        count("n_cells", "malignant cells", nullable=False),
        count("detected", "cells with a count"),
        number("counts", "mean counts of the antigen a cell", low=0),
        number("expected", "cells with a count to be expected had nothing changed (after only)", low=0),
    ),
)
JUNCTIONS = Table(
    name="JUNCTIONS",
    title="Exon skipping of antigens from junction counts",
    key=("sample", "event"),
    columns=(
        SAMPLE,
        text("patient", "patient identifier"),
        text("event", "antigen and exon, for example CD19 exon 2", nullable=False),
        count("included", "reads over the two junctions of the exon"),
        count("skipped", "reads over the junction that leaves it out"),
        fraction("psi", "share of transcripts with the exon (percent spliced in, as a fraction)"),
        fraction("psi_low", "lower end of its 95 % interval"),
        fraction("psi_high", "upper end of its 95 % interval"),
        text("call", "what the reads say", values=("included", "skipping", "inconclusive", "not_assessable"),
             nullable=False),
        REASON,
    ),
)  # fmt: skip


def _call_table(name: str, title: str, key: tuple[Column, ...], beside: tuple[Column, ...] = ()) -> Table:
    more = (
        number("estimate", "the estimated quantity"),
        number("low", "lower end of its interval"),
        number("high", "upper end of its interval"),
        text("evidence", "what the call rests on"),
        text("call", "the call", nullable=False),
        REASON,
    )
    return Table(name=name, title=title, key=tuple(c.name for c in key), columns=(*key, *beside, *more))


CAR = _call_table("CAR", "CAR+ cells", (SAMPLE,))
LINEAGE = _call_table(
    "LINEAGE",
    "Lineage switch",
    (PATIENT,),
    beside=(
        text("pre_sample", "sample before", required=False),
        text("post_sample", "sample after", required=False),
    ),
)
LINEAGE_CELLS = Table(
    name="LINEAGE_CELLS",
    title="Candidate tumour cells between their lineage and others",
    key=("patient", "sample", "barcode"),
    storage="parquet",
    columns=(
        PATIENT,
        SAMPLE,
        BARCODE,
        text("side", "sample before or after", values=("before", "after"), nullable=False),
        number("home", "counts of the tumour's own lineage over what cells before lead to expect", unit="log2"),
        number("away", "the same of the rival lineage that is highest", unit="log2"),
        text("state", "whether it left its lineage, took another, or both",
             values=("home", "left", "took", "switched"), nullable=False),
    ),
)  # fmt: skip
MALIGNANT = _call_table("MALIGNANT", "Malignant cells", (SAMPLE, text("cluster", "Leiden cluster", nullable=False)))
