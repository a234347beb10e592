"""A template's name and its values come in, one self-contained page goes out."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from ohmics.errors import OhmicsError
from ohmics.report import charts, words
from ohmics.report.figures import FigureView
from ohmics.report.settings_table import SETTINGS
from ohmics.report.tables import LISTS, TableView

_SCRIPTS = ("page.js", "charts.js", "search.js")
_LIST_KEY = re.compile(r"[A-Za-z0-9_]+/[A-Za-z0-9_.+-]*[A-Za-z0-9_+]")
MOST_BYTES = 10_000_000
"""No page is larger than this."""


def render(template: str, **values: Any) -> str:
    """Return the page; every value is escaped, and the policy in it forbids fetching anything.

    Parameters
    ----------
    template
        File in ``report/templates``.
    values
        What the template shows.

    Raises
    ------
    OhmicsError
        When the page is larger than 10 MB.
    """
    environment = Environment(
        loader=PackageLoader("ohmics.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    reachable = set(_ids(values))
    environment.globals["reachable"] = reachable.__contains__
    environment.filters["lists_linked"] = lambda text: _lists_linked(text, reachable)
    environment.filters["setting_row"] = lambda part: words.row_id(SETTINGS, part)
    environment.tests["has_setting"] = lambda part: words.row_id(SETTINGS, part) in reachable
    script, sheet = own_parts()
    drawn = _has_chart(values)
    page = environment.get_template(template).render(
        script=Markup(script),
        sheet=Markup(sheet),
        policy=_policy([script, charts.library()] if drawn else [script]),
        # A page without charts does not carry what draws them.
        chart_library=charts.squeezed_library() if drawn else "",
        **values,
    )
    size = len(page.encode())
    if size > MOST_BYTES:
        raise OhmicsError(f"page {template} would be {size / 1e6:.1f} MB; at most {MOST_BYTES / 1e6:.0f} MB open well")
    return page


def _views(value: object) -> Iterator[TableView | FigureView]:
    """Return the tables and figures within a template's values, however deep."""
    if isinstance(value, (TableView, FigureView)):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for entry in fields(value):
            yield from _views(getattr(value, entry.name))
    elif isinstance(value, dict):
        for part in value.values():
            yield from _views(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _views(part)


def _ids(values: dict[str, Any]) -> Iterator[str]:
    """Return the HTML ids that a cell may link to: those of figures, tables and their rows."""
    for view in _views(values):
        yield view.id
        if isinstance(view, TableView):
            yield from filter(None, view.anchors)


def _lists_linked(text: str, reachable: set[str]) -> Markup:
    """Return escaped text in which a gene list's key leads to the list's genes and source on this page."""
    parts, last = [], 0
    for found in _LIST_KEY.finditer(text):
        target = words.row_id(LISTS, found.group())
        if target in reachable:
            parts += [escape(text[last : found.start()]), Markup('<a href="#{}">{}</a>').format(target, found.group())]
            last = found.end()
    return Markup("").join([*parts, escape(text[last:])])


def _has_chart(values: dict[str, Any]) -> bool:
    return any(isinstance(view, FigureView) and view.chart for view in _views(values))


def _policy(scripts: Sequence[str]) -> str:
    """Return a policy that allows these scripts by their digests, the page's styles, and pictures within it."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii") for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )


def own_parts() -> tuple[str, str]:
    """Return what every page carries whole, and no result stands in: the scripts and the style sheet."""
    return "".join(_own(name) for name in _SCRIPTS), _own("page.css")


def _own(name: str) -> str:
    # HTML's parser turns CRLF into LF; the digest must be that of what it sees.
    return (files("ohmics.report") / "templates" / name).read_text(encoding="utf-8").replace("\r\n", "\n")
