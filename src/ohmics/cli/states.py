"""`ohmics states`: kept cells of all samples come in; STATES, and EFFECTS and COMPOSITION of T-cell states, go out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ohmics.calls.tcell_states import call_states, tcell_types
from ohmics.catalog import catalog
from ohmics.cli._cells import LazyCells
from ohmics.cli._common import contrasts_of, read_samples_and_qc, skipped_frame, stage_parser
from ohmics.cli._fractions import WHY, fractional_samples
from ohmics.intake.resources import list_aliases, tcell_axes
from ohmics.io import read_table, write_table
from ohmics.tables import COMPOSITION, EFFECTS, GENE_REFERENCE, SKIPPED, STATES, skipped


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "states", "Score the states of T cells and test how they change.", run)
    for name in ("samples", "qc", "cells", "folder", "reference"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("states", "effects", "composition", "skipped"):
        parser.add_argument(f"--out-{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Score one patient's T cells after the other, then decompose and test them together."""
    settings = arguments.settings
    samples, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    known, axes = catalog(), tcell_axes()
    lists = {key: known.gene_lists[key] for key in axes["gene_list"]}
    fractional = fractional_samples(arguments.folder, usable)
    whole = [sample for sample in usable if sample not in fractional]
    left_out = [skipped("states", f"not assessable: {WHY}", cell_type="T cell", subject=name) for name in fractional]
    calls = call_states(
        LazyCells(arguments.folder, arguments.cells, whole),
        samples[samples["sample"].isin(whole)],
        contrasts_of(settings),
        axes=axes,
        gene_lists=lists,
        types=tcell_types({name: known.descendants(name) for name in known.markers}),
        reference=read_table(arguments.reference, GENE_REFERENCE),
        aliases=list_aliases(lists),
        min_cells=settings["score_min_cells"],
        n_draws=settings["compare"]["n_draws"],
        seed=settings["seed"],
    )
    write_table(calls.states, STATES, arguments.out_states)
    write_table(calls.effects, EFFECTS, arguments.out_effects)
    write_table(calls.composition, COMPOSITION, arguments.out_composition)
    write_table(skipped_frame([*left_out, *(calls.skipped if whole else [])]), SKIPPED, arguments.out_skipped)
    return 0
