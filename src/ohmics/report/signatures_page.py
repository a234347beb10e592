"""Verdicts, effects, gene sets, genes and composition come in, ``signatures.html`` goes out."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ohmics import tables
from ohmics.report import association_panel, select, signature_figures, signature_tables, summary, words
from ohmics.report.antigen_panel import antigen_panel
from ohmics.report.de_panel import DePanel, de_panel
from ohmics.report.figures import FigureView
from ohmics.report.inputs import ReportInputs
from ohmics.report.measures_panel import WHAT as MEASURES_WHAT
from ohmics.report.measures_panel import measures_panel
from ohmics.report.methods import signature_methods
from ohmics.report.page_parts import Section, common, skipped_table
from ohmics.report.render import render
from ohmics.report.states_panel import WHAT, StatesPanel, states_panel
from ohmics.report.tables import Head, TableView, table_view


@dataclass(frozen=True, slots=True)
class Dispute:
    """A decided mechanism: what argues for it and what argues against it, side by side."""

    name: str
    contrast: str
    verdict: str
    verdict_words: str
    reasons: str
    pro: tuple[str, ...]
    con: tuple[str, ...]
    conflicts: tuple[str, ...]
    would_change: tuple[str, ...]
    target: str


@dataclass(frozen=True, slots=True)
class ContrastSection:
    """Everything the page shows of one contrast."""

    id: str
    view: select.ContrastView
    verdicts: TableView
    unseen: TableView
    patient_counts: TableView
    patients: TableView
    heat: FigureView | None
    forest: FigureView | None
    gene_sets: TableView
    genes: TableView
    de: DePanel
    composition_figure: FigureView | None
    composition: TableView
    states: StatesPanel | None
    states_what: str = WHAT


def signatures_page(inputs: ReportInputs) -> str:
    """Return ``signatures.html``: what the data say of each mechanism, for whom, and what they cannot show.

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
    views = select.contrasts(inputs)
    outcomes = association_panel.association_panels(inputs)
    measures = measures_panel(inputs)
    antigens = antigen_panel(inputs)
    sections = [
        Section("summary", "Summary"),
        Section("contradictions", "What speaks for and against"),
        *([Section("antigens", "Antigens and lineage")] if antigens else []),
        *[Section(words.anchor("contrast", view.name), f"Contrast {view.name}") for view in views],
        *([Section("measures", "CAR+ and B cells")] if measures else []),
        *([Section("association", "Association with outcome")] if outcomes else []),
        Section("coverage", "Genes found"),
        Section("skipped", "What was not tested"),
        Section("methods", "Methods"),
        Section("glossary", "Glossary"),
        Section("run", "Versions and configuration"),
    ]
    return render(
        "signatures.html.j2",
        **common(inputs, title="Resistance signatures", sections=sections, methods=signature_methods(inputs)),
        sentence=summary.sample_sentence(inputs),
        summaries=[summary.contrast_summary(inputs, view) for view in views],
        disputes=[dispute for view in views for dispute in _disputes(inputs, view)],
        contrasts=[_contrast(inputs, view, colours) for view in views],
        antigens=antigens,
        measures=measures,
        measures_what=MEASURES_WHAT,
        outcomes=outcomes,
        outcomes_what=association_panel.WHAT,
        coverage=_coverage_table(inputs),
        skipped=skipped_table(inputs),
    )


def _contrast(inputs: ReportInputs, view: select.ContrastView, colours: select.Colours) -> ContrastSection:
    return ContrastSection(
        id=words.anchor("contrast", view.name),
        view=view,
        verdicts=signature_tables.verdict_table(inputs, view.name),
        unseen=signature_tables.unseen_table(inputs, view.name),
        patient_counts=signature_tables.patient_count_table(inputs, view.name),
        patients=signature_tables.patient_table(inputs, view.name),
        heat=signature_figures.heat_view(inputs, view),
        forest=signature_figures.forest_view(inputs, view),
        gene_sets=signature_tables.gene_set_table(inputs, view.name),
        genes=signature_tables.gene_table(inputs, view.name),
        de=de_panel(inputs, view),
        composition_figure=signature_figures.composition_view(inputs, view, colours),
        composition=signature_tables.composition_table(inputs, view),
        states=states_panel(inputs, view),
    )


def _disputes(inputs: ReportInputs, view: select.ContrastView) -> list[Dispute]:
    """Return the contradicted mechanisms, then the supported ones."""
    rows = select.cohort_evidence(inputs, view.name)
    if rows is None or rows.empty:
        return []
    names = select.names(inputs)
    decided = [rows[rows["verdict"] == verdict] for verdict in ("contradicted", "supported")]
    return [
        Dispute(
            name=names.get(str(row["mechanism"]), str(row["mechanism"])),
            contrast=view.name,
            verdict=str(row["verdict"]),
            verdict_words=words.phrase(row["verdict"])
            + ("" if words.is_missing(row["grade"]) else f", {row['grade']}"),
            reasons=words.without_name(row["reasons"], names.get(str(row["mechanism"]), "")),
            pro=tuple(words.plain(line) for line in words.split(row["lines_for"])),
            con=tuple(words.plain(line) for line in words.split(row["lines_against"])),
            conflicts=tuple(words.plain(line) for line in words.split(row.get("conflicts"))),
            would_change=tuple(words.plain(line) for line in words.split(row.get("would_change"))),
            target=words.row_id(f"verdicts-{view.name}", row["mechanism"]),
        )
        for _, row in pd.concat(decided).iterrows()
    ]


def _coverage_table(inputs: ReportInputs) -> TableView:
    frame = inputs.coverage
    empty = ""
    if frame is not None:
        lists = frame["gene_list"].nunique()
        frame = frame[frame["n_present"] < frame["n_genes"]]
        found = lists - frame["gene_list"].nunique()
        empty = f"all genes of all {words.count(lists, 'list')} were found in every sample." if lists else ""
        # Samples that share their genes share their rows; each different row is shown once.
        frame = frame.drop_duplicates(["gene_list", "n_genes", "n_present", "missing"]).sort_values(
            ["coverage", "gene_list"], kind="stable"
        )
    return table_view(
        frame,
        id="coverage-table",
        caption="Lists of which genes are missing"
        + (f"; of {words.count(found, 'further list')} every gene was found" if empty else ""),
        heads=[
            Head("gene_list", "Gene list", "gene_list"),
            Head("n_present", "Genes found", "whole"),
            Head("n_genes", "Genes in list", "whole"),
            Head("coverage", "Found, %", "percent"),
            Head("missing", "Missing", "genes"),
        ],
        table=tables.COVERAGE,
        source="tables/coverage.tsv",
        names=select.names(inputs),
        most=500,
        fold_from=40,
        empty=empty,
    )
