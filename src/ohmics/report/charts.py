"""Chart specifications and the frames behind them come in, compact data for a page that draws them offline goes out."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from ohmics.plots import style
from ohmics.report import words
from ohmics.report.figures import FigureView

if TYPE_CHECKING:
    import altair as alt

ROWS = "rows"
"""Name of the data set that every specification draws from."""
SWITCHED_OFF = "off"
"""Name of the parameter that holds the levels a reader switched off."""
SOUGHT = "sought"
"""Name of the parameter that holds the name of the mark a reader looks for."""

_FEW_LEVELS = 0.5
"""A column of text with fewer distinct values than this share of its rows is kept as levels and codes."""

_HANDED_OVER = 'window.ohmicsEmbed=vegaEmbed;window.dispatchEvent(new Event("ohmics-charts"));'
# Marks are many and named nowhere but in the table behind the chart: only the drawing as a whole is announced.
_SILENT: Mapping[str, Any] = {"aria": False}
_CONFIG: Mapping[str, Any] = {
    "background": "#FFFFFF",
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', Arial, sans-serif",
    "mark": _SILENT,
    "axis": {**_SILENT, "labelColor": style.INK, "titleColor": style.INK, "gridColor": style.GRID, "labelLimit": 320,
             "titleFontWeight": "normal", "labelFontSize": 11, "titleFontSize": 12},
    "legend": {**_SILENT, "labelColor": style.INK, "titleColor": style.INK, "titleFontWeight": "normal"},
    "header": {**_SILENT, "labelColor": style.PALE_INK, "titleColor": style.INK},
    "view": {"stroke": None},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drawing:
    """One way to draw the rows: a specification and what a reader can do with it.

    Attributes
    ----------
    label
        Its name in the list to choose from.
    spec
        The specification; what it tells of a mark pointed at is also the table behind the chart.
    levels
        Levels that a reader can switch off, and their colours.
    only
        Column and value of the rows it draws; None: all.
    find
        Column of the names by which a reader can mark one point; empty: none.
    """

    label: str
    spec: Mapping[str, Any]
    levels: Mapping[str, str] | None = None
    only: tuple[str, str] | None = None
    find: str = ""


def specification(chart: alt.TopLevelMixin, *, describe: str) -> dict[str, Any]:
    """Return a chart's Vega-Lite specification in the pages' style; ``describe`` is read out in its place."""
    spec: dict[str, Any] = chart.to_dict()
    for name in ("$schema", "config", "datasets"):
        spec.pop(name, None)
    return {**spec, "description": describe, "config": dict(_CONFIG)}


def packed(drawings: Sequence[Drawing], rows: pd.DataFrame, *, widest: int, renderer: str = "svg") -> str:
    """Return the drawings and their rows as text that a page carries; the same input gives the same text.

    Parameters
    ----------
    drawings
        At least one; a reader chooses among several.
    rows
        Their data; texts are shown as they are, numbers are positions.
    widest
        Pixels beyond which the chart does not widen with the page.
    renderer
        ``svg`` for up to some hundred marks, ``canvas`` for more.
    """
    content = {
        "renderer": renderer,
        "widest": widest,
        "drawings": [
            {
                "label": one.label,
                "spec": one.spec,
                "only": one.only,
                "find": one.find,
                "levels": [[name, colour] for name, colour in (one.levels or {}).items()],
            }
            for one in drawings
        ],
        "rows": {str(name): column(rows[name]) for name in rows.columns},
    }
    return squeezed(json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False))


def unpacked(text: str) -> Any:
    """Return what `packed` or `squeezed` JSON text holds, for tests that walk a page's data."""
    return json.loads(gzip.decompress(base64.b64decode(text)))


def column(values: pd.Series) -> Any:
    """Return a column as JSON holds it: numbers as a list, texts that repeat as levels and codes."""
    if pd.api.types.is_numeric_dtype(values):
        return [None if words.is_missing(value) else _short(float(value)) for value in values]
    texts = [None if words.is_missing(value) and value != "" else str(value) for value in values]
    levels = list(dict.fromkeys(text for text in texts if text is not None))
    if len(levels) > _FEW_LEVELS * len(texts):
        return texts
    places = {text: place for place, text in enumerate(levels)}
    return {"levels": levels, "codes": [-1 if text is None else places[text] for text in texts]}


def _short(value: float) -> float | int:
    """Return a position with five significant digits: finer than a pixel."""
    short = float(f"{value:.5g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def squeezed(text: str) -> str:
    """Return text compressed and in letters that HTML needs not escape."""
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode("ascii")


def with_chart(view: FigureView, chart: str) -> FigureView:
    """Return the figure with a chart that takes its place on screen; on paper and without script the figure stays."""
    return replace(view, chart=chart) if chart else view


def texts(values: Iterable[object], write: Any = words.number) -> list[str]:
    """Return values as the pages' tables write them."""
    return [str(write(value)) for value in values]


@cache
def library() -> str:
    """Return the JavaScript that draws charts, from the installed package; nothing of it is kept in this one.

    It is a module: its names stay its own, and it leaves one of them on the window.
    """
    import vl_convert

    return str(vl_convert.javascript_bundle(_HANDED_OVER)).replace("\r\n", "\n")


@cache
def squeezed_library() -> str:
    """Return `library`, compressed."""
    return squeezed(library())
