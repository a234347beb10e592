"""`ohmics export`: a results folder comes in; tables, workbook, h5ad, MultiQC content, Methods and RO-Crate go out."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ohmics.cli._common import skipped_frame, stage_parser
from ohmics.errors import Fault, OhmicsError
from ohmics.io import write_table, write_text
from ohmics.provenance import versions
from ohmics.tables import SKIPPED, skipped

DEFAULTS = {"h5ad_max_cells": 500_000, "max_tsv_rows": 100_000}
"""Keys of ``export`` in the config."""


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "export", "Write the tables of a results folder for other programs.", run)
    parser.add_argument(
        "--results", type=Path, required=True, help="the results folder of a run; its tables are read, not changed"
    )
    parser.add_argument("--out", type=Path, required=True, help="the export folder, for example results/export")
    parser.add_argument(
        "--format",
        action="append",
        choices=list(_FORMATS),
        help="write this one only; may be given several times (default: all of them)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the formats asked for, the crate last: it lists what lies there."""
    wanted = arguments.format or list(_FORMATS)
    for name, write in _FORMATS.items():
        if name in wanted:
            write(arguments)
    return 0


def _setting(arguments: argparse.Namespace, key: str) -> int:
    given = arguments.settings.get("export") or _run_config(arguments).get("export") or {}
    return int(given.get(key, DEFAULTS[key]))


def _run_config(arguments: argparse.Namespace) -> dict[str, Any]:
    from ohmics.export.run_tables import read_config

    return read_config(arguments.results)


def _project(arguments: argparse.Namespace) -> str:
    return str(_run_config(arguments).get("project") or "ohmics")


def _tables(arguments: argparse.Namespace) -> None:
    from ohmics.export.run_tables import run_tables
    from ohmics.export.table_files import write_table_files

    made = run_tables(arguments.results)
    write_table_files(
        made,
        arguments.out / "tables",
        version=versions()["ohmics"],
        most_tsv_rows=_setting(arguments, "max_tsv_rows"),
    )


def _workbook(arguments: argparse.Namespace) -> None:
    from ohmics.export.run_tables import run_tables
    from ohmics.export.workbook import write_workbook

    made = run_tables(arguments.results)
    place = arguments.out / "results.xlsx"
    write_workbook(made, place, project=_project(arguments), version=versions()["ohmics"])


def _multiqc(arguments: argparse.Namespace) -> None:
    from ohmics.export.multiqc import multiqc_sections, write_multiqc

    inputs = _inputs(arguments)
    if inputs.qc is None:
        raise OhmicsError(
            Fault(
                "no quality table, so there is nothing for MultiQC",
                where=str(arguments.results / "tables" / "qc.tsv"),
                remedy="let the run finish, or choose other formats with --format",
            )
        )
    known = inputs.catalog.mechanisms if inputs.catalog is not None else {}
    names = {name: mechanism.name for name, mechanism in known.items()}
    write_multiqc(multiqc_sections(inputs.qc, inputs.evidence, bulk=inputs.bulk, names=names), arguments.out)


def _methods(arguments: argparse.Namespace) -> None:
    from ohmics.export.methods_document import methods_document
    from ohmics.export.software import software_used

    inputs = _inputs(arguments)
    text, references = methods_document(inputs, versions=software_used(inputs))
    write_text(text, arguments.out / "methods.md")
    write_text(references, arguments.out / "references.bib")


def _h5ad(arguments: argparse.Namespace) -> None:
    from ohmics.export.bulk_samples import write_samples
    from ohmics.export.cells import write_cells

    place, version = arguments.out / "ohmics.h5ad", versions()["ohmics"]
    if (_run_config(arguments).get("input") or {}).get("modality") == "bulk":
        reason = write_samples(arguments.results, place, version=version)
    else:
        most = _setting(arguments, "h5ad_max_cells")
        reason = write_cells(arguments.results, place, version=version, most_cells=most)
    rows = [skipped("export", reason, item="ohmics.h5ad")] if reason else []
    write_table(skipped_frame(rows), SKIPPED, arguments.out / "skipped.tsv")


def _crate(arguments: argparse.Namespace) -> None:
    from ohmics.cli import VERBS
    from ohmics.export.crate import RunFacts, write_crate
    from ohmics.export.run_tables import run_tables
    from ohmics.export.software import software_used
    from ohmics.manifest import inputs_of
    from ohmics.provenance import code_digest
    from ohmics.shipped import shipped

    stages = sorted({f"ohmics.cli.{module}" for module, _, group in VERBS.values() if group == "stages"})
    titles = {"results.xlsx": "All tables as an Excel workbook", "methods.md": "Methods section",
              "references.bib": "Works cited by the Methods section", "ohmics.h5ad": "Counts and annotation",
              "skipped.tsv": "What was not exported, and why", "config.json": "Settings of the run"}  # fmt: skip
    for table in run_tables(arguments.results):
        for suffix in ("tsv", "parquet"):
            titles[f"tables/{table.name}.{suffix}"] = table.title
    facts = RunFacts(
        config=_run_config(arguments),
        inputs=tuple(path for _, path in inputs_of(arguments.results)),
        versions=software_used(_inputs(arguments)),
        digest=code_digest(*stages),
        titles=titles,
    )
    rules = sorted((shipped("workflow") / "rules").glob("*.smk"))
    write_crate(arguments.out, facts, snakefile=shipped("Snakefile"), rules=rules)


def _inputs(arguments: argparse.Namespace) -> Any:
    from ohmics.catalog import catalog
    from ohmics.report.inputs import load_inputs
    from ohmics.score.methods import METHODS

    paths = arguments.settings.get("catalog_paths") or _run_config(arguments).get("catalog_paths") or []
    records = {name: {"definition": one.definition, "doi": one.doi} for name, one in METHODS.items()}
    return load_inputs(arguments.results, catalog=catalog(*paths), provenance={"score_methods": records})


_FORMATS: dict[str, Callable[[argparse.Namespace], None]] = {
    "tables": _tables,
    "xlsx": _workbook,
    "h5ad": _h5ad,
    "multiqc": _multiqc,
    "methods": _methods,
    "crate": _crate,
}
