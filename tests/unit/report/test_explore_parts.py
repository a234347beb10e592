"""Gene search, gene lists, settings and links: what leads where, and that nothing leads nowhere."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pandas as pd
import pytest

from ohmics import tables
from ohmics.intake.config import config_schema
from ohmics.report import ReportInputs, gene_lists, gene_search, maps_panel, select, signatures_page, words
from ohmics.report.charts import unpacked
from ohmics.report.settings_table import SETTINGS, settings_table
from ohmics.report.settings_words import settings_of
from ohmics.report.signature_tables import gene_table
from ohmics.report.tables import LISTS, Head, table_view


@pytest.fixture(scope="module")
def index(inputs: ReportInputs) -> dict[str, dict[str, object]]:
    views = {view.name: gene_table(inputs, view.name) for view in select.contrasts(inputs)}
    found = gene_search.gene_search(inputs, tested=views)
    assert found is not None
    return unpacked(found.index)  # type: ignore[no-any-return]  # a JSON document


def test_every_gene_of_a_list_is_found_with_its_source(
    inputs: ReportInputs, index: dict[str, dict[str, object]]
) -> None:
    lists = index["lists"]
    for place, one in enumerate(gene_lists.listed(inputs)):
        assert lists[place]["source"] == one.source  # type: ignore[index]
        for gene in one.genes:
            assert place in index["genes"][gene]["l"]  # type: ignore[index]


def test_the_smallest_p_of_each_test_are_found_and_their_numbers_are_the_tables(
    inputs: ReportInputs, index: dict[str, dict[str, object]]
) -> None:
    assert inputs.de is not None
    names = [test["name"] for test in index["tests"]]  # type: ignore[index]
    for (contrast, kind, method), rows in inputs.de.groupby(["contrast", "cell_type", "method"]):
        best = rows.sort_values(["p", "gene"]).iloc[0]
        place = names.index(f"{contrast}, {kind} ({method})")
        mine = [row for row in index["genes"][best["gene"]]["d"] if row[0] == place]  # type: ignore[index]
        assert mine[0][1:4] == [words.number(best["log2_fc"]), words.p_value(best["p"]), words.p_value(best["q"])]


def test_no_search_where_there_is_nothing_to_find(inputs: ReportInputs) -> None:
    empty = replace(inputs, catalog=None, de=None, antigen=None)
    assert gene_search.gene_search(empty, tested={}) is None
    assert gene_lists.gene_list_table(empty) is None


def test_table_of_lists_links_to_publications(inputs: ReportInputs) -> None:
    view = gene_lists.gene_list_table(inputs)
    assert view is not None
    column = [head.column for head in view.heads].index("pmid")
    outer = {row[column].outer for row in view.rows if row[column].text}
    assert outer
    assert all(re.fullmatch(r"https://pubmed\.ncbi\.nlm\.nih\.gov/\d+/", address) for address in outer)
    assert len(set(view.anchors)) == len(view.rows)


def test_settings_say_value_default_and_meaning() -> None:
    view = settings_table({"de": {"min_cells": 12, "weights": "genes"}, "catalog_paths": [], "unheard": {"of": [1, 2]}})
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in view.rows}
    assert rows["de.min_cells"][:2] == ["12", "10"]
    assert "cells" in rows["de.min_cells"][2].lower()
    assert rows["catalog_paths"][0] == ""
    assert rows["unheard"][0] == '{"of": [1, 2]}'
    assert words.row_id(SETTINGS, "de") in view.anchors
    assert words.row_id(SETTINGS, "de.min_cells") in view.anchors


def test_a_bulk_run_shows_no_settings_of_cells() -> None:
    config = {"embed": {"umap": True}, "de": {"min_cells": 10}}
    assert {row[0].text for row in settings_table(config, bulk=True).rows} == {"de", "de.min_cells"}
    assert "embed.umap" in {row[0].text for row in settings_table(config).rows}


def test_contrasts_are_written_as_words() -> None:
    view = settings_table({"contrasts": [{"name": "a_vs_b", "covariates": [], "pair_by": ["patient"]}]})
    assert view.rows[0][1].text == "name a_vs_b, pair_by patient"


def test_settings_named_for_a_table_are_settings_there_are() -> None:
    known = set(config_schema()["properties"])
    named = {part for table in vars(tables).values() if hasattr(table, "key") for part in settings_of(table.name)}
    assert named
    assert named <= known


def test_a_list_named_in_a_sentence_leads_to_its_genes(inputs: ReportInputs) -> None:
    page = signatures_page(inputs)
    ids = set(re.findall(r'\bid="([^"]+)"', page))
    links = re.findall(rf'<a href="#({LISTS}-[^"]+)">([^<]+)</a>', page)
    assert links
    assert {unescape(target) for target, _ in links} <= ids


def test_a_gene_cell_is_plain_text_without_a_script() -> None:
    view = table_view(pd.DataFrame({"gene": ["CD19"]}), id="g", caption="g", heads=[Head("gene", "Gene", "gene")])
    assert view.rows[0][0].text == "CD19"
    assert view.rows[0][0].target == ""


def test_maps_say_in_words_how_many_cells_the_largest_groups_hold(inputs: ReportInputs) -> None:
    views = maps_panel.map_views(inputs, select.colours(inputs))
    assert inputs.cells is not None
    counts = inputs.cells["cell_type"].value_counts()
    assert f"The largest: {counts.index[0]} ({counts.iloc[0]:,})" in views[0].alt
    assert views[0].chart
    assert not any(view.chart for view in views[1:])
    assert f"{len(inputs.cells):,} cells" in views[0].caption
