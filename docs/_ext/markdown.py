"""Text of any origin comes in, Markdown that shows it as it is goes out."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence

_PUNCTUATION = re.compile(f"([{re.escape(string.punctuation)}])")
_ROOM = re.compile(r"\s+")
_CODE = re.compile(r"`([^`]+)`")
_PMID = re.compile(r"PMID:? (\d{5,9})")
_DOI = re.compile(r"\bdoi:?\s*(10\.\d{4,9}/[^\s;,)\]]+)", re.IGNORECASE)


def plain(text: object) -> str:
    """Return text in which nothing is markup; line breaks become spaces."""
    return _PUNCTUATION.sub(r"\\\1", _ROOM.sub(" ", str(text)))


def sentence(text: object) -> str:
    """Return text in which only `code`, PMID and DOI are markup: the latter two become links."""
    parts: list[str] = []
    place = 0
    line = " ".join(str(text).split())
    found = [*_CODE.finditer(line), *_PMID.finditer(line), *_DOI.finditer(line)]
    for match in sorted(found, key=lambda one: one.start()):
        if match.start() < place:
            continue
        parts.append(plain(line[place : match.start()]))
        parts.append(_marked(match))
        place = match.end()
    return "".join([*parts, plain(line[place:])])


def _marked(match: re.Match[str]) -> str:
    if match.re is _CODE:
        return code(match.group(1))
    if match.re is _PMID:
        return f"[PMID {match.group(1)}](https://pubmed.ncbi.nlm.nih.gov/{match.group(1)}/)"
    doi = match.group(1).rstrip(".")
    return f"[doi:{plain(doi)}](<https://doi.org/{doi}>)" + plain(match.group(1)[len(doi) :])


def code(text: object) -> str:
    """Return text as inline code, safe in the cell of a table too."""
    return "`" + str(text).replace("`", "'").replace("|", "\\|") + "`"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(cells) + " |" for cells in rows]
    return "\n".join(lines)


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a list of names and what they are, which are Markdown already."""
    return "\n".join(f"- **{name}**: {words}" for name, words in pairs)


def toctree(entries: Iterable[str], *, depth: int = 1, hidden: bool = False) -> str:
    """Return a toctree directive."""
    options = [f":maxdepth: {depth}", *([":hidden:"] if hidden else [])]
    return "\n".join(["```{toctree}", *options, "", *entries, "```"])
