"""`ohmics calls`: malignant cells of each pair come in; ANTIGEN and ANTIGEN_PRESENTATION go out.

A lineage switch is not called here: cells declared malignant by their annotated type leave the declaration when they
switch, so that the run could only ever say that nothing switched.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ohmics.calls.patients import call_antigens
from ohmics.catalog import catalog
from ohmics.cli._cells import LazyCells
from ohmics.cli._common import read_samples_and_qc, skipped_frame, stage_parser
from ohmics.io import read_table, write_table
from ohmics.tables import ANTIGEN, ANTIGEN_PRESENTATION, PAIRS, SKIPPED


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "calls", "Call the antigens of every patient with a pair of samples.", run)
    for name in ("samples", "qc", "pairs", "cells", "folder"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("antigen", "presentation", "skipped"):
        parser.add_argument(f"--out-{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Call one patient after the other; two samples are in memory at a time."""
    settings = arguments.settings
    samples, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    sheet = samples[samples["sample"].isin(usable)]
    pairs = read_table(arguments.pairs, PAIRS)
    cells = LazyCells(arguments.folder, arguments.cells, usable)
    known = catalog(*settings["catalog_paths"])
    antigens = call_antigens(cells, sheet, pairs, catalog=known, seed=settings["seed"])
    write_table(antigens.antigen, ANTIGEN, arguments.out_antigen)
    write_table(antigens.presentation, ANTIGEN_PRESENTATION, arguments.out_presentation)
    write_table(skipped_frame(antigens.skipped.to_dict("records")), SKIPPED, arguments.out_skipped)
    return 0
