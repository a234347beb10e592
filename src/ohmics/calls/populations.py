"""Cells with raw counts come in; what the antigen call needs of one population goes out: sums, squares and depths."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from ohmics.errors import Faults, OhmicsError

Floats = npt.NDArray[np.float64]
_APART = re.compile(r"^(MT-|MTRNR|RP[LS]\d|RPLP|RPSA|MRP[LS]\d|IG[HKL][VDJCGAME]|HB[ABDEGMQZ]\d?$|XIST$|TSIX$)")


@dataclass(frozen=True)
class Population:
    """One population of cells.

    Parameters
    ----------
    counts
        Cells × genes, raw counts, CSR.
    genes
        Gene names, unique, length genes.
    counted
        Which genes count towards a cell's depth (transgenes do not), length genes.
    """

    counts: sp.csr_matrix
    genes: pd.Index
    counted: npt.NDArray[np.bool_]

    @property
    def n(self) -> int:
        """Number of cells."""
        return int(self.counts.shape[0])

    @cached_property
    def depth(self) -> Floats:
        """UMI of each cell, length cells."""
        weights = self.counted.astype(np.float64)
        return np.asarray(self.counts @ weights, dtype=np.float64)

    @cached_property
    def total(self) -> float:
        """UMI of all cells."""
        return float(self.depth.sum())

    @cached_property
    def mean_depth(self) -> float:
        """Mean UMI a cell."""
        return self.total / self.n if self.n else 0.0

    @cached_property
    def crowding(self) -> float:
        """Sum of squared depths over the squared sum: one over the number of equally deep cells that weigh as much."""
        return float(np.sum(self.depth**2)) / self.total**2 if self.total > 0 else 1.0

    @cached_property
    def comparable(self) -> npt.NDArray[np.bool_]:
        """Genes that may stand for an unchanged gene, length genes.

        Mitochondrial, ribosomal, immunoglobulin and haemoglobin genes move together or are mostly ambient; XIST
        tells a patient's sex, transgenes a vector.
        """
        apart = np.fromiter((_APART.match(name) is not None for name in self.genes), dtype=bool, count=len(self.genes))
        return np.asarray(self.counted & ~apart, dtype=bool)

    @cached_property
    def sums(self) -> Floats:
        """Counts of each gene over all cells, length genes."""
        return self._by_gene(self.counts.data)

    @cached_property
    def overdispersion(self) -> tuple[Floats, Floats]:
        """Per gene: variance of the counts beyond Poisson's summed over cells, and the squared mean it is relative to.

        Their ratio is the moment estimate of a gene's negative-binomial dispersion.
        """
        rate = self.sums / self.total if self.total > 0 else np.zeros_like(self.sums)
        values = self.counts.data.astype(np.float64)
        squares = self._by_gene(values**2)
        weighted = self._by_gene(values * np.repeat(self.depth, np.diff(self.counts.indptr)))
        depth_squares = float(np.sum(self.depth**2))
        beyond = squares - 2 * rate * weighted + rate**2 * depth_squares - self.sums
        return beyond, rate**2 * depth_squares

    def _by_gene(self, values: npt.NDArray[np.floating]) -> Floats:
        summed = np.bincount(self.counts.indices, weights=values, minlength=len(self.genes))
        return np.asarray(summed, dtype=np.float64)

    def named(self, genes: tuple[str, ...]) -> npt.NDArray[np.bool_]:
        """Return which genes are among the given ones, length genes; absent ones are nowhere."""
        mask = np.zeros(len(self.genes), dtype=bool)
        places = self.genes.get_indexer(pd.Index(genes, dtype=object))
        mask[places[places >= 0]] = True
        return mask

    def of(self, genes: tuple[str, ...]) -> Floats:
        """Return the summed counts of some genes in each cell, length cells; absent genes count as nothing."""
        columns = np.flatnonzero(self.named(genes))
        return np.asarray(self.counts[:, columns].sum(axis=1), dtype=np.float64).ravel()


def population(adata: AnnData, *, where: str, mask: npt.NDArray[np.bool_] | None = None) -> Population:
    """Return the cells of an AnnData as a `Population`.

    Parameters
    ----------
    adata
        Cells × genes, raw counts in ``X`` or ``layers["counts"]``; it is not changed.
    where
        What the cells are, for messages.
    mask
        Which cells; all when not given.

    Raises
    ------
    OhmicsError
        When the counts are no raw counts, or a gene stands twice.
    """
    faults = Faults()
    matrix = adata.layers.get("counts", adata.X)
    if matrix is None:
        raise OhmicsError(f"{where}: there are no counts in X")
    if adata.var_names.has_duplicates:
        twice = adata.var_names[adata.var_names.duplicated()][0]
        faults.add(f"gene `{twice}` stands more than once", where=where, remedy="sum the rows of one gene first")
    counts = sp.csr_matrix(matrix)
    if mask is not None:
        counts = counts[np.flatnonzero(mask)]
    values = counts.data
    if values.size and not bool(np.all((values >= 0) & (values == np.floor(values)))):
        faults.add("values are no raw counts", where=where, legal="whole numbers from 0 on", remedy="give raw counts")
    faults.raise_if_any()
    return Population(counts, pd.Index(adata.var_names.astype(str)), _counted(adata))


def _counted(adata: AnnData) -> npt.NDArray[np.bool_]:
    if "feature_type" not in adata.var:
        return np.ones(adata.n_vars, dtype=bool)
    return np.asarray(adata.var["feature_type"].astype(str) != "transgene", dtype=bool)
