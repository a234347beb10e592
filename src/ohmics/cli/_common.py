"""What the stage verbs share: settings given as JSON, and per-sample files of a results folder."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ohmics.errors import OhmicsError
from ohmics.io import read_table
from ohmics.model import Contrast
from ohmics.outcomes import Outcome
from ohmics.tables import CELLS, QC, SAMPLES, SKIPPED, Table

if TYPE_CHECKING:
    from anndata import AnnData

    from ohmics.calls.rules import AntigenRules
    from ohmics.catalog import Catalog


def stage_parser(commands: Any, verb: str, text: str, run: Any) -> argparse.ArgumentParser:
    """Add a stage's sub-parser with its ``--settings``."""
    parser: argparse.ArgumentParser = commands.add_parser(verb, help=text, description=text)
    parser.add_argument(
        "--settings", type=parse_settings, default={}, help="JSON object with the stage's part of the config"
    )
    parser.set_defaults(func=run)
    return parser


def parse_settings(text: str) -> dict[str, Any]:
    """Parse the JSON of ``--settings``."""
    try:
        settings = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(settings, dict):
        raise argparse.ArgumentTypeError("must be a JSON object")
    return settings


def contrasts_of(settings: Mapping[str, Any]) -> list[Contrast]:
    """Return the contrasts of ``--settings``."""
    return [Contrast(**entry) for entry in settings.get("contrasts", [])]


def outcomes_of(settings: Mapping[str, Any]) -> list[Outcome]:
    """Return the outcomes of ``--settings``."""
    return [Outcome(**entry) for entry in settings.get("outcomes", [])]


def antigen_rules(settings: Mapping[str, Any]) -> tuple[AntigenRules, int]:
    """Return the thresholds of the antigen call and the number of matched genes of ``--settings``."""
    from ohmics.calls.rules import AntigenRules

    given = {key: value for key, value in settings.items() if key != "n_matched"}
    return AntigenRules(**given), int(settings["n_matched"])


def usable_samples(samples: pd.DataFrame, qc: pd.DataFrame) -> list[str]:
    """Return the samples QC did not exclude, in the order of the sheet."""
    excluded = set(qc.loc[qc["verdict"] == "excluded", "sample"])
    return [sample for sample in samples["sample"] if sample not in excluded]


def read_samples_and_qc(samples: Path, qc: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Read SAMPLES and QC and name the usable samples; none at all is refused."""
    sheet, quality = read_table(samples, SAMPLES), read_table(qc, QC)
    usable = usable_samples(sheet, quality)
    if not usable:
        raise OhmicsError(f"{qc}: every sample is excluded, so nothing can be compared; see the flags in that table")
    return sheet, quality, usable


def gather(paths: Iterable[Path], table: Table) -> pd.DataFrame:
    """Read the parts of one table and put them below each other."""
    parts = [part for part in (read_table(path, table) for path in paths) if len(part)]
    return table.conform(pd.concat(parts, ignore_index=True)) if parts else table.empty()


def skipped_frame(rows: Iterable[Mapping[Any, Any]]) -> pd.DataFrame:
    """Return SKIPPED with each thing named once."""
    frame = pd.DataFrame(list(rows), columns=list(SKIPPED.names))
    return SKIPPED.conform(frame.drop_duplicates(list(SKIPPED.key))) if len(frame) else SKIPPED.empty()


def selected_catalog(
    mechanisms: Catalog, samples: pd.DataFrame, tiers: Iterable[str], *, told: bool = False
) -> Catalog:
    """Return the mechanisms of these tiers that fit the therapies of the sheet.

    ``told`` adds those no expression can show, which a report names with the reason instead of a number.
    """
    wanted = [*tiers, *(["not_assessable"] if told else [])]
    therapies = sorted(set(samples["therapy"].dropna())) if "therapy" in samples else []
    return mechanisms.select(tiers=tuple(dict.fromkeys(wanted)), therapy=therapies[0] if len(therapies) == 1 else None)


def cells_of_sample(path: Path, sample: str) -> pd.DataFrame:
    """Read one sample's rows of CELLS; those of the others are never in memory."""
    return CELLS.conform(pd.read_parquet(path, filters=[("sample", "==", sample)]))


def with_cells(adata: AnnData, cells: pd.DataFrame) -> AnnData:
    """Return the cells that CELLS names, with its columns in ``obs``; the AnnData given stays as it was.

    Where it holds just these cells in this order, as the counts of a sample do, the matrix is shared and not copied.
    """
    rows = cells.set_index("barcode")
    absent = rows.index.difference(adata.obs_names)
    if len(absent):
        raise OhmicsError(f"CELLS names {len(absent)} barcodes the counts do not hold, {absent[0]} among them")
    chosen = _sharing(adata) if rows.index.equals(adata.obs_names) else adata[rows.index].copy()
    for name in rows.columns:
        chosen.obs[name] = rows[name].to_numpy()
    return chosen


def _sharing(adata: AnnData) -> AnnData:
    """Return an AnnData with a copy of everything but the matrix."""
    import anndata as ad

    if len(adata.layers) or len(adata.obsm) or len(adata.obsp) or len(adata.varm) or adata.raw is not None:
        return adata.copy()
    return ad.AnnData(X=adata.X, obs=adata.obs.copy(), var=adata.var.copy(), uns=deepcopy(dict(adata.uns)))
