"""Verdicts, effects, gene sets, genes and composition come in, ``signatures.html`` goes out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ohmics import tables
from ohmics.report import association_panel, select, signature_figures, signature_tables, summary, words
from ohmics.report.answers import antigen_answer, contrast_answers, nothing_compared, usable_answer
from ohmics.report.antigen_panel import AntigenPanel, antigen_panel
from ohmics.report.concordance_panel import WHAT as CONCORDANCE_WHAT
from ohmics.report.concordance_panel import concordance_panel
from ohmics.report.de_panel import DePanel, de_panel
from ohmics.report.disputes import contradictions, disputes
from ohmics.report.figures import FigureView
from ohmics.report.gene_lists import gene_list_table
from ohmics.report.gene_search import gene_search
from ohmics.report.inputs import ReportInputs
from ohmics.report.limits_panel import WHAT as LIMITS_WHAT
from ohmics.report.limits_panel import blind_table
from ohmics.report.measures_panel import WHAT as MEASURES_WHAT
from ohmics.report.measures_panel import measures_panel
from ohmics.report.methods import signature_methods
from ohmics.report.page_parts import Section, common, skipped_table
from ohmics.report.patient_links import linked
from ohmics.report.render import render
from ohmics.report.states_panel import WHAT, StatesPanel, states_panel
from ohmics.report.tables import Head, TableView, table_view


@dataclass(frozen=True, slots=True)
class ContrastSection:
    """Everything the page shows of one contrast."""

    id: str
    view: select.ContrastView
    verdicts: TableView
    details: TableView
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
    parts = [_contrast(inputs, view, colours) for view in views]
    search = gene_search(
        inputs, tested={part.view.name: part.genes for part in parts}, shown=antigens.tables if antigens else ()
    )
    calls = "Antigen-positive or -negative" if antigens and antigens.kinds else "Antigens, lineage and CAR"
    sections = [
        Section("summary", "In short"),
        *([Section("antigens", calls)] if antigens else []),
        Section("support", "What is supported"),
        Section("contradictions", "Contradictions"),
        *([Section("find-gene", "Find a gene")] if search else []),
        *[Section(words.anchor("contrast", view.name), f"{view.text[:1].upper()}{view.text[1:]}") for view in views],
        Section("concordance", "Do the methods agree?"),
        Section("cannot", "What this cannot show"),
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
        summaries=[(summary.contrast_summary(inputs, view), contrast_answers(inputs, view)) for view in views],
        answers=[
            answer
            for answer in (usable_answer(inputs), antigen_answer(inputs), None if views else nothing_compared())
            if answer
        ],
        supported=[(view, disputes(inputs, view, "supported")) for view in views],
        contradictions=[contradictions(inputs, view) for view in views],
        concordance=[(view, concordance_panel(inputs, view)) for view in views],
        concordance_what=CONCORDANCE_WHAT,
        blind=blind_table(inputs),
        blind_what=LIMITS_WHAT,
        contrasts=parts,
        search=search,
        gene_lists=gene_list_table(inputs),
        antigens=_with_links(inputs, antigens) if antigens else None,
        measures=measures,
        measures_what=MEASURES_WHAT,
        outcomes=outcomes,
        outcomes_what=association_panel.WHAT,
        coverage=_coverage_table(inputs),
        skipped=skipped_table(inputs),
    )


def _with_links(inputs: ReportInputs, panel: AntigenPanel) -> AntigenPanel:
    """Return the panel with its patients linked to their pages."""
    kinds = None if panel.kinds is None else linked(inputs, panel.kinds)
    return replace(panel, kinds=kinds, tables=tuple(linked(inputs, one) for one in panel.tables))


def _contrast(inputs: ReportInputs, view: select.ContrastView, colours: select.Colours) -> ContrastSection:
    return ContrastSection(
        id=words.anchor("contrast", view.name),
        view=view,
        verdicts=signature_tables.verdict_table(inputs, view.name),
        details=signature_tables.detail_table(inputs, view.name),
        unseen=signature_tables.unseen_table(inputs, view.name),
        patient_counts=signature_tables.patient_count_table(inputs, view.name),
        patients=linked(inputs, signature_tables.patient_table(inputs, view.name)),
        heat=signature_figures.heat_view(inputs, view),
        forest=signature_figures.forest_view(inputs, view),
        gene_sets=signature_tables.gene_set_table(inputs, view.name),
        genes=signature_tables.gene_table(inputs, view.name),
        de=de_panel(inputs, view),
        composition_figure=signature_figures.composition_view(inputs, view, colours),
        composition=signature_tables.composition_table(inputs, view),
        states=states_panel(inputs, view),
    )


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
