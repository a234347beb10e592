"""`ohmics compare`: SCORES and CELLS come in, EFFECTS and COMPOSITION go out."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from ohmics.calls.content_effects import compare_beyond, content_of
from ohmics.cli._common import contrasts_of, read_samples_and_qc, skipped_frame, stage_parser
from ohmics.compare import compare, compare_composition
from ohmics.io import read_table, write_table
from ohmics.share_groups import compare_shares
from ohmics.tables import CELLS, COMPOSITION, CONTENT, EFFECTS, SCORES, SKIPPED


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "compare", "Compare scores and fractions within patients.", run)
    for name in ("samples", "qc", "scores", "lists", "out-effects", "out-composition", "out-skipped"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--content", type=Path, help="CONTENT of unsorted bulk samples, to read programmes beyond it")
    parser.add_argument("--cells", type=Path, help="CELLS, for the composition of single-cell samples")


def run(arguments: argparse.Namespace) -> int:
    """Compare the usable samples in every contrast and write three tables."""
    settings = arguments.settings
    samples, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    samples = samples[samples["sample"].isin(usable)]
    contrasts = contrasts_of(settings)
    lists = json.loads(arguments.lists.read_text(encoding="utf-8"))
    scores = read_table(arguments.scores, SCORES)
    options: dict[str, Any] = {
        "primary": pd.DataFrame(lists["primary"]),
        "n_draws": settings["compare"]["n_draws"],
        "seed": settings["seed"],
    }
    if arguments.content is None:
        effects = compare(scores, samples, contrasts, **options)
    else:
        content = content_of(lists, read_table(arguments.content, CONTENT))
        effects = compare_beyond(scores, samples, contrasts, content=content, **options)
    rows = list(effects.attrs["skipped"])
    if arguments.cells is None:
        composition = COMPOSITION.empty()
    else:
        cells = read_table(arguments.cells, CELLS)
        draws = {"n_draws": settings["compare"]["n_draws"], "seed": settings["seed"]}
        parts = [
            compare_composition(cells, samples, contrasts, **draws),
            compare_shares(
                cells, samples, contrasts, shares=lists["shares"], descendants=lists["descendants"], **draws
            ),
        ]
        rows += [row for part in parts for row in part.attrs["skipped"]]
        composition = COMPOSITION.conform(
            pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
        )
    write_table(effects, EFFECTS, arguments.out_effects)
    write_table(composition, COMPOSITION, arguments.out_composition)
    write_table(skipped_frame(rows), SKIPPED, arguments.out_skipped)
    return 0
