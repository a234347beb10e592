"""The tables of quality, identity, pairing and cells come in, ``qc.html`` goes out."""

from __future__ import annotations

from dataclasses import replace

from ohmics import tables
from ohmics.plots import composition, library_sizes, pca, qc_distributions, timeline
from ohmics.plots.sample_correlation import sample_correlation
from ohmics.report import select, summary, words
from ohmics.report.design_table import designs_table
from ohmics.report.figures import FigureView, png_view, svg_view
from ohmics.report.inputs import ReportInputs
from ohmics.report.malignant_panel import malignant_panel
from ohmics.report.maps_panel import map_views
from ohmics.report.methods import qc_methods
from ohmics.report.page_parts import Section, common, skipped_table
from ohmics.report.patient_links import linked
from ohmics.report.qc_answers import qc_answers
from ohmics.report.quality_tables import filter_table, pair_quality_table, similarity_table, summary_table
from ohmics.report.render import render
from ohmics.report.tables import Head, TableView, table_view

_STAGES = ("check", "intake", "qc", "identity", "embed", "annotate", "normalize", "reference")
_MEASURES = ("pct_mito", "doublet_rate", "ambient_fraction")
_MOST_VECTOR_SAMPLES = 80
_MOST_OPEN_SAMPLES = 60
"""With more samples than this the figure with a row a sample is longer than a screen or two, and shown folded."""
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
    malignant = malignant_panel(inputs)
    kinds = _cell_types(inputs, colours)
    sections = [
        Section("summary", "In short"),
        Section("samples", "Samples"),
        Section("pairs", "Before against after"),
        Section("distributions", "Library sizes" if inputs.bulk else "What the filters removed"),
        *([Section("pca", "Samples in two dimensions")] if inputs.bulk else []),
        *([Section("alike", "Which samples are alike")] if inputs.sample_similarity is not None else []),
        Section("identity", "Do samples belong together?"),
        *([Section("types", "Cell types")] if kinds else []),
        *([] if inputs.bulk else [Section("umaps", "Maps of cells")]),
        *([Section("malignant", "Malignant cells")] if malignant else []),
        Section("skipped", "What was skipped"),
        Section("methods", "Methods"),
        Section("run", "Versions and configuration"),
    ]
    return render(
        "qc.html.j2",
        **common(inputs, title="Quality control", sections=sections, methods=qc_methods(inputs)),
        answers=qc_answers(inputs),
        cards=summary.sample_cards(inputs),
        excluded=summary.flagged_samples(inputs, "excluded"),
        care=summary.flagged_samples(inputs, "use_with_care"),
        cautions=summary.qc_cautions(inputs),
        samples_table=linked(inputs, _samples_table(inputs)),
        distribution=_folded(_distribution(inputs, colours), folded=len(inputs.samples) > _MOST_OPEN_SAMPLES),
        timeline=_timeline(inputs, colours),
        components=_components(inputs, colours),
        identity_sentence=summary.identity_sentence(inputs),
        identity_table=_identity_table(inputs),
        pairs_table=_pairs_table(inputs),
        designs=designs_table(inputs),
        pair_quality=pair_quality_table(inputs),
        filters=filter_table(inputs),
        filter_summary=summary_table(inputs),
        alike=similarity_table(inputs),
        correlation=_correlation(inputs),
        kinds=kinds,
        maps=map_views(inputs, colours),
        malignant=malignant,
        skipped=skipped_table(inputs, _STAGES),
    )


def qc_figures(inputs: ReportInputs) -> list[FigureView]:
    """Return the figures of the page, in its order."""
    colours = select.colours(inputs)
    found = (
        _distribution(inputs, colours),
        _timeline(inputs, colours),
        _components(inputs, colours),
        _correlation(inputs),
        _cell_types(inputs, colours),
    )
    return [*[view for view in found if view is not None], *map_views(inputs, colours)]


