"""The antigen panel: its first line, its tables, and nothing where the run made none of them."""

from dataclasses import replace

import pytest

from ohmics import tables
from ohmics.report import signatures_page
from ohmics.report.antigen_panel import antigen_line, antigen_panel


def row(patient, call, role="target", antigen="CD19", **more):
    return {
        "patient": patient,
        "antigen": antigen,
        "pre_sample": f"{patient}_pre",
        "post_sample": f"{patient}_post",
        "n_cells_pre": 100,
        "n_cells_post": 80,
        "detected_pre": 30,
        "detected_post": 5,
        "expected_detected": 20.0,
        "expected_low": 12.0,
        "expected_high": 30.0,
        "remaining_fraction": 0.2,
        "remaining_low": 0.1,
        "remaining_high": 0.4,
        "null_median": 1.0,
        "null_sd": 0.1,
        "p": 0.01,
        "q": 0.02,
        "call": call,
        "role": role,
        "reason": "CD19 is detected in 30 of 100 malignant cells before.",
        **more,
    }


@pytest.fixture
def called(inputs):
    calls = [
        row("P10", "lost"),
        row("P2", "lost"),
        row("P1", "retained"),
        row("P3", "reduced"),
        row("P4", "not_assessable"),
        row("P1", "retained", role="alternative", antigen="CD22"),
    ]
    lineage = [
        {
            "patient": "P2",
            "estimate": 0.8,
            "low": 0.7,
            "high": 0.9,
            "evidence": "took: monocytic",
            "call": "candidate",
            "reason": "Candidate.",
        }
    ]
    shown = [
        row("P1", "lost", role="presentation", antigen="B2M"),
        row("P1", "retained", role="ifn_gamma", antigen="JAK1"),
    ]
    car = [
        {
            "sample": "P1_post",
            "estimate": 0.2,
            "low": 0.1,
            "high": 0.3,
            "evidence": "3 of 9",
            "call": "detected",
            "reason": "3 of 9 T cells.",
        }
    ]
    junctions = [
        {
            "sample": "P1_post",
            "event": "CD19 exon 2",
            "included": 3,
            "skipped": 30,
            "psi": 0.05,
            "psi_low": 0.01,
            "psi_high": 0.1,
            "call": "skipping",
            "reason": "Skipping.",
        }
    ]
    depth = [
        {
            "patient": "P1",
            "antigen": "CD19",
            "sample": f"P1_{side}",
            "side": side,
            "bin": 1,
            "umi": 900.0,
            "n_cells": 9,
            "detected": 3,
            "counts": 0.5,
            "expected": 4.0,
        }
        for side in ("before", "after")
    ]
    placed = [
        {
            "patient": "P2",
            "sample": "P2_post",
            "barcode": f"c{n}",
            "side": side,
            "home": -3.0,
            "away": 2.0,
            "state": "switched",
        }
        for n, side in enumerate(("before", "after"))
    ]
    return replace(
        inputs,
        antigen=tables.ANTIGEN.conform(calls),
        presentation=tables.ANTIGEN_PRESENTATION.conform(shown),
        antigen_depth=tables.ANTIGEN_DEPTH.conform(depth),
        lineage=tables.LINEAGE.conform(lineage),
        lineage_cells=tables.LINEAGE_CELLS.conform(placed),
        car=tables.CAR.conform(car),
        junctions=tables.JUNCTIONS.conform(junctions),
    )


def test_the_first_line_names_negative_and_positive_patients(called):
    line = antigen_line(called)
    assert line.startswith("Target antigen after treatment: CD19-negative: P2 and P10 (2); CD19 reduced: P3 (1)")
    assert "CD19-positive: P1 (1)" in line
    assert "CD19 not assessable: P4 (1)" in line
    assert "Possible lineage switch, no clonal link: P2." in line
    assert "CD22" not in line


def test_every_table_has_its_place_and_alternatives_are_research(called):
    panel = antigen_panel(called)
    assert [view.id for view in panel.tables] == [
        "antigen-targets",
        "antigen-alternatives",
        "antigen-presentation",
        "lineage-calls",
        "car-calls",
        "junction-calls",
    ]
    assert [len(view.rows) for view in panel.tables] == [5, 1, 2, 1, 1, 1]
    assert "no recommendation" in panel.tables[1].caption
    assert [figure.id for figure in panel.figures] == ["fig-antigen-detection", "fig-antigen-depth", "fig-lineage"]
    assert "lost in 2" in panel.figures[0].markup


def test_the_page_begins_with_the_antigens(called):
    page = signatures_page(called)
    summary = page[page.index('id="summary"') : page.index('<section id="antigens"')]
    told = (
        "CD19 RNA in malignant cells: lost in 2 (P2 and P10); reduced in 1 (P3); still there in 1 (P1); not to be told"
    )
    assert summary.index("Which samples are usable?") < summary.index(told) < summary.index('class="lead"')
    assert "Possible lineage switch, no clonal link: P2." in summary
    assert 'href="#antigens"' in summary
    assert page.index('<section id="antigens"') < page.index('<section id="support"')


def test_without_calls_there_is_no_section(inputs):
    bare = replace(inputs, antigen=None, presentation=None, lineage=None, car=None, junctions=None)
    assert antigen_panel(bare) is None
    assert '<section id="antigens"' not in signatures_page(bare)


def test_empty_tables_say_so(inputs):
    empty = replace(inputs, antigen=tables.ANTIGEN.empty(), lineage=tables.LINEAGE.empty(), presentation=None, car=None)
    panel = antigen_panel(empty)
    assert panel.line == ""
    assert panel.figures == ()
    assert all(
        "no pair of samples could be called" in view.empty for view in panel.tables if view.id != "antigen-alternatives"
    )
