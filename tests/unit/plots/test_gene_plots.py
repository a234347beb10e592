"""Volcano, MA and running-sum figures: what is drawn, named and refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ohmics.errors import OhmicsError
from ohmics.plots import style
from ohmics.plots.ma import ma
from ohmics.plots.running_sum import running_sum
from ohmics.plots.volcano import volcano


@pytest.fixture
def genes() -> pd.DataFrame:
    random = np.random.default_rng(2)
    change = np.r_[3.0, -2.5, random.normal(0, 0.3, 198)]
    p = np.r_[1e-9, 1e-8, random.uniform(0.05, 1, 198)]
    return pd.DataFrame(
        {"gene": [f"G{i}" for i in range(200)], "log2_fc": change, "p": p, "q": np.where(p < 1e-6, 1e-5, 0.8),
         "mean_log_cpm": random.uniform(0, 12, 200)}
    )  # fmt: skip


@pytest.mark.parametrize("draw", [volcano, ma])
def test_passing_genes_are_named_and_counted_by_direction(draw, genes: pd.DataFrame) -> None:
    svg = style.to_svg(draw(genes, title="relapse against pre"))
    assert "relapse against pre" in svg
    assert ">G0<" in svg
    assert ">G1<" in svg
    assert ">G2<" not in svg
    assert "lower, q below 0.05: 1" in svg
    assert "higher, q below 0.05: 1" in svg
    assert "q not below 0.05: 198" in svg
    assert "log2 fold change" in svg


@pytest.mark.parametrize("draw", [volcano, ma])
def test_the_same_frame_gives_the_same_bytes(draw, genes: pd.DataFrame) -> None:
    assert style.to_png(draw(genes)) == style.to_png(draw(genes))


@pytest.mark.parametrize("draw", [volcano, ma])
def test_a_gene_without_p_is_left_out_and_none_at_all_is_said(draw, genes: pd.DataFrame) -> None:
    genes.loc[0, ["p", "q"]] = np.nan
    assert ">G0<" not in style.to_svg(draw(genes))
    assert "No gene was tested." in style.to_svg(draw(genes.assign(p=np.nan)))


@pytest.mark.parametrize("draw", [volcano, ma])
def test_a_missing_column_is_named(draw, genes: pd.DataFrame) -> None:
    with pytest.raises(OhmicsError, match="lacks column q"):
        draw(genes.drop(columns="q"))


def test_the_smallest_change_is_marked(genes: pd.DataFrame) -> None:
    lines = [len(volcano(genes, min_lfc=limit).axes[0].lines) for limit in (0.0, 0.5)]
    assert lines[1] - lines[0] == 2


def test_running_sums_go_through_their_points() -> None:
    points = pd.DataFrame(
        {"gene_list": ["a/one"] * 2 + ["b/two"], "part": ["up", "up", "down"], "rank": [1, 5, 9],
         "before": [0.0, 0.1, -0.8], "after": [0.5, 0.6, 0.2], "n_tested": 10}
    )  # fmt: skip
    figure = running_sum(points, notes={"a/one": "q 0.01"}, title="Running sums")
    assert len(figure.axes) == 2
    curve = figure.axes[0].lines[-1]
    assert curve.get_xdata().tolist() == [0, 1, 1, 5, 5, 10]
    assert curve.get_ydata().tolist() == [0, 0, 0.5, 0.1, 0.6, 0]
    svg = style.to_svg(figure)
    assert "q 0.01" in svg
    assert ">b<" in svg
    assert ">two<" in svg
    with pytest.raises(OhmicsError, match="lacks column part"):
        running_sum(points.drop(columns="part"))
    assert "No gene list was tested." in style.to_svg(running_sum(points.head(0)))
