"""A results folder comes in, its tables go out in reading order, each with its schema, or why it was not made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from ohmics import tables
from ohmics.errors import Fault, OhmicsError
from ohmics.io import read_table
from ohmics.shareable import last_name
from ohmics.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run writes one table, and what has to hold for it to be made.

    ``only`` is the modality it belongs to (empty: both), ``needs`` a dotted key of the config that must be given,
    ``stage`` the name under which SKIPPED tells what was left out of it.
    """

    name: str
    table: Table
    path: str
    title: str = ""
    only: str = ""
    needs: str = ""
    stage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTable:
    """One table of a run. ``reason`` says why it was not made, or holds no row; else it is empty.

    ``frames`` reads it, per sample where it lies in parts, so that no cohort has to be in memory at once.
    """

    name: str
    table: Table
    title: str
    parts: tuple[Path, ...]
    rows: int
    reason: str = ""

    @property
    def long(self) -> bool:
        """Whether a row is a cell, a gene or a pair of samples, so that nobody reads the table as a sheet."""
        return self.table.storage == "parquet"

    def frames(self) -> Iterator[pd.DataFrame]:
        """Yield the rows, part by part, with paths of SAMPLES cut to their last name."""
        for path in self.parts:
            yield _shareable(read_table(path, self.table, exact=True), self.table)

    def frame(self) -> pd.DataFrame:
        """Return all rows."""
        parts = [part for part in self.frames() if len(part)]
        return pd.concat(parts, ignore_index=True) if parts else self.table.empty()


def _place(name: str, table: Table, **more: str) -> Place:
    suffix = "parquet" if table.storage == "parquet" else "tsv"
    return Place(name=name, table=table, **{"path": f"tables/{name}.{suffix}", **more})


_CELLS = "single_cell"
PLACES: tuple[Place, ...] = (
    _place("evidence", tables.EVIDENCE, stage="evidence"),
    _place("samples", tables.SAMPLES, path="samples.tsv"),
    _place("qc", tables.QC),
    _place("antigen", tables.ANTIGEN, stage="calls"),
    _place("antigen_presentation", tables.ANTIGEN_PRESENTATION, only=_CELLS, stage="calls"),
    _place("antigen_depth", tables.ANTIGEN_DEPTH, only=_CELLS, stage="calls"),
    _place("lineage", tables.LINEAGE, only=_CELLS, stage="calls"),
    _place("car", tables.CAR, only=_CELLS, stage="car"),
    _place("malignant", tables.MALIGNANT, only=_CELLS, stage="malignant"),
    _place("junctions", tables.JUNCTIONS, needs="input.junctions"),
    _place("effects", tables.EFFECTS, stage="compare"),
    _place("enrichment", tables.ENRICHMENT, stage="gene_sets"),
    _place("composition", tables.COMPOSITION, stage="compare"),
    _place("states", tables.STATES, only=_CELLS, stage="states"),
    _place("state_effects", tables.EFFECTS, only=_CELLS, stage="states", title="Changes of T-cell states"),
    _place(
        "state_composition", tables.COMPOSITION, only=_CELLS, stage="states", title="Changes of shares of T-cell states"
    ),
    _place("de", tables.DE, stage="de"),
    _place("ora", tables.ORA, stage="ora"),
    _place("association", tables.ASSOCIATION, needs="outcomes", stage="associate"),
    _place("survival_curves", tables.SURVIVAL_CURVES, needs="outcomes", stage="associate"),
    _place("scores", tables.SCORES, stage="score"),
    _place("content", tables.CONTENT, only="bulk", stage="content"),
    _place("content_fits", tables.CONTENT_FITS, only="bulk", stage="content"),
    _place("cell_measures", tables.CELL_MEASURES, only=_CELLS, stage="measures"),
    _place("identity", tables.IDENTITY),
    _place("pca", tables.PCA, only="bulk"),
    _place("pairs", tables.PAIRS, path="pairs.tsv"),
    _place("design", tables.DESIGN, path="design.tsv"),
    _place("targets", tables.TARGETS),
    _place("coverage", tables.COVERAGE),
    _place("set_overlap", tables.SET_OVERLAP, stage="gene_sets"),
    _place("running_sums", tables.RUNNING_SUMS, stage="gene_sets"),
    _place("skipped", tables.SKIPPED),
    _place("cells", tables.CELLS, only=_CELLS),
    _place("cell_qc", tables.CELL_QC, only=_CELLS, path="samples/*/cell_qc.parquet"),
    _place("cell_scores", tables.CELL_SCORES, only=_CELLS, path="samples/*/cell_scores.parquet"),
    _place("lineage_cells", tables.LINEAGE_CELLS, only=_CELLS, stage="calls"),
    _place("gene_reference", tables.GENE_REFERENCE),
)
"""Tables a run may write, in the order a reader meets them: verdicts before their grounds."""
_ONLY = {
    "CELL_SUMMARY": _CELLS,
    "CELL_FILTERS": _CELLS,
    "CELL_TYPE_SHARES": _CELLS,
    "SAMPLE_CORRELATION": "bulk",
    "SAMPLE_SIMILARITY": "bulk",
}
NOT_EXPORTED = ("FIGURES", "MANIFEST")
"""Tables that list files of the results folder."""


