"""`ohmics patients`: the tables of a run come in, PATIENT_COMPARISON and CALL_ERRORS go out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from ohmics.catalog import catalog
from ohmics.cli._common import stage_parser
from ohmics.io import read_table, write_table
from ohmics.patient_tables import call_errors, compare_patients
from ohmics.tables import (
    ANTIGEN,
    ANTIGEN_PRESENTATION,
    CALL_ERRORS,
    CAR,
    CELL_MEASURES,
    COMPOSITION,
    EFFECTS,
    LINEAGE,
    PAIRS,
    PATIENT_COMPARISON,
    QC,
    SAMPLES,
)

FURTHER = {
    "state_effects": EFFECTS,
    "state_composition": COMPOSITION,
    "antigen": ANTIGEN,
    "presentation": ANTIGEN_PRESENTATION,
    "lineage": LINEAGE,
    "car": CAR,
    "cell_measures": CELL_MEASURES,
}
"""Tables that not every run makes."""


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "patients", "Set each patient beside the cohort.", run)
    for name in ("samples", "pairs", "qc", "effects", "composition"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name, table in FURTHER.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path, help=f"{table.name}, where the run makes it")
    parser.add_argument("--calibration", type=Path, required=True, help="the measured error rates of the calls")
    parser.add_argument("--out-comparison", type=Path, required=True)
    parser.add_argument("--out-errors", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Read the tables, compare and write."""
    samples = read_table(arguments.samples, SAMPLES)
    further = {
        name: read_table(getattr(arguments, name), table)
        for name, table in FURTHER.items()
        if getattr(arguments, name) is not None
    }
    comparison = compare_patients(
        pairs=read_table(arguments.pairs, PAIRS),
        qc=read_table(arguments.qc, QC),
        effects=read_table(arguments.effects, EFFECTS),
        composition=read_table(arguments.composition, COMPOSITION),
        mechanisms=catalog(*arguments.settings.get("catalog_paths", [])).mechanisms,
        **further,
    )
    calibration = pd.read_csv(arguments.calibration, sep="\t", keep_default_na=False, na_values=[""])
    modality = str(samples["modality"].iloc[0]) if len(samples) else "single_cell"
    write_table(comparison, PATIENT_COMPARISON, arguments.out_comparison)
    write_table(call_errors(calibration, modality=modality), CALL_ERRORS, arguments.out_errors)
    return 0
