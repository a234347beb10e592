"""`ohmics lists`: the catalogue and the user's lists come in, the gene lists of this run go out as one JSON file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ohmics.catalog import Catalog, catalog
from ohmics.cli._common import selected_catalog, stage_parser
from ohmics.evidence import cell_type_read, purified_type_of
from ohmics.io import read_table, write_text
from ohmics.model import BEYOND_CONTENT, CONTENT_OF, READ_FROM_LISTS, SPECIAL_CELL_TYPES
from ohmics.tables import SAMPLES


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "lists", "Choose the gene lists of a run and the cell types they are read in.", run)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Write lists, the cell types each is scored on, and the primary lines of the run."""
    settings = arguments.settings
    samples = read_table(arguments.samples, SAMPLES)
    everything = catalog(*settings["catalog_paths"], *settings["score_gene_lists"])
    chosen = selected_catalog(everything, samples, settings["score_tiers"])
    modality, purified = str(samples["modality"].iloc[0]), purified_type_of(samples)
    score_on = _score_on(chosen, everything, modality)
    content = {
        "lists": {key: everything.gene_lists[key] for key in sorted(score_on)},
        "score_on": {key: sorted(score_on[key]) for key in sorted(score_on)},
        "mechanism": {key: _mechanism_of(everything, key) for key in sorted(score_on)},
        "primary": _primary(chosen, modality, purified),
        "content": _content(everything, score_on) if modality == "bulk" and not purified else {},
        "shares": _shares(chosen) if modality == "single_cell" else [],
        "descendants": {name: sorted(everything.descendants(name)) for name in _named_types(score_on, everything)},
    }
    write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", arguments.out)
    print(f"{len(score_on)} gene lists of {len(chosen.mechanisms)} mechanisms")
    return 0


def _shares(chosen: Catalog) -> list[str]:
    """Cell types whose share a line of evidence reads."""
    lines = [
        line
        for one in chosen.mechanisms.values()
        for line in (one.primary_line, *one.further_lines, *one.lines_against)
        if line is not None
    ]
    return sorted({line.cell_type for line in lines if line.nature == "composition" and line.cell_type})


def _named_types(score_on: dict[str, set[str]], everything: Catalog) -> list[str]:
    read = {name for types in score_on.values() for name in types}
    return sorted((set(everything.markers) | read) - {"*", *SPECIAL_CELL_TYPES})


def _mechanism_of(everything: Catalog, key: str) -> str:
    mechanism = key.partition("/")[0]
    return mechanism if mechanism in everything.mechanisms else ""


def _score_on(chosen: Catalog, everything: Catalog, modality: str) -> dict[str, set[str]]:
    """Lists of the chosen mechanisms on their cell types, rivals' lists where a line reads them, user lists on all."""
    found: dict[str, set[str]] = {}
    for mechanism in chosen.mechanisms.values():
        types = {"bulk"} if modality == "bulk" else {name for name in mechanism.score_on if name != "bulk"}
        for key in everything.gene_lists:
            if key.startswith(f"{mechanism.id}/") and types:
                found.setdefault(key, set()).update(types)
        read_in = mechanism.primary_line.cell_type if mechanism.primary_line else ""
        for line in (*mechanism.further_lines, *mechanism.lines_against):
            key = f"{line.mechanism or mechanism.id}/{line.gene_list}"
            cell_type = "bulk" if modality == "bulk" else (line.cell_type or read_in).replace("bulk", "")
            if line.nature in READ_FROM_LISTS and key in everything.gene_lists and cell_type:
                found.setdefault(key, set()).add(cell_type)
    mine = [key for key, gene_list in everything.lists.items() if not gene_list.mechanism]
    for key in (*mine, *everything.signed):
        found[key] = {"bulk"} if modality == "bulk" else {"*"}
    return found


def _primary(chosen: Catalog, modality: str, purified: str) -> list[dict[str, Any]]:
    lines = chosen.primary_lines()
    rows = []
    for row in lines[lines["nature"].isin(READ_FROM_LISTS)].to_dict("records"):
        mechanism = chosen.mechanisms[row["mechanism"]]
        cell_type, _ = cell_type_read(mechanism, chosen, modality=modality, purified_type=purified)
        if cell_type:
            beyond = cell_type == "bulk" and not purified and mechanism.read_beyond_content
            method = f"{row['method']}{BEYOND_CONTENT if beyond and row['nature'] == 'expression' else ''}"
            told = {str(name): value for name, value in row.items()}
            rows.append({**told, "cell_type": cell_type, "method": method})
    return rows


def _content(everything: Catalog, keys: Iterable[str]) -> dict[str, str]:
    """List -> what it is read beyond in unsorted bulk; lists of whole tissue are not named."""
    found = {}
    for key in sorted(keys):
        mechanism = everything.mechanisms.get(key.partition("/")[0])
        if mechanism is not None and mechanism.compartment in CONTENT_OF:
            found[key] = CONTENT_OF[mechanism.compartment]
    return found