def places() -> list[Place]:
    """Return where every table of `ohmics.tables` lies: those of ``PLACES``, then the others by their names."""
    named = {place.table.name for place in PLACES}
    others = [
        _place(name.lower(), table, only=_ONLY.get(name, ""))
        for name, table in tables.TABLES.items()
        if name not in named and name not in NOT_EXPORTED
    ]
    return [*PLACES, *others]


def read_config(results: str | Path) -> dict[str, Any]:
    """Return the config a run kept in its results folder; empty where it kept none."""
    path = Path(results) / "config.yaml"
    loaded = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if not isinstance(loaded, dict):
        raise OhmicsError(Fault("is no mapping of keys to values", where=str(path)))
    return loaded


def run_tables(results: str | Path) -> list[RunTable]:
    """Return every table a run may write, those it did not make with the reason.

    Parameters
    ----------
    results
        Results folder of a run.

    Raises
    ------
    OhmicsError
        When the folder holds no ``samples.tsv``, or a table does not fit its schema.
    """
    folder = Path(results)
    if not (folder / "samples.tsv").is_file():
        raise OhmicsError(
            Fault(
                "holds no samples.tsv, so it is no results folder",
                where=str(folder),
                remedy="give the outdir of a run of `ohmics run`",
            )
        )
    config = read_config(folder)
    samples = read_table(folder / "samples.tsv", tables.SAMPLES)
    modality = str((config.get("input") or {}).get("modality") or samples["modality"].iloc[0])
    skipped = folder / "tables" / "skipped.tsv"
    left_out = read_table(skipped, tables.SKIPPED) if skipped.is_file() else tables.SKIPPED.empty()
    order = [str(sample) for sample in samples["sample"]]
    return [_run_table(place, folder, order, modality, config, left_out) for place in places()]


def _run_table(
    place: Place, folder: Path, samples: list[str], modality: str, config: Mapping[str, Any], skipped: pd.DataFrame
) -> RunTable:
    if "*" in place.path:
        candidates = [folder / place.path.replace("*", sample) for sample in samples]
    else:
        candidates = [folder / place.path]
    parts = tuple(path for path in candidates if path.is_file())
    rows = sum(_count(path) for path in parts)
    title = place.title or place.table.title
    found = RunTable(name=place.name, table=place.table, title=title, parts=parts, rows=rows)
    if rows:
        return found
    reason = _why_empty(place, skipped) if parts else _why_absent(place, modality, config)
    return RunTable(name=place.name, table=place.table, title=title, parts=parts, rows=0, reason=reason)


def _count(path: Path) -> int:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return int(pq.ParquetFile(path).metadata.num_rows)
    return len(pd.read_csv(path, sep="\t", usecols=[0], dtype=str, keep_default_na=False))


def _why_absent(place: Place, modality: str, config: Mapping[str, Any]) -> str:
    if place.only and place.only != modality:
        kind = {"single_cell": "single-cell", "bulk": "bulk"}
        return f"belongs to {kind[place.only]} runs; this run is {kind.get(modality, modality)}"
    if place.needs:
        value: Any = config
        for key in place.needs.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if not value:
            return f"the config gives no `{place.needs}`"
    return "the stage that writes it did not run in this results folder"


def _why_empty(place: Place, skipped: pd.DataFrame) -> str:
    own = skipped[skipped["stage"] == place.stage] if place.stage else skipped.iloc[:0]
    if own.empty:
        return "the stage ran and found nothing that this table records"
    first = str(own["reason"].iloc[0])
    more = f", and {len(own) - 1} more" if len(own) > 1 else ""
    return f"the stage ran and made no row; table skipped, stage {place.stage}, says why: {first}{more}"


def _shareable(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Cut the paths of SAMPLES to the name of the file or folder: where it lay on a machine is nobody's business."""
    if table.name != "SAMPLES":
        return frame
    return frame.assign(path=[last_name(path) for path in frame["path"]])
