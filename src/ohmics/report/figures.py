"""A Matplotlib figure comes in, markup that a page can hold goes out: inline SVG with real text, or a PNG as data."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from markupsafe import Markup, escape
from matplotlib.figure import Figure

from ohmics.plots import style

# Verdana has the widths the figure was laid out with; the others are narrower, so nothing overlaps.
_FONTS = "'DejaVu Sans', Verdana, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureView:
    """A figure on a page: its markup, a caption, and its finding or content in words for those who cannot see it.

    ``chart`` is what `ohmics.report.charts.packed` returns: a version that answers to the pointer, shown on screen
    where scripts run.
    """

    id: str
    markup: Markup
    caption: str
    width: int
    kind: str
    folded: bool = False
    chart: str = ""
    alt: str = ""
    figure: Figure | None = None


def svg_view(figure: Figure, *, id: str, caption: str, alt: str) -> FigureView:
    """Return the figure as inline SVG; its ids carry ``id`` so that figures of one page do not share them."""
    width, height = (float(side) * 72 for side in figure.get_size_inches())
    text = style.to_svg(figure)
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # The style element would apply to the whole page: its two rules become attributes of this drawing.
    text = re.sub(r"<style[^>]*>.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{id}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{id}-\1)", text)
    text = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{id}-\1"', text)
    text = re.sub(r"'DejaVu Sans'(, [^;\"]*)?", _FONTS, text)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'aria-label="{escape(alt)}" viewBox="0 0 {width:g} {height:g}" '
        f'style="stroke-linejoin:round;stroke-linecap:butt">'
    )
    text = re.sub(r"^<svg[^>]*>", lambda _: head, text)
    text = re.sub(r"\n\s*", "\n", text).strip()
    pixels = round(width * 4 / 3)
    return FigureView(id=id, markup=Markup(text), caption=caption, width=pixels, kind="svg", alt=alt, figure=figure)


def png_view(figure: Figure, *, id: str, caption: str, alt: str, dpi: int = 130) -> FigureView:
    """Return the figure as a PNG in the page itself, drawn at ``dpi`` and shown at 96 dots an inch."""
    data = base64.b64encode(style.to_png(figure, dpi=dpi)).decode("ascii")
    width, height = (round(float(side) * 96) for side in figure.get_size_inches())
    markup = (
        f'<img src="data:image/png;base64,{data}" width="{width}" height="{height}" alt="{escape(alt)}" loading="lazy">'
    )
    return FigureView(id=id, markup=Markup(markup), caption=caption, width=width, kind="png", alt=alt, figure=figure)
