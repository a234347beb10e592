"""Every table ohmics writes, once: its columns, their type, unit, range, key and meaning."""

from __future__ import annotations

from typing import Any

from ohmics import model
from ohmics.errors import OhmicsError, listing
from ohmics.schema import Column
from ohmics.schema import Table as Table
from ohmics.schema import check as check


def _s(name: str, meaning: str, **more: Any) -> Column:
    return Column(name=name, kind="str", meaning=meaning, **more)


def _i(name: str, meaning: str, **more: Any) -> Column:
    return Column(name=name, kind="int", meaning=meaning, **{"low": 0, **more})


def _f(name: str, meaning: str, **more: Any) -> Column:
    return Column(name=name, kind="float", meaning=meaning, **more)


def _b(name: str, meaning: str, **more: Any) -> Column:
    return Column(name=name, kind="bool", meaning=meaning, **more)


def _fraction(name: str, meaning: str, **more: Any) -> Column:
    return _f(name, meaning, unit="fraction", low=0, high=1, **more)


_SAMPLE = _s("sample", "sample identifier, unique in the sheet", nullable=False)
_PATIENT = _s("patient", "patient identifier", nullable=False)
_BARCODE = _s("barcode", "cell barcode, unique in its sample", nullable=False)
_CELL_TYPE = _s("cell_type", "cell type, `malignant`, `car_positive`, or `bulk`", nullable=False)
_CONTRAST = _s("contrast", "name of the contrast", nullable=False)
_MECHANISM = _s("mechanism", "mechanism identifier; empty for a user's own list")
_GENE_LIST = _s("gene_list", "mechanism/list, or the name of a user's list", nullable=False)
_METHOD = _s("method", "name of the method", nullable=False)
_LEVEL = _s(
    "level", "whether the row speaks of the cohort or of one patient", values=("cohort", "patient"), nullable=False
)
_SUBJECT = _s("subject", "the contrast, or the patient", nullable=False)
_FAMILY = _s("family", "the tests this one was corrected with; empty when not corrected")
_P = _f("p", "two-sided p value", low=0, high=1)
_Q = _f("q", "p value corrected within the family", low=0, high=1)
_SMALLEST = _f("smallest_p", "the smallest p this test could have reached", low=0, high=1)
_SCHEME = _s("scheme", "how the p value was obtained")
_COVERAGE = _fraction("coverage", "share of the list's genes that the data hold")
_REASON = _s("reason", "a sentence with the numbers it rests on")

