"""The lines of a docstring come in; the same lines come out as napoleon and reStructuredText read them."""

from __future__ import annotations

import re

from sphinx.application import Sphinx

# What stands between double backticks, or between bars outside of them.
_BARS = re.compile(r"(``[^`]*``|`[^`]*`)|\|([^|`\n]{1,40})\|")


def mended(_app: Sphinx, what: str, _name: str, value: object, _options: object, lines: list[str]) -> None:
    """Turn what reads well in an editor, and not as reStructuredText, into what reads well on a page."""
    # |T| is an absolute value here and never a substitution.
    lines[:] = [_BARS.sub(lambda found: found.group(1) or rf"\|{found.group(2)}\|", line) for line in lines]
    if what == "class" and "Attributes" in lines:
        # The fields of a record are what it is made of; napoleon splits `a, b` in parameters only.
        place = lines.index("Attributes")
        lines[place : place + 2] = ["Parameters", "-" * len("Parameters")]
    if what in ("property", "attribute") and lines:
        # Napoleon takes what stands before a colon for a type.
        lines[0] = lines[0].replace(": ", "; ")
    _return_type(value, lines)


def _return_type(value: object, lines: list[str]) -> None:
    """Put the annotated type before what is returned, where a docstring gives the words alone."""
    if "Returns" not in lines:
        return
    start = lines.index("Returns") + 2
    end = next((i for i in range(start, len(lines)) if not lines[i].strip()), len(lines))
    words = lines[start:end]
    if words and not any(line.startswith(" ") for line in words) and " " in words[0]:
        annotated = str(getattr(value, "__annotations__", {}).get("return", "object"))
        lines[start:end] = [annotated.replace("pd.", "pandas."), *(f"    {line}" for line in words)]
