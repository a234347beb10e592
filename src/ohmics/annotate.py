"""Raw counts of one sample, then evidence and clusters of all samples come in; a cell type per cell goes out.

`marker_scores` needs one sample only. `annotate` joins what the markers of a cell say with what its cluster
is made of: the share of each type in a cluster (and in the cluster's cells of that sample, since a sort gate
changes the mixture) is the prior, the cell's markers are the evidence, and a cell that neither decides stays
`unassigned`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ohmics import marker_model
from ohmics.errors import Faults, OhmicsError, did_you_mean
from ohmics.model import CellMarkers
from ohmics.qc.features import transgenes

UNASSIGNED = "unassigned"
KEY = ["sample", "barcode"]
NOT_IDENTITIES = frozenset({"CAR+ T", "immune (pan)"})
"""Rows of cell_markers.tsv that no cell is annotated as: CAR+ is a call of its own, `pan` is every immune cell."""
NOT_CANDIDATE_ROOTS = frozenset({"malignant", "QC"})
UMBRELLAS: Mapping[str, tuple[str, ...]] = {"T cell": ("alpha-beta T", "gamma-delta T")}
"""Subtypes whose markers count as evidence for the parent: TRAC and TRBC make a T cell as CD3 does."""
ON_REQUEST = frozenset(
    {
        "alpha-beta T", "cycling T", "CD8 naive/central memory-like", "CD8 effector memory", "CD8 TEMRA", "CD8 Tex",
        "CD8 Tpex", "CD8 TRM", "innate-like/NK-like CD8", "CD4 Tfh/CXCL13", "CD4 CTL", "Th17", "SPP1/TREM2 TAM",
        "Treg", "MAIT",
    }
)  # fmt: skip
"""Types that are candidates only when the caller lists them. Most are states, not identities: a mechanism
measures them, and cells chosen by the markers of exhaustion and then scored for exhaustion would be chosen by the
answer. Treg and MAIT: all their markers but FOXP3 and TRAV1-2 are shared with activated T cells (in CAR T cells
they name the effectors), and a CAR T clone may carry TRAV1-2."""
NOT_GROUPS = frozenset({"other", "malignant", "QC"})
"""Words in the column parent that are no biological group a cell could be annotated as."""
SAMPLE_PRIOR_CELLS = 20.0
"""Weight of a cluster's mixture in the mixture of its cells of one sample, in cells."""
SUBTYPE_CONFIDENCE = 0.7
"""Posterior a subtype needs within its parent; below it the cell keeps the parent's name."""
LEAST_WEIGHT = 0.01
"""Cells less likely than this to be of the parent type take no part in fitting its subtypes."""
EM_ITERATIONS, EM_TOLERANCE = 50, 1e-4


class HasMarkers(Protocol):
    """What `annotate` reads of a catalogue."""

    @property
    def markers(self) -> Mapping[str, CellMarkers]:
        """Cell type to its markers."""


def candidates(markers: Mapping[str, CellMarkers], types: Iterable[str] | None = None) -> list[str]:
    """Return the cell types that are considered, in the order of ``markers``.

    Without ``types``: every identity that is neither malignant nor a quality row; malignant cells are a call
    of their own, and states are measured, not annotated (`ON_REQUEST`). With ``types``: exactly those.
    """
    if types is None:
        return [
            name
            for name in markers
            if not (_roots(name, markers) & NOT_CANDIDATE_ROOTS) and name not in NOT_IDENTITIES | ON_REQUEST
        ]
    wanted = list(dict.fromkeys(types))
    faults = Faults()
    for name in wanted:
        if name not in markers:
            faults.add(f"unknown cell type `{name}`", where="annotate.types", remedy=did_you_mean(name, markers))
    faults.raise_if_any()
    return [name for name in markers if name in wanted]


def _roots(name: str, markers: Mapping[str, CellMarkers]) -> set[str]:
    above: set[str] = set()
    while name in markers and name not in above:
        above.add(name)
        name = markers[name].parent
    return above | {name}


def _parent(name: str, names: Sequence[str], markers: Mapping[str, CellMarkers]) -> str:
    """Return the nearest ancestor among ``names``, or an empty string."""
    above = markers[name].parent
    while above in markers:
        if above in names:
            return above
        above = markers[above].parent
    return ""


