"""A results folder comes in, the frames a page is built from go out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from ohmics import tables
from ohmics.errors import Fault, OhmicsError
from ohmics.io import read_table

if TYPE_CHECKING:
    from ohmics.catalog import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInputs:
    """Everything the pages are made of. A frame is None where the run did not make that table.

    Parameters
    ----------
    config
        The resolved configuration of the run.
    samples
        SAMPLES.
    pairs, qc, pca, cell_qc, identity, cells, effects, enrichment, composition, evidence, skipped, coverage, scores, de
        The tables of the same names, see `ohmics.tables`.
    catalog
        The mechanisms, their lists and antigens; None shows identifiers instead of names.
    provenance
        ``versions`` (package to version), ``digest`` (of the code and resources), ``command`` and
        ``score_methods`` (scoring method to its ``definition`` and ``doi``).
    """

    config: Mapping[str, Any]
    samples: pd.DataFrame
    pairs: pd.DataFrame | None = None
    design: pd.DataFrame | None = None
    qc: pd.DataFrame | None = None
    pca: pd.DataFrame | None = None
    cell_summary: pd.DataFrame | None = None
    cell_filters: pd.DataFrame | None = None
    cell_type_shares: pd.DataFrame | None = None
    sample_correlation: pd.DataFrame | None = None
    sample_similarity: pd.DataFrame | None = None
    cell_qc: pd.DataFrame | None = None
    identity: pd.DataFrame | None = None
    cells: pd.DataFrame | None = None
    effects: pd.DataFrame | None = None
    enrichment: pd.DataFrame | None = None
    composition: pd.DataFrame | None = None
    cell_measures: pd.DataFrame | None = None
    association: pd.DataFrame | None = None
    survival_curves: pd.DataFrame | None = None
    evidence: pd.DataFrame | None = None
    skipped: pd.DataFrame | None = None
    coverage: pd.DataFrame | None = None
    scores: pd.DataFrame | None = None
    states: pd.DataFrame | None = None
    state_effects: pd.DataFrame | None = None
    state_composition: pd.DataFrame | None = None
    de: pd.DataFrame | None = None
    ora: pd.DataFrame | None = None
    set_overlap: pd.DataFrame | None = None
    running_sums: pd.DataFrame | None = None
    antigen: pd.DataFrame | None = None
    antigen_depth: pd.DataFrame | None = None
    presentation: pd.DataFrame | None = None
    lineage: pd.DataFrame | None = None
    lineage_cells: pd.DataFrame | None = None
    car: pd.DataFrame | None = None
    malignant: pd.DataFrame | None = None
    junctions: pd.DataFrame | None = None
    patient_comparison: pd.DataFrame | None = None
    call_errors: pd.DataFrame | None = None
    catalog: Catalog | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def project(self) -> str:
        """Title of the run."""
        return str(self.config.get("project") or "ohmics")

    @property
    def modality(self) -> str:
        """``single_cell`` or ``bulk``."""
        given = (self.config.get("input") or {}).get("modality")
        if given:
            return str(given)
        return str(self.samples["modality"].iloc[0]) if len(self.samples) else "single_cell"

    @property
    def unit(self) -> str:
        """What the sheet calls a patient: ``donor`` when its column is so named, else ``patient``."""
        columns = (self.config.get("input") or {}).get("columns") or {}
        given = str(columns.get("patient") or "").strip().lower()
        return given if given in ("donor", "subject", "participant") else "patient"

    @property
    def bulk(self) -> bool:
        """Whether the run is of bulk samples."""
        return self.modality == "bulk"


_PLACES: Mapping[str, tuple[str, tables.Table]] = {
    "pairs": ("pairs.tsv", tables.PAIRS),
    "design": ("design.tsv", tables.DESIGN),
    "qc": ("tables/qc.tsv", tables.QC),
    "pca": ("tables/pca.tsv", tables.PCA),
    "identity": ("tables/identity.tsv", tables.IDENTITY),
    "cell_summary": ("tables/cell_summary.tsv", tables.CELL_SUMMARY),
    "cell_filters": ("tables/cell_filters.tsv", tables.CELL_FILTERS),
    "cell_type_shares": ("tables/cell_type_shares.tsv", tables.CELL_TYPE_SHARES),
    "sample_correlation": ("tables/sample_correlation.parquet", tables.SAMPLE_CORRELATION),
    "sample_similarity": ("tables/sample_similarity.tsv", tables.SAMPLE_SIMILARITY),
    "cells": ("tables/cells.parquet", tables.CELLS),
    "effects": ("tables/effects.tsv", tables.EFFECTS),
    "enrichment": ("tables/enrichment.tsv", tables.ENRICHMENT),
    "composition": ("tables/composition.tsv", tables.COMPOSITION),
    "cell_measures": ("tables/cell_measures.tsv", tables.CELL_MEASURES),
    "association": ("tables/association.tsv", tables.ASSOCIATION),
    "survival_curves": ("tables/survival_curves.tsv", tables.SURVIVAL_CURVES),
    "evidence": ("tables/evidence.tsv", tables.EVIDENCE),
    "skipped": ("tables/skipped.tsv", tables.SKIPPED),
    "coverage": ("tables/coverage.tsv", tables.COVERAGE),
    "scores": ("tables/scores.tsv", tables.SCORES),
    "states": ("tables/states.tsv", tables.STATES),
    "state_effects": ("tables/state_effects.tsv", tables.EFFECTS),
    "state_composition": ("tables/state_composition.tsv", tables.COMPOSITION),
    "de": ("tables/de.tsv", tables.DE),
    "ora": ("tables/ora.tsv", tables.ORA),
    "set_overlap": ("tables/set_overlap.tsv", tables.SET_OVERLAP),
    "running_sums": ("tables/running_sums.tsv", tables.RUNNING_SUMS),
    "antigen": ("tables/antigen.tsv", tables.ANTIGEN),
    "antigen_depth": ("tables/antigen_depth.tsv", tables.ANTIGEN_DEPTH),
    "presentation": ("tables/antigen_presentation.tsv", tables.ANTIGEN_PRESENTATION),
    "lineage": ("tables/lineage.tsv", tables.LINEAGE),
    "lineage_cells": ("tables/lineage_cells.parquet", tables.LINEAGE_CELLS),
    "car": ("tables/car.tsv", tables.CAR),
    "malignant": ("tables/malignant.tsv", tables.MALIGNANT),
    "junctions": ("tables/junctions.tsv", tables.JUNCTIONS),
    "patient_comparison": ("tables/patient_comparison.tsv", tables.PATIENT_COMPARISON),
    "call_errors": ("tables/call_errors.tsv", tables.CALL_ERRORS),
}


def load_inputs(
    outdir: str | Path,
    *,
    catalog: Catalog | None = None,
    versions: Mapping[str, str] | None = None,
    provenance: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
) -> ReportInputs:
    """Read the tables of a results folder; those that are absent stay None.

    Parameters
    ----------
    outdir
        Results folder of a run.
    catalog
        Handed on, see `ReportInputs`.
    versions
        Package to version; goes into the provenance.
    provenance
        Further provenance: ``digest`` and ``command``.
    config
        The configuration; read from ``config.yaml`` of the folder when not given.

    Raises
    ------
    OhmicsError
        When the folder holds no ``samples.tsv``, or a table does not fit its schema.
    """
    folder = Path(outdir)
    if not (folder / "samples.tsv").is_file():
        raise OhmicsError(
            Fault(
                "holds no samples.tsv, so it is no results folder",
                where=str(folder),
                remedy="give the outdir of a run of `ohmics run` or `ohmics check`",
            )
        )
    frames: dict[str, pd.DataFrame] = {}
    for name, (place, table) in _PLACES.items():
        if (folder / place).is_file():
            frames[name] = read_table(folder / place, table)
    samples = read_table(folder / "samples.tsv", tables.SAMPLES)
    cell_qc = _cell_qc(folder, [str(sample) for sample in samples["sample"]])
    return ReportInputs(
        config=_config(folder) if config is None else config,
        samples=samples,
        cell_qc=cell_qc,
        catalog=catalog,
        provenance={"versions": dict(versions or {}), **(provenance or {})},
        **frames,
    )


def _config(folder: Path) -> Mapping[str, Any]:
    path = folder / "config.yaml"
    if not path.is_file():
        return {}
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise OhmicsError(Fault("is no mapping of keys to values", where=str(path)))
    return loaded


def _cell_qc(folder: Path, samples: list[str]) -> pd.DataFrame | None:
    parts = []
    for sample in samples:
        path = folder / "samples" / sample / "cell_qc.parquet"
        if path.is_file():
            part = read_table(path, tables.CELL_QC)
            if len(part):
                parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else None
