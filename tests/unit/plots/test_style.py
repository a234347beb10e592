"""The style of all figures: palettes stay apart to colour-blind readers, bytes repeat, formats keep their text."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from skimage.color import deltaE_ciede2000, rgb2lab

from ohmics.plots import style

# Machado, Oliveira and Fernandes 2009 (https://doi.org/10.1109/TVCG.2009.113), severity 1, applied to linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
PALETTES = {
    "timepoints": (style.TIMEPOINTS, 12.0),
    "patients": (style.PATIENTS, 12.0),
    "levels": (style.LEVELS, 9.0),
    "sides": ((style.LOWER, style.HIGHER, style.MIDDLE), 12.0),
    "series": ((style.ACCENT, style.SECOND), 12.0),
}


def _linear(rgb: np.ndarray) -> np.ndarray:
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def _seen(colours: list[str], vision: str) -> np.ndarray:
    """Return CIELAB of colours as a reader with that vision sees them."""
    linear = np.clip(_linear(np.array([to_rgb(colour) for colour in colours])) @ VISION[vision].T, 0.0, 1.0)
    rgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(rgb2lab(rgb[None])[0])


def _nearest(colours: list[str], vision: str) -> float:
    lab = _seen(colours, vision)
    apart = deltaE_ciede2000(lab[:, None], lab[None])
    return float(apart[~np.eye(len(colours), dtype=bool)].min())


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("palette", PALETTES)
def test_palettes_stay_apart_to_readers_of_every_common_vision(palette: str, vision: str) -> None:
    colours, least = PALETTES[palette]
    assert _nearest([*colours, style.GREY], vision) >= least


@pytest.mark.parametrize("vision", ["protanopia", "deuteranopia"])
def test_the_measure_finds_colours_that_such_readers_confuse(vision: str) -> None:
    # Matplotlib's own "tab:green" and "tab:red" are the classical fault.
    assert _nearest(["#2CA02C", "#D62728"], "normal") > 40
    assert _nearest(["#7F8C3A", "#B07A2E"], vision) < 9


@pytest.mark.parametrize("palette", ["timepoints", "patients", "levels", "series"])
def test_points_stand_out_from_white(palette: str) -> None:
    rgb = np.array([to_rgb(colour) for colour in PALETTES[palette][0]])
    luminance = _linear(rgb) @ np.array([0.2126, 0.7152, 0.0722])
    assert (1.05 / (luminance + 0.05)).min() >= 3.0


def test_the_colour_map_of_changes_grows_from_its_middle_for_every_reader() -> None:
    places = np.linspace(0, 1, 11)
    shades = ["#{:02x}{:02x}{:02x}".format(*(round(255 * part) for part in style.diverging()(p)[:3])) for p in places]
    for vision in VISION:
        light = _seen(shades, vision)[:, 0]
        assert (np.diff(light[:6]) > 0).all()
        assert (np.diff(light[5:]) < 0).all()
        assert deltaE_ciede2000(_seen(shades, vision)[1], _seen(shades, vision)[-2]) > 20


def test_colours_are_distinct_and_unknown_is_grey() -> None:
    shades = style.assign([*[f"type {n}" for n in range(40)], "unassigned"])
    assert len(set(shades.values())) == 41
    assert shades["unassigned"] == style.GREY
    assert len(set(style.assign([f"P{n}" for n in range(60)], palette=style.PATIENTS).values())) == 60


def test_levels_whose_colour_comes_again_differ_in_shape() -> None:
    names = [f"P{number}" for number in range(60)]
    shades = style.assign(names, palette=style.PATIENTS)
    marks = style.shapes(names, palette=style.PATIENTS)
    assert len({(shades[name], marks[name]) for name in names}) == 60
    assert marks["P8"] != marks["P0"]
    assert marks["P7"] == marks["P0"]


def test_a_colour_follows_its_level_and_not_its_place() -> None:
    known = style.assign(["NK", "CD8 T", "B cell"])
    for levels in (["NK"], ["B cell", "NK"], ["B cell", "CD8 T", "NK"]):
        found = style.colours_for(pd.Series(levels), known)
        assert found == {level: known[level] for level in levels}
        assert list(found) == [level for level in known if level in levels]


def _drawing() -> Figure:
    figure = Figure(figsize=(3, 2))
    axes = figure.add_axes((0.2, 0.2, 0.7, 0.6))
    axes.scatter([0, 1], [0, 1], rasterized=True)
    style.heading(figure, "Ünïcode title")
    return figure


def test_pdf_holds_fonts_and_its_title_and_no_date() -> None:
    pdf = style.to_pdf(_drawing(), title="what it shows")
    assert pdf.startswith(b"%PDF")
    assert b"/Title (what it shows)" in pdf
    # TrueType outlines under their names: text that can be selected and edited, not paths.
    assert re.search(rb"/FontFile2|/Subtype /Type0", pdf)
    assert b"CreationDate" not in pdf
    assert b"ModDate" not in pdf


def test_svg_says_its_title_and_keeps_text_as_text() -> None:
    svg = style.to_svg(_drawing(), title="what it shows")
    assert "<dc:title>what it shows</dc:title>" in svg
    assert ">Ünïcode title</text>" in svg
    assert "<dc:date>" not in svg


def test_png_is_a_picture_of_the_asked_resolution() -> None:
    png = style.to_png(_drawing(), dpi=300)
    assert int.from_bytes(png[16:20], "big") == 900
    assert int.from_bytes(png[20:24], "big") == 600
    assert b"Software" not in png