def _levels(names: Sequence[str], markers: Mapping[str, CellMarkers]) -> dict[str, list[str]]:
    """Return parent (empty for the top) to its candidate children, parents before their children."""
    children: dict[str, list[str]] = {}
    for name in names:
        children.setdefault(_parent(name, names, markers), []).append(name)
    ordered = {"": children.get("", [])}
    queue = list(ordered[""])
    while queue:
        name = queue.pop(0)
        if name in children:
            ordered[name] = children[name]
            queue += children[name]
    return ordered


def marker_scores(
    adata: AnnData, markers: Mapping[str, CellMarkers], *, types: Iterable[str] | None = None
) -> pd.DataFrame:
    """Return what the markers of each cell say of each cell type, from one sample alone.

    Parameters
    ----------
    adata
        Cells × genes of one sample, raw counts in ``X``; ``obs["sample"]`` names it.
    markers
        Cell type to markers (``catalog.markers``).
    types
        The types to consider; see `candidates`.

    Returns
    -------
    DataFrame cells × cell types, index (sample, barcode), float32: log likelihood ratio in nats of the cell's
    marker counts under the type against saying nothing of it (a subtype: against its parent). Positive speaks
    for the type. Missing where the sample holds none of the type's genes.
    """
    names = candidates(markers, types)
    genes, counts, depth = _marker_counts(adata, names, markers)
    scores = pd.DataFrame(np.nan, index=_cells(adata), columns=names, dtype=np.float32)
    if not len(genes) or not adata.n_obs:
        return scores
    weights: dict[str, NDArray[np.float64]] = {"": np.ones(adata.n_obs)}
    for parent, children in _levels(names, markers).items():
        if parent not in weights:
            continue
        sets = [(child, variant) for child in children for variant in (child, *_umbrella(child, markers))]
        signs = np.array([_signs(child, variant, genes, markers) for child, variant in sets], dtype=np.int8)
        usable = (signs == 1).any(axis=1)
        owners = [pair[0] for pair, good in zip(sets, usable, strict=True) if good]
        found = [child for child in children if child in owners]
        if not found:
            continue
        used = (signs[usable] != 0).any(axis=0)
        raw, posterior = _fit_level(counts[:, used], depth, signs[usable][:, used], weights[parent])
        groups = [found.index(owner) for owner in owners]
        scores[found] = marker_model.pool(raw, groups, len(found)).astype(np.float32)
        for position, child in enumerate(found):
            weights[child] = weights[parent] * posterior[:, np.asarray(groups) == position].sum(axis=1)
    return scores


