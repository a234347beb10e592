"""DE, ORA, SET_OVERLAP and RUNNING_SUMS of a contrast come in; their figures and tables on a page go out."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ohmics import tables
from ohmics.plots.ma import ma
from ohmics.plots.running_sum import running_sum
from ohmics.plots.volcano import volcano
from ohmics.report import select, words
from ohmics.report.charts import with_chart
from ohmics.report.charts_genes import shown_words, volcano_chart, walk_chart
from ohmics.report.figures import FigureView, png_view, svg_view
from ohmics.report.inputs import ReportInputs
from ohmics.report.tables import Head, TableView, table_view

_MOST_TYPES = 6
_MOST_LISTS = 6
_DPI = 100


@dataclass(frozen=True, slots=True)
class DePanel:
    """Genes and gene sets of one contrast: figures by cell type, shared genes, over-representation."""

    how: str
    volcanoes: tuple[FigureView, ...]
    left_out: str
    walks: tuple[FigureView, ...]
    redundancy: str
    overlap: TableView | None
    ora: TableView | None
    gene_groups: tuple[tuple[str, tuple[FigureView, ...]], ...]
    walk_groups: tuple[tuple[str, FigureView], ...]


def de_panel(inputs: ReportInputs, view: select.ContrastView) -> DePanel:
    """Return the panel of a contrast; what the run did not make is left out."""
    genes = _of(inputs.de, view.name)
    shown, further = _cell_types(genes)
    drawn = tuple((words.cells(kind), tuple(_gene_figures(inputs, view, genes, kind))) for kind in shown)
    walks = tuple(_walk_figures(inputs, view))
    return DePanel(
        how=_how(genes),
        gene_groups=drawn,
        walk_groups=walks,
        volcanoes=tuple(figure for _, figures in drawn for figure in figures),
        left_out=f"Figures of {words.count(len(further), 'further cell type')} are left out: {', '.join(further)}."
        if further
        else "",
        walks=tuple(figure for _, figure in walks),
        redundancy=_redundancy(inputs, view.name),
        overlap=_overlap_table(inputs, view.name),
        ora=_ora_table(inputs, view.name),
    )


def _of(frame: pd.DataFrame | None, contrast: str) -> pd.DataFrame:
    return pd.DataFrame() if frame is None else frame[frame["contrast"] == contrast]


def _cell_types(genes: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the cell types whose figures are shown, those with the smallest p first, and the others."""
    if genes.empty:
        return [], []
    order = genes.sort_values(["q", "p", "cell_type"], kind="stable")["cell_type"].astype(str)
    names = list(dict.fromkeys(order))
    return names[:_MOST_TYPES], names[_MOST_TYPES:]


def _how(genes: pd.DataFrame) -> str:
    if genes.empty:
        return ""
    tested = sorted(set(genes["method"].astype(str)))
    text = f"Tested by {words.series(tested)}; q is Benjamini-Hochberg over the genes of a cell type and method."
    limits = genes["min_lfc"].dropna() if "min_lfc" in genes else pd.Series(dtype=float)
    if (limits > 0).any():
        text += (
            f" p is that of an absolute log2 fold change no larger than {limits.iloc[0]:g}: a small p says that the "
            "change is larger than this, not merely that there is one."
        )
    return text


def _gene_figures(
    inputs: ReportInputs, view: select.ContrastView, genes: pd.DataFrame, cell_type: str
) -> list[FigureView]:
    mine = genes[genes["cell_type"] == cell_type]
    found = []
    for method in dict.fromkeys(mine["method"].astype(str)):
        rows = mine[mine["method"] == method]
        what = f"{view.text}" if inputs.bulk else f"{cell_type}, {view.text}"
        limit = float(rows["min_lfc"].fillna(0.0).iloc[0]) if "min_lfc" in rows else 0.0
        passing = int((rows["q"] < 0.05).sum())
        alt = f"{passing:,} of {len(rows):,} genes have q below 0.05 ({method})."
        for draw, name, caption in (
            (volcano, "volcano", "Volcano plot: how large a change is, and how surprising."),
            (ma, "ma", "MA plot: a cloud that leaves the zero line as a whole would point to bad scaling."),
        ):
            more = shown_words(len(rows)) if name == "volcano" else ""
            still = png_view(
                draw(rows, title=f"{what} ({method})", min_lfc=limit),
                id=words.anchor(f"fig-{name}", f"{view.name}-{cell_type}-{method}"),
                caption=f"{caption} {alt} Triangles point the way the gene changed; grey: q not below 0.05.{more}",
                alt=f"{name} of {what}: {alt}",
                dpi=_DPI,
            )
            answers = name == "volcano"
            told = f"Volcano plot of {what}: {alt}"
            found.append(with_chart(still, volcano_chart(rows, describe=told, min_lfc=limit)) if answers else still)
    return found


