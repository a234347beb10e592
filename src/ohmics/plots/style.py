"""The one style of every figure: palettes that colour-blind readers can tell apart, fonts, and bytes that repeat."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font
from matplotlib.textpath import TextPath

from ohmics.errors import OhmicsError, listing

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
"""Okabe and Ito's colours without black, strongest contrast first (https://jfly.uni-koeln.de/color)."""
TIMEPOINTS = ("#0072B2", "#D55E00", "#009E73", "#5A1E1E", "#0F2D69", "#874B69")
"""Timepoints in their order; the first two are also the two sides of a pair, before and after."""
PATIENTS = ("#5A0069", "#B4871E", "#5A96E1", "#00695A", "#785A00", "#69001E", "#694BC3", "#D20F69")
"""Patients: none of these is a timepoint's colour."""
LEVELS = (
    "#0072B2", "#D55E00", "#69000F", "#4B1E5A", "#B41E00", "#A578FF", "#784B78", "#4BA55A",
    "#002DA5", "#B46978", "#69784B", "#004B2D", "#A587C3", "#961E3C", "#1E695A", "#5A1E3C",
)  # fmt: skip
"""Cell types, clusters and whatever else has many levels.

The three palettes were searched for in sRGB so that any two colours of one palette, and grey, stay at least 9 (LEVELS)
or 12 units of CIEDE2000 apart to readers with normal, red-, green- or blue-blind vision (as Machado and others simulate
it, https://doi.org/10.1109/TVCG.2009.113) and each stands out from white by 3:1.
"""
BEFORE, AFTER = TIMEPOINTS[0], TIMEPOINTS[1]
ACCENT, SECOND = PATIENTS[0], PATIENTS[1]
"""Two series that are neither timepoints nor directions of change."""
GREY = "#8D9299"
FAINT = "#B9BEC6"
"""Points and bars that stand behind those that matter."""
INK = "#1B1F24"
PALE_INK = "#5A6370"
GRID = "#E3E6EA"
LOWER, HIGHER, MIDDLE = "#2166AC", "#B2182B", "#F7F7F7"
VERDICT_COLOURS: Mapping[str, str] = {
    "supported": "#005A32",
    "contradicted": "#9A3412",
    "open": "#4B5563",
    "not_assessable": "#6B7280",
    "use": "#005A32",
    "use_with_care": "#8A5A00",
    "excluded": "#9A3412",
}
VERDICT_MARKERS: Mapping[str, str] = {"use": "o", "use_with_care": "^", "excluded": "X"}
NOT_ASSESSED: Mapping[str, Any] = {"facecolor": "white", "edgecolor": "#9AA3AE", "hatch": "/////"}
"""How a box is drawn that nothing is known of; no change is a plain box in the middle of the colour map."""
CALL_COLOURS: Mapping[str, str] = {
    "lost": "#9A3412",
    "reduced": "#B45309",
    "gained": "#6D28D9",
    "retained": "#005A32",
    "inconclusive": "#4B5563",
    "not_assessable": "#6B7280",
}
"""Calls of antigens; the word always stands beside the colour."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""Shapes of points, changed each time the colours of a palette begin again."""
NAMELESS = frozenset({"unassigned", "unknown", "missing", ""})
"""Levels that are drawn grey: they name what is not known."""

# Real text in SVG and PDF, and ids that depend on the drawing only.
_RC: Mapping[Any, Mapping[str, Any]] = {
    "font": {"family": "DejaVu Sans", "size": 9.0},
    "axes": {
        "titlesize": 10.0,
        "titleweight": "bold",
        "titlelocation": "left",
        "labelsize": 9.0,
        "edgecolor": PALE_INK,
        "labelcolor": INK,
        "linewidth": 0.8,
        "axisbelow": True,
        "unicode_minus": True,
    },
    "axes.spines": {"top": False, "right": False},
    "grid": {"color": GRID, "linewidth": 0.8},
    "text": {"color": INK, "usetex": False},
    "xtick": {"color": PALE_INK, "labelcolor": INK, "labelsize": 8.0},
    "ytick": {"color": PALE_INK, "labelcolor": INK, "labelsize": 8.0},
    "legend": {"frameon": False, "fontsize": 8.0},
    "figure": {"facecolor": "white", "dpi": 100.0},
    "savefig": {"facecolor": "white", "bbox": None},
    "hatch": {"color": "#7C8692", "linewidth": 0.7},
    "svg": {"fonttype": "none", "hashsalt": "ohmics"},
    "pdf": {"fonttype": 42},
    "path": {"simplify": True},
    "figure.constrained_layout": {"use": False},
}


