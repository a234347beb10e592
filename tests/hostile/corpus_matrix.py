"""Bulk matrices with one thing wrong each, and some that only look strange; no data come in."""
# ruff: noqa: E501 -- a table of cases, one line a case

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from corpus_mtx import bomb
from corpus_tenx_h5 import DAMAGED
from hostile_case import Case, Maker, accepted, refused, slowly
from hostile_study import GENES, SAMPLES, bulk_counts, csv_bytes, h5_bytes, study

from ohmics.shipped import shipped


def with_bytes(content: Callable[[], bytes], name: str = "counts.csv", **settings: Any) -> Maker:
    """Return a maker of a bulk study whose matrix is this."""

    def make(folder: Path) -> list[str]:
        made = study(folder, compared=False)
        made.config["input"] |= {"matrix": name, **settings}
        made.files = {name: content()}
        return made.write()

    return make


def edited(edit: Callable[[bytes], bytes], **settings: Any) -> Maker:
    """Return a maker of a sound matrix with one change."""
    return with_bytes(lambda: edit(csv_bytes()), **settings)


def cell(text: str, row: int = 2, column: int = 2) -> Maker:
    """Return a maker of a sound matrix with one cell replaced."""

    def edit(content: bytes) -> bytes:
        rows = [line.split(b",") for line in content.split(b"\n")]
        rows[row][column] = text.encode()
        return b"\n".join(b",".join(parts) for parts in rows)

    return edited(edit)


def line(number: int, edit: Callable[[bytes], bytes]) -> Maker:
    """Return a maker of a sound matrix with one line changed."""

    def change(content: bytes) -> bytes:
        lines = content.split(b"\n")
        lines[number] = edit(lines[number])
        return b"\n".join(lines)

    return edited(change)


def values(edit: Callable[[np.ndarray], np.ndarray]) -> Maker:
    """Return a maker of a matrix with all values changed."""
    return with_bytes(lambda: csv_bytes(edit(bulk_counts()).tolist()))


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("counts.csv", bytes(2**24))
    return buffer.getvalue()


def _wide() -> bytes:
    names = ["gene", *SAMPLES, *(f"S{number}" for number in range(20_000))]
    rows = [
        [gene, *map(str, row), *["1"] * 20_000] for gene, row in zip(GENES[:5], bulk_counts().tolist(), strict=False)
    ]
    return "\n".join(",".join(map(str, row)) for row in [names, *rows]).encode()


def _tall() -> bytes:
    """Samples in rows, all human genes in columns."""
    lines = (shipped("resources") / "genes.tsv").read_text(encoding="utf-8").splitlines()[1:]
    names = [*GENES, *dict.fromkeys(line.split("\t")[0] for line in lines if line.split("\t")[0] not in GENES)]
    more = ["1"] * (len(names) - len(GENES))
    rows = [[sample, *map(str, row), *more] for sample, row in zip(SAMPLES, bulk_counts().T.tolist(), strict=True)]
    return "\n".join(",".join(row) for row in [["sample", *names], *rows]).encode()


def _h5ad_without_samples() -> bytes:
    return h5_bytes(lambda handle: handle.create_group("obs"))


def _loop(folder: Path) -> list[str]:
    words = with_bytes(csv_bytes)(folder)
    (folder / "counts.csv").unlink()
    (folder / "counts.csv").symlink_to("counts.csv")
    return words


def _sparse_terabyte(folder: Path) -> list[str]:
    words = with_bytes(csv_bytes)(folder)
    with (folder / "counts.csv").open("r+b") as handle:
        handle.truncate(2**40)
    return words


def _h5_link(handle: h5py.File) -> None:
    handle["obs"] = h5py.ExternalLink("other.h5", "/obs")
    handle.create_group("var")


