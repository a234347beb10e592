"""`ohmics de`: summed counts come in, DE and what was not tested go out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import anndata as ad

from ohmics import de
from ohmics.cli._common import contrasts_of, read_samples_and_qc, skipped_frame, stage_parser
from ohmics.de import DeModel
from ohmics.io import write_table
from ohmics.tables import DE, SKIPPED


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "de", "Test every gene, cell type by cell type.", run)
    for name in ("samples", "qc", "counts", "out-de", "out-skipped"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1, help="cell types tested at once")


def run(arguments: argparse.Namespace) -> int:
    """Test the usable samples and write both tables."""
    samples, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    chosen = arguments.settings["de"]
    found, skipped = de.run(
        ad.read_h5ad(arguments.counts),
        samples[samples["sample"].isin(usable)],
        contrasts_of(arguments.settings),
        min_cells=chosen["min_cells"],
        min_pairs=chosen["min_pairs"],
        methods=chosen["methods"],
        model=DeModel(**{name: chosen[name] for name in ("weights", "trend", "robust", "min_lfc")}),
        threads=arguments.threads,
    )
    write_table(found, DE, arguments.out_de)
    write_table(skipped_frame(skipped.to_dict("records")), SKIPPED, arguments.out_skipped)
    return 0
