"""Tables of cells, junctions, gene positions, outcomes and columns of the user, with one thing wrong each."""
# ruff: noqa: E501 -- a table of cases, one line a case

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from corpus_mtx import bomb
from corpus_sheet import columns
from hostile_case import Case, Maker, accepted, refused, slowly
from hostile_study import BARCODES, CELLS, fill_h5ad, h5_bytes, sound, study

CELL_TABLE = ("sample\tbarcode\tclone\n" + "".join(f"P1_pre\t{name}\tyes\n" for name in BARCODES)).encode()
JUNCTIONS = (
    b"sample\tevent\tupstream\tdownstream\tskipping\nP1_pre\tCD19 exon 2\t10\t12\t3\nP1_relapse\tCD19 exon 2\t1\t2\t9\n"
)
GTF = "".join(
    f'chr1\tx\tgene\t{1000 * n}\t{1000 * n + 500}\t.\t+\t.\tgene_id "E{n}"; gene_name "{name}";\n'
    for n, name in enumerate(("CD19", "MS4A1", "CD22", "CD3E"), start=1)
).encode()


_OUTCOME = {"name": "benefit", "score": "baseline", "contrast": "relapse_vs_pre"}


def cells(content: bytes | Callable[[], bytes], **settings: Any) -> Maker:
    """Return a maker of a study of cells with a table of cells."""

    def make(folder: Path) -> list[str]:
        made = study(folder, "single_cell", compared=False)
        made.files |= {name["path"]: sound("h5ad") for name in made.rows}
        made.files["cells.tsv"] = content() if callable(content) else content
        made.config["input"]["cells"] = "cells.tsv"
        made.config |= settings
        return made.write()

    return make


def junctions(content: bytes | Callable[[], bytes]) -> Maker:
    """Return a maker of a bulk study with a table of junction reads."""

    def make(folder: Path) -> list[str]:
        made = study(folder)
        made.files["junctions.tsv"] = content() if callable(content) else content
        made.config["input"]["junctions"] = "junctions.tsv"
        return made.write()

    return make


def positions(content: bytes | Callable[[], bytes], name: str = "genes.gtf") -> Maker:
    """Return a maker of a study of cells with positions of genes."""

    def make(folder: Path) -> list[str]:
        made = study(folder, "single_cell", compared=False)
        made.files |= {row["path"]: sound("h5ad") for row in made.rows}
        made.files[name] = content() if callable(content) else content
        made.config["malignant"] = {"gene_positions": name}
        return made.write()

    return make


def column(change: Callable[[h5py.File], object], **settings: Any) -> Maker:
    """Return a maker of a study whose h5ad files hold the user's own call of malignant cells."""

    def build(handle: h5py.File) -> None:
        fill_h5ad(handle)
        change(handle)
        handle["obs"].attrs["column-order"] = [name for name in handle["obs"] if name != "_index"]

    def make(folder: Path) -> list[str]:
        made = study(folder, "single_cell", compared=False)
        made.files |= {row["path"]: h5_bytes(build) for row in made.rows}
        made.config |= {"malignant": {"column": "tumour"}, **settings}
        return made.write()

    return make


def outcome(values: list[str], **settings: Any) -> Maker:
    """Return a maker of a bulk study with an outcome in the sheet."""

    def make(folder: Path) -> list[str]:
        made = study(folder)
        for row, value in zip(made.rows, values, strict=True):
            row["response"] = value
        made.config["outcomes"] = [
            {**_OUTCOME, "column": "response", "positive": ["CR"], "negative": ["PD"], **settings}
        ]
        return made.write()

    return make


def survival(times: list[str], events: list[str]) -> Maker:
    """Return a maker of a bulk study with times to an event."""

    def make(folder: Path) -> list[str]:
        made = study(folder)
        for row, time, event in zip(made.rows, times, events, strict=True):
            row |= {"months": time, "died": event}
        made.config["outcomes"] = [{**_OUTCOME, "time": "months", "event": "died", "unit": "months"}]
        return made.write()

    return make


def put(name: str, value: Any) -> Callable[[h5py.File], None]:
    """Return a change that adds something to a file."""

    def change(handle: h5py.File) -> None:
        handle[name] = value
        for item in (handle[name],) if isinstance(value, np.ndarray) else ():
            item.attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})

    return change


