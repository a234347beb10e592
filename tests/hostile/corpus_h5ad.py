"""h5ad files with one thing wrong each, and some that only look strange; no data come in."""
# ruff: noqa: E501 -- a table of cases, one line a case

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from corpus_tenx_h5 import DAMAGED, bomb, cut, declared, first
from hostile_case import Case, Maker, accepted, refused
from hostile_study import CELLS, GENES, cell_counts, fill_csr, fill_h5ad, h5_bytes, sound, study

Change = Callable[[h5py.File], object]


def with_file(content: Callable[[], bytes], name: str = "P1_pre.h5ad") -> Maker:
    """Return a maker of a study whose first file of cells is this one."""

    def make(folder: Path) -> list[str]:
        made = study(folder, "single_cell", compared=False)
        made.rows[0]["path"] = name
        made.files |= {name: content(), "P1_relapse.h5ad": sound("h5ad")}
        return made.write()

    return make


def changed(change: Change) -> Maker:
    """Return a maker of a sound file with one change."""

    def build(handle: h5py.File) -> None:
        fill_h5ad(handle)
        change(handle)

    return with_file(lambda: h5_bytes(build))


def array(name: str, edit: Callable[[np.ndarray], np.ndarray] | None) -> Maker:
    """Return a maker of a sound file with one array changed, or left out."""

    def change(handle: h5py.File) -> None:
        value = handle[name][:]
        del handle[name]
        if edit is not None:
            handle[name] = edit(value)

    return changed(change)


def without(name: str) -> Maker:
    """Return a maker of a sound file that lacks one thing."""
    return changed(lambda handle: handle.__delitem__(name))


def attribute(group: str, name: str, value: object) -> Maker:
    """Return a maker of a sound file with one attribute changed; None leaves it out."""

    def change(handle: h5py.File) -> None:
        del handle[group].attrs[name]
        if value is not None:
            handle[group].attrs[name] = value

    return changed(change)


def dense(value: np.ndarray) -> Maker:
    """Return a maker of a sound file whose counts are one array."""

    def change(handle: h5py.File) -> None:
        del handle["X"]
        handle["X"] = value

    return changed(change)


def with_value(value: float, kind: type = float) -> np.ndarray:
    """Return sound counts with one value changed."""
    counts = cell_counts().astype(kind)
    counts[3, 4] = value
    return counts


def by_columns(edit: Callable[[h5py.Group], None]) -> Maker:
    """Return a maker of a file whose counts are stored by columns, with one change."""

    def change(handle: h5py.File) -> None:
        del handle["X"]
        group = fill_csr(handle, "X", cell_counts().T)
        group.attrs["encoding-type"] = "csc_matrix"
        edit(group)

    return changed(change)


def put(name: str, edit: Callable[[np.ndarray], np.ndarray]) -> Callable[[h5py.Group], None]:
    """Return an edit of one array of a group."""

    def change(group: h5py.Group) -> None:
        value = group[name][:]
        del group[name]
        group[name] = edit(value)

    return change


def category(codes: np.ndarray, *, categories: bool = True, name: str = "gene_symbols") -> Maker:
    """Return a maker of a file with a column of categories."""

    def change(handle: h5py.File) -> None:
        group = handle.create_group(f"var/{name}")
        group["codes"] = codes
        if categories:
            group["categories"] = np.array(GENES, dtype="S")

    return changed(change)


def _loop(handle: h5py.File) -> None:
    del handle["X"]
    handle["X"] = h5py.SoftLink("/layers")
    handle["layers"] = h5py.SoftLink("/X")


def _external(handle: h5py.File) -> None:
    del handle["X"]
    handle["X"] = h5py.ExternalLink("P1_relapse.h5ad", "/X")


def _external_layer(handle: h5py.File) -> None:
    handle["layers/counts"] = h5py.ExternalLink("../../../etc/hostname", "/")


def _declared_dense(handle: h5py.File) -> None:
    del handle["X"]
    handle.create_dataset("X", shape=(2**40, len(GENES)), dtype="f4", chunks=(64, len(GENES)))


def _long_chunks(handle: h5py.File) -> None:
    del handle["X"]
    handle.create_dataset("X", shape=(CELLS, 1), maxshape=(None, None), dtype="f4", chunks=(2**15, 2**15))


def _raw_alone(handle: h5py.File) -> None:
    del handle["X"]
    fill_csr(handle, "raw/X")


def _log_in_x_counts_in_raw(handle: h5py.File) -> None:
    put("data", np.log1p)(handle["X"])
    fill_csr(handle, "raw/X")
    handle.copy("var", "raw/var")


def _layers_is_an_array(handle: h5py.File) -> None:
    handle["layers"] = np.arange(3)


