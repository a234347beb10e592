"""Annotated cells of one sample come in; what the call of malignant cells needs of each of its clusters goes out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from anndata import AnnData

from ohmics.calls.light_chains import LightChains, light_chains
from ohmics.calls.populations import Floats, population
from ohmics.errors import Faults
from ohmics.model import DiseasePanel

if TYPE_CHECKING:
    from ohmics.catalog import Catalog

Mask = npt.NDArray[np.bool_]
UNCORRECTED = "cluster_uncorrected"
OWN = "own_neighbours"
CYCLE = ("MKI67", "TOP2A", "TYMS", "UBE2C", "CENPF", "NUSAP1", "TPX2", "BIRC5", "RRM2", "CDK1", "CCNB1", "ASPM", "TK1")
"""Genes of S and G2/M (Tirosh 2016, doi:10.1126/science.aad0501); a cell with `CYCLING_GENES` of them divides."""
CYCLING_GENES = 3
EARLY = ("DNTT", "CD34", "IGLL1", "VPREB1", "RAG1", "RAG2", "ERG")
LATE = ("MS4A1", "BANK1", "IGHD", "FCER2", "TNFRSF13C", "CD40", "FCRL1")
"""Genes of early and of maturing B precursors (stages of hematogones: McKenna 2001, doi:10.1182/blood.v98.8.2498)."""
FEW_REFERENCE = 20
SOUP_SHARE = 0.05
"""Ambient share of a gene's mean count where too few cells that cannot express it are there."""
MOST_SOUP_SHARE = 0.3
UNNAMED = ("unassigned", "lymphoid", "immune (pan)")
"""Annotations that say too little to speak for or against a tumour."""


@dataclass(frozen=True)
class Kinds:
    """Annotated cell types by what they say of one disease."""

    home: frozenset[str]
    possible: frozenset[str]

    def of(self, types: pd.Series) -> npt.NDArray[np.object_]:
        """Return ``home``, ``possible``, ``unnamed`` or ``incompatible`` for each annotated type, length cells."""
        text = types.astype(object).where(types.notna(), "unassigned")
        kind = np.full(len(text), "incompatible", dtype=object)
        kind[text.isin(UNNAMED).to_numpy()] = "unnamed"
        kind[text.isin(self.possible).to_numpy()] = "possible"
        kind[text.isin(self.home).to_numpy()] = "home"
        return kind


def kinds(panel: DiseasePanel, catalog: Catalog) -> Kinds:
    """Return the annotated types that a disease's cells and their normal counterparts have."""

    def below(names: tuple[str, ...]) -> frozenset[str]:
        return frozenset(kind for name in names for kind in catalog.descendants(name))

    home = below(panel.home)
    return Kinds(home=home, possible=below(panel.possible) - home)


@dataclass(frozen=True)
class SampleCounts:
    """What one sample's cells say, cluster by cluster.

    Parameters
    ----------
    cells
        One row a cell: barcode, cluster, cell_type, kind (see `Kinds`), own_neighbours (see `ohmics.embed`).
    clusters
        Names of the clusters, sorted; the rows of what follows.
    n_cells, umi
        Cells and UMI of each cluster.
    panel
        Clusters × panel genes: counts; ``genes`` names the columns, ``soup`` is ambient RNA in counts a droplet.
    cycling
        Share of cycling cells, length clusters.
    early, late
        Home cells of each cluster in an early and in a late stage of B precursors, length clusters.
    light
        Light chains of the cells; None where the disease is not told by them.
    copy_number
        Copy-number signal of each cluster against the sample's reference cells; None when it was not looked at.
    """

    sample: str
    patient: str
    cells: pd.DataFrame
    clusters: tuple[str, ...]
    n_cells: Floats
    umi: Floats
    genes: tuple[str, ...]
    panel: Floats
    soup: Floats
    cycling: Floats
    early: Floats
    late: Floats
    light: LightChains | None
    copy_number: pd.DataFrame | None = None

    def with_copy_number(self, signal: pd.DataFrame) -> SampleCounts:
        """Return the same with a copy-number signal."""
        return replace(self, copy_number=signal)

    def rows(self, cluster: str) -> npt.NDArray[np.int64]:
        """Return the positions of a cluster's cells."""
        return np.flatnonzero(self.cells["cluster"].to_numpy() == cluster)


