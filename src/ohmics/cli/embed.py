"""`ohmics embed`: kept cells of the usable samples come in, clusters and UMAP coordinates go out."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import anndata as ad

from ohmics.cli._common import read_samples_and_qc, stage_parser
from ohmics.embed import embed
from ohmics.io import write_atomic
from ohmics.plan_paths import part_paths


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "embed", "Embed and cluster the kept cells of all usable samples.", run)
    for name in ("samples", "qc", "folder", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Embed one sample at a time in memory, and write sample, barcode, cluster and coordinates."""
    samples, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    sources = [partial(ad.read_h5ad, path) for path in part_paths(arguments.folder, usable, "counts.h5ad")]
    settings = arguments.settings
    patients = dict(zip(samples["sample"].astype(str), samples["patient"].astype(str), strict=True))
    frame = embed(sources, seed=settings["seed"], patients=patients, **settings["embed"])
    with write_atomic(arguments.out) as temporary:
        frame.to_parquet(temporary, index=False)
    print(f"{len(frame)} cells of {len(usable)} samples in {frame['cluster'].nunique()} clusters")
    return 0
