"""`ohmics ora`: DE and gene lists come in, ORA goes out."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ohmics.cli._common import skipped_frame, stage_parser
from ohmics.cli.gene_sets import add_collections, by_cell_type, read_collections
from ohmics.io import read_table, write_table
from ohmics.ora import over_representation
from ohmics.tables import DE, ORA, SKIPPED


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "ora", "Count the changed genes of each gene list against chance.", run)
    for name in ("de", "lists", "out-ora", "out-skipped"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    add_collections(parser)


def run(arguments: argparse.Namespace) -> int:
    """Test every list of the run in the cell types it was read in, and the collections in all."""
    chosen = arguments.settings["gene_sets"]
    genes = read_table(arguments.de, DE)
    lists = json.loads(arguments.lists.read_text(encoding="utf-8"))
    present = sorted(set(genes["cell_type"].astype(str)))
    own = by_cell_type(lists, present)
    further = {
        key: gene_list
        for collection in read_collections(arguments.collection, set(genes["gene"].astype(str))).values()
        for key, gene_list in collection.items()
        if key not in lists["lists"]
    }
    found = over_representation(
        genes,
        {cell_type: {**own.get(cell_type, {}), **further} for cell_type in present},
        max_q=chosen["ora_max_q"],
        min_size=chosen["min_size"],
        max_size=chosen["max_size"],
    )
    write_table(found, ORA, arguments.out_ora)
    write_table(skipped_frame(found.attrs["skipped"]), SKIPPED, arguments.out_skipped)
    return 0
