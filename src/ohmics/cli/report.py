"""`ohmics report`: the tables of a results folder come in, qc.html, signatures.html and a page a patient go out."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from ohmics.catalog import catalog
from ohmics.cli import VERBS
from ohmics.cli._common import stage_parser
from ohmics.errors import Fault, OhmicsError
from ohmics.io import write_folder, write_text
from ohmics.provenance import code_digest, versions
from ohmics.report.inputs import ReportInputs, load_inputs
from ohmics.report.patient_page import patient_pages
from ohmics.report.qc_page import qc_page
from ohmics.report.signatures_page import signatures_page
from ohmics.score.methods import METHODS

_PAGES = {"qc": qc_page, "signatures": signatures_page}
_PATIENTS = "patients"
_NAMES = (*sorted(_PAGES), _PATIENTS)


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "report", "Write the reports from the tables of a results folder.", run)
    parser.add_argument(
        "what", metavar="RESULTS", help=f"the results folder, for all pages; or one of {', '.join(_NAMES)}"
    )
    parser.add_argument("--results", type=Path, help="the results folder, when only one kind of page is wanted")
    parser.add_argument(
        "--out", type=Path, help=f"the page, or the folder of {_PATIENTS}; of all pages: their folder, RESULTS/reports"
    )


def run(arguments: argparse.Namespace) -> int:
    """Render the pages and write each whole."""
    if arguments.what not in _NAMES:
        results = arguments.results or Path(arguments.what)
        inputs = _inputs(results, arguments.settings)
        folder = arguments.out or results / "reports"
        for name in _PAGES:
            _write(inputs, name, folder / f"{name}.html")
        _write(inputs, _PATIENTS, folder / _PATIENTS)
        return 0
    if arguments.results is None or arguments.out is None:
        raise OhmicsError(
            Fault(
                f"`ohmics report {arguments.what}` writes one kind of page and needs to know from what and whereto",
                legal="--results FOLDER --out PATH",
                remedy="or give the results folder alone, as in `ohmics report RESULTS`, for all pages",
            )
        )
    _write(_inputs(arguments.results, arguments.settings), arguments.what, arguments.out)
    return 0


def _inputs(results: Path, settings: dict[str, Any]) -> ReportInputs:
    stages = sorted({f"ohmics.cli.{module}" for module, _, group in VERBS.values() if group == "stages"})
    inputs = load_inputs(
        results,
        versions=versions(),
        provenance={
            "digest": code_digest(*stages),
            "command": "ohmics run",
            "score_methods": {name: {"definition": one.definition, "doi": one.doi} for name, one in METHODS.items()},
        },
    )
    # A folder that is read long after its run knows itself which mechanisms were added.
    paths = settings.get("catalog_paths", inputs.config.get("catalog_paths")) or []
    return replace(inputs, catalog=catalog(*paths))


def _write(inputs: ReportInputs, name: str, out: Path) -> None:
    if name != _PATIENTS:
        write_text(_PAGES[name](inputs), out)
        return
    with write_folder(out) as folder:
        for page_name, page in patient_pages(inputs):
            (folder / page_name).write_text(page, encoding="utf-8", newline="\n")
