"""`ohmics junctions`: a user's table of junction reads comes in; JUNCTIONS goes out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ohmics.calls.junctions import call_junctions
from ohmics.cli._common import stage_parser
from ohmics.intake.extra_tables import read_junctions
from ohmics.io import read_table, write_table
from ohmics.tables import JUNCTIONS, SAMPLES


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "junctions", "Say which samples skip an exon of an antigen.", run)
    for name in ("samples", "junctions", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Read the reads over junctions and write each event's share of transcripts with the exon."""
    samples = read_table(arguments.samples, SAMPLES)
    reads = read_junctions(arguments.junctions, samples=samples["sample"])
    write_table(call_junctions(reads, samples), JUNCTIONS, arguments.out)
    return 0
