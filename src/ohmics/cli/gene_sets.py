"""`ohmics gene-sets`: summed counts and gene lists come in, ENRICHMENT, SET_OVERLAP and RUNNING_SUMS go out."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import anndata as ad
import pandas as pd

from ohmics.cli._common import contrasts_of, read_samples_and_qc, skipped_frame, stage_parser
from ohmics.enrich import Settings, run_methods
from ohmics.errors import Fault, OhmicsError
from ohmics.intake.gene_lists import read_gene_lists
from ohmics.intake.resources import list_aliases
from ohmics.io import write_table
from ohmics.stats.genesets import GeneList
from ohmics.tables import ENRICHMENT, RUNNING_SUMS, SET_OVERLAP, SKIPPED


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "gene-sets", "Test the gene lists, cell type by cell type.", run)
    for name in ("samples", "qc", "counts", "lists", "out-enrichment", "out-overlap", "out-walks", "out-skipped"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    add_collections(parser)


def run(arguments: argparse.Namespace) -> int:
    """Test the usable samples and write the tables."""
    settings = arguments.settings
    chosen = settings["gene_sets"]
    samples, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    lists = json.loads(arguments.lists.read_text(encoding="utf-8"))
    usable_rows = samples[samples["sample"].isin(usable)]
    counts = ad.read_h5ad(arguments.counts)
    found = run_methods(
        counts,
        usable_rows,
        contrasts_of(settings),
        gene_lists=by_cell_type(lists, sorted(set(counts.obs["cell_type"].astype(str)))),
        methods=chosen["methods"],
        primary=pd.DataFrame(lists["primary"]),
        collections=read_collections(arguments.collection, set(counts.var_names.astype(str))),
        settings=Settings(
            n_draws=chosen["n_draws"], seed=settings["seed"], min_size=chosen["min_size"],
            max_size=chosen["max_size"], weights=settings["de_weights"],
        ),
        min_cells=settings["de_min_cells"],
        min_pairs=settings["de_min_pairs"],
    )  # fmt: skip
    write_table(found.enrichment, ENRICHMENT, arguments.out_enrichment)
    write_table(found.overlap, SET_OVERLAP, arguments.out_overlap)
    write_table(found.running_sums, RUNNING_SUMS, arguments.out_walks)
    write_table(skipped_frame(found.skipped.to_dict("records")), SKIPPED, arguments.out_skipped)
    return 0


def add_collections(parser: argparse.ArgumentParser) -> None:
    """Add ``--collection``, given once for each collection of a user's gene lists."""
    parser.add_argument(
        "--collection", type=_named_file, action="append", default=[], metavar="NAME=PATH",
        help="further gene lists (GMT), a family by themselves",
    )  # fmt: skip


def _named_file(text: str) -> tuple[str, Path]:
    name, _, path = text.partition("=")
    if not name or not path:
        raise argparse.ArgumentTypeError("must be NAME=PATH")
    return name, Path(path)


def read_collections(given: list[tuple[str, Path]], held: set[str]) -> dict[str, dict[str, GeneList]]:
    """Read each collection; a gene the data lack under its name is looked for under its approved symbol."""
    found: dict[str, dict[str, GeneList]] = {}
    for name, path in given:
        lists, _ = read_gene_lists(path)
        aliases = list_aliases(lists)

        def known(gene: str, aliases: dict[str, str] = aliases) -> str:
            return gene if gene in held else aliases.get(gene, gene)

        found[name] = {
            key: {side: [known(g) for g in part] for side, part in genes.items()}
            if isinstance(genes, dict)
            else [known(g) for g in genes]
            for key, genes in lists.items()
        }
        if not found[name]:
            raise OhmicsError(Fault("holds no gene list", where=str(path), remedy="give a GMT file with gene symbols"))
    return found


def by_cell_type(lists: dict[str, Any], present: list[str]) -> dict[str, dict[str, Any]]:
    """Turn list -> cell types into cell type -> lists; a user's list is tested in every type there is."""
    found: dict[str, dict[str, Any]] = {}
    for key, types in lists["score_on"].items():
        for cell_type in present if types == ["*"] else types:
            found.setdefault(cell_type, {})[key] = lists["lists"][key]
    return found