@contextmanager
def applied() -> Iterator[None]:
    """Draw in ohmics' style, starting from Matplotlib's defaults; the caller's settings return afterwards."""
    with mpl.rc_context():
        mpl.rcdefaults()
        for group, settings in _RC.items():
            mpl.rc(group, **settings)
        yield


def diverging() -> LinearSegmentedColormap:
    """Return the colour map of changes: blue below 0, near white at 0, red above."""
    stops = ["#053061", LOWER, "#67A9CF", "#D1E5F0", MIDDLE, "#FDDBC7", "#EF8A62", HIGHER, "#67001F"]
    return LinearSegmentedColormap.from_list("ohmics_change", stops)


def assign(levels: Iterable[object], *, palette: Sequence[str] = LEVELS) -> dict[str, str]:
    """Give each level a colour, in the order given; levels that name nothing known are grey.

    The colours of a palette are distinct to readers with any common colour vision; where there are more levels they
    come again, darker and lighter in turn, so figures also tell such levels apart by shape (`shapes`) or write their
    names.

    Examples
    --------
    >>> assign(["pre", "relapse", "unassigned"], palette=TIMEPOINTS)
    {'pre': '#0072B2', 'relapse': '#D55E00', 'unassigned': '#8D9299'}
    """
    colours: dict[str, str] = {}
    place = 0
    for level in dict.fromkeys(str(level) for level in levels):
        if level in NAMELESS:
            colours[level] = GREY
            continue
        colours[level] = _again(palette[place % len(palette)], place // len(palette))
        place += 1
    return colours


def _again(colour: str, turn: int) -> str:
    """Return a colour for its further turns: odd ones darker, even ones lighter, each further from the first."""
    if not turn:
        return colour
    left = 0.72 ** ((turn + 1) // 2)
    end = 0.0 if turn % 2 else 1.0
    red, green, blue = (end + left * (part - end) for part in to_rgb(colour))
    return to_hex((red, green, blue)).upper()


def shapes(levels: Iterable[object], *, palette: Sequence[str] = LEVELS) -> dict[str, str]:
    """Give each level a shape of its points: the same for the first colours of a palette, then another.

    Examples
    --------
    >>> shapes([f"P{number}" for number in range(9)], palette=PATIENTS)["P8"]
    's'
    """
    named = [level for level in dict.fromkeys(str(level) for level in levels) if level not in NAMELESS]
    found = {level: MARKERS[place // len(palette) % len(MARKERS)] for place, level in enumerate(named)}
    return {level: found.get(level, MARKERS[0]) for level in dict.fromkeys(str(level) for level in levels)}


def colours_for(values: pd.Series, colours: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the colour of every level of ``values``: those given, in the order given, and new ones for the rest."""
    levels = in_order(values.dropna().astype(str).unique())
    given = dict(colours or {})
    if all(level in given for level in levels):
        return {level: shade for level, shade in given.items() if level in set(levels)}
    fresh = assign([*given, *[level for level in levels if level not in given]])
    return {level: given.get(level, fresh[level]) for level in levels}


def in_order(levels: Iterable[object]) -> list[str]:
    """Sort levels as a reader would: numbers inside names by value, unknown ones last.

    Examples
    --------
    >>> in_order(["P10", "P2", "unassigned"])
    ['P2', 'P10', 'unassigned']
    """

    def natural(level: str) -> tuple[bool, list[tuple[int, int, str]]]:
        parts = re.split(r"(\d+)", level.lower())
        return level in NAMELESS, [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p]

    return sorted({str(level) for level in levels}, key=lambda level: (natural(level), level))


_SENTENCE = 40
"""Labels that may have this many characters are sentences."""


@cache
def _drawable() -> frozenset[str]:
    font = FT2Font(findfont(FontProperties(family="DejaVu Sans")))
    return frozenset(chr(code) for code in font.get_charmap())


def clip_label(text: object, most: int = 34) -> str:
    """Return text fit for an axis: no line breaks, no mathtext, at most ``most`` characters.

    A character the figures' font lacks becomes □: it could only be drawn as an empty box, with a warning. Short labels
    are names: they lose their middle, since names of samples often differ in their ends only. Longer ones are
    sentences and lose their ends.

    Examples
    --------
    >>> clip_label("a_patient_with_a_long_name_relapse", 20)
    'a_patient_w…_relapse'
    """
    plain = "".join(character if character in _drawable() else "□" for character in " ".join(str(text).split()))
    tail = 8 if 16 <= most < _SENTENCE else 0
    short = plain
    if len(plain) > most:
        short = plain[: most - 1 - tail].rstrip() + "…" + (plain[-tail:] if tail else "")
    # A dollar sign would start mathtext.
    return short.replace("$", r"\$")


def require(frame: pd.DataFrame, columns: Sequence[str], figure: str) -> None:
    """Raise `OhmicsError` when a figure's frame lacks a column."""
    absent = [name for name in columns if name not in frame]
    if absent:
        raise OhmicsError(f"figure {figure}: the frame lacks column {listing(absent)}; it has {listing(frame.columns)}")


def blank(message: str, *, width: float = 6.0, height: float = 1.2) -> Figure:
    """Return a figure that says in words why there is nothing to draw."""
    with applied():
        figure = Figure(figsize=(width, height))
        figure.text(0.5, 0.5, message, ha="center", va="center", color=PALE_INK, wrap=True)
    return figure


def heading(figure: Figure, title: str, *, most: int = 110) -> None:
    """Write a figure's title at its upper left corner; one that is wider than the figure ends in an ellipsis."""
    width, height = (float(side) for side in figure.get_size_inches())
    text = clip_label(title, most)
    while most > 8 and text_width(text, 10.0) * 1.12 > width - 0.2:
        most -= 2
        text = clip_label(title, most)
    figure.text(0.12 / width, 1 - 0.1 / height, text, fontsize=10, fontweight="bold", va="top")


def to_png(figure: Figure, *, dpi: int = 120) -> bytes:
    """Return the figure as PNG; the same drawing gives the same bytes."""
    buffer = io.BytesIO()
    with applied():
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def to_svg(figure: Figure, *, title: str | None = None, dpi: int = 100) -> str:
    """Return the figure as an SVG document with real text and without a date; clouds of points have ``dpi``."""
    buffer = io.StringIO()
    metadata = {"Date": None, "Creator": None} | ({"Title": title} if title else {})
    with applied():
        figure.savefig(buffer, format="svg", dpi=dpi, metadata=metadata)
    return buffer.getvalue()


def to_pdf(figure: Figure, *, title: str | None = None, dpi: int = 100) -> bytes:
    """Return the figure as PDF with embedded TrueType fonts and without dates; clouds of points have ``dpi``."""
    buffer = io.BytesIO()
    metadata = {"CreationDate": None, "ModDate": None, "Creator": None, "Producer": None}
    with applied():
        figure.savefig(buffer, format="pdf", dpi=dpi, metadata=metadata | ({"Title": title} if title else {}))
    return buffer.getvalue()


@cache
def text_width(text: str, size: float = 8.0) -> float:
    """Return the width of ``text`` in inches, for margins that must hold it."""
    if not text.strip():
        return 0.0
    outline = TextPath((0, 0), text, size=size, prop=FontProperties(family="DejaVu Sans"))
    return float(np.ceil(outline.get_extents().width * 1.04)) / 72.0
