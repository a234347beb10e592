"""`ohmics pairs`: SAMPLES and QC come in, PAIRS and the model matrices of the usable samples go out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ohmics.cli._common import contrasts_of, stage_parser
from ohmics.intake.contrast_words import design_rows
from ohmics.intake.pairing import describe_pairs, resolve_pairs
from ohmics.io import read_table, write_table
from ohmics.qc.imbalance import depth_notes
from ohmics.tables import DESIGN, PAIRS, QC, SAMPLES


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "pairs", "Pair the usable samples for every contrast.", run)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--qc", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--out-design", type=Path, required=True, help="the model matrices (DESIGN)")


def run(arguments: argparse.Namespace) -> int:
    """Resolve the pairs and the model matrices, print what they say and write them."""
    samples, qc = read_table(arguments.samples, SAMPLES), read_table(arguments.qc, QC)
    out = qc[qc["verdict"] == "excluded"]
    contrasts = contrasts_of(arguments.settings)
    pairs = resolve_pairs(samples, contrasts, excluded=dict(zip(out["sample"], out["flags"].fillna(""), strict=True)))
    what = "library size" if set(samples["modality"]) == {"bulk"} else "median UMI"
    pairs = depth_notes(pairs, qc, what=what)
    for line in describe_pairs(pairs, contrasts):
        print(line)
    design, sentences = design_rows(samples[~samples["sample"].isin(out["sample"])], contrasts)
    for line in sentences:
        print(line)
    write_table(pairs, PAIRS, arguments.out)
    write_table(design, DESIGN, arguments.out_design)
    return 0