def cluster_column(obs: pd.DataFrame) -> str:
    """Return the column of clusters that is read: those before batch correction where there are any."""
    return UNCORRECTED if UNCORRECTED in obs else "cluster"


def sample_counts(adata: AnnData, panel: DiseasePanel, chosen: Kinds, *, sample: str, patient: str) -> SampleCounts:
    """Return what one sample's cells say of each cluster.

    Parameters
    ----------
    adata
        One sample: cells × genes, raw counts in ``X``, not changed; ``obs`` with ``cell_type`` and
        ``cluster_uncorrected`` or ``cluster``.
    panel, chosen
        The disease, and what annotated types say of it.
    sample, patient
        Names.

    Raises
    ------
    OhmicsError
        When a column is missing or counts are not raw.
    """
    _check(adata, sample)
    whole = population(adata, where=f"sample {sample}")
    column = cluster_column(adata.obs)
    cells = pd.DataFrame(
        {
            "barcode": adata.obs_names.astype(str),
            "cluster": adata.obs[column].astype(object).where(adata.obs[column].notna(), "none").astype(str).to_numpy(),
            "cell_type": adata.obs["cell_type"].astype(object).to_numpy(),
        }
    )
    cells["kind"] = chosen.of(cells["cell_type"])
    cells["own_neighbours"] = adata.obs[OWN].to_numpy(dtype=float) if OWN in adata.obs else np.nan
    names, codes = np.unique(cells["cluster"].to_numpy(dtype=str), return_inverse=True)
    member = _member(codes, len(names))
    present = tuple(gene for gene in panel.genes if gene in whole.genes)
    counts = whole.counts[:, whole.genes.get_indexer(pd.Index(present, dtype=object))].toarray().astype(np.float64)
    home = (cells["kind"] == "home").to_numpy()
    apart = (cells["kind"] == "incompatible").to_numpy()
    early, late = whole.of(EARLY), whole.of(LATE)
    cycle = whole.counts[:, np.flatnonzero(whole.named(CYCLE))] > 0
    n_cells = np.bincount(codes, minlength=len(names)).astype(np.float64)
    return SampleCounts(
        sample=sample,
        patient=patient,
        cells=cells,
        clusters=tuple(str(name) for name in names),
        n_cells=n_cells,
        umi=np.asarray(member @ whole.depth),
        genes=present,
        panel=np.asarray(member @ counts),
        soup=_soup(counts, apart),
        cycling=np.asarray(member @ (np.asarray(cycle.sum(axis=1)).ravel() >= CYCLING_GENES)) / n_cells,
        early=np.asarray(member @ (home & (early >= 1) & (early > late))),
        late=np.asarray(member @ (home & (late >= 2) & (late > early))),
        light=light_chains(whole, apart) if panel.light_chain else None,
    )


def _member(codes: npt.NDArray[np.int64], n_clusters: int) -> Floats:
    member = np.zeros((n_clusters, len(codes)))
    member[codes, np.arange(len(codes))] = 1.0
    return member


def _soup(counts: Floats, apart: Mask) -> Floats:
    """Return ambient RNA in counts a droplet, from cells that cannot be the tumour."""
    overall = counts.mean(axis=0) if len(counts) else np.zeros(counts.shape[1])
    if int(apart.sum()) < FEW_REFERENCE:
        return np.asarray(SOUP_SHARE * overall)
    # What these cells express themselves is no soup, so that a gene's soup is held to a share of its mean count.
    return np.asarray(np.minimum(counts[apart].mean(axis=0), MOST_SOUP_SHARE * overall))


def _check(adata: AnnData, sample: str) -> None:
    faults = Faults()
    if "cell_type" not in adata.obs:
        faults.add("obs has no column `cell_type`", where=f"sample {sample}", remedy="annotate the cells first")
    if not {"cluster", UNCORRECTED} & set(adata.obs.columns):
        faults.add(
            "obs has no column `cluster_uncorrected` or `cluster`",
            where=f"sample {sample}",
            remedy="cluster the cells first (ohmics.embed)",
        )
    faults.raise_if_any()
