"""`ohmics evidence`: the tables of a run come in, EVIDENCE goes out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from ohmics.catalog import catalog
from ohmics.cli._common import selected_catalog, stage_parser
from ohmics.evidence import weigh_evidence
from ohmics.io import read_table, write_table
from ohmics.tables import (
    ANTIGEN,
    ANTIGEN_PRESENTATION,
    ASSOCIATION,
    CAR,
    COMPOSITION,
    EFFECTS,
    ENRICHMENT,
    EVIDENCE,
    LINEAGE,
    MALIGNANT,
    PAIRS,
    QC,
    SAMPLES,
    SKIPPED,
)

FURTHER = {
    "antigen": ANTIGEN,
    "presentation": ANTIGEN_PRESENTATION,
    "lineage": LINEAGE,
    "car": CAR,
    "malignant": MALIGNANT,
    "association": ASSOCIATION,
}
"""Tables that not every run makes: a mechanism that rests on an absent one is not_assessable."""


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "evidence", "Weigh what the tables say of every mechanism.", run)
    for name in ("samples", "pairs", "qc", "effects", "enrichment", "composition", "skipped", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name, table in FURTHER.items():
        parser.add_argument(f"--{name}", type=Path, help=f"{table.name}, where the run makes it")


def run(arguments: argparse.Namespace) -> int:
    """Read the tables, weigh them and write the verdicts."""
    samples = read_table(arguments.samples, SAMPLES)
    mechanisms = catalog(*arguments.settings["catalog_paths"])
    evidence = weigh_evidence(
        effects=read_table(arguments.effects, EFFECTS),
        enrichment=read_table(arguments.enrichment, ENRICHMENT),
        catalog=selected_catalog(mechanisms, samples, arguments.settings["score_tiers"], told=True),
        composition=read_table(arguments.composition, COMPOSITION),
        **_further(arguments),
        qc=read_table(arguments.qc, QC),
        samples=samples,
        pairs=read_table(arguments.pairs, PAIRS),
        skipped=read_table(arguments.skipped, SKIPPED),
    )
    write_table(evidence, EVIDENCE, arguments.out)
    return 0


def _further(arguments: argparse.Namespace) -> dict[str, pd.DataFrame]:
    """Return the further tables that were given."""
    given = {name: getattr(arguments, name) for name in FURTHER}
    return {name: read_table(path, FURTHER[name]) for name, path in given.items() if path is not None}
