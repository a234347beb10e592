"""`ohmics report`: the tables of a results folder come in, qc.html or signatures.html goes out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ohmics.catalog import catalog
from ohmics.cli import VERBS
from ohmics.cli._common import stage_parser
from ohmics.io import write_text
from ohmics.provenance import code_digest, versions
from ohmics.report.inputs import load_inputs
from ohmics.report.qc_page import qc_page
from ohmics.report.signatures_page import signatures_page
from ohmics.score.methods import METHODS

_PAGES = {"qc": qc_page, "signatures": signatures_page}


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "report", "Write one report from the tables of a results folder.", run)
    parser.add_argument("page", choices=sorted(_PAGES))
    parser.add_argument("--results", type=Path, required=True, help="the results folder")
    parser.add_argument("--out", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Render the page and write it whole."""
    mechanisms = catalog(*arguments.settings.get("catalog_paths", []))
    stages = sorted({f"ohmics.cli.{module}" for module, _, group in VERBS.values() if group == "stages"})
    inputs = load_inputs(
        arguments.results,
        catalog=mechanisms,
        versions=versions(),
        provenance={
            "digest": code_digest(*stages),
            "command": "ohmics run",
            "score_methods": {name: {"definition": one.definition, "doi": one.doi} for name, one in METHODS.items()},
        },
    )
    write_text(_PAGES[arguments.page](inputs), arguments.out)
    return 0
