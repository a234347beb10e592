"""Figures of antigens and lineage: what is drawn follows the frame, and nothing is drawn where nothing is known."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from ohmics.errors import OhmicsError
from ohmics.plots import antigens, style


@pytest.fixture
def calls():
    return pd.DataFrame(
        {"patient": ["P1", "P2", "P3"], "antigen": "CD19", "n_cells_pre": [100, 200, 10], "n_cells_post": [100, 50, 30],
         "detected_pre": [40, 50, 0], "detected_post": [0, 12, 0], "expected_detected": [20.0, 12.5, np.nan],
         "expected_low": [10.0, 5.0, np.nan], "expected_high": [30.0, 20.0, np.nan],
         "remaining_fraction": [0.0, 0.96, np.nan], "remaining_low": [0.0, 0.5, np.nan],
         "remaining_high": [0.1, np.nan, np.nan], "call": ["lost", "retained", "not_assessable"]}
    )  # fmt: skip


@pytest.fixture
def depth():
    rows = [
        {"patient": patient, "antigen": "CD19", "side": side, "umi": umi, "n_cells": 10, "detected": seen,
         "expected": 5.0 if side == "after" else np.nan}
        for patient in ("P1", "P2", "P3", "P4", "P5")
        for side in ("before", "after")
        for umi, seen in ((500.0, 1), (1000.0, 4), (2000.0, 6), (4000.0, 9))
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture
def cells():
    random = np.random.default_rng(0)
    n = 1200
    return pd.DataFrame(
        {"patient": np.repeat(["P1", "P2"], n // 2), "side": np.tile(["before", "after"], n // 2),
         "home": random.normal(size=n), "away": random.normal(size=n),
         "state": np.tile(["home", "home", "home", "left", "took", "switched"], n // 6)}
    )  # fmt: skip


def _marks(axes, colour):
    return [line for line in axes.lines if to_hex(line.get_color()).lower() == colour.lower()]


def test_detection_shows_shares_and_the_expected_range(calls):
    figure = antigens.antigen_detection(calls)
    axes = figure.axes[0]
    after = [float(line.get_xdata()[0]) for line in _marks(axes, antigens.AFTER)]
    np.testing.assert_allclose(after, [0.0, 12 / 50, 0.0])
    # A patient without an expectation has no grey range, which is not a range of zero width.
    bars = [(bar.get_x(), bar.get_width()) for bar in axes.patches]
    np.testing.assert_allclose(bars, [(0.1, 0.2), (0.1, 0.3)])
    said = " ".join(text.get_text() for text in axes.texts)
    assert "lost, 0 (0 to 0.1)" in said
    assert "retained, 0.96 (0.5 to no limit)" in said
    assert "not assessable" in said


def test_depth_has_a_panel_a_patient_and_the_expectation_dashed(depth):
    figure = antigens.antigen_by_depth(depth)
    assert len(figure.axes) == 5
    axes = figure.axes[0]
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert len(dashed) == 1
    np.testing.assert_allclose(dashed[0].get_ydata(), 0.5)
    before = _marks(axes, antigens.BEFORE)[0]
    np.testing.assert_allclose(before.get_ydata(), [0.1, 0.4, 0.6, 0.9])


def test_the_plane_draws_at_most_400_cells_a_side_and_colours_states(cells):
    figure = antigens.lineage_plane(cells)
    for axes in figure.axes:
        grey = sum(len(line.get_xdata()) for line in _marks(axes, style.FAINT))
        assert grey == 300
        switched = sum(len(line.get_xdata()) for line in _marks(axes, antigens.STATE_COLOURS["switched"]))
        assert (
            switched == ((cells["patient"] == "P1") & (cells["side"] == "after") & (cells["state"] == "switched")).sum()
        )
    many = pd.concat([cells.assign(patient="P1")] * 4, ignore_index=True)
    drawn = antigens.lineage_plane(many).axes[0]
    assert sum(len(line.get_xdata()) for line in _marks(drawn, style.FAINT)) == 400


@pytest.mark.parametrize("name", ["antigen_detection", "antigen_by_depth", "lineage_plane"])
def test_the_same_frame_gives_the_same_bytes_and_a_wrong_one_a_message(name, calls, depth, cells):
    draw = getattr(antigens, name)
    frame = {"antigen_detection": calls, "antigen_by_depth": depth, "lineage_plane": cells}[name]
    assert style.to_svg(draw(frame)) == style.to_svg(draw(frame.copy()))
    with pytest.raises(OhmicsError, match="lacks column"):
        draw(frame.drop(columns="patient"))
    empty = draw(frame.iloc[:0])
    assert not empty.axes
    assert empty.texts
