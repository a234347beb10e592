"""What is fuzzed: sound files, changes that can be told in a line, and the reader each file is given to."""
# ruff: noqa: E501 -- a table of cases, one line a case

from __future__ import annotations

import gzip
import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from corpus_config import PLAIN
from corpus_formats import CELL_TEXT, LONG, QUANTIFIED, fill_loom, store_files
from corpus_lists import GMT, MECHANISM
from corpus_tables import CELL_TABLE, GTF, JUNCTIONS
from hostile_study import GENES, csv_bytes, fill_csr, fill_h5ad, h5_bytes, mtx_files, sound, study

from ohmics._catalog_read import read_mechanism
from ohmics.errors import Faults, OhmicsError
from ohmics.intake import read
from ohmics.intake.blocks import open_blocks
from ohmics.intake.config import load_config
from ohmics.intake.extra_tables import cell_flags, read_cell_table, read_junctions
from ohmics.intake.gene_lists import read_gene_lists
from ohmics.intake.gene_positions import read_gene_positions
from ohmics.intake.list_files import list_file_faults
from ohmics.intake.obs_column import read_obs_column
from ohmics.intake.sheet import read_samples
from ohmics.intake.transcripts import read_transcripts
from ohmics.intake.yaml_text import read_yaml

Edit = list[Any]
"""Name of a change and its numbers; a list of them and a seed is an input."""

