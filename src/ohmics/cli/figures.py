"""`ohmics figures`: the tables of a run come in; every figure as PDF, SVG and PNG, and an index of them, go out."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ohmics.catalog import catalog
from ohmics.cli._common import stage_parser
from ohmics.errors import OhmicsError
from ohmics.io import read_table, write_atomic, write_table
from ohmics.plots import style
from ohmics.report.figure_list import Listed, figures_of, index
from ohmics.report.inputs import load_inputs
from ohmics.tables import FIGURES

INDEX = "figures.tsv"
_DPI = 300
_CLOUD_DPI = 200
"""Clouds of points are pictures inside PDF and SVG; at 200 dots an inch none is larger than a megabyte."""
_FORMATS: Mapping[str, Callable[[Figure, str], bytes]] = {
    "pdf": lambda figure, title: style.to_pdf(figure, title=title, dpi=_CLOUD_DPI),
    "svg": lambda figure, title: style.to_svg(figure, title=title, dpi=_CLOUD_DPI).encode(),
    "png": lambda figure, _: style.to_png(figure, dpi=_DPI),
}


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "figures", "Write every figure of the pages as PDF, SVG and PNG.", run)
    parser.add_argument("--results", type=Path, required=True, help="the results folder")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the figures and figures.tsv")


def run(arguments: argparse.Namespace) -> int:
    """Draw one figure after the other, remove those of an earlier run, and write the index last."""
    mechanisms = catalog(*arguments.settings.get("catalog_paths", []))
    inputs = load_inputs(arguments.results, catalog=mechanisms)
    before = _names_before(arguments.out)
    listed = []
    for one in figures_of(inputs):
        _write(one, arguments.out)
        listed.append(one)
        print(f"figure {len(listed)}: {one.name}", file=sys.stderr, flush=True)
    frame = index(listed)
    for name in before.difference(frame["name"]):
        for ending in _FORMATS:
            (arguments.out / f"{name}.{ending}").unlink(missing_ok=True)
    write_table(frame, FIGURES, arguments.out / INDEX)
    print(f"{len(listed)} figures in {arguments.out}", file=sys.stderr)
    return 0


def _write(one: Listed, out: Path) -> None:
    for ending, render in _FORMATS.items():
        content = render(one.figure, one.kind.shows)
        with write_atomic(out / f"{one.name}.{ending}") as temporary:
            temporary.write_bytes(content)


def _names_before(out: Path) -> set[str]:
    """Return the figures an earlier run left in the folder, as its index names them; only these are ours to remove."""
    try:
        names = set(read_table(out / INDEX, FIGURES)["name"])
    except OhmicsError:
        return set()
    return {name for name in names if re.fullmatch(r"[A-Za-z0-9_-]+", name)}
