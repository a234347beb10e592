"""A config and SAMPLES in; every fault of the files a run reads beside its sheet and matrices, out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from ohmics.catalog import catalog
from ohmics.errors import Fault, OhmicsError
from ohmics.intake.config import Config
from ohmics.intake.gene_lists import read_gene_lists
from ohmics.intake.gene_positions import read_gene_positions
from ohmics.intake.list_files import list_file_faults
from ohmics.intake.obs_column import read_obs_column


def other_faults(config: Config, samples: pd.DataFrame | None) -> list[Fault]:
    """Return the faults of gene lists, mechanisms, gene positions and columns of the user's own files.

    Parameters
    ----------
    config
        The configuration; its paths exist.
    samples
        SAMPLES; None when the sheet is wrong, and its files are then not looked at.
    """
    lists = [*config.catalog_paths, *config.score.gene_lists]
    collections = list(config.gene_sets.collections.values())
    found = list_file_faults([*lists, *collections])
    # A file that nobody should read is told of once.
    wrong = bool(found)
    if not wrong and lists:
        found += _faults(partial(catalog, *lists))
    for path in () if wrong else collections:
        found += _faults(partial(read_gene_lists, path))
    positions = config.malignant.gene_positions
    if positions is not None:
        found += _faults(partial(read_gene_positions, positions))
    if samples is not None and config.input.modality == "single_cell":
        found += _column_faults(config, samples)
    return found


def _column_faults(config: Config, samples: pd.DataFrame) -> list[Fault]:
    columns = [config.malignant.column, None if config.input.cells else config.lineage.clonal_column]
    found: list[Fault] = []
    for column in filter(None, columns):
        for path in dict.fromkeys(samples["path"]):
            if Path(path).suffix == ".h5ad" or column == config.malignant.column:
                found += _faults(partial(read_obs_column, path, column))
    return found


def _faults(read: Callable[[], object]) -> list[Fault]:
    """Return what a reader refuses; each message names its file."""
    try:
        read()
    except OhmicsError as error:
        return [fault if fault.where else replace(fault, where="config") for fault in error.faults]
    return []