_WORDS = (
    b"nan", b"inf", b"-1", b"1e308", b"1e400", b"9223372036854775808", b"99999999999999999999", b"0x1", b"1,5", b"",
    b"\t", b"\t\t\t", b"\n", b"\r", b"\r\n", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xe9", b'"', b"'", b"`", b",", b";",
    b"#", b"%", b"%%", b": ", b"- ", b"? ", b"[", b"]", b"{", b"}", b"&a ", b"*a", b"!!", b"!!python/none ", b"|\n", b">",
    b"=1+1", b"<b>", b"../", b"\x1b[2J", b"\xe2\x80\xae", b"true", b"null", b"~", b"gene", b"sample", b"CD19", b"P1_pre",
    b"1.5", b"0", b"\xc2\x85", b"\xe2\x80\xa8", b"\x0b", b"\x1c", b"NA", b"gene_id \"", b"preset: ", b"where: ",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (-1, 0, 1, 2**31, 2**40, 2**53 + 2, 2**63 - 1, np.nan, np.inf, 1e300, 0.5)
_KINDS = ("u1", "i2", "i8", "u8", "f2", "f4", "f8", ">i4", ">f8", "S8", "c16", "?", "O")
_SHAPES = ((0,), (1,), (5,), (2, 2), (1, 1, 1), (), (64,), (2**40,))
_ATTRIBUTES: tuple[Any, ...] = ("_index", "csr_matrix", "csc_matrix", "array", "", -1, 2**40, 0.5, np.array([25, 30]))


_PAIRS = b"transcript_id\tgene_id\n" + b"".join(b"ENST%011d\tENSG%011d\n" % (n, n // 3) for n in range(40))


@dataclass(frozen=True)
class Target:
    """A reader: sound files (name to content) of which one is changed, and what is called with their folder."""

    name: str
    seeds: tuple[dict[str, bytes], ...]
    call: Callable[[Path], object]
    hdf5: bool = False


def change(content: bytes, edits: Sequence[Edit]) -> bytes:
    """Return a file after changes; one that does not fit is left out, so that any list of them can be applied."""
    for edit in edits:
        content = _hdf5(content, edit) if edit[0].startswith("h5") else _bytes(content, edit)
    return content


def _bytes(content: bytes, edit: Edit) -> bytes:
    what, place, *more = edit
    place = place % (len(content) + 1)
    if what == "cut":
        return content[:place]
    if what == "set":
        return content[:place] + bytes([more[0] % 256]) + content[place + 1 :]
    if what == "word":
        return content[:place] + _WORDS[more[0] % len(_WORDS)] + content[place + more[1] % 9 :]
    if what == "drop":
        return content[:place] + content[place + more[0] % 200 :]
    if what == "repeat":
        part = content[place : place + more[0] % 300]
        return content[:place] + part * (more[1] % 50) + content[place:]
    if what == "move":
        start = more[0] % (len(content) + 1)
        return content[:place] + content[start : start + more[1] % 200] + content[place:]
    return gzip.compress(content, mtime=0) if what == "gzip" else content


def _hdf5(content: bytes, edit: Edit) -> bytes:
    buffer = io.BytesIO(content)
    try:
        with h5py.File(buffer, "r+") as handle:
            _part(handle, edit)
    # A change that cannot be made is none; what it would have made is not what is looked for.
    except (OSError, LookupError, ValueError, TypeError, RuntimeError, ArithmeticError, AttributeError, MemoryError):
        return content
    return buffer.getvalue()


def _cast(value: object, kind: type | str) -> np.ndarray:
    """Return values as another type; that some do not fit it is the point, and no warning of the reader's."""
    array = np.asarray(value)
    if array.dtype.kind == "c" and np.dtype(kind).kind != "c":
        array = array.real
    with np.errstate(invalid="ignore", over="ignore"):
        return array.astype(kind)


def _part(handle: h5py.File, edit: Edit) -> None:
    names: list[str] = []
    handle.visit(names.append)
    what, place, first, second = edit
    name = names[place % len(names)]
    item, other = handle[name], names[first % len(names)]
    if what == "h5 attribute":
        held = list(item.attrs) or ["_index"]
        item.attrs[held[first % len(held)]] = _ATTRIBUTES[second % len(_ATTRIBUTES)]
        return
    if what == "h5 rename":
        handle.move(name, f"{name}{'x' * (first % 3 + 1)}")
        return
    value = item[()] if isinstance(item, h5py.Dataset) else None
    del handle[name]
    if what == "h5 link":
        handle[name] = (h5py.SoftLink(f"/{other}"), h5py.ExternalLink("a.h5", f"/{other}"))[second % 2]
    elif what == "h5 copy":
        handle.copy(handle[other], name)
    elif what == "h5 kind" and value is not None:
        handle[name] = _cast(value, _KINDS[first % len(_KINDS)])
    elif what == "h5 value" and value is not None:
        chosen = _VALUES[first % len(_VALUES)]
        out = _cast(value, float if isinstance(chosen, float) else np.int64)
        out.flat[second % out.size] = chosen
        handle[name] = out
    elif what == "h5 shape":
        shape = _SHAPES[first % len(_SHAPES)]
        handle.create_dataset(name, shape=shape, dtype=("i4", "S5", "f8")[second % 3], chunks=True if shape else None)
    elif what == "h5 size" and value is not None:
        array = np.asarray(value)
        handle[name] = array[: first % (len(array) + 1)] if second % 2 else np.concatenate([array, array])
    elif what == "h5 order" and value is not None:
        handle[name] = np.random.default_rng(first).permutation(np.asarray(value))


_BYTE_EDITS = ("cut", "set", "set", "word", "word", "word", "drop", "repeat", "move")
_PART_EDITS = (
    "h5 attribute", "h5 rename", "h5 link", "h5 copy", "h5 kind", "h5 value", "h5 shape", "h5 size", "h5 order", "h5 drop",
)  # fmt: skip


def drawn(target: Target, draw: random.Random) -> list[Edit]:
    """Return one to four changes."""
    edits: list[Edit] = []
    for _ in range(draw.choice((1, 1, 1, 2, 3, 4))):
        of_parts = target.hdf5 and draw.random() < 0.8
        what = draw.choice(_PART_EDITS if of_parts else _BYTE_EDITS)
        edits.append([what, draw.randrange(2**20), draw.randrange(2**16), draw.randrange(2**16)])
    if not target.hdf5 and draw.random() < 0.05:
        edits.append(["gzip", 0, 0, 0])
    return edits


def execute(target: Target, given: dict[str, Any], folder: Path) -> None:
    """Write an input and give it to its reader."""
    files = dict(target.seeds[given["seed"] % len(target.seeds)])
    names = sorted(files)
    changed = names[given["file"] % len(names)]
    files[changed] = change(files[changed], given["edits"])
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    target.call(folder)


def _cells(name: str) -> Callable[[Path], object]:
    return lambda folder: read(folder / name, modality="single_cell")


def _in_blocks(folder: Path) -> object:
    found = open_blocks(folder / "a.h5ad", size=10)
    return None if found is None else [part.n_obs for part in found]


def _lists(name: str) -> Callable[[Path], object]:
    def call(folder: Path) -> object:
        found = list_file_faults([folder / name])
        if found:
            raise OhmicsError(found)
        return read_gene_lists(folder / name, pair_signed=True)

    return call


def _mechanism(folder: Path) -> object:
    faults = Faults()
    found = read_mechanism(read_yaml(folder / "mine.yaml"), "mine.yaml", faults)
    faults.raise_if_any()
    return found


def _cell_table(folder: Path) -> object:
    frame = read_cell_table(folder / "cells.tsv")
    return cell_flags(frame, "clone", where="cells.tsv")


def _with_more(handle: h5py.File) -> None:
    fill_h5ad(handle)
    fill_csr(handle, "layers/counts")
    handle["var/gene_name"] = np.array(GENES, dtype="S")
    group = handle.create_group("var/gene_ids")
    group["codes"], group["categories"] = np.arange(len(GENES), dtype="i1"), np.array(GENES, dtype="S")


def _columns(handle: h5py.File) -> None:
    fill_h5ad(handle)
    handle["obs/tumour"] = np.array([b"yes"] * handle["obs/_index"].shape[0])
    handle["obs"].attrs["column-order"] = ["tumour"]
    for name in ("_index", "tumour"):
        handle[f"obs/{name}"].attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})


def _config_files() -> dict[str, bytes]:
    made = study(Path(), "bulk")
    return {"config.yaml": PLAIN + b"qc: {min_umi: 5}\nscore:\n  methods: [ucell]\nseed: 7\n"} | {
        "samples.tsv": made.sheet_text.encode(), "counts.csv": b"",
    }  # fmt: skip


def targets() -> tuple[Target, ...]:
    """Return every reader that is fuzzed."""
    sheet = study(Path(), "bulk").sheet_text.encode()
    json = b'{"A": {"geneSymbols": ["CD19", "MS4A1"]}, "B": {"up": ["CD3E"], "down": ["CD22"]}, "C": ["CD8A"]}'
    table = b"gene,direction,list,weight\nCD19,up,A,1.5\nMS4A1,down,A,\nCD22,up,B,2\n"
    packed = mtx_files("P1")
    return (
        Target("tenx_h5", ({"a.h5": sound("tenx")},), _cells("a.h5"), hdf5=True),
        Target("h5ad", ({"a.h5ad": sound("h5ad")}, {"a.h5ad": h5_bytes(_with_more)}), _cells("a.h5ad"), hdf5=True),
        Target("obs_column", ({"a.h5ad": h5_bytes(_columns)},), lambda f: read_obs_column(f / "a.h5ad", "tumour"), hdf5=True),
        Target("mtx", (mtx_files("P1", packed=False), packed), _cells("P1")),
        Target("matrix", ({"a.csv": csv_bytes()}, {"a.csv": gzip.compress(csv_bytes())}), lambda f: read(f / "a.csv", modality="bulk")),
        Target("sheet", ({"samples.tsv": sheet},), lambda f: read_samples(f / "samples.tsv", modality="bulk", matrix=f / "samples.tsv")),
        Target("config", (_config_files(),), lambda f: load_config(f / "config.yaml")),
        Target("mechanism", ({"mine.yaml": MECHANISM},), _mechanism),
        Target("gmt", ({"a.gmt": GMT},), _lists("a.gmt")),
        Target("json", ({"a.json": json},), _lists("a.json")),
        Target("csv_lists", ({"a.csv": table},), _lists("a.csv")),
        Target("cells", ({"cells.tsv": CELL_TABLE},), _cell_table),
        Target("junctions", ({"j.tsv": JUNCTIONS},), lambda f: read_junctions(f / "j.tsv", samples=["P1_pre", "P1_relapse"])),
        Target("gene_positions", ({"g.gtf": GTF}, {"g.gtf": gzip.compress(GTF)}), lambda f: read_gene_positions(f / "g.gtf")),
        Target(
            "blocks", ({"a.h5ad": sound("h5ad")}, {"a.h5ad": h5_bytes(_with_more)}), _in_blocks, hdf5=True,
        ),
        Target("transcripts", ({"t.tsv": _PAIRS}, {"t.tsv": gzip.compress(_PAIRS)}), lambda f: read_transcripts(f / "t.tsv")),
        Target("loom", ({"a.loom": h5_bytes(fill_loom)},), _cells("a.loom"), hdf5=True),
        Target("zarr", (store_files("a.zarr"),), _cells("a.zarr")),
        Target("cell_text", ({"a.csv": CELL_TEXT},), _cells("a.csv")),
        Target("long", ({"a.csv": LONG.encode()},), lambda f: read(f / "a.csv", modality="bulk")),
        *(
            Target(form, ({"a.tsv": content(0)},), lambda f: read(f / "a.tsv", modality="bulk", strandedness="unstranded"))
            for form, (_, content) in QUANTIFIED.items()
        ),
    )  # fmt: skip
