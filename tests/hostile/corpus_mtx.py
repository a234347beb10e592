"""10x matrix folders with one thing wrong each, and some that only look strange; no data come in."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

from corpus_tenx_h5 import DAMAGED
from hostile_case import Case, Maker, accepted, refused, slowly
from hostile_study import CELLS, GENES, mtx_files, study

Edit = Callable[[dict[str, bytes]], None]
MATRIX, BARCODES, FEATURES = "P1_pre/matrix.mtx", "P1_pre/barcodes.tsv", "P1_pre/features.tsv"
HEAD = b"%%MatrixMarket matrix coordinate integer general\n%\n"


def made(edit: Edit, *, packed: bool = False, after: Callable[[Path], None] | None = None) -> Maker:
    """Return a maker of a study whose first folder is edited."""

    def make(folder: Path) -> list[str]:
        one = study(folder, "single_cell", path="{}", compared=False)
        first = mtx_files("P1_pre", packed=packed)
        edit(first)
        one.files |= {**first, **mtx_files("P1_relapse")}
        words = one.write()
        if after is not None:
            after(folder)
        return words

    return make


def text(name: str, edit: Callable[[bytes], bytes]) -> Maker:
    """Return a maker with one file of the folder changed."""

    def change(files: dict[str, bytes]) -> None:
        files[name] = edit(files[name])

    return made(change)


def packed(name: str, edit: Callable[[bytes], bytes]) -> Maker:
    """Return a maker with one gzipped file of the folder changed."""

    def change(files: dict[str, bytes]) -> None:
        files[f"{name}.gz"] = edit(files[f"{name}.gz"])

    return made(change, packed=True)


def line(number: int, new: bytes) -> Callable[[bytes], bytes]:
    """Return an edit of one line."""

    def edit(content: bytes) -> bytes:
        lines = content.split(b"\n")
        lines[number] = new
        return b"\n".join(lines)

    return edit


def size(cells: int, genes: int = len(GENES)) -> Callable[[bytes], bytes]:
    """Return an edit of the declared size."""
    return lambda content: line(2, b"%d %d %s" % (genes, cells, content.split(b"\n")[2].split()[2]))(content)


def bomb(start: bytes, block: bytes, times: int) -> bytes:
    """Return a gzip file of very many equal blocks; a file of several parts is unpacked as one."""
    return gzip.compress(start) + gzip.compress(block * 4, 9) * (times // 4)


def _drop(name: str) -> Edit:
    return lambda files: files.__delitem__(name)


def _twice(files: dict[str, bytes]) -> None:
    files["P1_pre/GSM1_matrix.mtx"] = files[MATRIX]


def _prefixed(files: dict[str, bytes]) -> None:
    for name in (MATRIX, BARCODES, FEATURES):
        folder, _, file = name.partition("/")
        files[f"{folder}/GSM1_P1_{file}"] = files.pop(name)


def _pipe(folder: Path) -> None:
    (folder / MATRIX).unlink()
    os.mkfifo(folder / MATRIX)


def _folder(folder: Path) -> None:
    (folder / BARCODES).unlink()
    (folder / BARCODES).mkdir()


def _loop(folder: Path) -> None:
    (folder / FEATURES).unlink()
    (folder / FEATURES).symlink_to(folder / FEATURES)


def _out_of_the_folder(folder: Path) -> None:
    (folder / MATRIX).rename(folder / "elsewhere")
    (folder / MATRIX).symlink_to("../elsewhere")


def _loop_of_folders(folder: Path) -> None:
    (folder / "P1_pre/again").symlink_to(folder / "P1_pre")
    (folder / "P1_pre/nowhere").symlink_to(folder / "nowhere")


CASES: list[Case] = [
    accepted("plain", made(lambda files: None), "10x matrix folder (v3)"),
    accepted("gzipped", made(lambda files: None, packed=True), "10x matrix folder (v3)"),
    accepted("prefixed", made(_prefixed), "10x matrix folder (v3)"),
    *(refused(f"gz-cut-{n}", packed(MATRIX, lambda b, n=n: b[:n]), DAMAGED) for n in (1, 5, 30, 200, -9, -1)),
    refused("gz-cut-barcodes", packed(BARCODES, lambda content: content[:-4]), DAMAGED),
    refused("gz-cut-features", packed(FEATURES, lambda content: content[:20]), DAMAGED),
    refused("gz-byte-changed", packed(MATRIX, lambda b: b[:80] + bytes([b[80] ^ 255]) + b[81:]), DAMAGED),
    accepted("gz-that-is-text", packed(MATRIX, gzip.decompress), "10x matrix folder"),
    accepted("text-that-is-gz", text(MATRIX, gzip.compress), "10x matrix folder"),
    refused("gz-twice", packed(MATRIX, gzip.compress), "gzipped twice"),
    refused("gz-bomb-of-a-line", packed(MATRIX, lambda _: bomb(HEAD, b"1" * 2**20, 1024)), "unpacks to more than"),
    slowly(
        refused(
            "gz-bomb-of-comments", packed(MATRIX, lambda _: bomb(HEAD, b"%\n" * 2**19, 1024)), "unpacks to more than"
        )
    ),
    slowly(
        refused(
            "gz-bomb-of-barcodes", packed(BARCODES, lambda _: bomb(b"", b"A\n" * 2**19, 1024)), "unpacks to more than"
        )
    ),
    refused(
        "gz-bomb-of-entries",
        packed(MATRIX, lambda _: bomb(HEAD + b"30 25 9\n", b"1 1 1\n" * 2**17, 2048)),
        "unpacks to more than",
    ),  # one table, one line a case
    *(refused(f"cut-{n}", text(MATRIX, lambda b, n=n: b[:n]), DAMAGED) for n in (1, 10, 60, 70, 900)),
    refused("empty-matrix", text(MATRIX, lambda _: b""), DAMAGED),
    refused("empty-barcodes", text(BARCODES, lambda _: b""), "0 barcodes"),
    refused("empty-features", text(FEATURES, lambda _: b""), "0 features"),
    refused("no-matrix", made(_drop(MATRIX)), "holds no matrix.mtx"),
    refused("no-barcodes", made(_drop(BARCODES)), "lacks barcodes.tsv"),
    refused("no-features", made(_drop(FEATURES)), "lacks features.tsv or genes.tsv"),
    refused("two-matrices", made(_twice), "holds 2 files named matrix.mtx"),
    refused("header-of-an-array", text(MATRIX, line(0, b"%%MatrixMarket matrix array integer general")), "coordinate"),
    refused(
        "header-of-a-pattern", text(MATRIX, line(0, HEAD.split(b"\n")[0].replace(b"integer", b"pattern"))), "pattern"
    ),  # one table, one line a case
    refused(
        "header-symmetric", text(MATRIX, line(0, HEAD.split(b"\n")[0].replace(b"general", b"symmetric"))), "symmetric"
    ),  # one table, one line a case
    refused("no-header", text(MATRIX, lambda content: content[len(HEAD) :]), DAMAGED),
    refused("size-of-words", text(MATRIX, line(2, b"a b c")), DAMAGED),
    refused("size-of-two", text(MATRIX, line(2, b"30 25")), DAMAGED),
    refused("size-2-40-cells", text(MATRIX, size(2**40)), "do not belong together"),
    refused("size-2-40-genes", text(MATRIX, size(CELLS, 2**40)), "do not belong together"),
    refused("size-negative", text(MATRIX, size(-CELLS)), DAMAGED),
    refused("size-of-5000-digits", text(MATRIX, line(2, b"9" * 5000 + b" 1 1")), DAMAGED),
    refused("entries-declared-2-62", text(MATRIX, line(2, b"30 25 4611686018427387904")), DAMAGED),
    refused("entry-beyond-genes", text(MATRIX, line(3, b"31 1 1")), DAMAGED),
    refused("entry-beyond-cells", text(MATRIX, line(3, b"1 26 1")), DAMAGED),
    refused("entry-zero", text(MATRIX, line(3, b"0 1 1")), DAMAGED),
    refused("entry-minus", text(MATRIX, line(3, b"-1 1 1")), DAMAGED),
    refused("entry-fraction", text(MATRIX, line(3, b"1.5 1 1")), DAMAGED),
    refused("entry-word", text(MATRIX, line(3, b"CD19 1 1")), DAMAGED),
    refused("entry-of-two", text(MATRIX, line(3, b"1 1")), DAMAGED),
    refused("entry-of-four", text(MATRIX, line(3, b"1 1 1 1")), DAMAGED),
    refused("later-entry-of-four", text(MATRIX, line(9, b"1 1 1 1")), DAMAGED),
    refused("value-negative", text(MATRIX, line(3, b"1 1 -4")), "negative"),
    refused("value-fraction", text(MATRIX, line(3, b"1 1 1.5")), DAMAGED),
    refused("value-nan", text(MATRIX, line(3, b"1 1 NaN")), DAMAGED),
    refused("value-beyond-int64", text(MATRIX, line(3, b"1 1 99999999999999999999")), DAMAGED),
    refused("value-beyond-2-53", text(MATRIX, line(3, b"1 1 9007199254740994")), "too large"),
    refused("index-beyond-int64", text(MATRIX, line(3, b"99999999999999999999 1 1")), DAMAGED),
    refused("nul", text(MATRIX, line(5, b"1\x00 1 1")), "NUL"),
    refused("nul-in-barcodes", text(BARCODES, line(3, b"CE\x00LL")), "NUL"),
    refused("utf-16", text(FEATURES, lambda content: content.decode().encode("utf-16")), "not UTF-8"),
    refused("latin-1", text(FEATURES, line(3, b"CD3\xe9\tCD3\xe9\tGene Expression")), "not UTF-8"),
    accepted("bom", text(FEATURES, lambda content: b"\xef\xbb\xbf" + content), "10x matrix folder"),
    accepted("crlf", text(FEATURES, lambda content: content.replace(b"\n", b"\r\n")), "10x matrix folder"),
    accepted("crlf-matrix", text(MATRIX, lambda content: content.replace(b"\n", b"\r\n")), "10x matrix folder"),
    refused("feature-of-a-megabyte", text(FEATURES, line(2, b"A" * 2**20)), "P1_pre"),
    refused("barcodes-twice", text(BARCODES, line(3, b"CELL000")), "more than once"),
    refused("barcodes-few", text(BARCODES, lambda content: content[:-8]), "do not belong together"),
    refused("features-without-a-type", text(FEATURES, lambda b: b.replace(b"Gene Expression", b"CRISPR")), "CRISPR"),
    accepted("names-of-an-attack", text(BARCODES, line(3, b"../../<b>=1+1;$(id)")), "10x matrix folder"),
    refused("matrix-is-a-pipe", made(lambda files: None, after=_pipe), "holds no matrix.mtx"),
    refused("barcodes-is-a-folder", made(lambda files: None, after=_folder), "lacks barcodes.tsv"),
    refused("features-links-to-itself", made(lambda files: None, after=_loop), "lacks features.tsv"),
    accepted("link-out-of-the-folder", made(lambda files: None, after=_out_of_the_folder), "10x matrix folder"),
    accepted("links-in-a-loop-beside-it", made(lambda files: None, after=_loop_of_folders), "10x matrix folder"),
]
