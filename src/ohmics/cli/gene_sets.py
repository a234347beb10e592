"""`ohmics gene-sets`: summed counts and gene lists come in, ENRICHMENT goes out."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import anndata as ad
import pandas as pd

from ohmics.cli._common import contrasts_of, read_samples_and_qc, skipped_frame, stage_parser
from ohmics.enrich import Settings
from ohmics.enrich import run as run_gene_sets
from ohmics.io import write_table
from ohmics.tables import ENRICHMENT, SKIPPED


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "gene-sets", "Test the gene lists, cell type by cell type.", run)
    for name in ("samples", "qc", "counts", "lists", "out-enrichment", "out-skipped"):
        parser.add_argument(f"--{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Test the usable samples and write both tables."""
    settings = arguments.settings
    samples, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    lists = json.loads(arguments.lists.read_text(encoding="utf-8"))
    usable_rows = samples[samples["sample"].isin(usable)]
    counts = ad.read_h5ad(arguments.counts)
    tables, rows = [], []
    for method in ("flip", "camera"):
        found, skipped = run_gene_sets(
            counts,
            usable_rows,
            contrasts_of(settings),
            gene_lists=_by_cell_type(lists, sorted(set(counts.obs["cell_type"].astype(str)))),
            primary=pd.DataFrame(lists["primary"]),
            settings=Settings(method=method, seed=settings["seed"], **settings["gene_sets"]),
            **settings["de"],
        )
        tables.append(found)
        rows += skipped.to_dict("records")
    filled = [table for table in tables if len(table)] or tables[:1]
    whole = pd.concat(filled, ignore_index=True)
    write_table(whole, ENRICHMENT, arguments.out_enrichment)
    write_table(skipped_frame(rows), SKIPPED, arguments.out_skipped)
    return 0


def _by_cell_type(lists: dict[str, Any], present: list[str]) -> dict[str, dict[str, Any]]:
    """Turn list -> cell types into cell type -> lists; a user's list is tested in every type there is."""
    found: dict[str, dict[str, Any]] = {}
    for key, types in lists["score_on"].items():
        for cell_type in present if types == ["*"] else types:
            found.setdefault(cell_type, {})[key] = lists["lists"][key]
    return found
