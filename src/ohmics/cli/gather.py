"""`ohmics gather`: the parts of one table, a file a sample, become one table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ohmics.cli._common import gather, stage_parser
from ohmics.io import read_table, write_table
from ohmics.plan_paths import part_paths
from ohmics.tables import SAMPLES, TABLES


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "gather", "Put the parts of one table below each other.", run)
    parser.add_argument("--table", choices=sorted(TABLES), required=True)
    parser.add_argument("--samples", type=Path, help="SAMPLES, which names the parts")
    parser.add_argument("--folder", type=Path, help="folder with one folder a sample")
    parser.add_argument("--file", action="append", default=[], help="name of the part in each sample's folder")
    parser.add_argument("--part", type=Path, nargs="*", default=[], help="parts named one by one")
    parser.add_argument("--out", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Read the parts, check them and write the whole."""
    table = TABLES[arguments.table]
    paths = list(arguments.part)
    if arguments.samples is not None:
        samples = read_table(arguments.samples, SAMPLES)["sample"]
        for name in arguments.file:
            paths += part_paths(arguments.folder, samples, name)
    frame = gather(paths, table)
    if arguments.table == "SKIPPED":
        frame = frame.drop_duplicates(list(table.key), ignore_index=True)
    write_table(frame, table, arguments.out)
    return 0
