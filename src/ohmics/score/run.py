"""Expression and gene lists come in, one score an observation and list goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ohmics.errors import OhmicsError
from ohmics.score.expression import CHUNK, Data, Expression, FloatArray, Input, read_expression
from ohmics.score.lists import ResolvedList, resolve_lists
from ohmics.score.methods import METHODS, Method, get_method
from ohmics.score.reference_rows import own_reference, reference_rows
from ohmics.score.sums import GeneSums
from ohmics.tables import skipped


def score(
    data: Data,
    gene_lists: Any,
    *,
    method: str = "ucell",
    reference: pd.DataFrame | None = None,
    layer: str | None = None,
    input: Input = "auto",
    compat: bool = False,
    aliases: Mapping[str, str] | None = None,
    seed: int = 0,
    chunk: int = CHUNK,
) -> pd.DataFrame:
    """Score gene lists in every observation (cell, or bulk sample).

    Parameters
    ----------
    data
        AnnData or DataFrame, observations × genes. Transgenes are left out.
    gene_lists
        ``{name: [genes]}``, ``{name: {"up": [...], "down": [...]}}`` (scored as up minus down) or a
        catalogue. Names match exactly first, then by ``aliases``. Genes that the data lack are dropped
        and reported; neither their order nor that of the data matters.
    method
        ``ucell`` or ``mean_z``; see ``ohmics.score.methods.METHODS`` for range and meaning of the sign.
    reference
        GENE_REFERENCE of the cohort, for methods that compare with it. None: it is made of the
        observations given, so give the whole cohort at once.
    layer
        Layer of AnnData to read instead of ``X``.
    input
        ``counts``, ``log``, or ``auto``: whole numbers are counts, which are normalised to 10,000 and
        log1p'd where the method needs it (bulk: log2 (CPM + 1)); other values are taken as log-normalised.
    compat
        Give the numbers of the method's peer (``ucell``: pyucell) instead of the better default.
    aliases
        Other gene name -> approved symbol.
    seed
        Seed of methods that draw random numbers; neither ``ucell`` nor ``mean_z`` does.
    chunk
        Observations scored at once; it changes memory, never a number.

    Returns
    -------
    pandas.DataFrame
        Observations × lists, float64; a list none of whose genes can be scored is missing throughout.
        ``attrs`` holds ``method``, ``input``, ``seed``, ``reference`` and, as rows, ``coverage``
        (COVERAGE) and ``skipped`` (SKIPPED).

    Raises
    ------
    OhmicsError
        On an unknown method, malformed lists, negative or missing values, repeated gene names.

    Examples
    --------
    >>> counts = pd.DataFrame([[5, 1, 0], [0, 2, 9]], index=["c1", "c2"], columns=["A", "B", "C"])
    >>> score(counts, {"first": ["A"]})["first"].tolist()
    [1.0, 0.0]
    """
    chosen = get_method(method)
    if compat and not chosen.peer:
        legal = ", ".join(name for name, known in METHODS.items() if known.peer)
        raise OhmicsError(f"`{method}` has no peer whose numbers compat=True could give; legal: {legal}")
    expression = read_expression(data, layer=layer, scale=input, bulk=_bulk(reference))
    lists = resolve_lists(gene_lists, expression.genes, aliases=aliases)
    rows, source = _reference(chosen, reference, expression)
    parts = [
        score_lists(chosen.prepare(part, rows, compat=compat), list(lists.values()), compat=compat)
        for part in expression.chunks(chunk)
    ]
    frame = pd.DataFrame(np.concatenate(parts), index=expression.observations, columns=list(lists))
    frame.attrs = {
        "method": method,
        "input": expression.scale,
        "seed": seed,
        "reference": source,
        "coverage": [one.coverage_row("") for one in lists.values()],
        "skipped": [
            skipped("score", one.refusal(0.0) or "none of the list's genes varies in the reference", item=key)
            for key, one in lists.items()
            if frame[key].isna().all()
        ],
    }
    return frame


def score_lists(sums: GeneSums, lists: Sequence[ResolvedList], *, compat: bool = False) -> FloatArray:
    """Return up minus down, observations × lists; missing when a side of the list has no usable gene."""
    absent = _absent(lists) if compat else None
    both = sums.scores([one.up for one in lists] + [one.down for one in lists], absent=absent)
    up, down = both[:, : len(lists)], both[:, len(lists) :]
    for column, one in enumerate(lists):
        if "up" not in one.sides:
            up[:, column] = 0.0
        if "down" not in one.sides:
            down[:, column] = 0.0
    return np.maximum(up - down, 0.0) if compat else up - down


def _absent(lists: Sequence[ResolvedList]) -> list[int]:
    """Return how many genes each up side lacks, then each down side."""
    up = [one.n_up - len(one.up) for one in lists]
    return up + [one.n_genes - one.n_up - len(one.down) for one in lists]


def _bulk(reference: pd.DataFrame | None) -> bool | None:
    """A reference made of bulk samples says that the data are bulk; otherwise AnnData says it."""
    if reference is not None and "cell_type" in reference and set(reference["cell_type"]) == {"bulk"}:
        return True
    return None


def _reference(
    method: Method, reference: pd.DataFrame | None, expression: Expression
) -> tuple[pd.DataFrame | None, str]:
    if not method.needs_reference:
        return None, "none needed"
    if reference is None:
        return own_reference([expression]), "made of the observations given"
    return reference_rows(reference), "as given"
