"""The tables of a contrast come in, the views of its HTML tables go out."""

from __future__ import annotations

from ohmics import tables
from ohmics.report import select, words
from ohmics.report.inputs import ReportInputs
from ohmics.report.tables import Head, TableView, table_view

_GENES_EACH = 50
_MOST_GENES = 1_000
_MOST_SETS = 1_000


def verdict_table(inputs: ReportInputs, contrast: str) -> TableView:
    """Return the verdicts on the cohort that the data could give, with what argues for and against."""
    rows = select.cohort_evidence(inputs, contrast)
    if rows is not None:
        rows = rows[rows["verdict"] != "not_assessable"]
    heads = [
        Head("mechanism", "Mechanism", "mechanism"),
        Head("verdict", "Verdict", "verdict"),
        Head("grade", "Grade"),
        Head("sub_reason", "Kind", "phrase"),
        Head("reasons", "Why", "long"),
        Head("lines_for", "What argues for", "list"),
        Head("lines_against", "What argues against", "list"),
        Head("observability", "What expression can and cannot show", "long"),
        Head("primary_line", "Primary line", "long"),
        Head("compartment", "Compartment", meaning="where the mechanism acts"),
    ]
    return table_view(
        rows,
        id=f"verdicts-{contrast}",
        caption=f"Verdicts, {contrast}",
        heads=heads,
        table=tables.EVIDENCE,
        source="tables/evidence.tsv",
        anchor=("mechanism",),
        names=select.names(inputs),
        empty="" if rows is None else "No mechanism could be assessed in this contrast.",
    )


def unseen_table(inputs: ReportInputs, contrast: str) -> TableView:
    """Return the mechanisms that could not be assessed, with the reason."""
    rows = select.cohort_evidence(inputs, contrast)
    if rows is not None:
        rows = rows[rows["verdict"] == "not_assessable"]
    heads = [
        Head("mechanism", "Mechanism", "mechanism"),
        Head("sub_reason", "Kind", "phrase"),
        Head("reasons", "Why it cannot be assessed", "long"),
        Head("observability", "What expression can and cannot show", "long"),
        Head("compartment", "Compartment", meaning="where the mechanism acts"),
    ]
    view = table_view(
        rows,
        id=f"verdicts-{contrast}",
        caption=f"Not assessable, {contrast}",
        heads=heads,
        table=tables.EVIDENCE,
        source="tables/evidence.tsv",
        anchor=("mechanism",),
        names=select.names(inputs),
        empty="" if rows is None else "Every mechanism could be assessed.",
    )
    return _renamed(view, f"unseen-{contrast}")


def _renamed(view: TableView, id: str) -> TableView:
    """Return the view under another id; its rows keep the anchors under which verdicts are linked."""
    return TableView(
        id=id,
        caption=view.caption,
        heads=view.heads,
        rows=view.rows,
        anchors=view.anchors,
        note=view.note,
        empty=view.empty,
    )


def patient_table(inputs: ReportInputs, contrast: str) -> TableView:
    """Return the patients' rows that say more than the technical range."""
    heads = [
        Head("subject", "Patient"),
        Head("mechanism", "Mechanism", "mechanism"),
        Head("verdict", "Verdict", "verdict"),
        Head("reasons", "Why", "long"),
        Head("lines_for", "What argues for", "list"),
        Head("lines_against", "What argues against", "list"),
    ]
    rows = select.patient_evidence(inputs, contrast)
    if rows is not None:
        heads = [
            h for h in heads if h.column not in ("lines_for", "lines_against") or bool(rows[h.column].notna().any())
        ]
    return table_view(
        rows,
        id=f"patients-{contrast}",
        caption=f"Single patients, {contrast}: what goes beyond the technical range",
        heads=heads,
        table=tables.EVIDENCE,
        source="tables/evidence.tsv",
        names=select.names(inputs),
        empty="" if rows is None else "No change of a single patient goes beyond its technical range.",
    )


