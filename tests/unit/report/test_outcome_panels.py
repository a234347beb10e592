"""What the signatures page shows of outcomes, and of CAR+ and B cells."""

import pandas as pd
import pytest

from ohmics.errors import OhmicsError
from ohmics.plots.association import association as draw_association
from ohmics.plots.style import to_svg
from ohmics.plots.survival import survival as draw_survival
from ohmics.report import signatures_page
from ohmics.report.association_panel import association_panels
from ohmics.report.inputs import ReportInputs
from ohmics.report.measures_panel import measures_panel
from ohmics.stats.kaplan_meier import kaplan_meier
from ohmics.tables import ASSOCIATION, CELL_MEASURES, SAMPLES, SKIPPED, SURVIVAL_CURVES

SHEET = SAMPLES.conform([
    {"sample": f"p1_{name}", "patient": "p1", "timepoint": name, "modality": "single_cell", "path": "x"}
    for name in ("early", "late")
])  # fmt: skip
OUTCOMES = [
    {"name": "response", "column": "response", "positive": ["CR", "PR"], "negative": ["PD"], "score": "baseline",
     "contrast": "c"},
    {"name": "os", "time": "days", "event": "died", "unit": "weeks", "score": "change", "contrast": "c", "landmark": 4},
    {"name": "pfs", "time": "days", "event": "died", "score": "baseline", "where": {"timepoint": "pre"}},
]  # fmt: skip


def associations() -> pd.DataFrame:
    shared = {"contrast": "c", "method": "ucell", "cell_type": "bulk", "depth": "thinned", "n": 30, "n_events": 12}
    rows = [
        {**shared, "mechanism": f"m{i}", "gene_list": f"m{i}/up", "outcome": "response", "score": "baseline",
         "model": "logistic_firth", "effect": effect, "low": effect - 1, "high": effect + 1, "p": 0.02, "q": q,
         "auc": 0.7, "auc_low": 0.5, "auc_high": 0.85, "auc_p": 0.03, "left_out": "2 response NE;1 no response"}
        for i, (effect, q) in enumerate(((1.5, 0.01), (-0.3, 0.8), (6.0, 0.4)))
    ]  # fmt: skip
    rows.append({
        **shared, "mechanism": "m0", "gene_list": "m0/up", "outcome": "os", "score": "change", "model": "cox",
        "effect": 0.2, "low": -0.5, "high": 0.9, "p": 0.5, "q": 0.5,
    })  # fmt: skip
    return ASSOCIATION.conform(rows)


def curves() -> pd.DataFrame:
    time = pd.Series([2.0, 4.0, 5.0, 9.0]).to_numpy()
    parts = [
        kaplan_meier(time + shift, time != 5.0).assign(
            contrast="c", mechanism="m0", outcome="os", group=group, cut=0.3, declared="median", unit="weeks"
        )
        for group, shift in (("above", 0), ("below", 3))
    ]
    return SURVIVAL_CURVES.conform(pd.concat(parts))


def inputs(**more: object) -> ReportInputs:
    why = [{"stage": "association", "contrast": "baseline", "subject": "pfs", "reason": "not assessable: 4 events"}]
    return ReportInputs(
        config={"outcomes": OUTCOMES}, samples=SHEET, association=associations(), survival_curves=curves(),
        skipped=SKIPPED.conform(why), **more,
    )  # fmt: skip


def test_each_outcome_has_its_sentence_figure_and_table() -> None:
    response, overall, free = association_panels(inputs())
    assert response.sentence == (
        "3 mechanisms by Firth's logistic regression, up to 30 patients with 12 events. Left out: 2 response NE, "
        "1 no response. q is below 0.05 for m0."
    )
    assert response.read.startswith("Response: response CR or PR against PD.")
    assert [row[0].text for row in response.table.rows] == ["m0", "m2", "m1"]
    assert "AUC" in [head.label for head in response.table.heads]
    assert "time counts from the landmark (4)" in overall.read
    assert overall.sentence.endswith("No q is below 0.05.")
    assert "AUC" not in [head.label for head in overall.table.heads]
    assert len(overall.curves) == 1
    assert "the cut the config declares, median (0.3)" in overall.curves[0].caption
    assert free.sentence == "Not assessable: 4 events."
    assert free.forest is None


def test_the_page_holds_the_section_only_where_outcomes_are_named() -> None:
    page = signatures_page(inputs())
    assert 'id="association"' in page
    assert "Firth&#39;s logistic regression" in page or "Firth's logistic regression" in page
    without = signatures_page(ReportInputs(config={}, samples=SHEET))
    assert 'id="association"' not in without
    assert 'id="measures"' not in without


def test_measures_are_told_in_the_order_of_the_sheet() -> None:
    shared = {"patient": "p1", "measure": "car_positive", "of": "kept cells", "n_cells": 10, "n_of": 100}
    frame = CELL_MEASURES.conform([
        {**shared, "sample": "p1_late", "timepoint": "late", "fraction": 0.01, "low": 0.0, "high": 0.05},
        {**shared, "sample": "p1_early", "timepoint": "early", "fraction": 0.1, "low": 0.05, "high": 0.17,
         "per_ul": 420.0},
    ])  # fmt: skip
    panel = measures_panel(inputs(cell_measures=frame))
    assert panel is not None
    assert panel.sentences == ("p1, CAR+ cells among kept cells: early 10 % (5 to 17), 420 a µl; late 1 % (0 to 5).",)
    assert 'id="measures"' in signatures_page(inputs(cell_measures=frame))


def test_figures_say_what_is_missing_and_name_the_ratio() -> None:
    text = to_svg(draw_association(associations().query("outcome == 'response'")))
    for words in ("odds ratio, per sd of the score between patients", "0.70 (0.50–0.85)", "events"):
        assert words in text
    assert "hazard ratio" in to_svg(draw_association(associations().query("outcome == 'os'")))
    assert "No mechanism" in to_svg(draw_association(associations().iloc[:0]))
    drawn = to_svg(draw_survival(curves()))
    for words in ("above the cut", "time, weeks", "at risk", "share without the event"):
        assert words in drawn
    assert "No curve" in to_svg(draw_survival(curves().iloc[:0]))
    with pytest.raises(OhmicsError, match="lacks column"):
        draw_association(associations().drop(columns="q"))
    with pytest.raises(OhmicsError, match="lacks column"):
        draw_survival(curves().drop(columns="survival"))
