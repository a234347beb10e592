"""10x HDF5 files with one thing wrong each, and some that only look strange; no data come in."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from hostile_case import Case, Maker, accepted, refused
from hostile_study import CELLS, GENES, fill_tenx, h5_bytes, sound, study

Change = Callable[[h5py.File], None]
DAMAGED = "truncated or damaged"


def with_file(content: Callable[[], bytes], name: str = "P1_pre.h5") -> Maker:
    """Return a maker of a study whose first file of cells is this one."""

    def make(folder: Path) -> list[str]:
        made = study(folder, "single_cell", path="{}.h5", compared=False)
        made.rows[0]["path"] = name
        made.files |= {name: content(), "P1_relapse.h5": sound("tenx")}
        return made.write()

    return make


def changed(change: Change) -> Maker:
    """Return a maker of a sound file with one change."""

    def build(handle: h5py.File) -> None:
        fill_tenx(handle)
        change(handle)

    return with_file(lambda: h5_bytes(build))


def replaced(name: str, value: object) -> Maker:
    """Return a maker of a sound file with one array replaced; None leaves it out."""

    def change(handle: h5py.File) -> None:
        del handle[name]
        if value is not None:
            handle[name] = value

    return changed(change)


def edited(name: str, edit: Callable[[np.ndarray], np.ndarray]) -> Maker:
    """Return a maker of a sound file with one array changed."""

    def change(handle: h5py.File) -> None:
        value = handle[name][:]
        del handle[name]
        handle[name] = edit(value)

    return changed(change)


def first(value: object, kind: type | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """Return an edit that puts a value at the first place."""

    def edit(values: np.ndarray) -> np.ndarray:
        out = values.astype(kind or values.dtype)
        out[0] = value
        return out

    return edit


def cut(share: float, form: str = "tenx") -> Callable[[], bytes]:
    """Return what is left of a sound file."""

    def content() -> bytes:
        whole = sound(form)
        return whole[: int(len(whole) * share)] if share <= 1 else whole[: int(share)]

    return content


def declared(handle: h5py.File, name: str, size: int, kind: str = "i4") -> None:
    """Replace an array by one that declares a size and holds nothing."""
    del handle[name]
    handle.create_dataset(name, shape=(size,), dtype=kind, chunks=(2**16,))


def bomb(handle: h5py.File, name: str) -> None:
    """Replace an array by two gigabytes of zeros in two megabytes."""
    del handle[name]
    side, times = 2**24, 32
    made = handle.create_dataset(name, shape=(side * times,), dtype="i4", chunks=(side,), compression="gzip")
    packed = zlib.compress(bytes(side * 4), 1)
    for number in range(times):
        made.id.write_direct_chunk((number * side,), packed)


def external_link(target: str) -> Change:
    """Return a change that makes the counts a link into another file."""

    def change(handle: h5py.File) -> None:
        del handle["matrix/data"]
        handle["matrix/data"] = h5py.ExternalLink(target, "/matrix/data")

    return change


def soft_loop(handle: h5py.File) -> None:
    """Make two links that name each other."""
    del handle["matrix/data"]
    handle["matrix/data"] = h5py.SoftLink("/matrix/other")
    handle["matrix/other"] = h5py.SoftLink("/matrix/data")


def virtual(handle: h5py.File) -> None:
    """Make the counts a view of another file."""
    size = handle["matrix/data"].shape
    del handle["matrix/data"]
    layout = h5py.VirtualLayout(shape=size, dtype="i4")
    layout[:] = h5py.VirtualSource("P1_relapse.h5", "matrix/data", shape=size)
    handle.create_virtual_dataset("matrix/data", layout)


def raw_elsewhere(handle: h5py.File) -> None:
    """Keep the counts in another file, which may be any."""
    size = len(handle["matrix/data"])
    del handle["matrix/data"]
    handle.create_dataset("matrix/data", shape=(size,), dtype="u1", external=[("/etc/passwd", 0, size)])


def fifo_link(folder: Path) -> list[str]:
    """Link to a pipe nobody writes to: whoever opens it waits for ever."""
    words = changed(external_link("pipe.h5"))(folder)
    os.mkfifo(folder / "pipe.h5")
    return words


def own_parent(handle: h5py.File) -> None:
    """Make a group its own member."""
    handle["matrix/matrix"] = handle["matrix"]


def named_type(handle: h5py.File) -> None:
    """Put a named type where the group of the matrix is looked for."""
    del handle["matrix"]
    handle["matrix"] = np.dtype("i4")


def two_genomes(handle: h5py.File) -> None:
    """Lay the file out as Cell Ranger 2 does, with two species."""
    for name in ("hg19", "mm10"):
        group = handle.create_group(name)
        for part in ("data", "indices", "indptr", "shape", "barcodes"):
            group[part] = handle["matrix"][part][...]
        group["genes"] = handle["matrix/features/id"][...]
        group["gene_names"] = handle["matrix/features/name"][...]
    del handle["matrix"]


def rename_genome(handle: h5py.File) -> None:
    """Two genomes, none of them human."""
    two_genomes(handle)
    handle.move("hg19", "rn7")


def no_names(handle: h5py.File) -> None:
    """One genome without the names of its genes."""
    two_genomes(handle)
    del handle["mm10"]
    del handle["hg19/gene_names"]


def strange_names(handle: h5py.File) -> None:
    """Give features the names of an attack; they are text and nothing else."""
    names = handle["matrix/features/name"][:].astype("S40")
    names[-3:] = [b"../../etc/passwd", b"<script>alert(1)</script>", b"=cmd|' /C calc'!A0"]
    for part in ("id", "name"):
        del handle[f"matrix/features/{part}"]
        handle[f"matrix/features/{part}"] = names


def _packed(handle: h5py.File) -> None:
    fill_tenx(handle)
    for name in ("data", "indices"):
        value = handle["matrix"][name][:]
        del handle["matrix"][name]
        handle["matrix"].create_dataset(name, data=value, compression="gzip", chunks=(64,), fletcher32=True)


def _checksum() -> bytes:
    whole = bytearray(h5_bytes(_packed))
    with h5py.File(__import__("io").BytesIO(bytes(whole)), "r") as handle:
        place = handle["matrix/data"].id.get_chunk_info(1)
    whole[place.byte_offset + 5] ^= 0xFF
    return bytes(whole)


def _unknown_filter() -> bytes:
    # Filter 1 (deflate) in the description of the data's filters becomes one that nobody has.
    whole = h5_bytes(_packed)
    return whole.replace(b"\x01\x00\x08\x00\x01\x00\x01\x00deflate\x00", b"\x7f\x7f\x08\x00\x01\x00\x01\x00nothing\x00")


def _userblock() -> bytes:
    return h5_bytes(fill_tenx, userblock_size=512)


_EDITS: tuple[tuple[str, str, Callable[[np.ndarray], np.ndarray], tuple[str, ...]], ...] = (
    ("data-negative", "data", first(-3), ("negative", "legal: counts from 0 upwards")),
    ("data-nan", "data", first(np.nan, float), ("missing (NaN",)),
    ("data-infinite", "data", first(np.inf, float), ("infinite",)),
    ("data-beyond-2-53", "data", first(2**60, np.int64), ("too large",)),
    ("data-uint64-most", "data", first(2**64 - 1, np.uint64), ("too large",)),
    ("data-1e300", "data", first(1e300, float), ("too large",)),
    ("data-text", "data", lambda values: values.astype("S3"), ("not numbers",)),
    ("data-complex", "data", lambda values: values.astype(complex), ("not numbers",)),
    ("data-compound", "data", lambda values: values.astype([("a", "i4")]), ("not numbers",)),
    ("data-two-dimensional", "data", lambda values: values.reshape(1, -1), (DAMAGED,)),
    ("data-short", "data", lambda values: values[:-5], (DAMAGED,)),
    ("indices-fractions", "indices", lambda values: values + 0.5, (DAMAGED,)),
    ("indices-text", "indices", lambda values: values.astype("S3"), (DAMAGED,)),
    ("indices-beyond", "indices", first(len(GENES)), (DAMAGED,)),
    ("indices-far-beyond", "indices", first(2**40), (DAMAGED,)),
    ("indices-negative", "indices", first(-1), (DAMAGED,)),
    ("indices-uint64-most", "indices", first(2**64 - 1, np.uint64), (DAMAGED,)),
    ("indptr-falls", "indptr", lambda values: values[[0, 2, 1, *range(3, len(values))]], (DAMAGED,)),
    ("indptr-starts-late", "indptr", first(3), (DAMAGED,)),
    ("indptr-negative", "indptr", first(-1), (DAMAGED,)),
    ("indptr-all-negative", "indptr", lambda values: -values[::-1] - 1, (DAMAGED,)),
    ("indptr-short", "indptr", lambda values: values[:-1], (DAMAGED,)),
    ("indptr-beyond", "indptr", lambda values: values * 2, (DAMAGED,)),
    ("indptr-two-dimensional", "indptr", lambda values: values.reshape(1, -1), (DAMAGED,)),
    ("indptr-fractions", "indptr", lambda values: values + 0.25, (DAMAGED,)),
    ("indptr-empty", "indptr", lambda values: values[:0], (DAMAGED,)),
    ("shape-three", "shape", lambda values: np.append(values, 1), (DAMAGED,)),
    ("shape-text", "shape", lambda values: np.array([b"a", b"b"]), (DAMAGED,)),
    ("shape-negative", "shape", lambda values: -values, (DAMAGED,)),
    ("shape-2-40-cells", "shape", lambda values: np.array([len(GENES), 2**40]), (DAMAGED,)),
    ("shape-2-40-genes", "shape", lambda values: np.array([2**40, CELLS]), (DAMAGED,)),
    ("shape-more-genes", "shape", lambda values: values + np.array([3, 0]), (DAMAGED,)),
    ("barcodes-few", "barcodes", lambda values: values[:-1], (DAMAGED,)),
    ("barcodes-twice", "barcodes", lambda values: values[[0, *range(len(values) - 1)]], ("more than once",)),
    ("barcodes-latin-1", "barcodes", first("CÉLL".encode("latin-1")), ("not UTF-8",)),
    ("barcodes-two-dimensional", "barcodes", lambda values: values.reshape(5, -1), (DAMAGED,)),
    ("features-few", "features/id", lambda values: values[:-1], (DAMAGED,)),
    ("names-few", "features/name", lambda values: values[:-1], (DAMAGED,)),
    ("types-few", "features/feature_type", lambda values: values[:-1], (DAMAGED,)),
    ("no-gene", "features/feature_type", lambda values: np.full(len(values), b"Antibody"), ("Gene Expression",)),
    ("features-numbers", "features/id", lambda values: np.arange(len(values)) + 0.5, (DAMAGED,)),
)  # fmt: skip

CASES: list[Case] = [
    *(
        refused(f"cut-{share}", with_file(cut(share)), "P1_pre.h5", DAMAGED, "copy or download it again")
        for share in (7, 8, 96, 0.1, 0.25, 0.5, 0.75, 0.99)
    ),
    refused("empty", with_file(bytes), "the file is empty"),
    refused("text", with_file(lambda: b"gene,a\nCD19,1\n"), DAMAGED),
    refused("gzip", with_file(lambda: gzip.compress(sound("tenx"))), "gzip", "unpack"),
    refused("gzip-named-gz", with_file(lambda: gzip.compress(sound("tenx")), "P1_pre.h5.gz"), "gzip", "unpack"),
    refused("zip", with_file(lambda: b"PK\x03\x04" + bytes(100), "P1_pre.zip"), "zip archive"),
    *(refused(name, edited(f"matrix/{where}", edit), "P1_pre.h5", *words) for name, where, edit, words in _EDITS),
    *(
        refused(f"lacks-{name.replace('/', '-')}", replaced(f"matrix/{name}", None), "lacks", name.rpartition("/")[2])
        for name in ("data", "indices", "indptr", "shape", "barcodes", "features", "features/id", "features/name")
    ),
    refused("nothing-in-it", with_file(lambda: h5_bytes(lambda handle: None)), "neither a 10x nor an h5ad file"),
    refused("matrix-is-an-array", replaced("matrix", np.arange(5)), DAMAGED),
    refused("matrix-is-a-type", changed(named_type), DAMAGED),
    refused("features-is-an-array", replaced("matrix/features", np.arange(5)), DAMAGED),
    refused(
        "data-is-a-group",
        changed(lambda handle: (handle.move("matrix/data", "x"), handle.create_group("matrix/data"))[0]),
        DAMAGED,
    ),  # one table, one line a case
    refused("two-genomes-no-human", changed(rename_genome), "2 genomes", "one human genome"),
    accepted("two-genomes", changed(two_genomes), "10x h5 (v2)"),
    refused("genome-without-names", changed(no_names), "lacks", "gene_names"),
    refused("soft-link-loop", changed(soft_loop), "matrix/data", "link"),
    refused(
        "soft-link-to-nothing",
        changed(
            lambda handle: (
                handle.__setitem__("matrix/features/x", h5py.SoftLink("/no"))
                or handle.__delitem__("matrix/data")
                or handle.__setitem__("matrix/data", h5py.SoftLink("/no"))
            )
        ),
        "matrix/data",
        "link",
    ),  # one table, one line a case
    refused("external-link", changed(external_link("P1_relapse.h5")), "another file"),
    refused("external-link-to-a-pipe", fifo_link, "another file"),
    refused("external-link-to-itself", changed(external_link("P1_pre.h5")), "another file"),
    refused("virtual-view", changed(virtual), "another file"),
    refused("raw-data-elsewhere", changed(raw_elsewhere), "another file"),
    accepted("group-in-itself", changed(own_parent), "10x h5 (v3)"),
    refused("declares-2-40-values", changed(lambda handle: declared(handle, "matrix/data", 2**40)), "declares"),
    refused(
        "declares-2-40-barcodes", changed(lambda handle: declared(handle, "matrix/barcodes", 2**40, "S16")), "declares"
    ),  # one table, one line a case
    refused("declares-2-40-pointers", changed(lambda handle: declared(handle, "matrix/indptr", 2**40)), "declares"),
    refused("deflate-bomb", changed(lambda handle: bomb(handle, "matrix/data")), "declares"),
    refused("deflate-bomb-of-names", changed(lambda handle: bomb(handle, "matrix/features/name")), "declares"),
    refused("checksum-is-wrong", with_file(_checksum), DAMAGED),
    refused("unknown-filter", with_file(_unknown_filter), DAMAGED),
    accepted("names-of-an-attack", changed(strange_names), "10x h5 (v3)"),
    accepted("user-block-before-it", with_file(_userblock), "10x h5 (v3)"),
    accepted("compressed-with-checksums", with_file(lambda: h5_bytes(_packed)), "10x h5 (v3)"),
    accepted("other-suffix", with_file(lambda: sound("tenx"), "P1_pre.csv"), "10x h5 (v3)"),
]