def _categories(codes: np.ndarray) -> Callable[[h5py.File], None]:
    def change(handle: h5py.File) -> None:
        group = handle.create_group("obs/tumour")
        group.attrs.update({"encoding-type": "categorical", "encoding-version": "0.2.0", "ordered": False})
        group["codes"] = codes
        group["categories"] = np.array([b"yes", b"no"])

    return change


def _column_link(handle: h5py.File) -> None:
    handle["obs/tumour"] = h5py.ExternalLink("P1_relapse.h5ad", "/obs/_index")


def _column_of_a_terabyte(handle: h5py.File) -> None:
    handle.create_dataset("obs/tumour", shape=(2**40,), dtype="i1", chunks=(2**20,))


YES = np.array([b"yes"] * CELLS)
_CELL = {"lineage": {"clonal_column": "clone"}}

CASES: list[Case] = [
    accepted("cells", cells(CELL_TABLE, **_CELL), "samples of"),
    refused("cells-empty", cells(b""), "holds no row"),
    refused("cells-only-headings", cells(CELL_TABLE[:21]), "holds no row"),
    refused("cells-cut", cells(CELL_TABLE[:50]), "2 cells under 3 headings"),
    refused("cells-gzip", cells(lambda: gzip.compress(CELL_TABLE)), "gzip"),
    refused("cells-utf-16", cells(CELL_TABLE.decode().encode("utf-16")), "not UTF-8"),
    refused("cells-latin-1", cells(CELL_TABLE.replace(b"yes", b"\xe9")), "not UTF-8"),
    refused("cells-nul", cells(CELL_TABLE.replace(b"yes", b"y\x00")), "NUL"),
    accepted("cells-bom-crlf", cells(b"\xef\xbb\xbf" + CELL_TABLE.replace(b"\n", b"\r\n")), "samples of"),
    accepted("cells-cr", cells(CELL_TABLE.replace(b"\n", b"\r")), "samples of"),
    refused("cells-no-barcode", cells(CELL_TABLE.replace(b"barcode", b"cell")), "column `barcode` is missing"),
    refused("cells-heading-twice", cells(CELL_TABLE.replace(b"clone", b"barcode")), "stand twice"),
    refused("cells-a-cell-twice", cells(CELL_TABLE + CELL_TABLE[21:40]), "stands twice"),
    refused("cells-all-twice", cells(CELL_TABLE + CELL_TABLE[21:]), "stands twice"),
    refused("cells-of-nobody", cells(CELL_TABLE.replace(b"P1_pre", b"P9_pre")), "holds no sample of the sheet"),
    refused("cells-row-too-long", cells(CELL_TABLE + b"P1_pre\tx\tyes\tno\n"), "4 cells under 3 headings"),
    refused("cells-50000-rows-too-long", cells(CELL_TABLE + b"a\tb\tc\td\n" * 50_000), "more"),
    refused("cells-cell-of-a-megabyte", cells(CELL_TABLE + b"P1_pre\tx\t" + b"y" * 2**20 + b"\n"), "cells.tsv"),
    refused("cells-no-clone", cells(CELL_TABLE.replace(b"clone", b"clan"), **_CELL), "no column `clone`"),
    refused("cells-clone-is-text", cells(CELL_TABLE.replace(b"yes", b"perhaps"), **_CELL), "column `clone` holds"),
    refused("cells-100000-columns", cells(lambda: columns(100_000)(CELL_TABLE[:60])), "columns", "at most"),
    accepted("cells-names-of-an-attack", cells(CELL_TABLE + b"P1_pre\t../../x\t=1+1\nP1_pre\t<b>\t$(id)\n"), "samples of"),
    accepted("junctions", junctions(JUNCTIONS), "samples of"),
    refused("junctions-empty", junctions(b""), "holds no row"),
    refused("junctions-cut", junctions(JUNCTIONS[:70]), "junctions.tsv"),
    refused("junctions-no-column", junctions(JUNCTIONS.replace(b"skipping", b"skip")), "column `skipping` is missing"),
    *(
        refused(f"junctions-count-{n}", junctions(JUNCTIONS.replace(b"\t12\t", b"\t%s\t" % value)), "whole numbers from 0 on")
        for n, value in enumerate((b"-1", b"1.5", b"inf", b"-inf", b"nan", b"", b"many", b"1e30", b"1e400", b"9223372036854775808"))
    ),
    refused("junctions-sample-of-nobody", junctions(JUNCTIONS.replace(b"P1_pre", b"P1-pre")), "did you mean `P1_pre`?"),
    refused("junctions-twice", junctions(JUNCTIONS + JUNCTIONS[43:]), "stands twice"),
    refused("junctions-20000-wrong", junctions(JUNCTIONS + b"x\ty\t-1\t-1\t-1\n" * 20_000), "more"),
    refused("junctions-utf-16", junctions(JUNCTIONS.decode().encode("utf-16")), "not UTF-8"),
    refused("junctions-terminal-codes", junctions(JUNCTIONS.replace(b"CD19", b"\x1b[2J")), "control character"),
    accepted("positions", positions(GTF), "samples of"),
    accepted("positions-gz", positions(lambda: gzip.compress(GTF), "genes.gtf.gz"), "samples of"),
    accepted("positions-gz-that-is-text", positions(GTF, "genes.gtf.gz"), "samples of"),
    refused("positions-empty", positions(b""), "genes.gtf"),
    *(refused(f"positions-gz-cut-{n}", positions(lambda n=n: gzip.compress(GTF)[:n], "g.gtf.gz"), "g.gtf.gz") for n in (4, 60, -5)),
    refused("positions-gz-byte-changed", positions(lambda: gzip.compress(GTF)[:60] + b"\xff\xff\xff" + gzip.compress(GTF)[63:], "g.gtf.gz"), "g.gtf.gz"),
    slowly(refused("positions-gz-bomb", positions(lambda: bomb(GTF, b"\n" * 2**20, 1500), "g.gtf.gz"), "unpacks to more than")),
    refused("positions-gz-bomb-of-a-line", positions(lambda: bomb(GTF, b"x" * 2**20, 1500), "g.gtf.gz"), "unpacks to more than"),
    refused("positions-words", positions(GTF.replace(b"1000", b"many")), "genes.gtf", "line 1"),
    refused("positions-negative", positions(GTF.replace(b"\t1000", b"\t-1000")), "genes.gtf", "line 1"),
    refused("positions-backwards", positions(GTF.replace(b"\t1500", b"\t500")), "genes.gtf", "line 1"),
    refused("positions-5000-digits", positions(GTF.replace(b"1000", b"9" * 5000)), "genes.gtf"),
    refused("positions-beyond-int64", positions(GTF.replace(b"1500", b"9" * 30)), "genes.gtf"),
    refused("positions-latin-1", positions(GTF.replace(b"CD22", b"CD\xe9")), "not UTF-8"),
    refused("positions-nul", positions(GTF.replace(b"CD22", b"CD\x00")), "NUL"),
    refused("positions-bed", positions(b"chr1\t1\t2\tCD19\n"), "no line of type gene"),
    accepted("column", column(put("obs/tumour", YES)), "samples of"),
    accepted("column-of-categories", column(_categories(np.zeros(CELLS, "i1"))), "samples of"),
    refused("column-missing", column(lambda handle: None), "has no column `tumour`"),
    refused("column-short", column(put("obs/tumour", YES[:-1])), "P1_pre.h5ad", "tumour"),
    refused("column-two-dimensional", column(put("obs/tumour", YES.reshape(5, 5))), "tumour"),
    refused("column-of-codes-beyond", column(_categories(np.full(CELLS, 9, "i1"))), "tumour"),
    refused("column-is-elsewhere", column(_column_link), "another file"),
    refused("column-of-a-terabyte", column(_column_of_a_terabyte), "declares"),
    refused("column-link-loop", column(put("obs/tumour", h5py.SoftLink("/obs/tumour"))), "link"),
    refused("clonal-column-missing", column(put("obs/tumour", YES), lineage={"clonal_column": "clone"}), "clone"),
    refused("outcome-unknown-value", outcome(["CR", "PD", "SD", "=1"]), "response"),
    refused("outcome-of-nobody", outcome([""] * 4), "response"),
    refused("outcome-both", outcome(["CR"] * 4, negative=["CR"]), "outcomes"),
    refused("survival-negative", survival(["-1", "-1", "2", "2"], ["1", "1", "0", "0"]), "months"),
    refused("survival-infinite", survival(["inf", "inf", "2", "2"], ["1", "1", "0", "0"]), "months"),
    refused("survival-word", survival(["soon", "soon", "2", "2"], ["1", "1", "0", "0"]), "months"),
    refused("survival-event-seven", survival(["1", "1", "2", "2"], ["7", "7", "0", "0"]), "died"),
    refused("survival-two-times", survival(["1", "3", "2", "2"], ["1", "1", "0", "0"]), "months"),
]  # fmt: skip
