"""The tables of a contrast come in, the views of its HTML tables go out."""

from __future__ import annotations

import pandas as pd

from ohmics import tables
from ohmics.report import select, words
from ohmics.report.inputs import ReportInputs
from ohmics.report.interval_levels import cohort_rows, level_head
from ohmics.report.tables import Head, TableView, table_view

_GENES_EACH = 50
_MOST_GENES = 1_000
_MOST_SETS = 1_000


def verdict_table(inputs: ReportInputs, contrast: str) -> TableView:
    """Return the verdicts on the cohort that the data could give, with what argues for and against."""
    rows = _named(inputs, select.cohort_evidence(inputs, contrast))
    if rows is not None:
        rows = rows[rows["verdict"] != "not_assessable"]
    heads = [
        Head("mechanism", "Mechanism", "mechanism"),
        Head("verdict", "Verdict", "verdict"),
        Head("grade", "Grade"),
        Head("reasons", "Why", "long"),
        Head("lines_for", "What argues for", "list"),
        Head("lines_against", "What argues against", "list"),
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


def detail_table(inputs: ReportInputs, contrast: str) -> TableView:
    """Return what further stands in EVIDENCE of the same verdicts: kind, primary line, cautions, what would change."""
    rows = _named(inputs, select.cohort_evidence(inputs, contrast))
    if rows is not None:
        rows = rows[rows["verdict"] != "not_assessable"]
    return table_view(
        rows,
        id=f"verdict-details-{contrast}",
        caption="More on each verdict: primary line, cautions, what would change it",
        heads=[
            Head("mechanism", "Mechanism", "mechanism"),
            Head("sub_reason", "Kind", "kind"),
            Head("primary_line", "Primary line", "long"),
            Head("conflicts", "Lines that disagree", "list"),
            Head("cautions", "Cautions", "list"),
            Head("would_change", "What would change it", "list"),
            Head("compartment", "Compartment", meaning="where the mechanism acts"),
        ],
        table=tables.EVIDENCE,
        source="tables/evidence.tsv",
        names=select.names(inputs),
        fold_from=1,
        empty="" if rows is None else "no mechanism could be assessed in this contrast.",
    )


def unseen_table(inputs: ReportInputs, contrast: str) -> TableView:
    """Return the mechanisms that could not be assessed, with the reason."""
    rows = _named(inputs, select.cohort_evidence(inputs, contrast))
    if rows is not None:
        rows = rows[rows["verdict"] == "not_assessable"]
    heads = [
        Head("mechanism", "Mechanism", "mechanism"),
        Head("sub_reason", "Kind", "kind"),
        Head("reasons", "Why it cannot be assessed", "long"),
        Head("would_change", "What would change it", "list"),
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


def _named(inputs: ReportInputs, rows: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return EVIDENCE whose sentences no longer begin with the name that stands beside them."""
    if rows is None:
        return None
    names = select.names(inputs)
    pairs = zip(rows["mechanism"].astype(str), rows["reasons"], strict=True)
    return rows.assign(reasons=[words.without_name(text, names.get(name, "")) for name, text in pairs])


_PATIENT_VERDICTS = (
    "supported", "contradicted", "open", "consistent", "opposite", "within_technical_range", "not_assessable",
)  # fmt: skip


def patient_count_table(inputs: ReportInputs, contrast: str) -> TableView:
    """Return for how many patients each mechanism changed beyond the technical range, and in which direction."""
    rows = None
    if inputs.evidence is not None:
        own = inputs.evidence[(inputs.evidence["contrast"] == contrast) & (inputs.evidence["level"] == "patient")]
        order = {name: place for place, name in enumerate(select.mechanisms(inputs))}
        counted = [
            {
                "mechanism": name,
                "patients": len(part),
                **{verdict: int((part["verdict"] == verdict).sum()) for verdict in _PATIENT_VERDICTS},
            }
            for name, part in own.groupby("mechanism", sort=False, observed=True)
        ]
        counted.sort(key=lambda row: (order.get(str(row["mechanism"]), len(order)), str(row["mechanism"])))
        rows = pd.DataFrame(counted, columns=["mechanism", "patients", *_PATIENT_VERDICTS])
    shown = [v for v in _PATIENT_VERDICTS if rows is not None and bool((rows[v] > 0).any())]
    labels = {
        "supported": "Called: supported",
        "contradicted": "Called: contradicted",
        "open": "Called: inconclusive",
        "consistent": "Changed as predicted",
        "opposite": "Changed the other way",
    }
    return table_view(
        rows,
        id=f"patient-counts-{contrast}",
        caption=f"For how many {inputs.unit}s each mechanism changed beyond the technical range (no test)",
        heads=[
            Head("mechanism", "Mechanism", "mechanism"),
            Head("patients", f"{inputs.unit.capitalize()}s", "whole"),
            *[Head(v, labels.get(v, words.phrase(v).capitalize()), "whole") for v in shown],
        ],
        source="tables/evidence.tsv",
        names=select.names(inputs),
        fold_from=1,
        empty="" if rows is None else f"no change of a single {inputs.unit} was computed.",
    )


def patient_table(inputs: ReportInputs, contrast: str) -> TableView:
    """Return the patients' rows that say more than the technical range."""
    heads = [
        Head("subject", inputs.unit.capitalize()),
        Head("mechanism", "Mechanism", "mechanism"),
        Head("verdict", "Verdict", "verdict"),
        Head("reasons", "Why", "long"),
        Head("lines_for", "What argues for", "list"),
        Head("lines_against", "What argues against", "list"),
        Head("would_change", "What would change it", "list"),
    ]
    rows = _named(inputs, select.patient_evidence(inputs, contrast))
    if rows is not None:
        heads = [
            h
            for h in heads
            if h.column not in ("lines_for", "lines_against", "would_change") or bool(rows[h.column].notna().any())
        ]
    return table_view(
        rows,
        id=f"patients-{contrast}",
        caption=f"Each {inputs.unit} and mechanism beyond the technical range, {contrast}",
        heads=heads,
        table=tables.EVIDENCE,
        source="tables/evidence.tsv",
        anchor=("subject", "mechanism"),
        names=select.names(inputs),
        fold_from=12,
        empty="" if rows is None else f"no change of a single {inputs.unit} goes beyond its technical range.",
    )


_LIST_KEY = ["cell_type", "gene_list"]
_OF_LIST = ["size", "coverage"]
_OF_FLIP = ["nes", "smallest_p", "p_prerank", "q_prerank", "leading_edge", "family", "finding"]


def gene_set_table(inputs: ReportInputs, contrast: str) -> TableView:
    """Return the gene-set tests, one row a list: the p that evidence uses beside gseapy's prerank p."""
    rows = None if inputs.enrichment is None else inputs.enrichment[inputs.enrichment["contrast"] == contrast]
    methods = [] if rows is None else [m for m in ("flip", "camera", "fry") if m in set(rows["method"])]
    if rows is not None and len(rows):
        rows = _with_curves(inputs, contrast, _one_row_a_list(rows, methods))
    tests = [head for m in methods for head in (Head(f"p_{m}", f"{m} p", "p"), Head(f"q_{m}", f"{m} q", "p"))]
    heads = [
        Head("gene_list", "Gene list", "gene_list"),
        *([] if inputs.bulk else [Head("cell_type", "Cell type")]),
        Head("nes", "NES", "number"),
        *tests,
        Head("smallest_p", "Smallest flip p", "p"),
        Head("size", "Genes", "whole"),
        Head("coverage", "Found, %", "percent"),
        Head("leading_edge", "Leading edge", "genes"),
        Head("curve", "Running sum", "curve", meaning="opens the running sum of this list"),
        Head("p_prerank", "prerank p (not calibrated)", "p"),
        Head("q_prerank", "prerank q (not calibrated)", "p"),
        Head("family", "q is over"),
        Head("finding", "Finding", "gene_list"),
    ]
    return table_view(
        rows,
        id=f"sets-{contrast}",
        caption=f"Gene sets, {contrast}",
        heads=heads,
        table=tables.ENRICHMENT,
        source="tables/enrichment.tsv",
        anchor=("cell_type", "gene_list"),
        names=select.names(inputs),
        most=_MOST_SETS,
        empty="" if rows is None else "no gene set was tested in this contrast.",
    )


def _with_curves(inputs: ReportInputs, contrast: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with the figure that draws their running sum, where RUNNING_SUMS holds it."""
    points = inputs.running_sums
    if points is None or points.empty:
        return rows
    drawn = points.loc[points["contrast"] == contrast, ["cell_type", "gene_list"]].drop_duplicates()
    kept = set(zip(drawn["cell_type"].astype(str), drawn["gene_list"].astype(str), strict=True))
    keys = zip(rows["cell_type"].astype(str), rows["gene_list"].astype(str), strict=True)
    figures = [
        f"{words.anchor('fig-walk', f'{contrast}-{kind}')} {name}" if (kind, name) in kept else None
        for kind, name in keys
    ]
    return rows.assign(curve=pd.Series(figures, index=rows.index, dtype=object))


def _one_row_a_list(rows: pd.DataFrame, methods: list[str]) -> pd.DataFrame:
    """Return the tests of one list side by side, the flip's own columns first; empty columns are left out."""
    merged = rows[[*_LIST_KEY, *_OF_LIST]].drop_duplicates(_LIST_KEY)
    for method in methods:
        own = rows[rows["method"] == method]
        more = _OF_FLIP if method == methods[0] else []
        given = [name for name in more if name in own]
        part = own[[*_LIST_KEY, "p", "q", *given]].rename(columns={"p": f"p_{method}", "q": f"q_{method}"})
        merged = merged.merge(part, on=_LIST_KEY, how="left", validate="one_to_one")
    merged["family"] = [_family_words(str(family)) for family in merged["family"].fillna("")]
    order = [*[f"p_{method}" for method in methods], *_LIST_KEY]
    return merged.sort_values(order, kind="stable").dropna(axis="columns", how="all")


def _family_words(family: str) -> str:
    if family.endswith("/primary"):
        return "primary lines"
    _, found, collection = family.partition(" collection ")
    return f"the collection {collection}" if found else "further lists"


def gene_table(inputs: ReportInputs, contrast: str) -> TableView:
    """Return the genes with the smallest p of each cell type and method."""
    rows = None if inputs.de is None else inputs.de[inputs.de["contrast"] == contrast]
    note = "tables/de.tsv"
    if rows is not None and len(rows):
        rows = rows.sort_values(["cell_type", "method", "p", "gene"], kind="stable")
        top = rows.groupby(["cell_type", "method"], sort=False, observed=True).head(_GENES_EACH)
        note = (
            f"tables/de.tsv ({len(rows):,} rows); here the {_GENES_EACH} with the smallest p"
            f"{'' if inputs.bulk else ' of each cell type'}"
        )
        rows = top.sort_values(["p", "cell_type", "gene"], kind="stable")
    heads = [
        Head("gene", "Gene", "gene"),
        *([] if inputs.bulk else [Head("cell_type", "Cell type")]),
        Head("log2_fc", "log2 fold change", "number"),
        Head("low", "Low (95 %)", "number"),
        Head("high", "High (95 %)", "number"),
        Head("t", "Moderated t", "number"),
        Head("p", "p", "p"),
        Head("q", "q", "p"),
        Head("mean_log_cpm", "Mean log2 CPM", "number"),
        *([] if rows is None or rows["method"].nunique() < 2 else [Head("method", "Method")]),
    ]
    return table_view(
        rows,
        id=f"genes-{contrast}",
        caption=f"Genes, {contrast}",
        heads=heads,
        table=tables.DE,
        source=note,
        anchor=("cell_type", "gene", "method"),
        most=_MOST_GENES,
        empty="" if rows is None else "No gene was tested in this contrast.",
    )


def composition_table(inputs: ReportInputs, view: select.ContrastView) -> TableView:
    """Return the change of cell-type fractions over the cohort; why there is none when it was refused."""
    rows = cohort_rows(inputs, inputs.composition, view.name)
    heads = [
        Head("cell_type", "Cell type"),
        Head("fraction_pre", f"{view.reference}, %", "percent"),
        Head("fraction_post", f"{view.test}, %", "percent"),
        Head("effect", "Change (CLR)", "number"),
        Head("low", "Low", "number"),
        Head("high", "High", "number"),
        level_head(inputs.unit),
        Head("p", "p", "p"),
        Head("q", "q", "p"),
        Head("n_pairs", "Pairs", "whole"),
        Head("log_odds", "Change (log odds)", "number"),
        Head("log_odds_low", "Log odds low (95 %)", "number"),
        Head("log_odds_high", "Log odds high (95 %)", "number"),
        Head("log_odds_p", "Log odds p", "p"),
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
    reasons = [
        str(reason) for reason in select.composition_skipped(inputs, contrast)["reason"].drop_duplicates().head(3)
    ]
    return words.sentence("not tested: " + "; ".join(reasons)) if reasons else ""
