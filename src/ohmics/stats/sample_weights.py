"""log2 CPM with voom's precisions and a design come in; one quality weight a sample goes out.

A sample whose residuals are larger than others' in gene after gene is worth less. The log variances of samples
(which add up to 0) are updated gene by gene by a Fisher scoring step of the heteroscedastic model (Ritchie 2006,
doi:10.1186/1471-2105-7-261; with voom: Liu 2015, doi:10.1093/nar/gkv412), starting from a prior of ten genes that
say all samples are alike. The update runs through the genes once, so their order moves the last digits.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
PRIOR_GENES = 10.0
_NO_VARIANCE = 1e-15


def sample_weights(response: Array, design: Array, *, weights: Array) -> Array:
    """Return the quality weight of each sample; their geometric mean is 1.

    Parameters
    ----------
    response
        Samples × genes, log2 CPM.
    design
        Samples × coefficients of full column rank.
    weights
        Samples × genes, voom's precisions.

    Returns
    -------
    One positive weight a sample; all 1 where fewer than two residual degrees of freedom or two genes are left.
    """
    n_samples, n_genes = response.shape
    if n_samples - design.shape[1] < 2 or n_genes < 2:
        return np.ones(n_samples)
    # Deviations of all samples but the last, whose log variance is minus the sum of the others.
    deviations = np.vstack([np.eye(n_samples - 1), -np.ones((1, n_samples - 1))])
    return np.asarray(
        _score_genes(
            np.ascontiguousarray(response.T),
            np.ascontiguousarray(weights.T),
            np.ascontiguousarray(design, dtype=np.float64),
            deviations,
        )
    )


@numba.njit(cache=True, nogil=True)
def _score_genes(genes: Array, precision: Array, design: Array, deviations: Array) -> Array:
    n_samples, width = design.shape
    free = n_samples - 1
    turned = np.ascontiguousarray(deviations.T)
    information = PRIOR_GENES * (turned @ deviations)
    log_variance = np.zeros(free)
    quality = np.ones(n_samples)
    basis = np.empty((n_samples, width))
    residual = np.empty(n_samples)
    for gene in range(genes.shape[0]):
        root = np.sqrt(quality * precision[gene])
        for i in range(n_samples):
            residual[i] = genes[gene, i] * root[i]
            for j in range(width):
                basis[i, j] = design[i, j] * root[i]
        _orthonormalise(basis, residual)
        left = np.ones(n_samples)
        for i in range(n_samples):
            for j in range(width):
                left[i] -= basis[i, j] ** 2
        squared = residual**2
        variance = squared.sum() / (n_samples - width)
        if variance < _NO_VARIANCE:
            continue
        # Information on the deviations, after what the gene's own variance takes of it.
        total = left.sum()
        own = left[:free] - left[free]
        for i in range(free):
            information[i, i] += left[i]
            for j in range(free):
                information[i, j] += left[free] - own[i] * own[j] / total
        score = squared / variance - left
        log_variance += np.linalg.solve(information, score[:free] - score[free])
        for i in range(free):
            quality[i] = np.exp(-log_variance[i])
        quality[free] = np.exp(log_variance.sum())
    return quality


@numba.njit(cache=True, nogil=True)
def _orthonormalise(basis: Array, rest: Array) -> None:
    """Make the columns of ``basis`` orthonormal and take their span out of ``rest``, in place, each twice."""
    for j in range(basis.shape[1]):
        for _ in range(2):
            for k in range(j):
                dot = 0.0
                for i in range(rest.size):
                    dot += basis[i, k] * basis[i, j]
                for i in range(rest.size):
                    basis[i, j] -= dot * basis[i, k]
        length = 0.0
        for i in range(rest.size):
            length += basis[i, j] ** 2
        length = np.sqrt(length)
        for i in range(rest.size):
            basis[i, j] /= length
    for _ in range(2):
        for k in range(basis.shape[1]):
            dot = 0.0
            for i in range(rest.size):
                dot += basis[i, k] * rest[i]
            for i in range(rest.size):
                rest[i] -= dot * basis[i, k]