CASES: list[Case] = [
    accepted("sound", with_bytes(csv_bytes), "bulk matrix"),
    refused("empty", with_bytes(bytes), "the file is empty"),
    refused("one-byte", with_bytes(lambda: b"g"), "no row of counts"),
    refused("only-headings", edited(lambda b: b.split(b"\n")[0]), "no row of counts"),
    refused("only-comments", with_bytes(lambda: b"# a\n" * 60), "no row of counts"),
    refused("only-line-ends", with_bytes(lambda: b"\n" * 1000), "heading row"),
    *(
        refused(f"gz-cut-{n}", with_bytes(lambda n=n: gzip.compress(csv_bytes())[:n], "counts.csv.gz"), DAMAGED)
        for n in (3, 10, 40, 150, -8, -1)
    ),
    refused("gz-checksum", with_bytes(lambda: gzip.compress(csv_bytes())[:-8] + bytes(8)), DAMAGED),
    accepted("gz-then-zeros", with_bytes(lambda: gzip.compress(csv_bytes()) + bytes(64)), "bulk matrix"),
    refused("gz-then-rubbish", with_bytes(lambda: gzip.compress(csv_bytes()) + b"rubbish"), DAMAGED),
    accepted("gz-in-two-members", with_bytes(lambda: gzip.compress(csv_bytes()[:99]) + gzip.compress(csv_bytes()[99:])), "bulk matrix"),
    accepted("gz-that-is-text", with_bytes(csv_bytes, "counts.csv.gz"), "bulk matrix"),
    accepted("text-that-is-gz", with_bytes(lambda: gzip.compress(csv_bytes()), "counts.csv"), "bulk matrix"),
    refused("gz-twice", with_bytes(lambda: gzip.compress(gzip.compress(csv_bytes())), "c.csv.gz"), "gzipped twice"),
    refused("bz2", with_bytes(lambda: bz2.compress(csv_bytes()), "c.csv.bz2"), "bzip2", "unpack"),
    refused("xz", with_bytes(lambda: lzma.compress(csv_bytes()), "c.csv.xz"), "xz", "unpack"),
    refused("zip-bomb", with_bytes(_zip), "zip archive"),
    refused("gz-bomb-of-a-line", with_bytes(lambda: bomb(b"gene,", b"1" * 2**20, 1024)), "unpacks to more than"),
    refused("gz-bomb-of-lines", with_bytes(lambda: bomb(csv_bytes(), b"\n" * 2**20, 1024)), "unpacks to more than"),
    refused("gz-bomb-of-columns", with_bytes(lambda: bomb(b"gene", b"," * 2**20, 128)), "unpacks to more than"),
    refused("binary", with_bytes(lambda: bytes(range(256)) * 40), "NUL"),
    refused("a-terabyte-of-nothing", _sparse_terabyte, "NUL"),
    refused("nul", line(4, lambda b: b.replace(b",", b",\x00", 1)), "NUL"),
    refused("utf-16", edited(lambda b: b.decode().encode("utf-16")), "not UTF-8"),
    refused("utf-16-without-a-mark", edited(lambda b: b.decode().encode("utf-16-le")), "not UTF-8"),
    refused("utf-32", edited(lambda b: b.decode().encode("utf-32")), "not UTF-8"),
    refused("latin-1", line(3, lambda b: b"CD3\xe9" + b), "not UTF-8"),
    refused("latin-1-late", edited(lambda b: b + b"\xe9,1,1,1,1\n"), "not UTF-8"),
    accepted("bom", edited(lambda b: b"\xef\xbb\xbf" + b), "bulk matrix"),
    accepted("crlf", edited(lambda b: b.replace(b"\n", b"\r\n")), "bulk matrix"),
    accepted("cr", edited(lambda b: b.replace(b"\n", b"\r")), "bulk matrix"),
    accepted("semicolons", with_bytes(lambda: csv_bytes(delimiter=";")), "bulk matrix"),
    accepted("no-last-line-end", edited(lambda b: b.rstrip(b"\n")), "bulk matrix"),
    accepted("blank-lines", edited(lambda b: b.replace(b"\n", b"\n\n")), "bulk matrix"),
    refused("spaces-between", with_bytes(lambda: csv_bytes(delimiter=" ")), "no tab, comma or semicolon"),
    refused("a-row-too-long", line(6, lambda b: b + b",5"), "6 fields", "5 headings"),
    refused("first-row-too-long", line(1, lambda b: b + b",5,6"), "7 fields", "5 headings"),
    refused("all-rows-too-long", edited(lambda b: b.replace(b"\n", b",1,1\n").replace(b",1,1", b"", 1)), "fields", "5 headings"),
    refused("a-row-too-short", line(6, lambda b: b.rpartition(b",")[0]), "missing (NaN"),
    refused("open-quote", line(6, lambda b: b'"' + b), "counts.csv"),
    refused("word", cell("many"), "`many`", "no number"),
    refused("formula", cell("=1+2"), "no number"),
    refused("terminal-codes", cell("\x1b[31mred"), "no number"),
    refused("hexadecimal", cell("0x1F"), "no number"),
    refused("thousands", cell('"1,234"'), "no number"),
    refused("negative", cell("-3"), "negative"),
    refused("negative-zero-point", cell("-0.5"), "negative"),
    refused("nan", cell("NaN"), "missing (NaN"),
    refused("empty-cell", cell(""), "missing (NaN"),
    refused("infinite", cell("inf"), "infinite"),
    refused("1e400", cell("1e400"), "no number"),
    refused("1e300", cell("1e300"), "too large"),
    refused("beyond-2-53", cell("9007199254740994"), "too large"),
    refused("beyond-int64", cell("9223372036854775808"), "too large"),
    refused("beyond-uint64", cell("99999999999999999999999"), "too large"),
    refused("number-of-100000-digits", cell("9" * 100_000), "counts.csv"),
    refused("all-true-and-false", values(lambda v: v > 30), "no column"),
    refused("log", values(lambda v: np.log2(v + 1.0)), "look log-transformed"),
    refused("all-zero-sample", values(lambda v: v * [0, 1, 1, 1]), "without a single count"),
    refused("fractions-of-small-sums", values(lambda v: v + 0.25), "FPKM"),
    refused("all-sums-equal", values(lambda v: v * 0 + 7), "normalised"),
    refused("sample-twice", line(0, lambda b: b.replace(b"P2_pre", b"P1_pre")), "stand twice"),
    refused("sample-is-missing", line(0, lambda b: b.replace(b"P2_pre", b"P2-pre")), "P2_pre", "did you mean"),
    refused("gene-twice", line(5, lambda b: b.replace(b"CD8A", b"CD19")), "stand more than once"),
    refused("no-gene-known", edited(lambda b: b.replace(b"\n", b"\nxx")), "known human genes"),
    refused("mouse", edited(lambda b: b.decode().title().replace("_Pre", "_pre").replace("_Relapse", "_relapse").encode()), "mouse"),
    slowly(refused("20000-samples-of-5-genes", with_bytes(_wide), "counts.csv")),
    slowly(accepted("all-genes-in-columns", with_bytes(_tall), "samples_by_genes")),
    refused("a-heading-of-10-megabytes", line(0, lambda b: b + b"x" * 10_000_000), "counts.csv"),
    accepted("names-of-an-attack", edited(lambda b: b + b"../../etc/passwd,1,1,1,1\n<script>,1,1,1,1\n=cmd|x,2,2,2,2\n"), "bulk matrix"),
    refused("h5-with-nothing", with_bytes(lambda: h5_bytes(lambda handle: None)), "neither a 10x nor an h5ad"),
    refused("h5ad-with-no-var", with_bytes(_h5ad_without_samples, "c.h5ad"), "neither a 10x nor an h5ad"),
    refused("h5ad-linked-elsewhere", with_bytes(lambda: h5_bytes(_h5_link), "c.h5ad"), "another file"),
    refused("links-to-itself", _loop, "no such file"),
    refused("wrong-orientation", edited(lambda b: b, orientation="samples_by_genes"), "set orientation to"),
]  # fmt: skip
