"""Expression of every gene and one design come in; the effects of a least-squares fit of each gene go out.

All moderated statistics here (voom, camera, fry) rest on the effects: the response of each gene turned by
the Householder reflections of its own weighted design. The first effect kept is that of the last column,
the others span the residuals, so one pass serves the t statistics and the correlation between genes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular

from ohmics.errors import OhmicsError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """The fit of each gene, seen from the last column of the design.

    Parameters
    ----------
    coefficient
        Estimated coefficient of the last column, one a gene.
    stdev_unscaled
        Its standard error over the residual standard deviation.
    signal
        Its effect: an orthonormal contrast with residual variance, one a gene.
    residual
        Genes × residual degrees of freedom: the orthonormal residual effects.
    """

    coefficient: Array
    stdev_unscaled: Array
    signal: Array
    residual: Array

    @property
    def variance(self) -> Array:
        """Residual variance of each gene."""
        return np.asarray(np.mean(self.residual**2, axis=1), dtype=np.float64)

    @property
    def df(self) -> int:
        """Residual degrees of freedom, the same for every gene."""
        return int(self.residual.shape[1])


def fit_effects(
    response: Array, design: Array, *, weights: Array | None = None, correlation: Array | None = None
) -> Effects:
    """Fit every gene by (weighted, correlated) least squares.

    Parameters
    ----------
    response
        Samples × genes, for example log2 CPM.
    design
        Samples × coefficients of full column rank; the last column is the one asked about.
    weights
        Samples × genes, positive precisions; None for equal ones.
    correlation
        Samples × samples correlation of the residuals; None for independent samples.

    Returns
    -------
    Effects of the last column.
    """
    n_samples = len(design)
    genes = np.ascontiguousarray(response.T, dtype=np.float64)
    precision = np.ones((1, n_samples)) if weights is None else np.ascontiguousarray(weights.T, dtype=np.float64)
    # An empty root stands for independent samples.
    root = np.empty((0, 0)) if correlation is None else cholesky(correlation, lower=True)
    turned, scale = _householder(
        genes, precision, np.ascontiguousarray(design.T, dtype=np.float64), np.ascontiguousarray(root)
    )
    signal = turned[:, 0] * np.sign(scale)
    return Effects(
        coefficient=signal / np.abs(scale),
        stdev_unscaled=1 / np.abs(scale),
        signal=signal,
        residual=turned[:, 1:],
    )


@numba.njit(cache=True, nogil=True)
def _whiten(rows: Array, root: Array) -> None:
    """Solve ``root`` x = row for every row, in place; ``root`` is the lower Cholesky factor."""
    for j in range(rows.shape[0]):
        for i in range(rows.shape[1]):
            total = rows[j, i]
            for k in range(i):
                total -= root[i, k] * rows[j, k]
            rows[j, i] = total / root[i, i]


@numba.njit(cache=True, nogil=True)
def _reflect(rows: Array) -> float:
    """Turn all rows by the reflections that make the first ones (a design) triangular; return R's last diagonal."""
    n_columns, n_samples = rows.shape[0] - 1, rows.shape[1]
    alpha = 0.0
    for j in range(n_columns):
        length = 0.0
        for i in range(j, n_samples):
            length += rows[j, i] * rows[j, i]
        length = np.sqrt(length)
        # The sign that avoids cancellation.
        alpha = -length if rows[j, j] >= 0 else length
        rows[j, j] -= alpha
        squared = -alpha * rows[j, j]
        for other in range(j + 1, n_columns + 1):
            dot = 0.0
            for i in range(j, n_samples):
                dot += rows[j, i] * rows[other, i]
            dot /= squared
            for i in range(j, n_samples):
                rows[other, i] -= dot * rows[j, i]
    return alpha


@numba.njit(cache=True, nogil=True)
def _householder(genes: Array, weights: Array, columns: Array, root: Array) -> tuple[Array, Array]:
    """Return effects from the last column on (genes × 1 + residuals) and the last diagonal of R."""
    n_genes, n_samples = genes.shape
    n_columns = columns.shape[0]
    turned = np.empty((n_genes, n_samples - n_columns + 1))
    scale = np.empty(n_genes)
    for gene in range(n_genes):
        rows = np.empty((n_columns + 1, n_samples))
        for i in range(n_samples):
            precision = np.sqrt(weights[gene % weights.shape[0], i])
            for j in range(n_columns):
                rows[j, i] = columns[j, i] * precision
            rows[n_columns, i] = genes[gene, i] * precision
        if root.size:
            _whiten(rows, root)
        scale[gene] = _reflect(rows)
        turned[gene] = rows[n_columns, n_columns - 1 :]
    return turned, scale


def fitted_values(
    response: Array, design: Array, *, correlation: Array | None = None, sample_weights: Array | None = None
) -> tuple[Array, Array]:
    """Return fitted values (samples × genes) and residual standard deviations.

    Parameters
    ----------
    response, design, correlation
        As in `fit_effects`.
    sample_weights
        One precision a sample, the same for every gene; None for equal ones.
    """
    left, right = design, response
    if sample_weights is not None:
        root_weight = np.sqrt(sample_weights)[:, None]
        left, right = left * root_weight, right * root_weight
    if correlation is not None:
        root = cholesky(correlation, lower=True)
        left, right = (solve_triangular(root, part, lower=True) for part in (left, right))
    basis, triangle = np.linalg.qr(left)
    coefficients = solve_triangular(triangle, basis.T @ right)
    residual = right - left @ coefficients
    df = design.shape[0] - design.shape[1]
    return design @ coefficients, np.sqrt(np.sum(residual**2, axis=0) / df)


def contrast_last(design: Array, contrast: Array) -> Array:
    """Return a design of the same span whose last coefficient is a contrast of the given ones.

    Parameters
    ----------
    design
        Samples × coefficients of full column rank.
    contrast
        One number a coefficient, not all 0: the contrast is their weighted sum.
    """
    length = float(np.linalg.norm(contrast))
    if contrast.shape != (design.shape[1],) or not length > 0:
        raise OhmicsError(f"a contrast of {design.shape[1]} coefficients needs as many numbers, not all 0")
    unit = contrast / length
    # An orthonormal basis of the coefficients: the contrast's direction last, the others span the rest.
    basis = np.linalg.qr(np.column_stack([unit, np.eye(unit.size)]))[0]
    return np.column_stack([design @ basis[:, 1:], design @ unit / length])


def block_correlation(blocks: npt.NDArray[np.object_], correlation: float) -> Array:
    """Return the samples × samples matrix with ``correlation`` between samples of one block."""
    same = blocks[:, None] == blocks[None, :]
    matrix = np.where(same, correlation, 0.0)
    np.fill_diagonal(matrix, 1.0)
    return np.asarray(matrix, dtype=np.float64)
