"""`ohmics init`: a folder name comes in, a commented config and sample sheet go out."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Any

from ohmics.errors import Fault, OhmicsError, listing
from ohmics.intake.results_folder import FoundSamples, find_samples
from ohmics.io import write_text
from ohmics.shipped import shipped

_FILES = ("config.yaml", "samples.tsv", "README.md")


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = commands.add_parser("init", help="make a folder with a commented config and sample sheet")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--from",
        dest="results",
        type=Path,
        metavar="RESULTS",
        help="results of nf-core/rnaseq, scrnaseq, scdownstream, Cell Ranger, STARsolo, alevin-fry, salmon, RSEM, "
        "STAR: their samples are put into the sheet",
    )
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Copy the commented config; a file that is there already is never overwritten."""
    folder: Path = arguments.folder
    taken = [name for name in _FILES if (folder / name).exists()]
    if taken:
        raise OhmicsError(
            [
                Fault("the file exists and is left as it is", str(folder / name), remedy="give another folder")
                for name in taken
            ]
        )
    found = None if arguments.results is None else find_samples(arguments.results)
    for name in _FILES:
        text = (shipped("config") / name).read_text(encoding="utf-8")
        if found is not None and name != "README.md":
            text = _sheet(found, folder) if name == "samples.tsv" else _config(text, found, folder)
        write_text(text, folder / name)
    print(f"wrote {', '.join(_FILES)} to {folder}")
    if found is not None:
        print(f"{len(found.samples)} samples of {found.kind}: {listing(found.samples)}")
        print(f"next: fill in `patient` and `timepoint` of each sample in {folder / 'samples.tsv'}, and the contrasts")
        return 0
    print(f"next: put your samples into {folder / 'samples.tsv'}, then `ohmics check {folder / 'config.yaml'}`")
    return 0


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def _sheet(found: FoundSamples, folder: Path) -> str:
    """Return a sheet with the samples; whose they are, and when they were taken, no results folder says."""
    columns = ["sample", "patient", "timepoint"] + ([] if found.matrix else ["path"])
    lines = ["\t".join(columns)]
    for name, path in found.samples.items():
        lines.append("\t".join([name, "", ""] + ([] if found.matrix else [_relative(path, folder)])))
    return "\n".join(lines) + "\n"


def _config(text: str, found: FoundSamples, folder: Path) -> str:
    """Return the commented config with the modality, and the matrix where there is one of all samples."""
    modality = found.modality.ljust(len("single_cell"))
    text = re.sub(r"(?m)^(  modality: )single_cell", rf"\g<1>{modality}", text)
    if found.matrix is not None:
        matrix = _relative(found.matrix, folder)
        text = re.sub(r"(?m)^  # matrix: \S+", lambda _: f"  matrix: {matrix}", text)
    return text