def _samples_table(inputs: ReportInputs) -> TableView:
    frame = inputs.samples
    if inputs.qc is not None:
        frame = frame.merge(inputs.qc, on="sample", how="left", validate="one_to_one")
    frame = frame.set_index("sample").loc[select.samples_in_order(inputs)].reset_index()
    given = [name for name in _SHEET if name in frame and bool(frame[name].notna().any())]
    # What all samples share needs no column; it stands in the caption.
    alike = [n for n in given if n != "patient" and len(frame) > 1 and len(set(frame[n].fillna(""))) == 1]
    sheet = [name for name in given if name not in alike]
    same = words.series(f"{words.in_words([name])} {frame[name].iloc[0]}" for name in alike)
    shared = f"; all: {same}" if alike else ""
    labels = {"enrichment": "Sort gate"}
    if "flags" in frame:
        frame = frame.assign(flags=["|".join(words.split(value, ";")) for value in frame["flags"]])
    heads = [Head("sample", "Sample"), Head("verdict", "Verdict", "verdict"), Head("flags", "Why", "list")]
    heads += [Head(name, labels.get(name, name.capitalize())) for name in sheet]
    if inputs.bulk:
        heads += [Head("median_umi", "Library size", "whole"), Head("median_genes", "Genes detected", "whole")]
    else:
        heads += [
            Head("cells_kept", "Cells kept", "whole"),
            Head("median_umi", "Median UMI", "whole"),
            Head("median_genes", "Median genes", "whole"),
            Head("doublet_rate", "Doublets, %", "percent"),
            Head("ambient_fraction", "Ambient RNA, %", "percent"),
        ]
    heads.append(Head("pct_mito", "Mitochondrial, %", "number"))
    # A measure that no sample has (bulk tables often lack mitochondrial genes) is no column.
    heads = [head for head in heads if head.column not in _MEASURES or select.any_given(frame, head.column)]
    return table_view(
        frame,
        id="samples-table",
        caption=f"Samples and their verdicts{shared}",
        heads=heads,
        table=tables.QC,
        source="samples.tsv and tables/qc.tsv",
        anchor=("sample",),
    )


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


def _folded(view: FigureView | None, *, folded: bool) -> FigureView | None:
    return None if view is None else replace(view, folded=folded)


