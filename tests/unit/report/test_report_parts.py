"""The parts of pages: words, table views, figures as markup, inputs from a folder, citations."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from markupsafe import Markup

from ohmics import plots, tables
from ohmics.errors import OhmicsError
from ohmics.io import write_table
from ohmics.qc.imbalance import THINNED
from ohmics.report import ReportInputs, load_inputs, qc_page, select, signature_tables, signatures_page, words
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


def test_pages_do_not_say_where_files_lay(inputs: ReportInputs) -> None:
    given = {**inputs.config.get("input", {}), "samples": "/home/somebody/study/sheet.tsv"}
    told = replace(inputs, config={**inputs.config, "input": given, "outdir": "/scratch/somebody/results"})
    for page in (qc_page(told), signatures_page(told)):
        assert "sheet.tsv" in page
        assert "somebody" not in page


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


def test_methods_say_what_each_scoring_method_computes_from_its_record(inputs: ReportInputs) -> None:
    from ohmics.score.methods import METHODS

    config = {**inputs.config, "score": {"methods": ["aucell", "mean_z", "mine"]}}
    records = {name: {"definition": one.definition, "doi": one.doi} for name, one in METHODS.items()}
    records["mine"] = {"definition": "a method of the user's", "doi": "10.1/x"}
    told = {
        part.heading: part
        for part in signature_methods(
            ReportInputs(config=config, samples=inputs.samples, provenance={"score_methods": records})
        ).paragraphs
    }["Scores"]
    assert f"aucell ({METHODS['aucell'].definition})" in told.text
    assert f"mean_z ({METHODS['mean_z'].definition})" in told.text
    assert "mine (a method of the user's; doi 10.1/x)" in told.text
    assert "UCell" not in told.text
    assert len(told.numbers) == 2


def test_every_scoring_method_is_cited_by_the_doi_of_its_record() -> None:
    from ohmics.report.citations import citation
    from ohmics.score.methods import METHODS

    assert {name: citation(name).doi for name in METHODS} == {name: one.doi for name, one in METHODS.items()}


def test_methods_speak_of_thinning_only_where_something_was_thinned(inputs: ReportInputs) -> None:
    def scores_text(given: ReportInputs) -> str:
        return next(part.text for part in signature_methods(given).paragraphs if part.heading == "Scores")

    scores = pd.DataFrame({"depth": ["all", "thinned"], "method": "ucell", "thinned_to": [None, 900.0]})
    assert "were thinned: each count was kept" in scores_text(replace(inputs, scores=scores))
    never = scores_text(replace(inputs, scores=scores[scores["depth"] == "all"]))
    assert "nothing could be thinned to one depth" in never
    assert "each count was kept" not in never


def test_methods_say_what_p_of_a_gene_set_belongs_to_and_how_small_it_can_be(inputs: ReportInputs) -> None:
    assert inputs.enrichment is not None
    both = pd.concat([inputs.enrichment, inputs.enrichment.assign(method="camera")], ignore_index=True)
    full = ReportInputs(config=inputs.config, samples=inputs.samples, enrichment=both)
    told = {part.heading: part.text for part in signature_methods(full).paragraphs}
    assert "enrichment score (running sum, weight 1) times how far ahead" in told["Gene sets"]
    assert "p and q belong to this statistic" in told["Gene sets"]
    assert "Holm's within the primary lines" in told["Gene sets"]
    assert "estimated from the data" in told["Gene sets"]
    assert "(3 patients: 0.25; 5: 0.062; 6: 0.031)" in told["Comparison"]
    assert "thinned" in told["Scores"]
    only_flips = ReportInputs(config=inputs.config, samples=inputs.samples, enrichment=inputs.enrichment)
    told = {part.heading: part.text for part in signature_methods(only_flips).paragraphs}
    assert "Holm" not in told["Gene sets"]


def test_a_list_has_one_row_with_its_tests_side_by_side(inputs: ReportInputs) -> None:
    assert inputs.enrichment is not None
    camera = inputs.enrichment.assign(method="camera", p=0.5, q=1.0, nes=-9.0, leading_edge="A|B")
    both = pd.concat([inputs.enrichment, camera], ignore_index=True)
    full = ReportInputs(config={}, samples=inputs.samples, enrichment=both, catalog=inputs.catalog)
    view = signature_tables.gene_set_table(full, "relapse_vs_pre")
    labels = [head.label for head in view.heads]
    assert len(view.rows) == len(inputs.enrichment)
    assert {"flip p", "flip q", "camera p", "camera q"} <= set(labels)
    first = view.rows[0]
    assert first[labels.index("flip p")].text == words.p_value(inputs.enrichment["p"].min())
    assert first[labels.index("camera p")].text == "0.5"
    assert first[labels.index("Leading edge")].text == "PDCD1, HAVCR2, LAG3, TIGIT, TOX"


def test_long_gene_lists_are_folded_but_whole_in_the_download() -> None:
    genes = [f"G{number}" for number in range(20)]
    view = table_view(pd.DataFrame({"g": ["|".join(genes)]}), id="t", caption="c", heads=[Head("g", "Genes", "genes")])
    assert view.rows[0][0].lead == "G0, G1, G2, G3, G4, G5 and 14 more"
    assert view.rows[0][0].text == ", ".join(genes)


def test_a_list_is_shown_by_its_mechanism_and_downloaded_by_its_key() -> None:
    frame = pd.DataFrame({"g": ["m1/core", "my own list"]})
    view = table_view(frame, id="t", caption="c", heads=[Head("g", "List", "gene_list")], names={"m1": "Exhaustion"})
    assert [(row[0].text, row[0].small, row[0].data) for row in view.rows] == [
        ("Exhaustion", "core", "m1/core"),
        ("my own list", "", "my own list"),
    ]


def test_patients_are_counted_by_verdict(inputs: ReportInputs) -> None:
    assert inputs.evidence is not None
    view = signature_tables.patient_count_table(inputs, "relapse_vs_pre")
    own = inputs.evidence[inputs.evidence["level"] == "patient"]
    labels = [head.label for head in view.heads]
    place = labels.index("Changed as predicted")
    assert sum(int(row[place].text) for row in view.rows) == int((own["verdict"] == "consistent").sum()) > 0
    assert len(view.rows) == own["mechanism"].nunique()


def test_what_the_sheet_calls_a_donor_is_called_so(inputs: ReportInputs) -> None:
    assert inputs.unit == "patient"
    columns = {"input": {"columns": {"patient": "Donor"}}}
    assert ReportInputs(config=columns, samples=inputs.samples).unit == "donor"
    columns = {"input": {"columns": {"patient": "Study ID"}}}
    assert ReportInputs(config=columns, samples=inputs.samples).unit == "patient"


def test_depth_notes_of_pairs_are_found_by_how_they_end() -> None:
    assert select._DEPTH_NOTE == THINNED


def test_methods_leave_out_what_the_run_did_not_do(inputs: ReportInputs) -> None:
    bare = ReportInputs(config={}, samples=inputs.samples)
    headings = [part.heading for part in signature_methods(bare).paragraphs]
    assert "Gene sets" not in headings
    assert "Composition" not in headings


def test_every_citation_has_a_doi_an_isbn_or_an_issn() -> None:
    folder = Path(words.__file__).parent / "templates"
    lines = (folder / "citations.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[0].split("\t") == ["key", "authors", "year", "title", "where", "doi"]
    keys = [line.split("\t")[0] for line in lines[1:]]
    assert len(keys) == len(set(keys))
    for key in keys:
        work = citation(key)
        assert work.doi.startswith("10.") or "ISBN" in work.where or "ISSN" in work.where
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


def test_methods_say_where_no_umap_was_drawn_of_many_cells(inputs: ReportInputs) -> None:
    def told(cells: pd.DataFrame | None) -> str:
        config = {**inputs.config, "embed": {**inputs.config["embed"], "umap": "auto"}}
        return " ".join(part.text for part in qc_methods(replace(inputs, config=config, cells=cells)).paragraphs)

    assert inputs.cells is not None
    assert "UMAP serves for display only" in told(inputs.cells)
    assert "no UMAP was drawn of this many cells" in told(inputs.cells.assign(umap_1=float("nan"), umap_2=float("nan")))