def gene_set_table(inputs: ReportInputs, contrast: str) -> TableView:
    """Return the gene-set tests: the p that evidence uses beside gseapy's prerank p."""
    rows = None if inputs.enrichment is None else inputs.enrichment[inputs.enrichment["contrast"] == contrast]
    if rows is not None:
        rows = rows.sort_values(["p", "cell_type", "gene_list", "method"], kind="stable")
        # A table column that the run left empty tells a reader nothing.
        rows = rows.dropna(axis="columns", how="all") if len(rows) else rows
    heads = [
        Head("gene_list", "Gene list"),
        Head("cell_type", "Cell type"),
        Head("method", "Method"),
        Head("nes", "NES", "number"),
        Head("p", "p", "p"),
        Head("q", "q", "p"),
        Head("smallest_p", "Smallest p", "p"),
        Head("p_prerank", "prerank p (not calibrated)", "p"),
        Head("q_prerank", "prerank q (not calibrated)", "p"),
        Head("size", "Genes", "whole"),
        Head("coverage", "Found, %", "percent"),
        Head("leading_edge", "Leading edge", "genes"),
        Head("scheme", "How p was obtained", "long"),
        Head("family", "Corrected with", "phrase"),
    ]
    return table_view(
        rows,
        id=f"sets-{contrast}",
        caption=f"Gene sets, {contrast}",
        heads=heads,
        table=tables.ENRICHMENT,
        source="tables/enrichment.tsv",
        most=_MOST_SETS,
        empty="" if rows is None else "No gene set was tested in this contrast.",
    )


def gene_table(inputs: ReportInputs, contrast: str) -> TableView:
    """Return the genes with the smallest p of each cell type and method."""
    rows = None if inputs.de is None else inputs.de[inputs.de["contrast"] == contrast]
    note = "tables/de.tsv"
    if rows is not None and len(rows):
        rows = rows.sort_values(["cell_type", "method", "p", "gene"], kind="stable")
        top = rows.groupby(["cell_type", "method"], sort=False, observed=True).head(_GENES_EACH)
        note = (
            f"tables/de.tsv ({len(rows):,} rows); here the {_GENES_EACH} with the smallest p of each cell "
            "type and method"
        )
        rows = top.sort_values(["p", "cell_type", "gene"], kind="stable")
    heads = [
        Head("gene", "Gene"),
        Head("cell_type", "Cell type"),
        Head("log2_fc", "log2 fold change", "number"),
        Head("low", "Low (95 %)", "number"),
        Head("high", "High (95 %)", "number"),
        Head("t", "Moderated t", "number"),
        Head("p", "p", "p"),
        Head("q", "q", "p"),
        Head("mean_log_cpm", "Mean log2 CPM", "number"),
        Head("method", "Method"),
    ]
    return table_view(
        rows,
        id=f"genes-{contrast}",
        caption=f"Genes, {contrast}",
        heads=heads,
        table=tables.DE,
        source=note,
        most=_MOST_GENES,
        empty="" if rows is None else "No gene was tested in this contrast.",
    )


def composition_table(inputs: ReportInputs, view: select.ContrastView) -> TableView:
    """Return the change of cell-type fractions over the cohort; why there is none when it was refused."""
    rows = None if inputs.composition is None else inputs.composition[inputs.composition["contrast"] == view.name]
    if rows is not None:
        rows = rows[rows["subject"] == view.name].sort_values(["p", "cell_type"], kind="stable")
    heads = [
        Head("cell_type", "Cell type"),
        Head("fraction_pre", f"{view.reference}, %", "percent"),
        Head("fraction_post", f"{view.test}, %", "percent"),
        Head("effect", "Change (CLR)", "number"),
        Head("low", "Low", "number"),
        Head("high", "High", "number"),
        Head("p", "p", "p"),
        Head("q", "q", "p"),
        Head("n_pairs", "Pairs", "whole"),
    ]
    return table_view(
        rows,
        id=f"composition-{view.name}",
        caption=f"Cell types, {view.name}",
        heads=heads,
        table=tables.COMPOSITION,
        source="tables/composition.tsv",
        empty=_why_no_composition(inputs, view.name),
    )


def _why_no_composition(inputs: ReportInputs, contrast: str) -> str:
    reasons = [str(reason) for reason in select.composition_skipped(inputs, contrast)["reason"].head(3)]
    return words.sentence("not tested: " + "; ".join(reasons)) if reasons else ""
