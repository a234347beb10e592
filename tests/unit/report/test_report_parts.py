"""The parts of pages: words, table views, figures as markup, inputs from a folder, citations."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from markupsafe import Markup

from ohmics import plots, tables
from ohmics.errors import OhmicsError
from ohmics.io import write_table
from ohmics.report import ReportInputs, load_inputs, qc_page, select, signatures_page, words
from ohmics.report.citations import citation
from ohmics.report.figures import png_view, svg_view
from ohmics.report.methods import qc_methods, signature_methods
from ohmics.report.tables import Head, table_view


def _save(inputs: ReportInputs, folder: Path) -> None:
    write_table(inputs.samples, tables.SAMPLES, folder / "samples.tsv")
    (folder / "config.yaml").write_text(yaml.safe_dump(dict(inputs.config), sort_keys=False), encoding="utf-8")
    for name in ("qc", "identity", "effects", "enrichment", "composition", "evidence", "skipped", "coverage", "de"):
        write_table(getattr(inputs, name), tables.TABLES[name.upper()], folder / "tables" / f"{name}.tsv")
    write_table(inputs.pairs, tables.PAIRS, folder / "pairs.tsv")
    write_table(inputs.cells, tables.CELLS, folder / "tables" / "cells.parquet")
    for sample, own in inputs.cell_qc.groupby("sample"):
        write_table(own, tables.CELL_QC, folder / "samples" / str(sample) / "cell_qc.parquet")


def test_pages_from_saved_tables_equal_pages_from_memory(inputs: ReportInputs, tmp_path: Path) -> None:
    _save(inputs, tmp_path)
    loaded = load_inputs(tmp_path, catalog=inputs.catalog, provenance=inputs.provenance)
    assert loaded.config == inputs.config
    assert signatures_page(loaded) == signatures_page(inputs)
    assert qc_page(loaded) == qc_page(inputs)


def test_tables_that_are_not_there_stay_none(inputs: ReportInputs, tmp_path: Path) -> None:
    write_table(inputs.samples, tables.SAMPLES, tmp_path / "samples.tsv")
    loaded = load_inputs(tmp_path, versions={"ohmics": "0.1.0"})
    assert loaded.qc is None
    assert loaded.cell_qc is None
    assert loaded.config == {}
    assert loaded.provenance["versions"] == {"ohmics": "0.1.0"}


def test_a_folder_that_is_no_results_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OhmicsError, match=r"holds no samples\.tsv"):
        load_inputs(tmp_path)


def test_a_config_that_is_no_mapping_is_refused(inputs: ReportInputs, tmp_path: Path) -> None:
    write_table(inputs.samples, tables.SAMPLES, tmp_path / "samples.tsv")
    (tmp_path / "config.yaml").write_text("- a\n- b\n", encoding="utf-8")
    with pytest.raises(OhmicsError, match="is no mapping"):
        load_inputs(tmp_path)


def test_missing_values_are_empty_cells_never_zero() -> None:
    frame = pd.DataFrame({"a": [None, "x"], "p": [float("nan"), 0.03125]})
    view = table_view(frame, id="t", caption="c", heads=[Head("a", "A"), Head("p", "p", "p")])
    assert [[cell.text for cell in row] for row in view.rows] == [["", ""], ["x", "0.031"]]


def test_a_table_states_what_it_leaves_out() -> None:
    frame = pd.DataFrame({"a": range(30)})
    view = table_view(frame, id="t", caption="c", heads=[Head("a", "A", "whole")], most=10, source="tables/x.tsv")
    assert len(view.rows) == 10
    assert view.note == "Shown are the first 10 of 30 rows. Whole table: tables/x.tsv."


def test_headings_take_their_meaning_from_the_schema() -> None:
    frame = pd.DataFrame({"smallest_p": [0.25]})
    heads = [Head("smallest_p", "Smallest p", "p")]
    view = table_view(frame, id="t", caption="c", heads=heads, table=tables.ENRICHMENT)
    assert view.heads[0].meaning == "the smallest p this test could have reached"


def test_lists_keep_their_parts() -> None:
    frame = pd.DataFrame({"lines": ["one|two", "three"]})
    view = table_view(frame, id="t", caption="c", heads=[Head("lines", "Lines", "list")])
    assert view.rows[0][0].parts == ("one", "two")
    assert view.rows[1][0].parts == ()


@pytest.mark.parametrize(
    ("value", "expected"), [(1234567.0, "1,234,567"), (0.000123456, "0.000123"), (None, ""), (0.0, "0"), (-2.5, "-2.5")]
)
def test_numbers_have_one_spelling(value: object, expected: str) -> None:
    assert words.number(value) == expected


def test_anchors_of_different_parts_differ() -> None:
    made = {words.anchor("a", part) for part in ("x y", "x_y", "x-y", "x.y", "xy", "x\ty")}
    assert len(made) == 6
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", name) for name in made)


def test_inline_svg_has_own_ids_no_global_style_and_no_outer_reference() -> None:
    frame = pd.DataFrame({"bar": ["a"], "cell_type": ["NK"], "fraction": [1.0]})
    view = svg_view(plots.composition(frame), id="fig-x", caption="c", alt='says "it" <b>')
    assert "<style" not in view.markup
    assert "<metadata" not in view.markup
    assert re.search(r'id="(?!fig-x-)', view.markup) is None
    assert re.findall(r"https?://(?!www\.w3\.org/)", view.markup) == []
    assert 'aria-label="says &#34;it&#34; &lt;b&gt;"' in view.markup
    assert isinstance(view.markup, Markup)


def test_png_is_data_with_a_text_alternative() -> None:
    frame = pd.DataFrame({"bar": ["a"], "cell_type": ["NK"], "fraction": [1.0]})
    view = png_view(plots.composition(frame), id="fig-y", caption="c", alt="<i>")
    assert view.markup.startswith('<img src="data:image/png;base64,iVBOR')
    assert 'alt="&lt;i&gt;"' in view.markup


def test_methods_cite_each_work_once_and_state_the_settings(inputs: ReportInputs) -> None:
    methods = signature_methods(inputs)
    assert len(methods.cited) == len(set(methods.cited))
    numbers = [n for part in methods.paragraphs for n in part.numbers]
    assert set(numbers) == set(range(1, len(methods.cited) + 1))
    text = " ".join(part.text for part in methods.paragraphs)
    assert "UCell" in text
    assert "at least 50 % of a list's genes" in text
    assert "10,000 seeded draws" in text
    assert "at least 500 UMI" in " ".join(part.text for part in qc_methods(inputs).paragraphs)


def test_methods_leave_out_what_the_run_did_not_do(inputs: ReportInputs) -> None:
    bare = ReportInputs(config={}, samples=inputs.samples)
    headings = [part.heading for part in signature_methods(bare).paragraphs]
    assert "Gene sets" not in headings
    assert "Composition" not in headings


def test_every_citation_has_a_doi_or_an_isbn() -> None:
    folder = Path(words.__file__).parent / "templates"
    lines = (folder / "citations.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[0].split("\t") == ["key", "authors", "year", "title", "where", "doi"]
    keys = [line.split("\t")[0] for line in lines[1:]]
    assert len(keys) == len(set(keys))
    for key in keys:
        work = citation(key)
        assert work.doi.startswith("10.") or "ISBN" in work.where
        assert 1970 < work.year < 2030


def test_primary_rows_are_the_thinned_ones_of_the_declared_method(inputs: ReportInputs) -> None:
    rows = select.primary_effects(inputs, "relapse_vs_pre", "cohort")
    assert set(rows["depth"]) == {"thinned"}
    assert rows["mechanism"].is_unique
    assert set(rows["level"]) == {"cohort"}


def test_timepoints_put_the_reference_first(inputs: ReportInputs) -> None:
    assert select.timepoints(inputs) == ["pre", "relapse"]
    swapped = ReportInputs(
        config={"contrasts": [{"variable": "timepoint", "test": "pre", "reference": "relapse"}]}, samples=inputs.samples
    )
    assert select.timepoints(swapped) == ["relapse", "pre"]


def test_patients_within_technical_range_are_left_out_of_their_table(inputs: ReportInputs) -> None:
    rows = select.patient_evidence(inputs, "relapse_vs_pre")
    assert rows is not None
    assert set(rows["verdict"]) <= {"supported", "contradicted", "consistent", "opposite"}
