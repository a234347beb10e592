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
TOL_MUTED = ("#332288", "#882255", "#999933", "#AA4499", "#44AA99", "#117733", "#DDCC77", "#CC6677", "#88CCEE")
"""Paul Tol's muted colours (https://sronpersonalpages.nl/~pault)."""
GREY = "#B3B3B3"
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


def assign(levels: Iterable[object]) -> dict[str, str]:
    """Give each level a colour, in the order given; levels that name nothing known are grey.

    The first 16 colours are distinct to readers with any common colour vision; later ones are
    darker, then lighter, versions of them, so figures with many levels also label them directly.

    Examples
    --------
    >>> assign(["pre", "relapse", "unassigned"])
    {'pre': '#0072B2', 'relapse': '#D55E00', 'unassigned': '#B3B3B3'}
    """
    named = [str(level) for level in dict.fromkeys(str(level) for level in levels)]
    base = (*OKABE_ITO, *TOL_MUTED)
    colours: dict[str, str] = {}
    place = 0
    for level in named:
        if level in NAMELESS:
            colours[level] = GREY
            continue
        colours[level] = _variant(base[place % len(base)], place // len(base))
        place += 1
    return colours


def _variant(colour: str, turn: int) -> str:
    if turn == 0:
        return colour
    target = 0.0 if turn % 2 else 1.0
    strength = min(0.35 + 0.15 * ((turn - 1) // 2), 0.75)
    red, green, blue = ((1 - strength) * part + strength * target for part in to_rgb(colour))
    return to_hex((red, green, blue))


def colours_for(values: pd.Series, colours: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the colour of every level of ``values``: those given, and new ones for the rest."""
    levels = in_order(values.dropna().astype(str).unique())
    given = dict(colours or {})
    if all(level in given for level in levels):
        return {level: given[level] for level in levels}
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


@cache
def _drawable() -> frozenset[str]:
    font = FT2Font(findfont(FontProperties(family="DejaVu Sans")))
    return frozenset(chr(code) for code in font.get_charmap())


def clip_label(text: object, most: int = 34) -> str:
    """Return text fit for an axis: no line breaks, no mathtext, at most ``most`` characters.

    A character the figures' font lacks becomes □: it could only be drawn as an empty box, with a warning.
    """
    plain = "".join(character if character in _drawable() else "□" for character in " ".join(str(text).split()))
    short = plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"
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


def to_png(figure: Figure, *, dpi: int = 120) -> bytes:
    """Return the figure as PNG; the same drawing gives the same bytes."""
    buffer = io.BytesIO()
    with applied():
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def to_svg(figure: Figure) -> str:
    """Return the figure as an SVG document with real text and without a date."""
    buffer = io.StringIO()
    with applied():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def to_pdf(figure: Figure) -> bytes:
    """Return the figure as PDF with embedded fonts and without dates."""
    buffer = io.BytesIO()
    with applied():
        figure.savefig(
            buffer, format="pdf", metadata={"CreationDate": None, "ModDate": None, "Creator": None, "Producer": None}
        )
    return buffer.getvalue()


@cache
def text_width(text: str, size: float = 8.0) -> float:
    """Return the width of ``text`` in inches, for margins that must hold it."""
    if not text.strip():
        return 0.0
    outline = TextPath((0, 0), text, size=size, prop=FontProperties(family="DejaVu Sans"))
    return float(np.ceil(outline.get_extents().width * 1.04)) / 72.0
