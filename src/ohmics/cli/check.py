"""`ohmics check`: a config comes in; what was understood of it, or every fault at once, goes out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ohmics.errors import OhmicsError
from ohmics.io import write_table, write_text
from ohmics.tables import DESIGN, PAIRS, SAMPLES


def add_parser(commands: Any) -> None:
    """Add the verb."""
    text = "Check a config, its sample sheet, its matrices and its contrasts, and say what was understood."
    parser = commands.add_parser("check", help=text, description=text)
    parser.add_argument("config", type=Path, help="the config file (YAML)")
    parser.add_argument(
        "--out", type=Path, help="folder for samples.tsv, pairs.tsv, design.tsv and config.yaml as understood"
    )
    parser.add_argument("--design", action="store_true", help="print the model matrix of each contrast")
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what was understood; print every fault to stderr and return 2 when something is wrong."""
    from ohmics.intake.check import check_run
    from ohmics.intake.config import load_config
    from ohmics.intake.contrast_words import design_text
    from ohmics.score.methods import METHODS, cohort_methods

    try:
        config = load_config(arguments.config)
        result = check_run(config, methods=tuple(METHODS), of_cohorts=cohort_methods())
    except OhmicsError as error:
        print(error, file=sys.stderr)
        return 2
    for note in result.notes:
        print(note)
    if arguments.design:
        print(f"\n{design_text(result.design)}" if len(result.design) else "\nno contrast has a model matrix")
    if arguments.out is not None:
        write_table(result.samples, SAMPLES, arguments.out / "samples.tsv")
        write_table(result.pairs, PAIRS, arguments.out / "pairs.tsv")
        write_table(result.design, DESIGN, arguments.out / "design.tsv")
        write_text(config.to_yaml(), arguments.out / "config.yaml")
        print(f"written: samples.tsv, pairs.tsv, design.tsv and config.yaml in {arguments.out}")
    return 0
