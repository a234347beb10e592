"""Files of quantifiers and other tools with one thing wrong each: STAR, RSEM, salmon, loom, Zarr, alevin-fry and others."""
# ruff: noqa: E501 -- a table of cases, one line a case

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from corpus_mtx import bomb
from corpus_tenx_h5 import DAMAGED, declared
from hostile_case import Case, Maker, accepted, refused, slowly
from hostile_study import BARCODES, CELLS, GENES, SAMPLES, bulk_counts, cell_counts, h5_bytes, study

Edit = Callable[[bytes], bytes]


def _rows(heading: str, line: Callable[[int, str, int], str]) -> Callable[[int], bytes]:
    """Return what makes one sample's file of a heading and a line a gene."""

    def made(sample: int) -> bytes:
        lines = [line(number, gene, int(bulk_counts()[number, sample])) for number, gene in enumerate(GENES)]
        return (heading + "".join(lines)).encode()

    return made


_STAR_HEAD = "".join(f"{name}\t1\t1\t1\n" for name in ("N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous"))
# Of each format: the name of a sample's file, and its text.
QUANTIFIED: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "star": ("{}ReadsPerGene.out.tab", _rows(_STAR_HEAD, lambda _, gene, n: f"{gene}\t{n}\t{n // 2}\t{n - n // 2}\n")),
    "rsem": (
        "{}.genes.results",
        _rows(
            "gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM\n",
            lambda _, gene, n: f"{gene}\tT\t900\t800\t{n + 0.25}\t{n}\t{n}\n",
        ),
    ),
    "salmon": (
        "{}.sf",
        _rows("Name\tLength\tEffectiveLength\tTPM\tNumReads\n", lambda _, gene, n: f"{gene}\t900\t800.5\t{n}\t{n}\n"),
    ),
    "htseq": ("{}.counts", _rows("", lambda _, gene, n: f"{gene}\t{n}\n")),
}


def quantified(
    form: str, edit: Edit = bytes, *, suffix: str = "", after: Callable[[Path], object] = lambda path: None
) -> Maker:
    """Return a maker of a bulk study of one file a sample, the first of them changed."""
    pattern, content = QUANTIFIED[form]

    def make(folder: Path) -> list[str]:
        made = study(folder, compared=False)
        del made.config["input"]["matrix"], made.files["counts.csv"]
        for number, row in enumerate(made.rows):
            row["path"] = pattern.format(SAMPLES[number]) + (suffix if number == 0 else "")
            made.files[row["path"]] = edit(content(number)) if number == 0 else content(number)
        words = made.write()
        after(folder / made.rows[0]["path"])
        return words

    return make


