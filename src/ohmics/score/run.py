"""Expression and gene lists come in, one score an observation and list goes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from ohmics.errors import Faults
from ohmics.score.expression import CHUNK, Data, Expression, FloatArray, Input, Source, open_source
from ohmics.score.lists import ResolvedList, resolve_lists
from ohmics.score.method import Given, Method
from ohmics.score.methods import METHODS, get_method, rank_methods
from ohmics.score.reference_rows import own_reference, reference_rows
from ohmics.score.sums import Scorer
from ohmics.tables import skipped

LEAST_RANK = 2


def score(
    data: Data,
    gene_lists: Any,
    *,
    method: str = "ucell",
    reference: pd.DataFrame | None = None,
    layer: str | None = None,
    input: Input = "auto",
    compat: bool = False,
    max_rank: int | None = None,
    aliases: Mapping[str, str] | None = None,
    seed: int = 0,
    chunk: int = CHUNK,
) -> pd.DataFrame:
    """Score gene lists in every observation (cell, or bulk sample).

    Parameters
    ----------
    data
        AnnData or DataFrame, observations × genes. AnnData backed by h5ad or Zarr is read in blocks of
        ``chunk`` observations, so memory does not grow with them. Transgenes are left out.
    gene_lists
        ``{name: [genes]}``, ``{name: {"up": [...], "down": [...]}}`` (scored as up minus down) or a
        catalogue. Names match exactly first, then by ``aliases``. Genes that the data lack are dropped
        and reported; neither their order nor that of the data matters.
    method
        ``ucell``, ``aucell``, ``score_genes``, ``mean_z`` or ``ulm``; of bulk samples and sums of cells
        also ``singscore``, ``ssgsea``, ``gsva`` and ``plage``. ``ohmics.score.methods.METHODS`` tells
        their definition, range and meaning of the sign.
    reference
        GENE_REFERENCE of the cohort, for methods that compare with it. None: it is made of the
        observations given, so give the whole cohort at once. With ``compat`` it is not read.
    layer
        Layer of AnnData to read instead of ``X``.
    input
        ``counts``, ``log``, or ``auto``: whole numbers are counts, which are normalised to 10,000 and
        log1p'd where the method needs it (bulk: log2 (CPM + 1)); other values are taken as log-normalised.
    compat
        Give the numbers of the method's peer (``ucell``: pyucell, ``aucell``: decoupler, ``score_genes``:
        scanpy) instead of the better default.
    max_rank
        Rank at which genes of an observation stop to differ, for ``ucell`` and ``aucell``. None: ``ucell`` stops at
        1,500 in cells (and in a DataFrame without a reference of bulk samples) and ranks all genes of bulk samples
        (``uns["ohmics"]["modality"] == "bulk"``) and of sums of cells (`ohmics.pseudobulk`); ``aucell`` takes the
        first 5 % of the genes; with ``compat`` what the peer does.
    aliases
        Other gene name -> approved symbol.
    seed
        Seed of the control genes of ``score_genes``; no other method draws random numbers.
    chunk
        Observations scored at once; it changes memory, never a number.

    Returns
    -------
    pandas.DataFrame
        Observations × lists, float64; a list none of whose genes can be scored is missing throughout.
        ``attrs`` holds ``method``, ``input``, ``seed``, ``reference``, ``max_rank`` (as used; None where a
        method looks at all genes) and, as rows, ``coverage`` (COVERAGE) and ``skipped`` (SKIPPED).

    Raises
    ------
    OhmicsError
        On an unknown method, malformed lists, negative or missing values, repeated gene names, single cells
        given to a method for bulk samples, or ``max_rank`` given to a method without one.

    Examples
    --------
    >>> counts = pd.DataFrame([[5, 1, 0], [0, 2, 9]], index=["c1", "c2"], columns=["A", "B", "C"])
    >>> score(counts, {"first": ["A"]})["first"].tolist()
    [1.0, 0.0]
    """
    chosen = get_method(method)
    _check(chosen, data, compat=compat, max_rank=max_rank)
    source = open_source(data, layer=layer, scale=input, bulk=_bulk(chosen, reference), chunk=chunk)
    lists = resolve_lists(gene_lists, source.genes, aliases=aliases)
    rows, said = _reference(chosen, reference, source, chunk, compat=compat)
    given = Given(genes=source.genes, reference=rows, seed=seed, compat=compat, max_rank=max_rank)
    kernel = chosen.kernel(given)
    parts = [
        score_lists(kernel(part), list(lists.values()))
        for part in _blocks(chosen, source, len(source.observations) if chosen.needs_cohort else chunk, compat=compat)
    ]
    frame = pd.DataFrame(np.concatenate(parts), index=source.observations, columns=list(lists))
    frame.attrs = {
        "method": method,
        "input": source.scale,
        "seed": seed,
        "reference": said,
        "max_rank": None if chosen.last_rank is None else chosen.last_rank(given, bulk=source.bulk),
        "coverage": [one.coverage_row("") for one in lists.values()],
        "skipped": [
            skipped("score", one.refusal(0.0) or _why_missing(chosen), item=key)
            for key, one in lists.items()
            if frame[key].isna().all()
        ],
    }
    return frame


def score_lists(scorer: Scorer, lists: Sequence[ResolvedList]) -> FloatArray:
    """Return up minus down, observations × lists; missing when a side of the list has no usable gene."""
    absent = _absent(lists) if scorer.imputes else None
    both = scorer.scores([one.up for one in lists] + [one.down for one in lists], absent=absent)
    up, down = both[:, : len(lists)], both[:, len(lists) :]
    for column, one in enumerate(lists):
        if "up" not in one.sides:
            up[:, column] = 0.0
        if "down" not in one.sides:
            down[:, column] = 0.0
    return np.maximum(up - down, 0.0) if scorer.imputes else up - down


def _absent(lists: Sequence[ResolvedList]) -> list[int]:
    """Return how many genes each up side lacks, then each down side."""
    up = [one.n_up - len(one.up) for one in lists]
    return up + [one.n_genes - one.n_up - len(one.down) for one in lists]


def check_max_rank(max_rank: int | None, methods: Sequence[Method], faults: Faults) -> None:
    """Report a last rank that is none, or that no method of these has."""
    if max_rank is None:
        return
    if max_rank < LEAST_RANK:
        faults.add(f"{max_rank} is no rank to stop at", where="max_rank", legal=f"{LEAST_RANK} or more")
    if all(method.last_rank is None for method in methods):
        named = " and ".join(f"`{method.name}`" for method in methods)
        faults.add(
            f"{named} never stop{'s' * (len(methods) == 1)} at a rank",
            where="max_rank",
            legal=", ".join(rank_methods()),
        )


def _check(method: Method, data: Data, *, compat: bool, max_rank: int | None) -> None:
    faults = Faults()
    check_max_rank(max_rank, [method], faults)
    if compat and not method.peer:
        legal = ", ".join(name for name, known in METHODS.items() if known.peer)
        faults.add(f"`{method.name}` has no peer whose numbers compat=True could give", legal=legal)
    cells = isinstance(data, AnnData) and dict(data.uns.get("ohmics", {})).get("modality") == "single_cell"
    if cells and not method.per_cell:
        legal = ", ".join(name for name, known in METHODS.items() if known.per_cell)
        remedy = f"sum the cells with pseudobulk, or score them with score_samples; for cells: {legal}"
        faults.add(f"`{method.name}` scores bulk samples, not single cells", remedy=remedy)
    faults.raise_if_any()


def _bulk(method: Method, reference: pd.DataFrame | None) -> bool | None:
    """A bulk method, or a reference made of bulk samples, says that the data are bulk; otherwise AnnData says it."""
    of_bulk = reference is not None and "cell_type" in reference and set(reference["cell_type"]) == {"bulk"}
    return True if of_bulk or not method.per_cell else None


def _blocks(method: Method, source: Source, size: int, *, compat: bool) -> Iterator[Expression]:
    for part in source.chunks(size):
        yield method.peer_view(part) if compat and method.peer_view is not None else part


def _reference(
    method: Method, reference: pd.DataFrame | None, source: Source, chunk: int, *, compat: bool
) -> tuple[pd.DataFrame | None, str]:
    if compat and method.peer_reads_data:
        return own_reference(
            _blocks(method, source, chunk, compat=compat)
        ), "made of the observations given, as the peer does"
    if not method.needs_reference:
        return None, "none needed"
    if reference is None:
        return own_reference(source.chunks(chunk)), "made of the observations given"
    return reference_rows(reference), "as given"


def _why_missing(method: Method) -> str:
    if method.needs_cohort:
        return "none of the list's genes varies between the samples given, or there is only one sample"
    return "none of the list's genes varies in the reference, or the list cannot be scored in these data"