def _fit_level(
    counts: NDArray[np.float64], depth: NDArray[np.float64], signs: NDArray[np.int8], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit the types below one parent on its cells; return evidence and posterior of all cells."""
    rows = np.flatnonzero(weights > LEAST_WEIGHT)
    if not len(rows):
        return np.zeros((len(counts), len(signs))), np.zeros((len(counts), len(signs)))
    # One BLAS thread, so that the result does not depend on how many there are.
    with threadpool_limits(limits=1, user_api="blas"):
        rates = marker_model.fit(counts[rows], depth[rows], signs, weights=weights[rows])
        raw = marker_model.evidence(counts, depth, signs, rates)
    return raw, marker_model.responsibilities(raw, rates.shares)[:, :-1]


def _umbrella(name: str, markers: Mapping[str, CellMarkers]) -> list[str]:
    return [variant for variant in UMBRELLAS.get(name, ()) if variant in markers]


def _cells(adata: AnnData) -> pd.MultiIndex:
    sample = adata.obs["sample"].astype(str) if "sample" in adata.obs else [""] * adata.n_obs
    return pd.MultiIndex.from_arrays([list(sample), adata.obs_names.astype(str)], names=KEY)


def _signs(child: str, variant: str, genes: Sequence[str], markers: Mapping[str, CellMarkers]) -> list[int]:
    signs = dict.fromkeys(markers[child].negative, -1) | dict.fromkeys(markers[child].positive, 1)
    if variant != child:
        signs |= dict.fromkeys(markers[variant].negative, -1) | dict.fromkeys(markers[variant].positive, 1)
    return [signs.get(gene, 0) for gene in genes]


def _marker_counts(
    adata: AnnData, names: Sequence[str], markers: Mapping[str, CellMarkers]
) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64]]:
    wanted = {
        gene
        for name in names
        for row in (name, *_umbrella(name, markers))
        for gene in (*markers[row].positive, *markers[row].negative)
    }
    transgene = transgenes(adata)
    present = pd.Series(np.arange(adata.n_vars), index=adata.var_names)[~transgene]
    present = present[present.index.isin(wanted) & ~present.index.duplicated()].sort_index()
    matrix = sp.csr_matrix(adata.X)
    inside = matrix[:, ~transgene] if transgene.any() else matrix
    depth = np.maximum(np.asarray(inside.sum(axis=1), dtype=float).ravel(), 1.0)
    counts = np.asarray(matrix[:, present.to_numpy()].toarray(), dtype=float)
    return [str(gene) for gene in present.index], counts, depth


def annotate(
    marker_evidence: pd.DataFrame,
    clusters: pd.DataFrame,
    *,
    catalog: HasMarkers,
    min_confidence: float = 0.5,
    min_subtype_confidence: float = SUBTYPE_CONFIDENCE,
) -> pd.DataFrame:
    """Give every cell a cell type, or say that its type cannot be told.

    Parameters
    ----------
    marker_evidence
        Result of `marker_scores` of all samples: index (sample, barcode), or these two as columns.
    clusters
        Columns sample, barcode, cluster (`ohmics.embed`); a missing cluster stands for itself.
    catalog
        Where the hierarchy of cell types comes from.
    min_confidence
        Posterior a type needs. Where no type reaches it but the types of one group do together, the cell gets
        the group's name (``myeloid``, ``DC``, ``lymphoid``), else ``unassigned``.
    min_subtype_confidence
        Posterior a subtype needs within its parent.

    Returns
    -------
    DataFrame with columns sample, barcode, cell_type, cell_type_confidence (posterior of the named type; of the
    best type when unassigned), in the order of ``marker_evidence``.
    """
    evidence, cluster = _aligned(marker_evidence, clusters)
    markers = catalog.markers
    names = [name for name in evidence.columns if name in markers]
    levels = _levels(names, markers)
    sample_codes = pd.factorize(evidence.index.get_level_values("sample"))[0]
    label = np.full(len(evidence), UNASSIGNED, dtype=object)
    confidence = np.zeros(len(evidence))
    for parent, children in levels.items():
        rows = np.arange(len(evidence)) if parent == "" else np.flatnonzero(label == parent)
        if not len(rows) or not children:
            continue
        posterior = _posterior(evidence[children].to_numpy(dtype=float)[rows], cluster[rows], sample_codes[rows])
        named = posterior[:, :-1]
        best = named.argmax(axis=1)
        share = named[np.arange(len(rows)), best]
        if parent == "":
            confidence[rows] = share
            label[rows] = np.where(share >= min_confidence, np.asarray(children, dtype=object)[best], UNASSIGNED)
            _name_groups(label, confidence, named, children, markers, min_confidence)
        else:
            sure = share >= min_subtype_confidence
            label[rows[sure]] = np.asarray(children, dtype=object)[best[sure]]
            confidence[rows[sure]] *= share[sure]
    cells = evidence.index.to_frame(index=False)
    cells["cell_type"] = label
    cells["cell_type_confidence"] = confidence.clip(0, 1)
    return cells


def cluster_types(cells: pd.DataFrame) -> pd.DataFrame:
    """Return per cluster its most frequent cell type, that type's share and the number of cells.

    ``cells`` has the columns cluster and cell_type.
    """
    rows = []
    for cluster, types in cells.groupby("cluster", sort=True)["cell_type"]:
        counts = types.value_counts()
        first = sorted(counts[counts == counts.max()].index)[0]
        rows.append({"cluster": cluster, "cell_type": first, "share": counts.max() / len(types), "n_cells": len(types)})
    return pd.DataFrame(rows, columns=["cluster", "cell_type", "share", "n_cells"])


def _aligned(marker_evidence: pd.DataFrame, clusters: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    evidence = marker_evidence if marker_evidence.index.names == KEY else marker_evidence.set_index(KEY)
    faults = Faults()
    for name, index in (("marker_evidence", evidence.index), ("clusters", pd.MultiIndex.from_frame(clusters[KEY]))):
        if index.has_duplicates:
            faults.add(f"{int(index.duplicated().sum())} cells stand twice in {name}", remedy="give each sample once")
    faults.raise_if_any()
    found = clusters.set_index(KEY)["cluster"].reindex(evidence.index)
    if found.notna().sum() == 0 and len(found):
        raise OhmicsError("no cell of marker_evidence stands in clusters; both must name the same samples and barcodes")
    codes, uniques = pd.factorize(found, sort=True)
    return evidence, np.where(codes < 0, len(uniques), codes)


def _posterior(
    evidence: NDArray[np.float64], cluster: NDArray[np.int64], sample: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return cells × (types and, last, none of them), with the mixture of each cluster and sample as prior."""
    # A type that a sample cannot show has no evidence there and no share.
    evidence = np.where(np.isnan(evidence), -1e3, evidence)
    posterior = np.zeros((len(evidence), evidence.shape[1] + 1))
    order = np.argsort(cluster, kind="stable")
    bounds = np.flatnonzero(np.diff(cluster[order])) + 1
    for rows in np.split(order, bounds):
        posterior[rows] = _cluster_posterior(evidence[rows], pd.factorize(sample[rows])[0])
    return posterior


def _cluster_posterior(evidence: NDArray[np.float64], sample: NDArray[np.int64]) -> NDArray[np.float64]:
    n_cells, n_types = evidence.shape[0], evidence.shape[1] + 1
    n_samples = int(sample.max()) + 1
    member = sp.csr_matrix((np.ones(n_cells), (sample, np.arange(n_cells))), shape=(n_samples, n_cells))
    size = np.asarray(member.sum(axis=1))
    shares = np.full((n_samples, n_types), 1 / n_types)
    posterior = marker_model.responsibilities(evidence, shares[sample])
    for _ in range(EM_ITERATIONS):
        mixture = (posterior.sum(axis=0) + 1 / n_types) / (n_cells + 1)
        fresh = (member @ posterior + SAMPLE_PRIOR_CELLS * mixture) / (size + SAMPLE_PRIOR_CELLS)
        moved = float(np.abs(fresh - shares).max())
        shares = fresh
        posterior = marker_model.responsibilities(evidence, shares[sample])
        if moved < EM_TOLERANCE:
            break
    return posterior


def _name_groups(
    label: NDArray[np.object_],
    confidence: NDArray[np.float64],
    named: NDArray[np.float64],
    children: Sequence[str],
    markers: Mapping[str, CellMarkers],
    min_confidence: float,
) -> None:
    """Give undecided cells the name of the group whose types hold ``min_confidence`` together (in place)."""
    groups: dict[str, list[int]] = {}
    for position, name in enumerate(children):
        group = markers[name].parent
        if group and group not in NOT_GROUPS:
            groups.setdefault(group, []).append(position)
    for group, positions in groups.items():
        if len(positions) < 2:
            continue
        share = named[:, positions].sum(axis=1)
        undecided = (label == UNASSIGNED) & (share >= min_confidence)
        label[undecided] = group
        confidence[undecided] = share[undecided]


def confusion(cells: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Return how published labels (rows) and our cell types (columns) meet, in cells.

    Parameters
    ----------
    cells
        Columns sample, barcode, cell_type (CELLS or the result of `annotate`).
    labels
        Columns sample, barcode, cell_type: the published label. Cells without one stand in the row
        ``(no label)``; labels whose cell was not kept stand in the column ``(not kept)``.
    """
    merged = cells[[*KEY, "cell_type"]].merge(labels[[*KEY, "cell_type"]], on=KEY, how="outer", suffixes=("", "_label"))
    return pd.crosstab(
        merged["cell_type_label"].fillna("(no label)").rename("label"),
        merged["cell_type"].fillna("(not kept)").rename("cell_type"),
    )