def _empty_layer(handle: h5py.File) -> None:
    handle.create_group("layers/counts")


def _far_index(handle: h5py.File) -> None:
    handle["obs"].attrs["_index"] = "../../../X/data"


def _reference(handle: h5py.File) -> None:
    put("indices", lambda values: np.array([handle["X"].ref] * len(values), dtype=h5py.ref_dtype))(handle["X"])


def _variable_strings(handle: h5py.File) -> None:
    put("_index", lambda values: values.astype(object))(handle["obs"])


def _names_of_an_attack(handle: h5py.File) -> None:
    def edit(values: np.ndarray) -> np.ndarray:
        out = values.astype("S60")
        out[:3] = [b'=HYPERLINK("http://x")', b"<img src=x onerror=alert(1)>", b"$(rm -rf ~);`id`"]
        return out

    put("_index", edit)(handle["obs"])


def _sparse_gigabytes(handle: h5py.File) -> None:
    """Space is set aside for 8 GiB that no disk block holds."""
    del handle["X/data"]
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    plan.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    h5py.h5d.create(handle["X"].id, b"data", h5py.h5t.NATIVE_INT64, h5py.h5s.create_simple((2**30,)), dcpl=plan)


def _set_aside(folder: Path) -> list[str]:
    words = with_file(lambda: b"")(folder)
    with h5py.File(folder / "P1_pre.h5ad", "w") as handle:
        fill_h5ad(handle)
        _sparse_gigabytes(handle)
    return words