def _walk_figures(inputs: ReportInputs, view: select.ContrastView) -> list[tuple[str, FigureView]]:
    points = _of(inputs.running_sums, view.name)
    tested = _of(inputs.enrichment, view.name)
    found = []
    for cell_type in list(dict.fromkeys(points["cell_type"].astype(str)))[:_MOST_TYPES] if len(points) else []:
        rows = points[points["cell_type"] == cell_type]
        method = str(rows["method"].iloc[0])
        names = list(dict.fromkeys(rows["gene_list"].astype(str)))[:_MOST_LISTS]
        own = tested[(tested["cell_type"] == cell_type) & (tested["method"] == method)].set_index("gene_list")
        pairs = zip(own.index.astype(str), own["p"].astype(float), own["q"].astype(float), strict=True)
        notes = {name: f"p {p:.2g}, q {q:.2g}" for name, p, q in pairs}
        what = view.text if inputs.bulk else f"{cell_type}, {view.text}"
        still = svg_view(
            running_sum(rows[rows["gene_list"].isin(names)], notes=notes, title=f"Running sums, {what}"),
            id=words.anchor("fig-walk", f"{view.name}-{cell_type}"),
            caption=(
                f"Running sums of the lists of smallest {method} q. Ticks: the list's genes; a rise on the left "
                "says that they are higher in the test samples. Dashed: genes of a signed list that should fall. "
                "Points: tables/running_sums.tsv."
            ),
            alt=f"Running sums of {words.series(names, most=_MOST_LISTS)}; their p and q are in the table.",
        )
        chart = walk_chart(rows, notes=notes, describe=f"Running sum, {what}.")
        found.append((words.cells(cell_type), with_chart(still, chart)))
    return found


def _redundancy(inputs: ReportInputs, contrast: str) -> str:
    tested = _of(inputs.enrichment, contrast)
    if tested.empty or "finding" not in tested:
        return ""
    hits = tested[tested["finding"].notna()].drop_duplicates(["cell_type", "gene_list"])
    if hits.empty:
        return ""
    findings = len(hits.drop_duplicates(["cell_type", "finding"]))
    if findings == len(hits):
        return f"The {words.count(len(hits), 'list')} with q below 0.05 share few genes: each is a finding of its own."
    return (
        f"{words.count(len(hits), 'list')} with q below 0.05 make {words.count(findings, 'finding')}: lists that share "
        "more than a fifth of their genes are counted once (column Finding)."
    )


def _overlap_table(inputs: ReportInputs, contrast: str) -> TableView | None:
    rows = _of(inputs.set_overlap, contrast)
    if rows.empty:
        return None
    rows = rows.sort_values(
        ["overlap_coefficient", "cell_type", "gene_list"], ascending=[False, True, True], kind="stable"
    )
    return table_view(
        rows,
        id=f"overlap-{contrast}",
        caption=f"Genes that lists with q below 0.05 share, {contrast}",
        heads=[
            Head("gene_list", "Gene list", "gene_list"),
            Head("other", "Shares with", "gene_list"),
            *([] if inputs.bulk else [Head("cell_type", "Cell type")]),
            Head("shared", "Shared genes", "whole"),
            Head("size", "Genes", "whole"),
            Head("size_other", "Genes of the other", "whole"),
            Head("overlap_coefficient", "Of the smaller, %", "percent"),
            Head("jaccard", "Of both, %", "percent"),
            Head("genes", "Which", "genes"),
        ],
        table=tables.SET_OVERLAP,
        source="tables/set_overlap.tsv",
        names=select.names(inputs),
        fold_from=12,
        most=300,
    )


def _ora_table(inputs: ReportInputs, contrast: str) -> TableView | None:
    rows = _of(inputs.ora, contrast)
    if rows.empty:
        return None
    rows = rows[rows["overlap"] > 0].sort_values(["p", "cell_type", "gene_list"], kind="stable")
    return table_view(
        rows,
        id=f"ora-{contrast}",
        caption=f"Over-representation among changed genes (p not calibrated when genes move together), {contrast}",
        heads=[
            Head("gene_list", "Gene list", "gene_list"),
            *([] if inputs.bulk else [Head("cell_type", "Cell type")]),
            Head("direction", "Changed genes"),
            Head("overlap", "Of them in the list", "whole"),
            Head("expected", "Expected", "number"),
            Head("n_changed", "Changed", "whole"),
            Head("n_list", "Genes of the list", "whole"),
            Head("n_tested", "Tested genes", "whole"),
            Head("p", "p", "p"),
            Head("q", "q", "p"),
            Head("genes", "Which", "genes"),
            *([] if rows["method"].nunique() < 2 else [Head("method", "Method")]),
        ],
        table=tables.ORA,
        source="tables/ora.tsv",
        names=select.names(inputs),
        fold_from=12,
        most=300,
        empty="no list holds a changed gene.",
    )
