"""Figures: what is drawn follows the frame, missing is never drawn as zero, and the same frame gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ohmics import plots
from ohmics.errors import OhmicsError
from ohmics.plots import style
from ohmics.plots.umap import MOST_POINTS, thin


def _cells(n: int = 400) -> pd.DataFrame:
    angle = np.linspace(0, 20, n)
    kinds = np.array(["CD8 T", "NK", "unassigned"])[np.arange(n) % 3]
    return pd.DataFrame({"umap_1": np.sin(angle), "umap_2": np.cos(angle * 1.3), "cell_type": kinds})


def _cell_qc() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample": ["a"] * 50 + ["b"] * 50,
            "n_umi": np.linspace(100, 9000, 100),
            "n_genes": np.linspace(80, 3000, 100),
            "pct_mito": np.linspace(0, 80, 100),
            "kept": pd.array([True, False] * 50, dtype="boolean"),
        }
    )


def _qc() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample": ["a", "b", "c"],
            "median_umi": [3000.0, 5000.0, np.nan],
            "median_genes": [1200.0, 1500.0, np.nan],
            "pct_mito": [4.0, 5.0, np.nan],
            "verdict": ["use", "use_with_care", "excluded"],
        }
    )


def _cohort() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "mechanism": ["m1", "m2", "m3"],
            "cell_type": ["CD8 T", "NK", "bulk"],
            "effect": [0.2, -0.1, np.nan],
            "low": [0.1, -0.3, np.nan],
            "high": [0.3, np.nan, np.nan],
            "interval_level": [0.95, 0.875, np.nan],
            "sd_change": [0.1, 0.1, np.nan],
            "q": [0.01, 0.4, np.nan],
            "n_pairs": pd.array([8, 4, 1], dtype="Int64"),
            "n_units": pd.array([7, 4, 1], dtype="Int64"),
            "n_positive": pd.array([6, 0, None], dtype="Int64"),
        }
    )


def _patients() -> pd.DataFrame:
    return pd.DataFrame({"mechanism": ["m1", "m1", "m2"], "subject": ["P1", "P2", "P1"], "effect": [0.0, 0.3, np.nan]})


def _heat() -> Figure:
    return plots.heat(_patients(), mechanisms=["m1", "m2"], patients=["P1", "P2"])


_FRACTIONS = pd.DataFrame({"bar": ["a", "a", "b"], "cell_type": ["CD8 T", "NK", "NK"], "fraction": [0.25, 0.75, 0.5]})
_SHEET = pd.DataFrame(
    {"sample": ["s1", "s2"], "patient": ["P1", "P1"], "timepoint": ["pre", "relapse"], "verdict": ["use", "excluded"]}
)
_POINTS = pd.DataFrame({"sample": ["s1", "s2"], "pc1": [0.0, 1.0], "pc2": [1.0, 0.0], "patient": ["P1", "P1"]})

_CALLS = pd.DataFrame(
    {"patient": ["P1", "P2"], "antigen": "CD19", "n_cells_pre": 100, "n_cells_post": 50, "detected_pre": [40, 50],
     "detected_post": [0, 12], "expected_detected": [20.0, np.nan], "expected_low": [10.0, np.nan],
     "expected_high": [30.0, np.nan], "remaining_fraction": [0.0, np.nan], "remaining_low": [0.0, np.nan],
     "remaining_high": [0.1, np.nan], "call": ["lost", "not_assessable"]}
)  # fmt: skip
_DEPTH = pd.DataFrame(
    {"patient": "P1", "antigen": "CD19", "side": ["before"] * 2 + ["after"] * 2, "umi": [900.0, 4000.0] * 2,
     "n_cells": 10, "detected": [4, 8, 0, 1], "expected": [np.nan, np.nan, 4.0, 8.0]}
)  # fmt: skip
_LINEAGE = pd.DataFrame(
    {"patient": "P1", "side": ["before", "after"] * 4, "home": np.linspace(-3, 2, 8), "away": np.linspace(3, 0, 8),
     "state": ["home", "left", "took", "switched"] * 2}
)  # fmt: skip
_ASSOCIATION = pd.DataFrame(
    {"mechanism": ["m1", "m2"], "model": "logistic_firth", "effect": [1.2, 6.0], "low": [0.2, 1.0], "high": [2.0, 9.0],
     "q": [0.01, 0.4], "n": 30, "n_events": 12, "auc": [0.8, np.nan], "auc_low": [0.6, np.nan],
     "auc_high": [0.9, np.nan], "cell_type": "bulk"}
)  # fmt: skip
_CURVES = pd.DataFrame(
    {"group": ["above"] * 3 + ["below"] * 3, "time": [0.0, 4.0, 90.0, 0.0, 2.0, 60.0], "at_risk": [8, 8, 3, 7, 7, 1],
     "censored": [0, 0, 3, 0, 1, 0], "survival": [1, 0.8, 0.6, 1, 1, 0.2], "low": [1, 0.5, 0.3, 1, 1, np.nan],
     "high": [1, 0.9, 0.8, 1, 1, np.nan], "unit": "weeks"}
)  # fmt: skip
_STATES = pd.DataFrame(
    {"subject": ["P1", "P1", "cohort"], "series": ["raw", "beyond", "raw"], "effect": [0.2, 0.1, 0.2],
     "low": [0.1, np.nan, 0.1], "high": [0.3, np.nan, 0.3]}
)  # fmt: skip
_ALIKE = pd.DataFrame(
    {"sample": ["s1", "s1", "s2", "s3"], "other": ["s2", "s3", "s1", "s1"], "correlation": [0.9, 0.8, 0.9, 0.8]}
)
_WALK = pd.DataFrame(
    {"gene_list": ["a/one"] * 2 + ["b/two"], "part": ["up", "up", "down"], "rank": [1, 5, 9],
     "before": [0.0, 0.1, -0.8], "after": [0.5, 0.6, 0.2], "n_tested": 10}
)  # fmt: skip


def _genes() -> pd.DataFrame:
    change = np.linspace(-3, 3, 61)
    p = 10.0 ** -(change**2)
    q = np.where(p < 1e-3, 1e-2, 0.8)
    gene = [f"GENE{number}" for number in range(61)]
    return pd.DataFrame({"gene": gene, "log2_fc": change, "p": p, "q": q, "mean_log_cpm": 5 + np.cos(7 * change)})


FIGURES: dict[str, Callable[[], Figure]] = {
    "antigen_by_depth": lambda: plots.antigen_by_depth(_DEPTH),
    "antigen_detection": lambda: plots.antigen_detection(_CALLS),
    "association": lambda: plots.association(_ASSOCIATION, labels={"m1": "A mechanism with a long name " * 3}),
    "lineage_plane": lambda: plots.lineage_plane(_LINEAGE),
    "ma": lambda: plots.ma(_genes(), min_lfc=0.5),
    "running_sum": lambda: plots.running_sum(_WALK, notes={"a/one": "p 0.0003, q 0.01"}),
    "sample_correlation": lambda: plots.sample_correlation(
        _ALIKE, samples=["s1", "s2", "s3", "s4"], groups={"s1": "P1", "s2": "P1", "s3": "P2"}
    ),
    "states": lambda: plots.states(_STATES, cohort="cohort"),
    "survival": lambda: plots.survival(_CURVES),
    "volcano": lambda: plots.volcano(_genes(), min_lfc=0.5),
    "umap": lambda: plots.umap(_cells(), colour="cell_type", label_on_map=True),
    "qc_distributions": lambda: plots.qc_distributions(_cell_qc(), qc=_qc(), thresholds={"n_umi": 500.0}),
    "heat": _heat,
    "forest": lambda: plots.forest(_cohort(), margins={"m1": 0.5}, directions={"m1": "up"}),
    "library_sizes": lambda: plots.library_sizes(_qc(), thresholds={"median_umi": 4000.0}),
    "pca": lambda: plots.pca(_POINTS, colour="patient", link="patient", shares=(0.4, 0.1)),
    "composition": lambda: plots.composition(_FRACTIONS),
    "timeline": lambda: plots.timeline(_SHEET),
}


def _texts(figure: Figure) -> list[str]:
    found = [text.get_text() for text in figure.findobj(mpl.text.Text)]
    return [text for text in found if text]


def test_every_public_figure_is_tried() -> None:
    assert set(FIGURES) == set(plots.__all__)


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_same_frame_gives_same_bytes_and_leaves_settings_alone(name: str) -> None:
    before = dict(mpl.rcParams)
    first, second = FIGURES[name](), FIGURES[name]()
    assert style.to_svg(first) == style.to_svg(second)
    assert style.to_png(first) == style.to_png(second)
    assert style.to_pdf(first) == style.to_pdf(second)
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_svg_has_real_text_and_no_date(name: str) -> None:
    svg = style.to_svg(FIGURES[name]())
    assert "<text" in svg
    assert "dc:date" not in svg


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_no_text_leaves_the_figure(name: str) -> None:
    figure = FIGURES[name]()
    style.to_png(figure)
    drawn = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert drawn.x0 >= -0.03
    assert drawn.y0 >= -0.03
    assert drawn.x1 <= width + 0.03
    assert drawn.y1 <= height + 0.03


def test_a_missing_column_is_named() -> None:
    with pytest.raises(OhmicsError, match="figure umap: the frame lacks column cell_type"):
        plots.umap(_cells().drop(columns="cell_type"), colour="cell_type")


def test_not_assessable_is_hatched_and_no_change_is_not() -> None:
    boxes = [p for p in _heat().axes[0].patches if isinstance(p, Rectangle)]
    hatched = {(round(p.get_x() + 0.47), round(p.get_y() + 0.46)) for p in boxes if p.get_hatch()}
    plain = {(round(p.get_x() + 0.47), round(p.get_y() + 0.46)) for p in boxes if not p.get_hatch()}
    # Patient 1 has no change of m1; m2 has no effect in either patient.
    assert hatched == {(0, 1), (1, 1)}
    assert plain == {(0, 0), (1, 0)}


def test_heat_colours_are_centred_at_zero() -> None:
    zero = next(p for p in _heat().axes[0].patches if round(p.get_x() + 0.47) == 0 and round(p.get_y() + 0.46) == 0)
    red, green, blue, _ = zero.get_facecolor()
    assert max(red, green, blue) - min(red, green, blue) < 0.01
    low, high = style.diverging()(0.1), style.diverging()(0.9)
    assert low[2] > low[0]
    assert high[0] > high[2]


def test_heat_shows_a_call_without_a_score_and_a_change_without_a_scale() -> None:
    figure = plots.heat(
        _patients(),
        mechanisms=["m1", "m2"],
        patients=["P1", "P2"],
        scale={"m2": 0.1},
        verdicts={("m2", "P1"): "supported", ("m2", "P2"): "contradicted"},
    )
    texts = _texts(figure)
    assert {"+", "−", "?"} <= set(texts)


def test_forest_is_in_sd_of_the_change_where_that_is_known() -> None:
    figure = plots.forest(_cohort())
    assert "change, sd of the change between patients" in _texts(figure)
    points = [float(line.get_xdata()[0]) for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert points == pytest.approx([2.0, -1.0])
    assert "not estimable" in _texts(figure)


def test_forest_stays_in_score_units_without_an_sd() -> None:
    figure = plots.forest(_cohort().assign(sd_change=np.nan))
    assert "change, units of the score" in _texts(figure)


def test_forest_states_level_n_and_q_of_each_row() -> None:
    texts = _texts(plots.forest(_cohort()))
    assert {"95 %", "87.5 %", "8", "4", "0.01", "6 of 7", "0 of 4"} <= set(texts)


def test_forest_shows_one_far_row_at_the_edge_and_widens_for_many() -> None:
    near = [_cohort().head(2).assign(mechanism=[f"{n}a", f"{n}b"]) for n in range(4)]
    one = pd.concat([*near, _cohort().head(1).assign(effect=2.0, high=2.2, low=1.8)], ignore_index=True)
    assert plots.forest(one).axes[0].get_xlim()[1] == pytest.approx(6 * 1.06)
    assert "20" in _texts(plots.forest(one))
    many = pd.concat([one, one.tail(1), one.tail(1)], ignore_index=True)
    assert plots.forest(many).axes[0].get_xlim()[1] == pytest.approx(22 * 1.06)


def test_many_patients_stand_side_by_side() -> None:
    people = [f"P{number}" for number in range(40)]
    sheet = pd.DataFrame({"sample": people, "patient": people, "timepoint": "pre", "verdict": "use"})
    figure = plots.timeline(sheet)
    width, height = figure.get_size_inches()
    assert width > 3 * height
    assert {"P0", "P39", "pre"} <= set(_texts(figure))
    assert len([line for line in figure.axes[0].lines if line.get_marker() == "o"]) == 40


def test_library_sizes_show_the_least_accepted_and_thousands() -> None:
    figure = plots.library_sizes(_qc(), thresholds={"median_umi": 400.0})
    assert figure.axes[0].get_xlim()[0] < 400
    assert "1,200" in [label.get_text() for label in figure.axes[1].get_xticklabels()]


def test_forest_fills_only_what_passes() -> None:
    lines = [line for line in plots.forest(_cohort()).axes[0].lines if line.get_marker() == "o"]
    assert [line.get_markerfacecolor() == "white" for line in lines] == [False, True]


def test_umap_shows_at_most_the_stated_number_and_the_same_cells_each_time() -> None:
    cells = pd.DataFrame({"umap_1": np.arange(MOST_POINTS + 500.0), "umap_2": 0.0})
    first, second = thin(cells), thin(cells)
    assert len(first) == MOST_POINTS
    assert first.index.equals(second.index)
    assert first.index.is_unique


def test_umap_writes_no_name_over_another_and_none_for_very_many_levels() -> None:
    # Two small levels inside a large one, at one and the same place.
    cells = _cells(600).assign(level=["large"] * 598 + ["small", "tiny"])
    cells.loc[598:, ["umap_1", "umap_2"]] = cells.loc[0:1, ["umap_1", "umap_2"]].to_numpy()
    figure = plots.umap(cells, colour="level", label_on_map=True)
    style.to_png(figure)
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 3
    assert not any(a.overlaps(b) for place, a in enumerate(boxes) for b in boxes[:place])
    many = _cells(600).assign(level=[f"P{number % 30}" for number in range(600)])
    assert not plots.umap(many, colour="level").axes[0].texts


def test_umap_legend_keeps_the_order_given() -> None:
    steps = {"below 500": "#111111", "500 to 1,000": "#555555", "1,000 to 2,000": "#999999"}
    cells = _cells(30).assign(depth=list(steps)[::-1] * 10)
    legend = plots.umap(cells, colour="depth", colours=steps).axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == list(steps)


def test_umap_shows_all_cells_below_the_limit() -> None:
    assert len(thin(_cells(100))) == 100


def test_umap_without_coordinates_says_so() -> None:
    figure = plots.umap(_cells().assign(umap_1=np.nan), colour="cell_type")
    assert _texts(figure) == ["No cell has UMAP coordinates."]


def test_a_sample_without_cells_is_said_to_have_none() -> None:
    assert "  no cell was counted" in _texts(plots.qc_distributions(_cell_qc(), samples=["a", "b", "gone"]))


def test_composition_draws_the_fractions_given() -> None:
    bars = [p for p in plots.composition(_FRACTIONS).axes[0].patches if isinstance(p, Rectangle) and p.get_width() > 0]
    assert sorted(p.get_width() for p in bars) == pytest.approx([0.25, 0.5, 0.75])


def test_a_level_keeps_its_given_colour() -> None:
    known = style.colours_for(pd.Series(["a", "b"]), {"b": "#000000"})
    assert known["b"] == "#000000"
    assert known["a"] != "#000000"


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a$b$c", "🙂 emoji", "x" * 200, "שלום", "a\nb\x00"])
def test_hostile_names_are_drawn_as_text(name: str) -> None:
    figure = plots.composition(_FRACTIONS.assign(cell_type=name, bar=["a", "b", "c"]))
    svg = style.to_svg(figure)
    assert "<script" not in svg
    assert "\x00" not in svg