SAMPLES = Table(
    name="SAMPLES",
    title="Samples",
    key=("sample",),
    open=True,
    columns=(
        _SAMPLE,
        _PATIENT,
        _s("timepoint", "when the sample was taken, in the user's words", nullable=False),
        _s("modality", "single_cell or bulk", values=model.MODALITIES, nullable=False),
        _s("path", "file or folder with the counts", nullable=False),
        _s("therapy", "car_t or ici", values=model.THERAPIES, required=False),
        _s("target_antigen", "antigen the therapy aims at, for example CD19", required=False),
        _s("disease", "disease, in the user's words", required=False),
        _s("tissue", "tissue the sample was taken from", required=False),
        _s("enrichment", "sort gate or enrichment, for example CD3+CAR+", required=False),
        _s("chemistry", "library chemistry, for example 3' v3", required=False),
        _s("batch", "processing batch", required=False),
        _s("response", "response in the user's words (NE is a value)", required=False),
        _s("transplant_donor_sex", "sex of a stem-cell donor", values=("female", "male"), required=False),
        _s("purified_type", "cell type when a bulk sample is one purified type", required=False),
    ),
)
PAIRS = Table(
    name="PAIRS",
    title="Which samples are compared with which",
    key=("contrast", "subject", "block"),
    columns=(
        _CONTRAST,
        _s("subject", "the unit (usually the patient)", nullable=False),
        _s("block", "values of pair_by, joined by |; the unit when unpaired", nullable=False),
        _s("test_samples", "samples with the test value, joined by |"),
        _s("reference_samples", "samples with the reference value, joined by |"),
        _b("complete", "both sides have a usable sample", nullable=False),
        _s("differs_in", "columns among tissue, enrichment, chemistry in which the sides differ, joined by |"),
        _s("note", "what the user should know of this pair"),
    ),
)
QC = Table(
    name="QC",
    title="Quality per sample",
    key=("sample",),
    columns=(
        _SAMPLE,
        _i("cells_in", "cells (or bulk: 1) before filters"),
        _i("cells_kept", "cells after filters"),
        _f("median_umi", "median UMI of kept cells (bulk: library size)", low=0),
        _f("median_genes", "median genes detected of kept cells", low=0),
        _f("pct_mito", "median mitochondrial share of kept cells", unit="percent", low=0, high=100),
        _fraction("doublet_rate", "share of cells called doublets"),
        _fraction("ambient_fraction", "estimated share of ambient RNA"),
        _s("verdict", "use, use_with_care or excluded", values=("use", "use_with_care", "excluded"), nullable=False),
        _s("flags", "reasons for the verdict, joined by ;"),
    ),
)
PCA = Table(
    name="PCA",
    title="First two principal components of the bulk samples",
    key=("sample",),
    columns=(
        _SAMPLE,
        _f("pc1", "coordinate on the first component of log2 CPM"),
        _f("pc2", "coordinate on the second component of log2 CPM"),
        _fraction("share_1", "share of the variance on the first component"),
        _fraction("share_2", "share of the variance on the second component"),
    ),
)
CELL_QC = Table(
    name="CELL_QC",
    title="Quality per cell",
    key=("sample", "barcode"),
    storage="parquet",
    columns=(
        _SAMPLE,
        _BARCODE,
        _f("n_umi", "UMI of the cell, transgenes excluded", low=0),
        _i("n_genes", "genes with a count"),
        _f("pct_mito", "share of mitochondrial UMI", unit="percent", low=0, high=100),
        _f("doublet_score", "scrublet score"),
        _b("doublet", "called a doublet"),
        _b("kept", "passes every filter", nullable=False),
        _s("reason", "filters that removed the cell, joined by ;"),
    ),
)
IDENTITY = Table(
    name="IDENTITY",
    title="Do a patient's samples belong to one person, as far as sex genes tell",
    key=("patient", "sample", "cell_type"),
    columns=(
        _PATIENT,
        _SAMPLE,
        _CELL_TYPE,
        _i("n_cells", "cells looked at (bulk: 1)"),
        _f("xist", "XIST, counts per 10,000", low=0),
        _f("y_genes", "sum of Y genes, counts per 10,000", low=0),
        _s("sex", "what the expression looks like", values=("female", "male", "unclear")),
        _s(
            "verdict",
            "consistent, possible_chimerism_or_loss_of_y, mismatch or not_assessable",
            values=("consistent", "possible_chimerism_or_loss_of_y", "mismatch", "not_assessable"),
            nullable=False,
        ),
        _REASON,
    ),
)
CELLS = Table(
    name="CELLS",
    title="Kept cells",
    key=("sample", "barcode"),
    storage="parquet",
    open=True,
    columns=(
        _SAMPLE,
        _BARCODE,
        _s("cluster", "Leiden cluster"),
        _s("cell_type", "cell type of cell_markers.tsv, or unassigned", nullable=False),
        _fraction("cell_type_confidence", "confidence of the cell type"),
        _b("malignant", "called or declared malignant; empty when it cannot be told"),
        _b("car_positive", "called CAR+; empty when it cannot be told"),
        _f("umap_1", "UMAP coordinate"),
        _f("umap_2", "UMAP coordinate"),
    ),
)
GENE_REFERENCE = Table(
    name="GENE_REFERENCE",
    title="Mean, sd and detection of each gene over all kept cells of the cohort",
    key=("cell_type", "gene"),
    storage="parquet",
    columns=(
        _CELL_TYPE,
        _s("gene", "approved symbol", nullable=False),
        _f("mean", "mean of log1p counts per 10,000 (bulk: log2 CPM)", nullable=False),
        _f("sd", "standard deviation of the same", low=0, nullable=False),
        _fraction("detection", "share of cells (bulk: samples) with a count", nullable=False),
        _i("n_cells", "cells (bulk: samples)", nullable=False),
    ),
)
TARGETS = Table(
    name="TARGETS",
    title="Depth to which samples are thinned before they are compared",
    key=("contrast", "sample", "cell_type"),
    columns=(
        _CONTRAST,
        _SAMPLE,
        _CELL_TYPE,
        _f("thinned_to", "UMI a cell (bulk: library size)", low=0, nullable=False),
    ),
)
CELL_SCORES = Table(
    name="CELL_SCORES",
    title="Scores per cell, one column a gene list",
    key=("sample", "barcode"),
    storage="parquet",
    open=True,
    columns=(_SAMPLE, _BARCODE),
)
SCORES = Table(
    name="SCORES",
    title="Scores per sample and cell type",
    key=("sample", "cell_type", "mechanism", "gene_list", "method", "depth", "thinned_to"),
    columns=(
        _SAMPLE,
        _CELL_TYPE,
        _MECHANISM,
        _GENE_LIST,
        _METHOD,
        _s("depth", "raw, or thinned to one depth", values=("raw", "thinned"), nullable=False),
        _f("thinned_to", "UMI a cell (bulk: library size); empty for raw", low=0),
        _f("score", "mean score of the cells", nullable=False),
        _f("null_z", "score against random lists matched in expression, in their sd"),
        _i("n_cells", "cells behind the score (bulk: 1)", nullable=False),
        _COVERAGE,
        _f("technical_sd", "sd of the score from splitting and thinning the same sample", low=0),
    ),
)
COVERAGE = Table(
    name="COVERAGE",
    title="Which genes of each list the data hold",
    key=("sample", "gene_list"),
    columns=(
        _SAMPLE,
        _GENE_LIST,
        _i("n_genes", "genes in the list"),
        _i("n_present", "genes the data hold"),
        _COVERAGE,
        _s("missing", "genes not found, joined by |"),
        _s("by_alias", "genes reached by an alias, as list name>name in the data, joined by |"),
    ),
)
STATES = Table(
    name="STATES",
    title="T-cell states",
    key=("sample", "cell_type", "state"),
    columns=(
        _SAMPLE,
        _CELL_TYPE,
        _s("state", "T-cell state", nullable=False),
        _fraction("fraction", "share of the sample's T cells"),
        _f("raw", "terminal exhaustion score, raw"),
        _f("beyond", "the same beyond activation, proliferation and depth"),
        _s("coefficients", "coefficients of the decomposition, as name=value, joined by |"),
    ),
)
_ANTIGEN_COLUMNS = (
    _PATIENT,
    _s("antigen", "antigen or presentation gene", nullable=False),
    _s("pre_sample", "sample before"),
    _s("post_sample", "sample after"),
    _i("n_cells_pre", "malignant cells before"),
    _i("n_cells_post", "malignant cells after"),
    _i("detected_pre", "cells with a count, before"),
    _i("detected_post", "cells with a count, after"),
    _f("expected_detected", "cells with a count expected after, had nothing changed", low=0),
    _f("remaining_fraction", "ambient-corrected mean, post over pre, against matched genes", low=0),
    _f("remaining_low", "lower end of the two-sided 95 % interval", low=0),
    _f("remaining_high", "upper end of the two-sided 95 % interval", low=0),
    _f("null_median", "median ratio of the matched genes", low=0),
    _f("null_sd", "sd of the log ratio of the matched genes", low=0),
    _fraction("negative_fraction", "share of antigen-negative cells; often empty"),
    _fraction("negative_low", "lower end of its interval"),
    _fraction("negative_high", "upper end of its interval"),
    _f("p", "one-sided p of loss", low=0, high=1),
    _Q,
    _s(
        "call",
        "what the data say of the antigen",
        values=("lost", "reduced", "retained", "gained", "inconclusive", "not_assessable"),
        nullable=False,
    ),
    _REASON,
)
ANTIGEN = Table(
    name="ANTIGEN", title="Antigens", key=("patient", "antigen", "pre_sample", "post_sample"), columns=_ANTIGEN_COLUMNS
)
ANTIGEN_PRESENTATION = Table(
    name="ANTIGEN_PRESENTATION", title="Antigen presentation", key=ANTIGEN.key, columns=_ANTIGEN_COLUMNS
)