def _timeline(inputs: ReportInputs, colours: select.Colours) -> FigureView:
    samples = inputs.samples[["sample", "patient", "timepoint"]]
    verdicts = {} if inputs.qc is None else dict(zip(inputs.qc["sample"], inputs.qc["verdict"], strict=True))
    frame = samples.assign(verdict=[verdicts.get(name, "") for name in samples["sample"]])
    figure = timeline(frame, timepoints=select.timepoints(inputs), colours=colours.timepoints)
    return svg_view(
        figure,
        id="fig-timeline",
        caption=f"Which {inputs.unit} has which samples; the mark says whether a sample is usable.",
        alt=(
            f"Grid of {words.count(samples['patient'].nunique(), inputs.unit)} by "
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
        Head("patient", inputs.unit.capitalize()),
        Head("sample", "Sample"),
        *([] if inputs.bulk else [Head("cell_type", "Cell type")]),
        Head("verdict", "Verdict", "verdict"),
        Head("sex", "Expression looks"),
        Head("xist", "XIST per 10,000", "number"),
        Head("y_genes", "Y genes per 10,000", "number"),
        *([] if inputs.bulk else [Head("n_cells", "Cells", "whole")]),
        Head("reason", "Why", "long"),
    ]
    return table_view(
        frame,
        id="identity-table",
        caption=tables.IDENTITY.title,
        heads=heads,
        table=tables.IDENTITY,
        source="tables/identity.tsv",
        # Rows that agree need no reading; those that do not come first and stand in the summary too.
        fold_from=12,
    )


def _pairs_table(inputs: ReportInputs) -> TableView:
    """Return every pair with its samples, also those that lack a side, and what is to be known of it."""
    frame = inputs.pairs
    if frame is not None:
        complete = frame["complete"].fillna(False).astype(bool)
        frame = frame.assign(
            pair=[select.block_name(block) for block in frame["block"]],
            state=["complete" if whole else "incomplete" for whole in complete],
            differs=[words.in_words(words.split(value)) for value in frame["differs_in"]],
        )
    views = select.contrasts(inputs)
    sides = (views[0].reference, views[0].test) if len(views) == 1 else ("Reference", "Test")
    heads = [
        *([Head("contrast", "Contrast")] if len(views) > 1 else []),
        Head("pair", "Pair"),
        Head("state", "State", meaning=tables.PAIRS.column("complete").meaning),
        Head("reference_samples", f"{sides[0]} samples", "list"),
        Head("test_samples", f"{sides[1]} samples", "list"),
        Head("differs", "Differs in", meaning=tables.PAIRS.column("differs_in").meaning),
        Head("note", "Note", "long"),
    ]
    return table_view(
        frame,
        id="pairs-table",
        caption=tables.PAIRS.title,
        heads=heads,
        table=tables.PAIRS,
        source="pairs.tsv",
        # What complete pairs are like stands in the table above it: open are a few that are not, or that differ.
        fold_from=1 if frame is not None and bool(frame["complete"].all() and frame["differs_in"].isna().all()) else 12,
    )


def _components(inputs: ReportInputs, colours: select.Colours) -> FigureView | None:
    if inputs.pca is None or inputs.pca.empty or not bool(inputs.pca["pc1"].notna().any()):
        return None
    frame = inputs.samples.merge(inputs.pca, on="sample", how="inner", validate="one_to_one")
    column = select.first_variable(inputs)
    shades = dict(colours.timepoints) if column == "timepoint" else None
    shares = (float(frame["share_1"].iloc[0]), float(frame["share_2"].iloc[0]))
    figure = pca(frame, colour=column, link="patient", colours=shades, shares=shares)
    caption = (
        f"First two principal components of log2 counts per million, the 2,000 genes that vary most; coloured by "
        f"{column}. A line joins the samples of a {inputs.unit}. A sample far from all others deserves a look at its "
        "quality; a split by batch speaks against comparing across it. Excluded samples are not drawn."
    )
    return svg_view(
        figure,
        id="fig-pca",
        caption=caption,
        alt=f"Scatter of {words.count(len(frame), 'sample')}; coordinates are in tables/pca.tsv.",
    )


def _correlation(inputs: ReportInputs) -> FigureView | None:
    if inputs.sample_correlation is None or inputs.sample_correlation.empty:
        return None
    figure = sample_correlation(
        inputs.sample_correlation,
        samples=select.samples_in_order(inputs),
        groups=dict(zip(inputs.samples["sample"], inputs.samples["patient"], strict=True)),
    )
    return png_view(
        figure,
        id="fig-correlation",
        caption=(
            f"Spearman correlation of every two samples, those of a {inputs.unit} side by side between the lines; "
            "lighter: more alike. A row that is dark throughout is an outlier."
        ),
        alt="Map of correlations between samples; the nearest of each stands in the table below.",
        dpi=110,
    )


def _cell_types(inputs: ReportInputs, colours: select.Colours) -> FigureView | None:
    frame = inputs.cell_type_shares
    if frame is None or frame.empty:
        return None
    order = [name for name in select.samples_in_order(inputs) if name in set(frame["sample"])]
    figure = composition(
        frame.rename(columns={"sample": "bar"}),
        bars=order,
        groups=dict(zip(inputs.samples["sample"], inputs.samples["patient"], strict=True)),
        colours=colours.cell_types,
    )
    draw = svg_view if len(order) <= _MOST_VECTOR_SAMPLES else png_view
    return _folded(
        draw(
            figure,
            id="fig-types",
            caption="Share of each cell type among the kept cells of each sample. A sorted sample shows its gate.",
            alt=f"Stacked bars of {words.count(len(order), 'sample')}; the numbers are in tables/cell_type_shares.tsv.",
        ),
        folded=len(order) > _MOST_OPEN_SAMPLES,
    )