def _pipe_for(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _line(number: int, edit: Edit) -> Edit:
    def change(content: bytes) -> bytes:
        lines = content.split(b"\n")
        lines[number] = edit(lines[number])
        return b"\n".join(lines)

    return change


def _field(column: int, value: bytes) -> Edit:
    def change(line: bytes) -> bytes:
        fields = line.split(b"\t")
        fields[column] = value
        return b"\t".join(fields)

    return _line(8, change)


# Column of the counts that are read.
_COUNTED = {"star": 1, "rsem": 4, "salmon": 4, "htseq": 1}


def _battery(form: str) -> list[Case]:
    column = _COUNTED[form]
    file = QUANTIFIED[form][0].format("P1_pre")

    def no(name: str, edit: Edit, *words: str, suffix: str = "") -> Case:
        return refused(f"{form}-{name}", quantified(form, edit, suffix=suffix), file, *words)

    return [
        accepted(f"{form}-sound", quantified(form), "4 samples"),
        accepted(f"{form}-crlf", quantified(form, lambda b: b.replace(b"\n", b"\r\n")), "4 samples"),
        accepted(f"{form}-gz", quantified(form, gzip.compress, suffix=".gz"), "4 samples"),
        no("empty", lambda b: b"", "empty"),
        # What htseq-count does not name it has not counted, which is told.
        accepted("htseq-one-line", quantified(form, lambda b: b.split(b"\n")[0]), "count 0 there")
        if form == "htseq"
        else no("one-line", lambda b: b.split(b"\n")[0]),
        no("cut-in-a-row", lambda b: b[: b.index(GENES[9].encode()) + 4]),
        no("gz-cut", lambda b: gzip.compress(b)[:90], DAMAGED, suffix=".gz"),
        no("gz-twice", lambda b: gzip.compress(gzip.compress(b)), "gzipped twice", suffix=".gz"),
        no("gz-bomb", lambda b: bomb(b, b"\n" * 2**20, 1024), "unpacks to more than", suffix=".gz"),
        no("nul", _line(9, lambda b: b + b"\x00"), "NUL"),
        no("utf-16", lambda b: b.decode().encode("utf-16"), "not UTF-8"),
        no("latin-1", _line(9, lambda b: b"\xe9" + b), "not UTF-8"),
        no("negative", _field(column, b"-4")),
        no("infinite", _field(column, b"inf")),
        no("nan", _field(column, b"nan")),
        no("word", _field(column, b"many"), "many"),
        refused(f"{form}-1e300", quantified(form, _field(column, b"1e300")), "too large", "P1_pre"),
        refused(f"{form}-30-digits", quantified(form, _field(column, b"9" * 30)), "too large", "P1_pre"),
        no("row-twice", lambda b: b + b.split(b"\n")[-2] + b"\n", "twice"),
        no("row-too-long", _line(9, lambda b: b + b"\t1\t2")),
        no("row-too-short", _line(9, lambda b: b.split(b"\t")[0])),
        no("formula", _field(column, b"=1+1"), "=1+1"),
        *(
            [refused(f"{form}-an-id-of-a-megabyte", quantified(form, _line(9, lambda b: b"x" * 2**20 + b)), "P1_pre")]
            if form != "htseq"
            else []
        ),
        refused(f"{form}-pipe", quantified(form, after=_pipe_for), file, "no such file"),
    ]  # fmt: skip


def fill_loom(handle: h5py.File) -> None:
    """Fill a file as loom lays it out: genes × cells, and attributes of both."""
    handle["matrix"] = cell_counts().T
    handle["row_attrs/Gene"] = np.array(GENES, dtype="S")
    handle["col_attrs/CellID"] = np.array(BARCODES, dtype="S")
    handle.create_group("layers")


def loom(change: Callable[[h5py.File], object] = lambda handle: None, cut: int | None = None) -> Maker:
    """Return a maker of a study of loom files, the first of them changed."""

    def build(handle: h5py.File) -> None:
        fill_loom(handle)
        change(handle)

    def make(folder: Path) -> list[str]:
        made = study(folder, "single_cell", path="{}.loom", compared=False)
        made.files |= {"P1_pre.loom": h5_bytes(build)[:cut], "P1_relapse.loom": h5_bytes(fill_loom)}
        return made.write()

    return make


def _put(name: str, value: object) -> Callable[[h5py.File], None]:
    def change(handle: h5py.File) -> None:
        del handle[name]
        if value is not None:
            handle[name] = value

    return change


def _with(value: float, kind: type = float) -> np.ndarray:
    counts = cell_counts().T.astype(kind)
    counts[2, 3] = value
    return counts


def _array(values: np.ndarray) -> dict[str, bytes]:
    about = {
        "zarr_format": 2, "shape": list(values.shape), "chunks": list(values.shape), "dtype": values.dtype.str,
        "compressor": None, "fill_value": None, "filters": None, "order": "C",
    }  # fmt: skip
    return {
        ".zarray": json.dumps(about).encode(),
        "0" if values.ndim == 1 else "0.0": values.tobytes(),
        ".zattrs": b"{}",
    }


def store_files(folder: str) -> dict[str, bytes]:
    """Return a Zarr store of version 2, without compression, as anndata lays it out."""
    group = b'{"zarr_format": 2}'
    files = {".zgroup": group, ".zattrs": b"{}", "obs/.zgroup": group, "var/.zgroup": group}
    files |= {f"{name}/.zattrs": b'{"_index": "_index", "encoding-type": "dataframe"}' for name in ("obs", "var")}
    parts = {"X": cell_counts(), "obs/_index": np.array(BARCODES, "S"), "var/_index": np.array(GENES, "S")}
    for name, values in parts.items():
        files |= {f"{name}/{part}": content for part, content in _array(values).items()}
    return {f"{folder}/{name}": content for name, content in files.items()}


def zarr(edit: Callable[[dict[str, bytes]], object], after: Callable[[Path], object] = lambda folder: None) -> Maker:
    """Return a maker of a study of Zarr stores, the first of them changed."""

    def make(folder: Path) -> list[str]:
        made = study(folder, "single_cell", path="{}.zarr", compared=False)
        first = store_files("P1_pre.zarr")
        edit(first)
        made.files |= {**first, **store_files("P1_relapse.zarr")}
        words = made.write()
        after(folder / "P1_pre.zarr")
        return words

    return make


def _about(name: str, **changes: object) -> Callable[[dict[str, bytes]], None]:
    def edit(files: dict[str, bytes]) -> None:
        path = f"P1_pre.zarr/{name}/.zarray"
        files[path] = json.dumps({**json.loads(files[path]), **changes}).encode()

    return edit


def _file(name: str, content: bytes | None) -> Callable[[dict[str, bytes]], None]:
    def edit(files: dict[str, bytes]) -> None:
        if content is None:
            del files[f"P1_pre.zarr/{name}"]
        else:
            files[f"P1_pre.zarr/{name}"] = content

    return edit


def _chunk(edit: Edit) -> Callable[[dict[str, bytes]], None]:
    return lambda files: files.update({"P1_pre.zarr/X/0.0": edit(files["P1_pre.zarr/X/0.0"])})


def _pipe(folder: Path) -> None:
    (folder / "X/0.0").unlink()
    os.mkfifo(folder / "X/0.0")


def _pipe_of_metadata(folder: Path) -> None:
    (folder / "X/.zarray").unlink()
    os.mkfifo(folder / "X/.zarray")


def alevin(name: str = "", edit: Edit = bytes) -> Maker:
    """Return a maker of a study of alevin-fry folders, one file of the first changed."""
    counts = cell_counts()
    cells, genes = np.nonzero(counts)
    head = f"%%MatrixMarket matrix coordinate integer general\n{CELLS} {len(GENES)} {len(cells)}\n"
    body = "".join(f"{c + 1} {g + 1} {counts[c, g]}\n" for c, g in zip(cells, genes, strict=True))
    sound = {
        "quants_mat.mtx": (head + body).encode(), "quants_mat_rows.txt": "\n".join(BARCODES).encode() + b"\n",
        "quants_mat_cols.txt": "\n".join(GENES).encode() + b"\n",
    }  # fmt: skip

    def make(folder: Path) -> list[str]:
        made = study(folder, "single_cell", path="{}", compared=False)
        for row in made.rows:
            for part, content in sound.items():
                wrong = part == name and row is made.rows[0]
                made.files[f"{row['path']}/alevin/{part}"] = edit(content) if wrong else content
        return made.write()

    return make


LONG = "sample,gene,count\n" + "".join(
    f"{sample},{gene},{bulk_counts()[row, column]}\n"
    for row, gene in enumerate(GENES) for column, sample in enumerate(SAMPLES)
)  # fmt: skip


def long(edit: Edit = bytes) -> Maker:
    """Return a maker of a bulk study whose matrix is a long table."""

    def make(folder: Path) -> list[str]:
        made = study(folder, compared=False)
        made.files["counts.csv"] = edit(LONG.encode())
        return made.write()

    return make


CELL_TEXT = ("cell," + ",".join(GENES) + "\n" + "".join(
    f"{name},{','.join(map(str, row))}\n" for name, row in zip(BARCODES, cell_counts().tolist(), strict=True)
)).encode()  # fmt: skip


def cell_text(edit: Edit = bytes) -> Maker:
    """Return a maker of a study of cells in text, the first file changed."""

    def make(folder: Path) -> list[str]:
        made = study(folder, "single_cell", path="{}.csv", compared=False)
        made.files |= {"P1_pre.csv": edit(CELL_TEXT), "P1_relapse.csv": CELL_TEXT}
        return made.write()

    return make


MTX = "quants_mat.mtx"
CASES: list[Case] = [
    *(
        # What is told of the text of one format is told by the same code of the others.
        case if form == "star" or case.name.endswith(("sound", "row", "word", "pipe", "30-digits")) else slowly(case)
        for form in QUANTIFIED
        for case in _battery(form)
    ),
    accepted("loom", loom(), "loom"),
    *(refused(f"loom-cut-{n}", loom(cut=n), DAMAGED) for n in (9, 500, 3000)),
    refused("loom-negative", loom(_put("matrix", _with(-1))), "negative"),
    refused("loom-nan", loom(_put("matrix", _with(np.nan))), "missing (NaN"),
    refused("loom-2-60", loom(_put("matrix", _with(2**60, np.int64))), "too large"),
    refused("loom-text", loom(_put("matrix", cell_counts().T.astype("S3"))), "not numbers"),
    refused("loom-one-dimension", loom(_put("matrix", np.arange(9))), "P1_pre.loom"),
    refused("loom-few-cells", loom(_put("col_attrs/CellID", np.array(BARCODES[:-1], "S"))), DAMAGED),
    refused("loom-no-genes", loom(_put("row_attrs/Gene", None)), "names no genes"),
    refused("loom-link", loom(_put("matrix", h5py.ExternalLink("P1_relapse.loom", "/matrix"))), "another file"),
    refused("loom-declares", loom(lambda handle: declared(handle, "matrix", 2**40)), "declares"),
    refused("loom-no-attributes", loom(_put("col_attrs", None)), "P1_pre.loom"),
    accepted("zarr", zarr(lambda files: None), "zarr"),
    refused("zarr-chunk-cut", zarr(_chunk(lambda b: b[:-9])), DAMAGED),
    refused("zarr-chunk-empty", zarr(_chunk(lambda b: b"")), "P1_pre.zarr"),
    refused("zarr-chunk-missing", zarr(_file("X/0.0", None)), "P1_pre.zarr"),
    refused("zarr-chunk-negative", zarr(_chunk(lambda b: (-np.frombuffer(b, "i4")).tobytes())), "negative"),
    refused("zarr-2-40-cells", zarr(_about("X", shape=[2**40, len(GENES)])), "declares"),
    refused("zarr-2-40-chunks", zarr(_about("X", shape=[2**40, len(GENES)], chunks=[1, 1])), "declares"),
    refused("zarr-shape-negative", zarr(_about("X", shape=[-1, len(GENES)])), "P1_pre.zarr"),
    refused("zarr-shape-text", zarr(_about("X", shape="many")), "P1_pre.zarr"),
    refused("zarr-chunks-zero", zarr(_about("X", chunks=[0, 0])), "P1_pre.zarr"),
    refused("zarr-kind-unknown", zarr(_about("X", dtype="<q9")), "P1_pre.zarr"),
    refused("zarr-kind-text", zarr(_about("X", dtype="|S4")), "not numbers"),
    refused("zarr-compressor-unknown", zarr(_about("X", compressor={"id": "nothing"})), "P1_pre.zarr"),
    refused("zarr-compressor-is-not-it", zarr(_about("X", compressor={"id": "zlib", "level": 1})), DAMAGED),
    refused("zarr-filter-of-python", zarr(_about("X", filters=[{"id": "pickle"}], dtype="|O")), "P1_pre.zarr"),
    refused("zarr-metadata-cut", zarr(_file("X/.zarray", b'{"zarr_format": 2, "sha')), "P1_pre.zarr"),
    refused("zarr-metadata-list", zarr(_file("X/.zarray", b"[]")), "P1_pre.zarr"),
    refused("zarr-metadata-deep", zarr(_file("X/.zarray", b"[" * 50_000)), "P1_pre.zarr"),
    refused("zarr-no-x", zarr(lambda files: [files.pop(name) for name in [*files] if "/X/" in name]), "`X`"),
    refused("zarr-index-elsewhere", zarr(_file("var/.zattrs", b'{"_index": "../../P1_relapse.zarr/var/_index"}')), "P1_pre.zarr"),
    refused("zarr-cells-few", zarr(_about("obs/_index", shape=[CELLS - 1])), DAMAGED),
    refused("zarr-chunk-is-a-pipe", zarr(lambda files: None, _pipe), "no regular file"),
    refused("zarr-metadata-is-a-pipe", zarr(lambda files: None, _pipe_of_metadata), "no regular file"),
    accepted("alevin", alevin(), "alevin"),
    *(refused(f"alevin-cut-{n}", alevin(MTX, lambda b, n=n: b[:n]), "quants_mat.mtx") for n in (0, 20, 53, 400)),
    refused("alevin-negative", alevin(MTX, _line(5, lambda b: b.rpartition(b" ")[0] + b" -3")), "negative"),
    refused("alevin-beyond", alevin(MTX, _line(5, lambda b: b"99 1 1")), DAMAGED),
    refused("alevin-2-40", alevin(MTX, _line(1, lambda b: b"1099511627776 30 5")), "P1_pre"),
    refused("alevin-fraction-of-a-row", alevin(MTX, _line(5, lambda b: b"1.5 1 1")), DAMAGED),
    refused("alevin-four", alevin(MTX, _line(5, lambda b: b"1 1 1 1")), DAMAGED),
    refused("alevin-few-cells", alevin("quants_mat_rows.txt", lambda b: b[:-8]), "P1_pre"),
    refused("alevin-nul", alevin("quants_mat_cols.txt", lambda b: b.replace(b"CD3E", b"CD\x00E")), "NUL"),
    slowly(refused("alevin-bomb", alevin("quants_mat_rows.txt", lambda b: bomb(b, b"A\n" * 2**18, 1024)), "unpacks to more than")),
    accepted("long", long(), "4 samples"),
    refused("long-cut", long(lambda b: b[:-9]), "counts.csv"),
    refused("long-negative", long(_line(5, lambda b: b.rpartition(b",")[0] + b",-3")), "counts.csv"),
    refused("long-infinite", long(_line(5, lambda b: b.rpartition(b",")[0] + b",inf")), "counts.csv"),
    refused("long-word", long(_line(5, lambda b: b.rpartition(b",")[0] + b",many")), "counts.csv"),
    refused("long-too-large", long(_line(5, lambda b: b.rpartition(b",")[0] + b",1e300")), "counts.csv"),
    refused("long-row-too-long", long(_line(5, lambda b: b + b",7")), "counts.csv"),
    refused("long-row-too-short", long(_line(5, lambda b: b.rpartition(b",")[0])), "counts.csv"),
    refused("long-twice", long(lambda b: b + b.split(b"\n")[3] + b"\n"), "counts.csv"),
    refused("long-open-quote", long(_line(5, lambda b: b'"' + b)), "counts.csv"),
    refused("long-nul", long(_line(5, lambda b: b + b"\x00")), "NUL"),
    accepted("cell-text", cell_text(), "2 samples"),
    refused("cell-text-cut", cell_text(lambda b: b[:-31]), "P1_pre.csv"),
    refused("cell-text-negative", cell_text(_line(4, lambda b: b[:-1] + b"-3")), "P1_pre.csv"),
    refused("cell-text-word", cell_text(_line(4, lambda b: b.rpartition(b",")[0] + b",many")), "P1_pre.csv"),
    refused("cell-text-too-large", cell_text(_line(4, lambda b: b.rpartition(b",")[0] + b",1e300")), "too large"),
    refused("cell-text-row-too-long", cell_text(_line(4, lambda b: b + b",7")), "P1_pre.csv"),
    refused("cell-text-cell-twice", cell_text(lambda b: b + b.split(b"\n")[3] + b"\n"), "more than once"),
    refused("cell-text-nul", cell_text(_line(4, lambda b: b + b"\x00")), "NUL"),
    refused("cell-text-bomb", cell_text(lambda b: bomb(b, b"\n" * 2**20, 512)), "unpacks to more than"),
]  # fmt: skip
