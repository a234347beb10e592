"""The input of `ohmics score` comes in; blocks of observations, and the scores of all of them, go out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from ohmics.intake.blocks import CountBlocks, open_blocks
from ohmics.intake.gene_lists import Genes
from ohmics.intake.hdf5 import open_hdf5
from ohmics.intake.raw import readable
from ohmics.intake.reading import read
from ohmics.intake.store import is_zarr, opened
from ohmics.score.expression import Expression, open_source
from ohmics.score.methods import get_method
from ohmics.score.reference_rows import own_reference
from ohmics.score.run import score


@dataclass(frozen=True)
class Given:
    """The observations to score: those in memory, or cells that are read from disk block by block."""

    parts: AnnData | CountBlocks
    genes: pd.Index
    intake: Mapping[str, Any]
    modality: str

    def blocks(self) -> Iterator[AnnData]:
        """Yield the observations in order."""
        for part in [self.parts] if isinstance(self.parts, AnnData) else self.parts:
            part.uns["ohmics"]["modality"] = self.modality
            yield part

    @property
    def values(self) -> Literal["counts", "log"]:
        """Whether the values are raw counts or log-normalised."""
        return "log" if self.intake["values"] == "log" else "counts"


def read_given(arguments: argparse.Namespace) -> Given:
    """Read the input: cells of an h5ad file or Zarr store block by block, whatever else is read whole.

    A text matrix of cells is read as a matrix and then treated as cells. With ``--compat`` all cells are read at once,
    since some peers look at all of them before they score one. Estimated counts with fractions are rounded, as a note
    says: fractions would else be taken for logarithms.
    """
    path: Path = arguments.input
    blocks = h5py.is_hdf5(path) if path.is_file() else is_zarr(path)
    text_matrix = path.is_file() and not blocks
    modality = arguments.modality
    if modality == "auto":
        modality = "bulk" if text_matrix or (blocks and _says_bulk(path)) else "single_cell"
    found = None
    if blocks and (modality == "single_cell" or is_zarr(path)) and not _is_tenx(path):
        found = open_blocks(path, gene_ids=arguments.gene_ids, layer=arguments.layer, fractions="round")
    if found is not None and (arguments.compat or modality == "bulk"):
        return _whole(found.whole(), modality)
    if found is not None:
        first = next(iter(found))
        return Given(found, first.var_names.astype(str), found.intake, modality)
    adata = read(
        path,
        modality="bulk" if text_matrix else modality,
        gene_ids=arguments.gene_ids,
        layer=arguments.layer,
        log_allowed=True,
        fractions="round",
    )
    return _whole(adata, modality)


def _whole(adata: AnnData, modality: str) -> Given:
    return Given(adata, adata.var_names.astype(str), adata.uns["ohmics"]["intake"], modality)


def _is_tenx(path: Path) -> bool:
    if not path.is_file():
        return False
    with readable(path, "HDF5 file"), open_hdf5(path) as handle:
        return "matrix" in handle or ("obs" not in handle and "var" not in handle)


def _says_bulk(path: Path) -> bool:
    """Whether a file or store written by ohmics holds bulk samples."""
    with readable(path, "h5ad file or Zarr store"), opened(path) as handle:
        if "uns/ohmics/modality" not in handle:
            return False
        value = np.asarray(handle["uns/ohmics/modality"][()]).item()
    return (value.decode() if isinstance(value, bytes) else str(value)) == "bulk"


def score_blocks(
    given: Given,
    lists: Mapping[str, Genes],
    arguments: argparse.Namespace,
    *,
    reference: pd.DataFrame | None,
    aliases: Mapping[str, str],
) -> tuple[pd.DataFrame, np.ndarray]:
    """Score the blocks one after the other; no number depends on their size.

    Returns
    -------
    tuple
        Observations × lists, as `ohmics.score.run.score` gives them, and the depth of each observation: total counts,
        or genes detected where the values are log-normalised.
    """
    method = get_method(arguments.method)
    if reference is None and method.needs_reference and not arguments.compat:
        reference = own_reference(_expressions(given))
    parts: list[pd.DataFrame] = []
    depth: list[np.ndarray] = []
    for block in given.blocks():
        parts.append(
            score(
                block,
                lists,
                method=arguments.method,
                reference=reference,
                input=given.values,
                compat=arguments.compat,
                max_rank=arguments.max_rank,
                aliases=aliases,
                seed=arguments.seed,
            )
        )
        matrix = sp.csr_matrix(block.X)
        depth.append(np.asarray(matrix.sum(axis=1)).ravel() if given.values == "counts" else np.diff(matrix.indptr))
    attrs = parts[0].attrs
    for part in parts:
        part.attrs = {}
    scores = pd.concat(parts)
    missing = set(scores.columns[scores.isna().all()])
    scores.attrs = attrs | {"skipped": [row for row in attrs["skipped"] if row["item"] in missing]}
    return scores, np.concatenate(depth)


def _expressions(given: Given) -> Iterator[Expression]:
    """Yield checked blocks of the same genes."""
    genes: pd.Index | None = None
    for block in given.blocks():
        for part in open_source(block, scale=given.values, bulk=given.modality == "bulk").chunks():
            genes = part.genes if genes is None else genes
            yield replace(part, genes=genes)
