"""What a Methods text may cite: a key to authors, year, title, where it appeared and its DOI, from a table of ours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Citation:
    """One work; ``doi`` is empty for a book, whose ``where`` then holds the ISBN."""

    authors: str
    year: int
    title: str
    where: str
    doi: str


def is_known(key: str) -> bool:
    """Return whether the table holds a work of that key."""
    try:
        citation(key)
    except KeyError:
        return False
    return True


@cache
def citation(key: str) -> Citation:
    """Return the work of that key in ``templates/citations.tsv``.

    Raises
    ------
    KeyError
        When the table lacks the key.
    """
    text = (files("ohmics.report") / "templates" / "citations.tsv").read_text(encoding="utf-8")
    for line in text.splitlines()[1:]:
        name, authors, year, title, where, doi = line.split("\t")
        if name == key:
            return Citation(authors, int(year), title, where, doi)
    raise KeyError(key)
