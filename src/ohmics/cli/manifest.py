"""`ohmics manifest`: a finished results folder comes in, MANIFEST goes out: the sha256 of what was read and written."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ohmics.cli._common import stage_parser
from ohmics.io import write_table
from ohmics.tables import MANIFEST


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "manifest", "Write the sha256 of every file of a finished run.", run)
    parser.add_argument("--results", type=Path, required=True, help="the results folder of a finished run")
    parser.add_argument("--out", type=Path, required=True, help="MANIFEST: results/manifest.tsv, where verify reads it")


def run(arguments: argparse.Namespace) -> int:
    """Hash the outputs, the inputs, the catalogue and the code, and write the table."""
    from ohmics.manifest import make_manifest

    write_table(make_manifest(arguments.results, stages=stages()), MANIFEST, arguments.out)
    return 0


def stages() -> dict[str, str]:
    """Return the module of every stage that makes results."""
    from ohmics.cli import VERBS

    return {verb: f"ohmics.cli.{module}" for verb, (module, _, group) in VERBS.items() if group == "stages"}
