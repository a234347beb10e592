"""Text and rows come in; Markdown goes out in which no text of a user is markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_MARKUP = re.compile(r"([\\`*_{}\[\]<>@$^~#|&])")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]+")


def escaped(text: object) -> str:
    r"""Return text in which nothing is Markdown, HTML or a citation; lines and control characters become a space.

    Examples
    --------
    >>> escaped("<b> *x* @key")
    '\\<b\\> \\*x\\* \\@key'
    """
    return _MARKUP.sub(r"\\\1", _CONTROL.sub(" ", str(text))).strip()


def code(text: object) -> str:
    """Return text as it stands, in a code span.

    Examples
    --------
    >>> code("a`b")
    '`` a`b ``'
    """
    plain = _CONTROL.sub(" ", str(text)).replace("|", "\u2502").strip()
    longest = max((len(run) for run in re.findall("`+", plain)), default=0)
    if not longest:
        return f"`{plain}`"
    fence = "`" * (longest + 1)
    return f"{fence} {plain} {fence}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a pipe table; the cells are Markdown already."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
