"""Paths that are no ordinary files: pipes, folders, links, rights; no data come in."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from hostile_case import Case, Maker, accepted, refused
from hostile_study import sound, study


def in_place_of(name: str, put: Callable[[Path], object], modality: str = "bulk") -> Maker:
    """Return a maker of a sound study with one file replaced by something else."""

    def make(folder: Path) -> list[str]:
        made = study(folder, modality)
        if modality == "single_cell":
            made.files |= {row["path"]: sound("h5ad") for row in made.rows}
        made.config["input"]["junctions" if modality == "bulk" else "cells"] = "extra.tsv"
        made.config["score"] = {"gene_lists": ["lists.gmt"]}
        made.files["lists.gmt"] = b"SET\tna\tCD19\tMS4A1\n"
        made.files["extra.tsv"] = (
            b"sample\tevent\tupstream\tdownstream\tskipping\nP1_pre\te\t1\t1\t1\n"
            if modality == "bulk"
            else b"sample\tbarcode\nP1_pre\tCELL001\n"
        )
        words = made.write()
        if name:
            (folder / name).unlink()
            put(folder / name)
        return words

    return make


def _socket(path: Path) -> None:
    # The address of a socket is at most 107 bytes long, so it is bound from within its folder.
    here = Path.cwd()
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(here)


def _locked(path: Path) -> None:
    path.write_bytes(sound("h5ad"))
    path.chmod(0)


def _locked_folder(path: Path) -> None:
    path.mkdir()
    (path / "matrix.mtx").write_bytes(b"")
    path.chmod(0)


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def _itself(path: Path) -> None:
    path.symlink_to(path)


def _zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _store(path: Path) -> None:
    path.mkdir()
    (path / ".zgroup").write_text("{", encoding="utf-8")


def _moved(path: Path) -> None:
    elsewhere = path.parent.parent / "cwd" / path.name
    elsewhere.write_bytes(sound("h5ad"))
    path.symlink_to(elsewhere)


_FILES = (
    ("config.yaml", "bulk"), ("samples.tsv", "bulk"), ("counts.csv", "bulk"), ("extra.tsv", "bulk"),
    ("lists.gmt", "bulk"), ("P1_pre.h5ad", "single_cell"), ("extra.tsv", "single_cell"),
)  # fmt: skip


def _no_config(folder: Path) -> list[str]:
    folder.mkdir(exist_ok=True)
    return ["check", str(folder / "nothing.yaml")]


CASES: list[Case] = [
    accepted("sound-bulk", in_place_of("", _dangling), "complete pair"),
    accepted("sound-cells", in_place_of("", _dangling, "single_cell"), "complete pair"),
    *(
        refused(f"{what}-for-{name}-{modality}", in_place_of(name, put, modality), name, word)
        for what, put, word in (
            ("pipe", os.mkfifo, "no regular file"),
            ("socket", _socket, "no regular file"),
            ("device", _zero, "no regular file"),
            ("dangling-link", _dangling, "no such"),
            ("link-to-itself", _itself, "no such"),
        )
        for name, modality in _FILES
    ),
    *(
        refused(f"folder-for-{name}-{modality}", in_place_of(name, Path.mkdir, modality), name, "folder")
        for name, modality in _FILES
    ),
    *(
        refused(
            f"no-right-to-read-{name}-{modality}",
            in_place_of(name, _locked, modality),
            name,
            "may not be read",
            unprivileged=True,
        )  # one table, one line a case
        for name, modality in _FILES
    ),
    refused(
        "no-right-to-list",
        in_place_of("P1_pre.h5ad", _locked_folder, "single_cell"),
        "may not be read",
        unprivileged=True,
    ),  # one table, one line a case
    refused("half-a-store", in_place_of("P1_pre.h5ad", _store, "single_cell"), "P1_pre.h5ad"),
    accepted("link-out-of-the-folder", in_place_of("P1_pre.h5ad", _moved, "single_cell"), "complete pair"),
    refused("no-config", _no_config, "no such config file"),
]