CASES: list[Case] = [
    *(
        refused(f"cut-{share}", with_file(cut(share, "h5ad")), DAMAGED, "copy or download it again")
        for share in (7, 8, 48, 200, 0.2, 0.4, 0.6, 0.8, 0.999)
    ),
    refused("no-obs", without("obs"), "neither a 10x nor an h5ad file"),
    refused("no-var", without("var"), "neither a 10x nor an h5ad file"),
    refused("no-x", without("X"), "lacks", "`X`"),
    refused("no-data", without("X/data"), "lacks", "data"),
    refused("no-indices", without("X/indices"), "lacks", "indices"),
    refused("no-indptr", without("X/indptr"), "lacks", "indptr"),
    refused("no-index", without("obs/_index"), "lacks", "_index"),
    refused("no-name-of-the-index", attribute("obs", "_index", None), "lacks", "_index"),
    refused("index-is-not-there", attribute("var", "_index", "nothing"), "lacks", "nothing"),
    refused("index-name-is-a-number", attribute("var", "_index", 7), "lacks", "7"),
    refused("index-is-elsewhere", changed(_far_index), "lacks"),
    refused("shape-2-40", attribute("X", "shape", np.array([2**40, len(GENES)])), DAMAGED),
    refused("shape-2-40-genes", attribute("X", "shape", np.array([CELLS, 2**40])), DAMAGED),
    refused("shape-nan", attribute("X", "shape", np.array([np.nan, 3])), DAMAGED),
    refused("shape-is-missing", attribute("X", "shape", None), DAMAGED),
    refused("shape-is-text", attribute("X", "shape", "25, 30"), DAMAGED),
    refused("shape-is-one-number", attribute("X", "shape", 25), DAMAGED),
    refused("unknown-encoding", attribute("X", "encoding-type", "coo_matrix"), "coo_matrix", "csr_matrix"),
    refused("cells-few", array("obs/_index", lambda values: values[:-1]), DAMAGED),
    refused("cells-many", array("obs/_index", lambda values: np.append(values, b"more")), DAMAGED),
    refused("genes-few", array("var/_index", lambda values: values[:-1]), DAMAGED),
    refused("cells-twice", array("obs/_index", lambda values: values[[0, *range(CELLS - 1)]]), "more than once"),
    refused("no-cell", array("obs/_index", lambda values: values[:0]), DAMAGED),
    refused("index-latin-1", array("var/_index", first("É".encode("latin-1"))), "not UTF-8"),
    refused("index-two-dimensional", array("obs/_index", lambda values: values.reshape(5, 5)), DAMAGED),
    refused("data-nan", array("X/data", first(np.nan)), "missing (NaN"),
    refused("data-infinite", array("X/data", first(-np.inf)), "infinite"),
    refused("data-negative", array("X/data", first(-1)), "negative"),
    refused("data-beyond-2-53", array("X/data", first(2**53 + 2, np.int64)), "too large"),
    refused("data-text", array("X/data", lambda values: values.astype("S8")), "not numbers"),
    refused("data-log", array("X/data", np.log1p), "look log-transformed"),
    refused("data-half-precision-nan", array("X/data", first(np.nan, np.float16)), "missing (NaN"),
    accepted("data-bytes", array("X/data", lambda values: values.astype("u1")), "h5ad"),
    accepted("data-half-precision", array("X/data", lambda values: values.astype("f2")), "h5ad"),
    accepted("data-big-endian", array("X/data", lambda values: values.astype(">i4")), "h5ad"),
    refused("indices-beyond", array("X/indices", first(len(GENES))), DAMAGED),
    refused("indices-negative", array("X/indices", first(-1)), DAMAGED),
    refused("indices-references", changed(_reference), DAMAGED),
    refused("indptr-falls", array("X/indptr", lambda values: values[[0, 3, 2, 1, *range(4, CELLS + 1)]]), DAMAGED),
    refused("indptr-beyond", array("X/indptr", lambda values: values * 2**40), DAMAGED),
    refused("by-columns-indices-beyond", by_columns(put("indices", first(2**31 - 1))), DAMAGED),
    refused("by-columns-indices-negative", by_columns(put("indices", first(-5))), DAMAGED),
    refused("by-columns-indptr-falls", by_columns(put("indptr", lambda v: v[[0, 3, 2, 1, *range(4, len(v))]])), DAMAGED),
    refused("by-columns-short", by_columns(put("data", lambda values: values[:-3])), DAMAGED),
    accepted("by-columns", by_columns(lambda group: None), "h5ad"),
    accepted("dense", dense(cell_counts()), "h5ad"),
    accepted("dense-true-and-false", dense(cell_counts() > 2), "h5ad"),
    refused("dense-text", dense(cell_counts().astype("S3")), "not numbers"),
    refused("dense-one-dimension", dense(cell_counts()[:, 0]), DAMAGED),
    refused("dense-three-dimensions", dense(cell_counts()[:, :, None]), DAMAGED),
    refused("dense-few-cells", dense(cell_counts()[:-2]), DAMAGED),
    refused("dense-few-genes", dense(cell_counts()[:, :-2]), DAMAGED),
    refused("dense-one-number", dense(np.float64(3)), DAMAGED),
    refused("dense-nan", dense(with_value(np.nan)), "missing (NaN", "the first at CD8A in CELL003"),
    refused("dense-infinite", dense(with_value(np.inf)), "infinite"),
    refused("dense-negative", dense(with_value(-7)), "negative"),
    refused("dense-1e300", dense(with_value(1e300)), "too large"),
    refused("dense-all-equal", dense(np.ones((CELLS, len(GENES)))), "normalised"),
    refused("dense-zero", dense(np.zeros((CELLS, len(GENES)))), "single count"),
    refused("dense-2-40-cells", changed(_declared_dense), "declares"),
    refused("dense-chunks-of-4-gigabytes", changed(_long_chunks), "declares"),
    refused("data-2-40", changed(lambda handle: declared(handle, "X/data", 2**40)), "declares"),
    refused("data-bomb", changed(lambda handle: bomb(handle, "X/data")), "declares"),
    refused("names-2-40", changed(lambda handle: declared(handle, "var/_index", 2**40, "S16")), "declares"),
    refused("set-aside-on-no-disk", _set_aside, "declares"),
    refused("links-in-a-loop", changed(_loop), "link"),
    refused("link-to-another-file", changed(_external), "another file"),
    refused("link-of-a-layer-to-another-file", changed(_external_layer), "another file"),
    refused("raw-without-names", changed(_raw_alone), "lacks"),
    accepted("counts-in-raw", changed(_log_in_x_counts_in_raw), "h5ad"),
    accepted("layers-is-an-array", changed(_layers_is_an_array), "h5ad"),
    refused("layer-holds-nothing", changed(_empty_layer), DAMAGED),
    refused("obs-is-numbers", changed(lambda h: (h.__delitem__("obs"), h.__setitem__("obs", np.arange(CELLS)))), DAMAGED),
    refused("codes-beyond", category(np.arange(len(GENES)) + 5), DAMAGED),
    refused("codes-fractions", category(np.arange(len(GENES)) + 0.5), DAMAGED),
    refused("codes-few", category(np.arange(5)), DAMAGED),
    refused("codes-without-categories", category(np.arange(len(GENES)), categories=False), "lacks"),
    accepted("codes-missing", category(np.full(len(GENES), -1), name="gene_name"), "h5ad"),
    accepted("strings-of-any-length", changed(_variable_strings), "h5ad"),
    accepted("names-of-an-attack", changed(_names_of_an_attack), "h5ad"),
    accepted("suffix-of-a-table", with_file(lambda: sound("h5ad"), "P1_pre.tsv"), "h5ad"),
]  # fmt: skip
