"""A list of gene symbols comes in, masks of gene families that quality control and embedding treat apart go out."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_MITOCHONDRIAL = r"^MT-"
# S6 kinases (RPS6KA1...) and mitochondrial ribosomal proteins (MRPL...) are no ribosomal proteins.
_RIBOSOMAL = r"^RP[SL](?:\d+[AXYL]*\d*|A|P[012])(?:P\d+)?$"
# V, D, J segments and constant regions; TRADD, TRDN, TRDMT1, IGHMBP2 and IGLL1 are other genes.
_T_RECEPTOR = r"^TR[ABDG](?:C\d?$|V[\dAB]|D\d|J[\dP])"
_B_RECEPTOR = r"^IG[HKL][VDJ][\dIO(]|^IG[KL]C\d*$|^IGH(?:M|D|G\d|GP|A\d|E|EP\d)$|^IGLL5$"


def _matches(symbols: Iterable[str], pattern: str) -> Mask:
    return np.asarray(pd.Series(list(symbols), dtype=object).astype(str).str.contains(pattern, regex=True), dtype=bool)


def mitochondrial(symbols: Iterable[str]) -> Mask:
    """Return which symbols are genes of the mitochondrial genome (``MT-`` symbols)."""
    return _matches(symbols, _MITOCHONDRIAL)


def ribosomal(symbols: Iterable[str]) -> Mask:
    """Return which symbols are cytosolic ribosomal proteins or their pseudogenes."""
    return _matches(symbols, _RIBOSOMAL)


def receptor_segments(symbols: Iterable[str]) -> Mask:
    """Return which symbols are V, D, J or constant segments of T-cell or B-cell receptors.

    A clone shares its segments, so they would draw cells of one clone together whatever their state.
    """
    return _matches(symbols, f"{_T_RECEPTOR}|{_B_RECEPTOR}")


def transgenes(adata: AnnData) -> Mask:
    """Return which features of ``adata`` are transgenes (``var["feature_type"]``); all false when not told."""
    if "feature_type" not in adata.var:
        return np.zeros(adata.n_vars, dtype=bool)
    return np.asarray(adata.var["feature_type"].astype(str) == "transgene", dtype=bool)
