"""`ohmics config-used`: a config comes in, the same with every default filled in goes out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ohmics.cli._common import stage_parser
from ohmics.intake.config import load_config
from ohmics.io import write_text


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "config-used", "Write the config with every default filled in.", run)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Write the resolved config."""
    write_text(load_config(arguments.config).to_yaml(), arguments.out)
    return 0
