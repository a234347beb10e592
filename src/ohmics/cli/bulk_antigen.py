"""`ohmics bulk-antigen`: bulk counts and pairs come in; ANTIGEN goes out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import anndata as ad

from ohmics.calls.bulk_patients import call_bulk_antigens
from ohmics.catalog import catalog
from ohmics.cli._common import antigen_rules, read_samples_and_qc, skipped_frame, stage_parser
from ohmics.cli._fractions import holds_fractions, not_called
from ohmics.io import read_table, write_table
from ohmics.tables import ANTIGEN, PAIRS, SKIPPED


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "bulk-antigen", "Call the antigens of every patient with a pair of samples.", run)
    for name in ("samples", "qc", "pairs", "counts", "out-antigen", "out-skipped"):
        parser.add_argument(f"--{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Call one patient after the other."""
    settings = arguments.settings
    samples, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    counts, sheet = ad.read_h5ad(arguments.counts), samples[samples["sample"].isin(usable)]
    pairs = read_table(arguments.pairs, PAIRS)
    if holds_fractions(counts):
        rows = not_called("antigen", sheet, pairs, usable, cell_type="bulk")
        write_table(ANTIGEN.empty(), ANTIGEN, arguments.out_antigen)
        write_table(skipped_frame(rows), SKIPPED, arguments.out_skipped)
        return 0
    calls = call_bulk_antigens(
        counts,
        sheet,
        pairs,
        catalog=catalog(*settings["catalog_paths"]),
        rules=antigen_rules(settings["antigen"])[0],
    )
    write_table(calls.antigen, ANTIGEN, arguments.out_antigen)
    write_table(skipped_frame(calls.skipped.to_dict("records")), SKIPPED, arguments.out_skipped)
    return 0
