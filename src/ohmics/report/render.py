"""A template's name and its values come in, one self-contained page goes out."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ohmics.errors import OhmicsError

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
    script, sheet = _own("page.js"), _own("page.css")
    page = environment.get_template(template).render(
        script=Markup(script), sheet=Markup(sheet), policy=_policy(script), **values
    )
    size = len(page.encode())
    if size > MOST_BYTES:
        raise OhmicsError(f"page {template} would be {size / 1e6:.1f} MB; at most {MOST_BYTES / 1e6:.0f} MB open well")
    return page


def _policy(script: str) -> str:
    """Return a policy that allows this page's own script by its digest, its styles, and pictures within it."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _own(name: str) -> str:
    # HTML's parser turns CRLF into LF; the digest must be that of what it sees.
    return (files("ohmics.report") / "templates" / name).read_text(encoding="utf-8").replace("\r\n", "\n")
