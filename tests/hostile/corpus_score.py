"""`ohmics score` on files with one thing wrong each, which reads cells in blocks; no data come in."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from corpus_formats import store_files
from corpus_lists import GMT
from corpus_mtx import bomb
from corpus_tenx_h5 import DAMAGED, cut
from hostile_case import Case, Maker, refused
from hostile_study import CELLS, GENES, cell_counts, csv_bytes, fill_h5ad, h5_bytes, sound


def score(name: str, content: Callable[[], bytes], lists: bytes = GMT, lists_name: str = "lists.gmt") -> Maker:
    """Return a maker of a file and gene lists that `ohmics score` is given."""

    def make(folder: Path) -> list[str]:
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content())
        (folder / lists_name).write_bytes(lists)
        words = ["score", str(folder / name), "--gene-lists", str(folder / lists_name)]
        return [*words, "--out", str(folder / "out" / "scores.tsv")]

    return make


def h5ad(change: Callable[[h5py.File], object]) -> Maker:
    """Return a maker of an h5ad file with one change."""

    def build(handle: h5py.File) -> None:
        fill_h5ad(handle)
        change(handle)

    return score("a.h5ad", lambda: h5_bytes(build))


def put(name: str, edit: Callable[[np.ndarray], object]) -> Callable[[h5py.File], None]:
    """Return a change of one array."""

    def change(handle: h5py.File) -> None:
        value = handle[name][:]
        del handle[name]
        handle[name] = edit(value)

    return change


def dense(value: np.ndarray) -> Maker:
    """Return a maker of a file whose counts are one array."""

    def change(handle: h5py.File) -> None:
        del handle["X"]
        handle["X"] = value

    return h5ad(change)


def _first(value: object) -> Callable[[np.ndarray], np.ndarray]:
    def edit(values: np.ndarray) -> np.ndarray:
        out = values.copy()
        out[0] = value
        return out

    return edit


def _declared(handle: h5py.File) -> None:
    del handle["X"]
    handle.create_dataset("X", shape=(2**40, len(GENES)), dtype="f4", chunks=(64, len(GENES)))


def _external(handle: h5py.File) -> None:
    del handle["X"]
    handle["X"] = h5py.ExternalLink("b.h5ad", "/X")


def _loop(handle: h5py.File) -> None:
    del handle["X"]
    handle["X"] = h5py.SoftLink("/X")


def _shape(value: object) -> Callable[[h5py.File], None]:
    def change(handle: h5py.File) -> None:
        handle["X"].attrs["shape"] = value

    return change


def _store(edit: Callable[[dict[str, bytes]], object]) -> Maker:
    def make(folder: Path) -> list[str]:
        files = store_files("a.zarr")
        edit(files)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        words = score("lists.gmt", lambda: GMT)(folder)
        return [words[0], str(folder / "a.zarr"), *words[2:]]

    return make


def _pipe(folder: Path) -> list[str]:
    words = score("a.h5ad", lambda: b"")(folder)
    (folder / "a.h5ad").unlink()
    os.mkfifo(folder / "a.h5ad")
    return words


def _of_both(folder: Path) -> list[str]:
    words = score("a.csv", csv_bytes)(folder)
    (folder / "lists.gmt").unlink()
    os.mkfifo(folder / "lists.gmt")
    return words


NEGATIVE = -cell_counts()
CASES: list[Case] = [
    *(refused(f"cut-{share}", score("a.h5ad", cut(share, "h5ad")), "a.h5ad") for share in (8, 100, 0.3, 0.7, 0.99)),
    *(refused(f"tenx-cut-{share}", score("a.h5", cut(share)), "a.h5") for share in (8, 100, 0.5, 0.99)),
    refused("empty", score("a.h5ad", bytes), "empty"),
    refused("nothing-in-it", score("a.h5ad", lambda: h5_bytes(lambda handle: None)), "neither a 10x nor an h5ad"),
    refused("negative", dense(NEGATIVE), "negative", "CELL000"),
    refused("nan", h5ad(put("X/data", _first(np.nan))), "missing (NaN"),
    refused("too-large", dense(cell_counts().astype(float) * 1e300), "too large"),
    refused("text", dense(cell_counts().astype("S3")), "not numbers"),
    refused("one-dimension", dense(np.arange(CELLS)), DAMAGED),
    refused("few-cells", dense(cell_counts()[:-1]), DAMAGED),
    refused("few-genes", dense(cell_counts()[:, :-1]), DAMAGED),
    refused("indices-beyond", h5ad(put("X/indices", _first(2**31 - 1))), DAMAGED),
    refused("indices-negative", h5ad(put("X/indices", _first(-1))), DAMAGED),
    refused("indptr-falls", h5ad(put("X/indptr", lambda v: v[[0, 2, 1, *range(3, len(v))]])), DAMAGED),
    refused("indptr-short", h5ad(put("X/indptr", lambda v: v[:-3])), DAMAGED),
    refused("shape-2-40", h5ad(_shape(np.array([2**40, len(GENES)]))), DAMAGED),
    refused("shape-text", h5ad(_shape("many")), DAMAGED),
    refused("declares-2-40", h5ad(_declared), "declares"),
    refused("link-elsewhere", h5ad(_external), "another file"),
    refused("link-loop", h5ad(_loop), "link"),
    refused("no-cell-names", h5ad(lambda handle: handle.__delitem__("obs/_index")), "lacks"),
    refused("zarr-cut", _store(lambda files: files.update({"a.zarr/X/0.0": b"123"})), DAMAGED),
    refused("zarr-metadata", _store(lambda files: files.update({"a.zarr/X/.zarray": b"{"})), "a.zarr"),
    refused("pipe", _pipe, "a.h5ad", "no regular file"),
    refused("lists-are-a-pipe", _of_both, "lists.gmt", "no regular file"),
    refused("lists-of-nul", score("a.h5ad", lambda: sound("h5ad"), b"\x00" * 99), "NUL"),
    refused("lists-bomb", score("a.h5ad", lambda: sound("h5ad"), bomb(GMT, b"x" * 2**20, 512), "l.gmt.gz"), "unpacks"),
    refused("matrix-nul", score("a.csv", lambda: csv_bytes().replace(b"CD4", b"CD\x004")), "NUL"),
]
