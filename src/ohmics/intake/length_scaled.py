"""Transcript abundances of samples come in, counts of genes scaled by TPM and length go out (lengthScaledTPM)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Abundances:
    """What an estimator says of transcripts, each transcripts × samples: reads, TPM, effective lengths."""

    counts: FloatArray
    tpm: FloatArray
    lengths: FloatArray


def length_scaled_counts(given: Abundances, genes: Sequence[str]) -> tuple[list[str], FloatArray]:
    """Return genes and their counts, genes × samples, as tximport's ``lengthScaledTPM`` defines them.

    A gene's TPM is multiplied by its average length over the samples (the mean of its transcripts' lengths,
    weighted by TPM), and each sample scaled to the reads it has: changes of isoform length between samples
    are then no changes of counts. Soneson, Love and Robinson 2015, doi 10.12688/f1000research.7563.2.

    Parameters
    ----------
    given
        Of the transcripts whose gene is known.
    genes
        The gene of each transcript, length transcripts.
    """
    names, code = np.unique(np.asarray(genes, dtype=object).astype(str), return_inverse=True)
    total = sp.csr_matrix(
        (np.ones(len(code)), (code, np.arange(len(code)))), shape=(len(names), len(code)), dtype=np.float64
    )
    counts, tpm = total @ given.counts, total @ given.tpm
    with np.errstate(invalid="ignore", divide="ignore"):
        lengths = (total @ (given.tpm * given.lengths)) / tpm
    # A gene without expression has no weighted length: that of its transcripts stands in.
    plain = (total @ given.lengths.mean(axis=1)) / np.asarray(total.sum(axis=1)).ravel()
    scaled = tpm * _filled(lengths, plain).mean(axis=1)[:, None]
    sums = scaled.sum(axis=0)
    factors = np.divide(counts.sum(axis=0), sums, out=np.zeros_like(sums), where=sums > 0)
    return [str(name) for name in names], scaled * factors


def _filled(lengths: FloatArray, plain: FloatArray) -> FloatArray:
    """Return lengths without gaps: a gene's geometric mean over the samples that have one, else ``plain``."""
    known = ~np.isnan(lengths)
    logs = np.where(known, np.log(np.where(known, lengths, 1.0)), 0.0)
    middle = np.exp(logs.sum(axis=1) / np.maximum(known.sum(axis=1), 1))
    stand_in = np.where(known.any(axis=1), middle, plain)
    return np.where(known, lengths, stand_in[:, None])
