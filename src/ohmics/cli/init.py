"""`ohmics init`: a folder name comes in, a commented config and sample sheet go out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ohmics.errors import Fault, OhmicsError
from ohmics.io import write_text
from ohmics.shipped import shipped

_FILES = ("config.yaml", "samples.tsv", "README.md")


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = commands.add_parser("init", help="make a folder with a commented config and sample sheet")
    parser.add_argument("folder", type=Path)
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
    for name in _FILES:
        write_text((shipped("config") / name).read_text(encoding="utf-8"), folder / name)
    print(f"wrote {', '.join(_FILES)} to {folder}")
    print(f"next: put your samples into {folder / 'samples.tsv'}, then `ohmics check {folder / 'config.yaml'}`")
    return 0
