"""`ohmics samples`: the input part of a config comes in; SAMPLES goes out after a look into every matrix."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ohmics.cli._common import stage_parser
from ohmics.intake.check import check_run
from ohmics.intake.config import parse_config
from ohmics.io import write_table
from ohmics.tables import SAMPLES


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "samples", "Look into every input and write SAMPLES.", run)
    parser.add_argument("--out", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Check all inputs, print what was understood, write the sheet."""
    # Paths in the settings are absolute already, so the folder they would be relative to does not matter.
    result = check_run(parse_config({"project": "run", "input": arguments.settings["input"]}, folder=Path.cwd()))
    for line in result.notes:
        print(line)
    write_table(result.samples, SAMPLES, arguments.out)
    return 0
