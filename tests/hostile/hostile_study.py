"""Small sound studies, written without the library that reads them; a maker breaks one thing of a study."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

GENES = (
    "CD19", "MS4A1", "CD22", "CD3E", "CD8A", "CD4", "GZMB", "PRF1", "NKG7", "TOX", "PDCD1", "LAG3", "TIGIT", "HAVCR2",
    "CTLA4", "ENTPD1", "TCF7", "IL7R", "CCR7", "SELL", "MKI67", "TOP2A", "ACTB", "GAPDH", "B2M", "HLA-A", "HLA-B",
    "CD79A", "CD79B", "PAX5",
)  # fmt: skip
CELLS = 25
SAMPLES = ("P1_pre", "P1_relapse", "P2_pre", "P2_relapse")
BARCODES = tuple(f"CELL{number:03d}" for number in range(CELLS))


@lru_cache(maxsize=1)
def cell_counts() -> np.ndarray:
    """Return cells × genes."""
    return np.random.default_rng(5).poisson(2.0, size=(CELLS, len(GENES))).astype(np.int32)


@lru_cache(maxsize=1)
def bulk_counts() -> np.ndarray:
    """Return genes × samples."""
    return np.random.default_rng(4).negative_binomial(2, 0.02, size=(len(GENES), len(SAMPLES)))


def sparse_parts(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return data, column indices and row pointers."""
    rows, columns = np.nonzero(counts)
    pointers = np.searchsorted(rows, np.arange(len(counts) + 1)).astype(np.int64)
    return counts[rows, columns], columns.astype(np.int64), pointers


@dataclass
class Study:
    """A sheet, a config and the files beside them, in a folder of their own."""

    folder: Path
    modality: str
    config: dict[str, Any]
    rows: list[dict[str, str]]
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def sheet_text(self) -> str:
        """The sample sheet as TSV."""
        names = list(self.rows[0])
        lines = ["\t".join(names), *("\t".join(row.get(name, "") for name in names) for row in self.rows)]
        return "\n".join(lines) + "\n"

    def write(self) -> list[str]:
        """Write what is not there yet and return the words of `ohmics check`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # JSON is YAML, and json.dumps takes a hundredth of the time of yaml.safe_dump.
        self.files.setdefault("config.yaml", json.dumps(self.config).encode())
        self.files.setdefault("samples.tsv", self.sheet_text.encode())
        for name, content in self.files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return ["check", str(self.folder / "config.yaml")]


def study(folder: Path, modality: str = "bulk", *, path: str = "{}.h5ad", compared: bool = True) -> Study:
    """Return a study that is sound; files of cells are not yet in it.

    Without ``compared`` it has no contrast, which takes most of the time of a check.
    """
    rows = []
    for sample in SAMPLES if modality == "bulk" else SAMPLES[:2]:
        patient, timepoint = sample.split("_")
        row = {"sample": sample, "patient": patient, "timepoint": timepoint}
        if modality == "single_cell":
            row["path"] = path.format(sample)
        rows.append(row)
    config: dict[str, Any] = {
        "project": "Study",
        "input": {"samples": "samples.tsv", "modality": modality, "defaults": {"therapy": "car_t"}},
        "contrasts": [{"variable": "timepoint", "test": "relapse", "reference": "pre", "pair_by": "patient"}],
    }
    if not compared:
        del config["contrasts"]
    made = Study(folder, modality, config, rows)
    if modality == "bulk":
        config["input"]["matrix"] = "counts.csv"
        made.files["counts.csv"] = csv_bytes()
    return made


def csv_bytes(
    counts: np.ndarray | list[list[Any]] | None = None,
    *,
    genes: tuple[str, ...] = GENES,
    samples: tuple[str, ...] = SAMPLES,
    delimiter: str = ",",
) -> bytes:
    """Return a bulk matrix as text."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\n")
    writer.writerow(["gene", *samples])
    for gene, row in zip(genes, bulk_counts().tolist() if counts is None else counts, strict=True):
        writer.writerow([gene, *row])
    return buffer.getvalue().encode()


def h5_bytes(build: Callable[[h5py.File], None], **more: Any) -> bytes:
    """Return an HDF5 file that ``build`` fills."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", track_order=False, **more) as handle:
        build(handle)
    return buffer.getvalue()


def fill_tenx(handle: h5py.File) -> None:
    """Fill a file as Cell Ranger 3 does."""
    data, indices, indptr = sparse_parts(cell_counts())
    group = handle.create_group("matrix")
    group["data"], group["indices"], group["indptr"] = data, indices, indptr
    group["shape"] = np.array([len(GENES), CELLS])
    group["barcodes"] = np.array(BARCODES, dtype="S")
    for name in ("id", "name"):
        group[f"features/{name}"] = np.array(GENES, dtype="S")
    group["features/feature_type"] = np.array(["Gene Expression"] * len(GENES), dtype="S")


def fill_h5ad(handle: h5py.File) -> None:
    """Fill a file as anndata does: X in CSR, names of cells and genes."""
    for name, names in (("obs", BARCODES), ("var", GENES)):
        group = handle.create_group(name)
        group.attrs.update({"_index": "_index", "encoding-type": "dataframe", "encoding-version": "0.2.0"})
        group.attrs["column-order"] = np.array([], dtype="S1")
        group["_index"] = np.array(names, dtype="S")
    fill_csr(handle, "X")


def fill_csr(handle: h5py.File, name: str, counts: np.ndarray | None = None) -> h5py.Group:
    """Write counts in CSR under a name."""
    data, indices, indptr = sparse_parts(cell_counts() if counts is None else counts)
    group = handle.create_group(name)
    group["data"], group["indices"], group["indptr"] = data.astype(np.float32), indices, indptr
    group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0"})
    group.attrs["shape"] = np.array([CELLS, len(GENES)])
    return group


@lru_cache(maxsize=2)
def sound(form: str) -> bytes:
    """Return a sound file of cells."""
    return h5_bytes(fill_tenx if form == "tenx" else fill_h5ad)


def mtx_files(folder: str, *, packed: bool = True) -> dict[str, bytes]:
    """Return the three files of a 10x matrix folder."""
    counts = cell_counts().T
    genes, cells = np.nonzero(counts)
    lines = ["%%MatrixMarket matrix coordinate integer general", "%", f"{len(GENES)} {CELLS} {len(genes)}"]
    lines += [f"{gene + 1} {cell + 1} {counts[gene, cell]}" for gene, cell in zip(genes, cells, strict=True)]
    parts = {
        "matrix.mtx": "\n".join(lines) + "\n",
        "barcodes.tsv": "\n".join(BARCODES) + "\n",
        "features.tsv": "".join(f"{gene}\t{gene}\tGene Expression\n" for gene in GENES),
    }
    if packed:
        return {f"{folder}/{name}.gz": gzip.compress(text.encode(), mtime=0) for name, text in parts.items()}
    return {f"{folder}/{name}": text.encode() for name, text in parts.items()}
