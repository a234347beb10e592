"""`ohmics associate`: SCORES and SAMPLES come in, ASSOCIATION and SURVIVAL_CURVES go out."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from ohmics.association import associate
from ohmics.cli._common import contrasts_of, outcomes_of, read_samples_and_qc, skipped_frame, stage_parser
from ohmics.io import read_table, write_table
from ohmics.tables import ASSOCIATION, SCORES, SKIPPED, SURVIVAL_CURVES, Table


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "associate", "Hold the mechanisms' scores against outcomes of the sheet.", run)
    for name in ("samples", "qc", "scores", "lists", "out-association", "out-curves", "out-skipped"):
        parser.add_argument(f"--{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Hold the primary lines of all mechanisms against each outcome and write three tables."""
    settings = arguments.settings
    samples, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    samples = samples[samples["sample"].isin(usable)]
    scores = read_table(arguments.scores, SCORES)
    known = {contrast.label: contrast for contrast in contrasts_of(settings)}
    primary = pd.DataFrame(json.loads(arguments.lists.read_text(encoding="utf-8"))["primary"])
    found = [
        associate(
            scores,
            samples,
            outcome=outcome,
            contrast=known.get(outcome.contrast or ""),
            primary=primary,
            n_draws=settings["compare"]["n_draws"],
            seed=settings["seed"],
        )
        for outcome in outcomes_of(settings)
    ]
    write_table(_together(found, ASSOCIATION), ASSOCIATION, arguments.out_association)
    write_table(
        _together([one.attrs["curves"] for one in found], SURVIVAL_CURVES), SURVIVAL_CURVES, arguments.out_curves
    )
    rows = [row for one in found for row in one.attrs["skipped"]]
    write_table(skipped_frame(rows), SKIPPED, arguments.out_skipped)
    return 0


def _together(parts: list[pd.DataFrame], table: Table) -> pd.DataFrame:
    held = [part.assign() for part in parts if len(part)]
    for part in held:
        part.attrs = {}
    return table.conform(pd.concat(held, ignore_index=True)) if held else table.empty()
