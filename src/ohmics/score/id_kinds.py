"""Names of a gene list and of the data come in; whether they are of one kind, and in words if not, goes out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import islice

_KINDS = (
    ("Ensembl ids", re.compile(r"ENSG\d{11}(\.\d+)?$")),
    ("Ensembl ids of another species", re.compile(r"ENS[A-Z]{3,}G\d{11}(\.\d+)?$")),
    ("Entrez ids", re.compile(r"\d+$")),
    ("mouse gene symbols", re.compile(r"[A-Z][a-z]+[a-z0-9-]*$")),
)
SYMBOLS = "gene symbols"
_LOOKED_AT = 5000


def id_kind(names: Iterable[str]) -> str:
    """Return what most of the names are.

    Returns
    -------
    str
        ``gene symbols``, ``Ensembl ids``, ``Ensembl ids of another species``, ``Entrez ids`` or
        ``mouse gene symbols``; empty for no names.

    Examples
    --------
    >>> id_kind(["ENSG00000177455", "ENSG00000010610.10", "CD8A"])
    'Ensembl ids'
    """
    found = Counter(_kind(name) for name in islice(names, _LOOKED_AT))
    return found.most_common(1)[0][0] if found else ""


def why_all_missing(list_genes: Iterable[str], data_genes: Iterable[str]) -> str:
    """Return why no gene of a list is in the data: another kind of name, or no reason that can be seen.

    Examples
    --------
    >>> why_all_missing(["CD8A", "CD8B"], ["ENSG00000177455", "ENSG00000010610"])
    'all 2 genes are missing; the data use Ensembl ids, the list gene symbols'
    """
    names = list(list_genes)
    theirs, ours = id_kind(data_genes), id_kind(names)
    text = "its only gene is missing" if len(names) == 1 else f"all {len(names)} genes are missing"
    if theirs and ours and theirs != ours:
        return f"{text}; the data use {theirs}, the list {ours}"
    return text


def _kind(name: str) -> str:
    return next((kind for kind, pattern in _KINDS if pattern.match(name)), SYMBOLS)
