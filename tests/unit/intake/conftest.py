"""Small count matrices with real gene names, and writers for each format."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from ohmics.intake import gene_table


@dataclass(frozen=True)
class Made:
    """Counts (cells × genes) with the ids, names and barcodes they were made with."""

    counts: sp.csr_matrix
    ids: list[str]
    names: list[str]
    barcodes: list[str]


@pytest.fixture
def made() -> Made:
    rows = gene_table().frame.query("ensembl_ids != '' and entrez_ids != ''").head(40)
    counts = np.random.default_rng(1).poisson(2.0, size=(12, 40)).astype(np.int32)
    return Made(
        counts=sp.csr_matrix(counts),
        ids=[text.split("|")[0] for text in rows["ensembl_ids"]],
        names=rows["symbol"].tolist(),
        barcodes=[f"CELL{number}-1" for number in range(12)],
    )


def write_tenx(path: Path, made: Made, *, version: int = 3, types: list[str] | None = None) -> Path:
    """Write a 10x HDF5 file: group ``matrix`` (3) or a group named after the genome (2)."""
    counts = made.counts.tocsr()
    with h5py.File(path, "w") as handle:
        group = handle.create_group("matrix" if version == 3 else "GRCh38")
        group["data"], group["indices"] = counts.data, counts.indices.astype(np.int64)
        group["indptr"], group["shape"] = counts.indptr.astype(np.int64), np.array(counts.shape[::-1])
        group["barcodes"] = np.array(made.barcodes, dtype="S")
        ids, names = np.array(made.ids, dtype="S"), np.array(made.names, dtype="S")
        if version == 3:
            features = group.create_group("features")
            features["id"], features["name"] = ids, names
            features["feature_type"] = np.array(types or ["Gene Expression"] * len(ids), dtype="S")
        else:
            group["genes"], group["gene_names"] = ids, names
    return path


def write_mtx(folder: Path, made: Made, *, packed: bool, version: int, prefix: str = "") -> Path:
    """Write a 10x matrix folder, gzipped or not, with features.tsv (3) or genes.tsv (2)."""
    folder.mkdir()
    counts = made.counts.T.tocoo()
    order = np.lexsort((counts.row, counts.col))
    lines = ["%%MatrixMarket matrix coordinate integer general", "%metadata"]
    lines.append(f"{counts.shape[0]} {counts.shape[1]} {counts.nnz}")
    lines += [f"{counts.row[i] + 1} {counts.col[i] + 1} {counts.data[i]}" for i in order]
    tail = "\tGene Expression" if version == 3 else ""
    texts = {
        "matrix.mtx": lines,
        "barcodes.tsv": made.barcodes,
        "features.tsv" if version == 3 else "genes.tsv": [
            f"{identifier}\t{name}{tail}" for identifier, name in zip(made.ids, made.names, strict=True)
        ],
    }
    for name, content in texts.items():
        data = ("\n".join(content) + "\n").encode()
        if packed:
            (folder / f"{prefix}{name}.gz").write_bytes(gzip.compress(data))
        else:
            (folder / f"{prefix}{name}").write_bytes(data)
    return folder


@pytest.fixture
def writers() -> dict:
    return {"tenx": write_tenx, "mtx": write_mtx}
