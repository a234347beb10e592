"""The tables of quality, identity, pairing and cells come in, ``qc.html`` goes out."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ohmics import tables
from ohmics.plots import library_sizes, qc_distributions, timeline, umap
from ohmics.plots.umap import MOST_POINTS
from ohmics.report import select, summary, words
from ohmics.report.figures import FigureView, png_view, svg_view
from ohmics.report.inputs import ReportInputs
from ohmics.report.methods import qc_methods
from ohmics.report.page_parts import Section, common, skipped_table
from ohmics.report.render import render
from ohmics.report.tables import Head, TableView, table_view

_STAGES = ("check", "intake", "qc", "identity", "embed", "annotate", "normalize", "reference")
_MOST_VECTOR_SAMPLES = 80
# SAMPLES is open: these columns say what a reader of the QC page compares, in this order.
_SHEET = ("patient", "timepoint", "tissue", "enrichment", "chemistry", "batch", "disease", "response")


def qc_page(inputs: ReportInputs) -> str:
    """Return ``qc.html``: which samples are usable, why others are not, and what the cells look like.

    Parameters
    ----------
    inputs
        Tables of a run; what is None is said to be absent, never shown as empty.

    Returns
    -------
    str
        One HTML page that fetches nothing; the same inputs give the same bytes.

    Raises
    ------
    OhmicsError
        When a table lacks a column a figure needs, or the page would be larger than 10 MB.
    """
    colours = select.colours(inputs)
    sections = [
        Section("summary", "Summary"),
        Section("samples", "Samples"),
        Section("depth", "Depth before and after"),
        Section("distributions", "Library sizes" if inputs.bulk else "Cells before and after filters"),
        Section("identity", "Sample identity"),
        Section("pairs", "Pairing"),
        *([] if inputs.bulk else [Section("umaps", "Maps of cells")]),
        Section("skipped", "What was skipped"),
        Section("methods", "Methods"),
        Section("run", "Versions and configuration"),
    ]
    return render(
        "qc.html.j2",
        **common(inputs, title="Quality control", sections=sections, methods=qc_methods(inputs)),
        sentence=summary.sample_sentence(inputs),
        cards=summary.sample_cards(inputs),
        excluded=summary.flagged_samples(inputs, "excluded"),
        care=summary.flagged_samples(inputs, "use_with_care"),
        cautions=summary.qc_cautions(inputs),
        samples_table=_samples_table(inputs),
        depth_table=_depth_table(inputs),
        depth_flags=_depth_flags(inputs),
        distribution=_distribution(inputs, colours),
        timeline=_timeline(inputs, colours),
        identity_table=_identity_table(inputs),
        pairs_table=_pairs_table(inputs),
        maps=_maps(inputs, colours),
        skipped=skipped_table(inputs, _STAGES),
    )


def _samples_table(inputs: ReportInputs) -> TableView:
    frame = inputs.samples
    if inputs.qc is not None:
        frame = frame.merge(inputs.qc, on="sample", how="left", validate="one_to_one")
    frame = frame.set_index("sample").loc[select.samples_in_order(inputs)].reset_index()
    sheet = [name for name in _SHEET if name in frame and bool(frame[name].notna().any())]
    labels = {"enrichment": "Sort gate"}
    heads = [Head("sample", "Sample"), Head("verdict", "Verdict", "verdict"), Head("flags", "Why", "long")]
    heads += [Head(name, labels.get(name, name.capitalize())) for name in sheet]
    if inputs.bulk:
        heads += [Head("median_umi", "Library size", "whole"), Head("median_genes", "Genes detected", "whole")]
    else:
        heads += [
            Head("cells_in", "Cells before", "whole"),
            Head("cells_kept", "Cells kept", "whole"),
            Head("median_umi", "Median UMI", "whole"),
            Head("median_genes", "Median genes", "whole"),
            Head("doublet_rate", "Doublets, %", "percent"),
            Head("ambient_fraction", "Ambient RNA, %", "percent"),
        ]
    heads.append(Head("pct_mito", "Mitochondrial, %", "number"))
    return table_view(
        frame,
        id="samples-table",
        caption="Samples and their verdicts",
        heads=heads,
        table=tables.QC,
        source="samples.tsv and tables/qc.tsv",
        anchor=("sample",),
    )


def _depth_table(inputs: ReportInputs) -> TableView:
    size = "library size" if inputs.bulk else "median UMI"
    heads = [
        Head("contrast", "Contrast"),
        Head("subject", "Patient"),
        Head("reference_samples", "Reference sample"),
        Head("test_samples", "Test sample"),
        Head("reference_umi", f"Reference {size}", "number" if _single(inputs) else "text"),
        Head("test_umi", f"Test {size}", "number" if _single(inputs) else "text"),
        Head("reference_genes", "Reference genes", "number" if _single(inputs) else "text"),
        Head("test_genes", "Test genes", "number" if _single(inputs) else "text"),
        Head("flags", "Flag", "long"),
    ]
    frame = select.depth_by_patient(inputs)
    if frame is not None and _single(inputs) and len(frame):
        for name in ("reference_umi", "test_umi", "reference_genes", "test_genes"):
            frame[name] = pd.to_numeric(frame[name].str.replace(",", "").replace("–", None))
    return table_view(
        frame,
        id="depth-table",
        caption="Depth of both sides of each pair",
        heads=heads,
        source="pairs.tsv and tables/qc.tsv",
        empty="" if frame is None else "No pair has both sides.",
    )


def _single(inputs: ReportInputs) -> bool:
    """Whether every side of every pair is one sample, so that its numbers sort as numbers."""
    if inputs.pairs is None:
        return False
    sides = pd.concat([inputs.pairs["test_samples"], inputs.pairs["reference_samples"]]).dropna().astype(str)
    return not bool(sides.str.contains("|", regex=False).any())


def _depth_flags(inputs: ReportInputs) -> list[str]:
    frame = select.depth_by_patient(inputs)
    if frame is None or frame.empty:
        return []
    # Samples used with care or excluded stand on the first screen with the same words already.
    named = {name for verdict in ("use_with_care", "excluded") for name, _ in summary.flagged_samples(inputs, verdict)}
    flags = [flag for text in frame["flags"].drop_duplicates() for flag in words.split(text, ";")]
    return [flag for flag in dict.fromkeys(flags) if flag.split(":")[0] not in named]


def _distribution(inputs: ReportInputs, colours: select.Colours) -> FigureView | None:
    order = select.samples_in_order(inputs)
    limits = inputs.config.get("qc") or {}
    if inputs.bulk:
        if inputs.qc is None:
            return None
        low = {"median_umi": limits.get("min_library_size"), "median_genes": limits.get("min_genes_bulk")}
        figure = library_sizes(
            inputs.qc, samples=order, thresholds={k: float(v) for k, v in low.items() if v is not None}
        )
        caption = "Library size (logarithmic) and genes detected of each sample; dashed: the lowest value accepted."
        view = svg_view if len(order) <= _MOST_VECTOR_SAMPLES else png_view
        return view(
            figure,
            id="fig-library",
            caption=caption,
            alt=(
                f"Bars of library size and genes detected for {len(order)} samples; the numbers are in the "
                "table of samples."
            ),
        )
    if inputs.cell_qc is None:
        return None
    named = {"n_umi": limits.get("min_umi"), "n_genes": limits.get("min_genes"), "pct_mito": limits.get("max_pct_mito")}
    figure = qc_distributions(
        inputs.cell_qc,
        qc=inputs.qc,
        samples=order,
        colours=colours.samples,
        thresholds={k: float(v) for k, v in named.items() if v is not None},
    )
    caption = (
        "Cells per value, each strip scaled to its own tallest bin. Grey: all cells; coloured by timepoint: "
        "cells kept. "
        "Limits by median absolute deviations differ between samples and are not drawn."
    )
    alt = (
        f"Distributions of UMI, genes and mitochondrial share for {len(order)} samples before and after "
        "filters; medians are in the table of samples."
    )
    view = svg_view if len(order) <= _MOST_VECTOR_SAMPLES else png_view
    return view(figure, id="fig-distributions", caption=caption, alt=alt)


def _timeline(inputs: ReportInputs, colours: select.Colours) -> FigureView:
    samples = inputs.samples[["sample", "patient", "timepoint"]]
    verdicts = {} if inputs.qc is None else dict(zip(inputs.qc["sample"], inputs.qc["verdict"], strict=True))
    frame = samples.assign(verdict=[verdicts.get(name, "") for name in samples["sample"]])
    figure = timeline(frame, timepoints=select.timepoints(inputs), colours=colours.timepoints)
    return svg_view(
        figure,
        id="fig-timeline",
        caption="Which patient has which samples; the mark says whether a sample is usable.",
        alt=(
            f"Grid of {words.count(samples['patient'].nunique(), 'patient')} by "
            f"{words.count(samples['timepoint'].nunique(), 'timepoint')}; the same is in the tables of "
            "samples and pairs."
        ),
    )


def _identity_table(inputs: ReportInputs) -> TableView:
    frame = inputs.identity
    if frame is not None:
        rank = {"mismatch": 0, "possible_chimerism_or_loss_of_y": 1, "consistent": 2, "not_assessable": 3}
        frame = frame.assign(_rank=frame["verdict"].map(rank)).sort_values(
            ["_rank", "patient", "sample", "cell_type"], kind="stable"
        )
    heads = [
        Head("patient", "Patient"),
        Head("sample", "Sample"),
        Head("cell_type", "Cell type"),
        Head("verdict", "Verdict", "verdict"),
        Head("sex", "Looks"),
        Head("xist", "XIST per 10,000", "number"),
        Head("y_genes", "Y genes per 10,000", "number"),
        Head("n_cells", "Cells" if not inputs.bulk else "Samples", "whole"),
        Head("reason", "Why", "long"),
    ]
    return table_view(
        frame,
        id="identity-table",
        caption=tables.IDENTITY.title,
        heads=heads,
        table=tables.IDENTITY,
        source="tables/identity.tsv",
    )


def _pairs_table(inputs: ReportInputs) -> TableView:
    frame = inputs.pairs
    if frame is not None:
        complete = frame["complete"].fillna(False).astype(bool)
        frame = frame.assign(
            state=["complete" if whole else "incomplete" for whole in complete],
            differs=[words.in_words(words.split(value)) for value in frame["differs_in"]],
        )
    heads = [
        Head("contrast", "Contrast"),
        Head("block", "Pair"),
        Head("state", "State", meaning=tables.PAIRS.column("complete").meaning),
        Head("reference_samples", "Reference samples", "list"),
        Head("test_samples", "Test samples", "list"),
        Head("differs", "Differs in", meaning=tables.PAIRS.column("differs_in").meaning),
        Head("note", "Note", "long"),
    ]
    return table_view(
        frame, id="pairs-table", caption=tables.PAIRS.title, heads=heads, table=tables.PAIRS, source="pairs.tsv"
    )


def _maps(inputs: ReportInputs, colours: select.Colours) -> list[FigureView]:
    if inputs.bulk or inputs.cells is None or not bool(inputs.cells["umap_1"].notna().any()):
        return []
    sheet = inputs.samples.set_index("sample")
    cells = inputs.cells[["sample", "cluster", "cell_type", "umap_1", "umap_2"]]
    cells = cells.assign(
        timepoint=cells["sample"].map(sheet["timepoint"]), patient=cells["sample"].map(sheet["patient"])
    )
    views = []
    known: Sequence[tuple[str, str, dict[str, str] | None, bool]] = (
        ("cell_type", "Cells by cell type", dict(colours.cell_types), True),
        ("cluster", "Cells by cluster", None, True),
        ("timepoint", "Cells by timepoint", dict(colours.timepoints), False),
        ("patient", "Cells by patient", dict(colours.patients), False),
    )
    total = len(cells)
    shown = min(total, MOST_POINTS)
    rule = (
        f"{shown:,} of {total:,} cells, drawn uniformly (the same in every map)"
        if shown < total
        else f"All {total:,} cells"
    )
    for column, title, shades, numbered in known:
        levels = cells[column].nunique()
        figure = umap(cells, colour=column, colours=shades, title=title, label_on_map=numbered)
        caption = f"{title}. {rule}."
        if numbered:
            caption += " A number stands at the middle of each group."
        views.append(
            png_view(
                figure,
                id=f"fig-umap-{column}",
                caption=caption,
                alt=f"{title}, {words.count(levels, 'group')}, {total:,} cells.",
                dpi=120,
            )
        )
    return views
