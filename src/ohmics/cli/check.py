"""`ohmics check`: a config comes in; what was understood of it, or every fault at once, goes out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ohmics.cli._refusal import told
from ohmics.errors import Faults, OhmicsError
from ohmics.io import write_table, write_text
from ohmics.tables import DESIGN, PAIRS, SAMPLES

if TYPE_CHECKING:
    from ohmics.intake.check import CheckResult
    from ohmics.intake.config import Config


def add_parser(commands: Any) -> None:
    """Add the verb."""
    text = "Check a config, its sample sheet, its matrices and its contrasts, and say what was understood."
    parser = commands.add_parser("check", help=text, description=text)
    parser.add_argument("config", type=Path, help="the config file (YAML)")
    parser.add_argument(
        "--out", type=Path, help="folder for samples.tsv, pairs.tsv, design.tsv and config.yaml as understood"
    )
    parser.add_argument("--design", action="store_true", help="print the model matrix of each contrast")
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what was understood; print every fault to stderr and return 2 when something is wrong."""
    from ohmics.cli._other_inputs import other_faults
    from ohmics.intake.check import check_run
    from ohmics.intake.config import load_config
    from ohmics.intake.contrast_words import design_text
    from ohmics.score.methods import METHODS, cohort_methods

    faults = Faults()
    try:
        config = load_config(arguments.config)
        try:
            result = check_run(config, methods=tuple(METHODS), of_cohorts=cohort_methods())
        except OhmicsError as error:
            faults.extend(error.faults)
        faults.extend(other_faults(config, None if len(faults) else result.samples))
        faults.raise_if_any()
    except OhmicsError as error:
        print(told(error), file=sys.stderr)
        return 2
    for note in [*result.notes, *_forecast(config, result)]:
        print(note)
    if arguments.design:
        print(f"\n{design_text(result.design)}" if len(result.design) else "\nno contrast has a model matrix")
    if arguments.out is not None:
        write_table(result.samples, SAMPLES, arguments.out / "samples.tsv")
        write_table(result.pairs, PAIRS, arguments.out / "pairs.tsv")
        write_table(result.design, DESIGN, arguments.out / "design.tsv")
        write_text(config.to_yaml(), arguments.out / "config.yaml")
        print(f"written: samples.tsv, pairs.tsv, design.tsv and config.yaml in {arguments.out}")
    return 0


def _forecast(config: Config, result: CheckResult) -> list[str]:
    """Return what the run is expected to take."""
    from ohmics.embed import UMAP_UP_TO
    from ohmics.forecast import BYTES_A_CELL, forecast, forecast_bulk
    from ohmics.intake.cell_count import count_cells
    from ohmics.intake.files import size_of

    if config.input.modality == "bulk":
        paths = dict.fromkeys(result.samples["path"])
        return [forecast_bulk(len(result.samples), sum(size_of(path) for path in paths)).sentence()]
    sizes, cells = [], []
    for info in result.matrices:
        path = Path(info.path)
        sizes.append(float(size_of(path)))
        # Where only the first cells were read, the file says how many there are; else its size does.
        counted = count_cells(path) if info.partial else info.observations
        cells.append(counted or max(info.observations, int(sizes[-1] / BYTES_A_CELL)))
    embed = config.embed
    umap = sum(cells) <= UMAP_UP_TO if embed.umap == "auto" else bool(embed.umap)
    expected = forecast(cells, sizes, n_top_genes=embed.n_top_genes, umap=umap, harmony=embed.harmony)
    return [expected.sentence()]