def _call_table(name: str, title: str, key: tuple[Column, ...]) -> Table:
    more = (
        _f("estimate", "the estimated quantity"),
        _f("low", "lower end of its interval"),
        _f("high", "upper end of its interval"),
        _s("evidence", "what the call rests on"),
        _s("call", "the call", nullable=False),
        _REASON,
    )
    return Table(name=name, title=title, key=tuple(c.name for c in key), columns=(*key, *more))


CAR = _call_table("CAR", "CAR+ cells", (_SAMPLE,))
LINEAGE = _call_table("LINEAGE", "Lineage switch", (_PATIENT,))
MALIGNANT = _call_table("MALIGNANT", "Malignant cells", (_SAMPLE, _s("cluster", "Leiden cluster", nullable=False)))
EFFECTS = Table(
    name="EFFECTS",
    title="Changes and differences of scores",
    key=("contrast", "level", "subject", "cell_type", "mechanism", "gene_list", "method", "depth"),
    columns=(
        _CONTRAST,
        _LEVEL,
        _SUBJECT,
        _CELL_TYPE,
        _MECHANISM,
        _GENE_LIST,
        _METHOD,
        _s("depth", "raw, or thinned to one depth", values=("raw", "thinned"), nullable=False),
        _f("effect", "mean difference, test minus reference, in units of the score"),
        _f("low", "lower end of the interval"),
        _f("high", "upper end of the interval"),
        _f("interval_level", "confidence level of the interval", low=0, high=1),
        _s("unit", "unit of the effect"),
        _P,
        _Q,
        _SMALLEST,
        _i("n_pairs", "complete pairs (unpaired: samples)"),
        _i("n_units", "independent units: patients or donors"),
        _i("n_positive_pairs", "pairs whose difference is above zero"),
        _i("n_positive", "units whose difference is above zero"),
        _i("n_cells", "cells behind the effect"),
        _SCHEME,
        _FAMILY,
        _f("min_detectable", "smallest true effect found with 80 % power", low=0),
        _f("sd_change", "between-unit sd of the difference", low=0),
        _f("hodges_lehmann", "median of the Walsh averages of the differences"),
        _s("flags", "pairs that differ in tissue, enrichment or chemistry, and other cautions, joined by ;"),
    ),
)
DE = Table(
    name="DE",
    title="Differential expression",
    key=("contrast", "cell_type", "gene", "method"),
    columns=(
        _CONTRAST,
        _CELL_TYPE,
        _s("gene", "approved symbol", nullable=False),
        _METHOD,
        _f("log2_fc", "log2 fold change, test over reference"),
        _f("low", "lower end of the 95 % interval"),
        _f("high", "upper end of the 95 % interval"),
        _f("t", "moderated t"),
        _P,
        _Q,
        _f("mean_log_cpm", "mean log2 counts per million"),
    ),
)
ENRICHMENT = Table(
    name="ENRICHMENT",
    title="Gene-set tests",
    key=("contrast", "cell_type", "gene_list", "method"),
    columns=(
        _CONTRAST,
        _CELL_TYPE,
        _GENE_LIST,
        _METHOD,
        _MECHANISM,
        _f("es", "enrichment score", low=-1, high=1),
        _f("nes", "enrichment score over the mean of its null"),
        _f(
            "statistic",
            "the test's own statistic; its sign is the direction (flip: es weighted by |t|; camera, fry: t)",
            required=False,
        ),
        _P,
        _Q,
        _SMALLEST,
        _SCHEME,
        _f(
            "p_prerank",
            "gseapy's multilevel prerank p, for comparison; not calibrated when genes correlate",
            low=0,
            high=1,
        ),
        _f("q_prerank", "its q", low=0, high=1),
        _i("size", "genes of the list in the ranking"),
        _COVERAGE,
        _s("leading_edge", "leading-edge genes, joined by |"),
        _FAMILY,
    ),
)
COMPOSITION = Table(
    name="COMPOSITION",
    title="Change of cell-type fractions",
    key=("contrast", "subject", "cell_type"),
    columns=(
        _CONTRAST,
        _SUBJECT,
        _CELL_TYPE,
        _fraction("fraction_pre", "mean fraction on the reference side"),
        _fraction("fraction_post", "mean fraction on the test side"),
        _f("effect", "change of the centred log ratio, relative to the other types"),
        _f("low", "lower end of the interval"),
        _f("high", "upper end of the interval"),
        _P,
        _Q,
        _i("n_pairs", "complete pairs"),
    ),
)
ASSOCIATION = Table(
    name="ASSOCIATION",
    title="Association with outcome",
    key=("contrast", "mechanism", "outcome"),
    columns=(
        _CONTRAST,
        _s("mechanism", "mechanism", nullable=False),
        _s("outcome", "outcome column", nullable=False),
        _f("effect", "AUC, log odds or log hazard"),
        _f("low", "lower end of the interval"),
        _f("high", "upper end of the interval"),
        _P,
        _Q,
        _i("n", "patients"),
        _i("n_events", "events"),
        _s("model", "model"),
    ),
)
EVIDENCE = Table(
    name="EVIDENCE",
    title="What the data say of each mechanism",
    key=("contrast", "level", "subject", "mechanism"),
    columns=(
        _CONTRAST,
        _LEVEL,
        _SUBJECT,
        _s("mechanism", "mechanism identifier", nullable=False),
        _s(
            "verdict",
            "what the data say",
            values=tuple(dict.fromkeys((*model.VERDICTS, *model.PATIENT_VERDICTS))),
            nullable=False,
        ),
        _s("sub_reason", "which kind of open or not assessable"),
        _s("grade", "how many lines of different nature agree", values=model.GRADES),
        _s("primary_line", "the primary line and what it gave"),
        _s("lines_for", "lines that argue for, joined by |"),
        _s("lines_against", "lines that argue against, joined by |"),
        _s("reasons", "sentences built from the tables"),
        _s("observability", "what expression can and cannot show of this mechanism"),
    ),
)
SKIPPED = Table(
    name="SKIPPED",
    title="What was not tested, and why",
    key=("stage", "contrast", "cell_type", "subject", "item"),
    columns=(
        _s("stage", "stage of the workflow", nullable=False),
        _s("contrast", "contrast, or empty"),
        _s("cell_type", "cell type, or empty"),
        _s("subject", "sample or patient, or empty"),
        _s("item", "gene list, mechanism or other item, or empty"),
        _s("reason", "why, with the numbers", nullable=False),
    ),
)
TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        SAMPLES, PAIRS, QC, PCA, CELL_QC, IDENTITY, CELLS, GENE_REFERENCE, TARGETS, CELL_SCORES, SCORES, COVERAGE,
        STATES, ANTIGEN, ANTIGEN_PRESENTATION, CAR, LINEAGE, MALIGNANT, EFFECTS, DE, ENRICHMENT, COMPOSITION,
        ASSOCIATION, EVIDENCE, SKIPPED,
    )
}  # fmt: skip


def skipped(stage: str, reason: str, **where: str) -> dict[str, str]:
    """Return one row of SKIPPED; ``where`` may name contrast, cell_type, subject and item."""
    unknown = set(where) - {"contrast", "cell_type", "subject", "item"}
    if unknown:
        raise OhmicsError(f"SKIPPED has no column {listing(sorted(unknown))}")
    return {"stage": stage, "contrast": "", "cell_type": "", "subject": "", "item": "", **where, "reason": reason}
