"""A config file in (YAML), a checked `Config` with every default filled in out."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from jsonschema import Draft202012Validator

from ohmics.errors import Fault, Faults, OhmicsError
from ohmics.intake.config_calls import AntigenConfig, LineageConfig, MalignantConfig
from ohmics.intake.config_contrasts import as_text, config_contrasts, frozen
from ohmics.intake.config_export import ExportConfig
from ohmics.intake.config_faults import schema_faults
from ohmics.intake.config_input import InputConfig, of_other_modality
from ohmics.intake.files import exists, refuse_unless_file
from ohmics.intake.yaml_text import read_yaml as read_yaml  # the one way to a config
from ohmics.model import Contrast
from ohmics.outcomes import Outcome
from ohmics.shipped import shipped


@dataclass(frozen=True, kw_only=True)
class QcConfig:
    """Thresholds for cells, samples and genes; ``max_pct_mito`` is in percent."""

    min_umi: int = 500
    min_genes: int = 250
    max_pct_mito: float = 15
    n_mads: float = 5
    min_cells: int = 20
    doublets: bool = True
    min_library_size: float = 1_000_000
    min_genes_bulk: int = 5000


@dataclass(frozen=True, kw_only=True)
class EmbedConfig:
    """Principal components, neighbours and clusters."""

    n_top_genes: int = 2000
    n_pcs: int = 30
    n_neighbors: int = 15
    resolution: float = 1.0
    harmony: bool = True
    umap: bool | str = "auto"


@dataclass(frozen=True, kw_only=True)
class AnnotateConfig:
    """Cell types that may be called (None: all that are not malignant) and the confidence they need."""

    types: tuple[str, ...] | None = None
    min_confidence: float = 0.5


@dataclass(frozen=True, kw_only=True)
class ScoreConfig:
    """Scoring methods, tiers of the catalogue and further GMT files (absolute paths)."""

    methods: tuple[str, ...] = ("ucell", "mean_z")
    tiers: tuple[str, ...] = ("core",)
    min_coverage: float = 0.5
    min_cells: int = 20
    n_null: int = 100
    max_rank: int | None = None
    gene_lists: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DeConfig:
    """Fewest cells of a pseudobulk sample, fewest pairs (or samples a group) of a test, and how genes are tested."""

    min_cells: int = 10
    min_pairs: int = 3
    methods: tuple[str, ...] = ("voom",)
    weights: str = "genes"
    trend: bool = False
    robust: bool = False
    min_lfc: float = 0.0


@dataclass(frozen=True, kw_only=True)
class GeneSetsConfig:
    """Methods, draws of the flip test, the sizes of sets in genes of the data, and further collections by name."""

    methods: tuple[str, ...] = ("flip", "camera")
    n_draws: int = 10_000
    min_size: int = 5
    max_size: int = 500
    ora_max_q: float = 0.05
    collections: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """Draws of the comparison of scores."""

    n_draws: int = 10_000


@dataclass(frozen=True, kw_only=True)
class Config:
    """A whole configuration; ``config/config.yaml`` explains every key.

    ``outdir`` stays as it was written: it is relative to the folder a run is started in.
    """

    project: str
    input: InputConfig
    outdir: str = "results"
    seed: int = 0
    qc: QcConfig = field(default_factory=QcConfig)
    embed: EmbedConfig = field(default_factory=EmbedConfig)
    annotate: AnnotateConfig = field(default_factory=AnnotateConfig)
    malignant: MalignantConfig = field(default_factory=MalignantConfig)
    antigen: AntigenConfig = field(default_factory=AntigenConfig)
    lineage: LineageConfig = field(default_factory=LineageConfig)
    score: ScoreConfig = field(default_factory=ScoreConfig)
    contrasts: tuple[Contrast, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    de: DeConfig = field(default_factory=DeConfig)
    gene_sets: GeneSetsConfig = field(default_factory=GeneSetsConfig)
    compare: CompareConfig = field(default_factory=CompareConfig)
    export: ExportConfig = field(default_factory=ExportConfig)
    catalog_paths: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data (dict, list, str, numbers) with every default, that YAML and JSON can hold.

        `load_config` reads it back to an equal `Config`; keys that are None are left out.
        """
        plain: dict[str, Any] = _plain(self)
        return plain

    def to_yaml(self) -> str:
        """Return the config as YAML with sorted keys: the same text for the same config."""
        text: str = yaml.safe_dump(self.to_dict(), sort_keys=True, allow_unicode=True, width=100)
        return text


_SECTIONS: dict[str, Any] = {
    "input": InputConfig,
    "qc": QcConfig,
    "embed": EmbedConfig,
    "annotate": AnnotateConfig,
    "malignant": MalignantConfig,
    "antigen": AntigenConfig,
    "lineage": LineageConfig,
    "score": ScoreConfig,
    "de": DeConfig,
    "gene_sets": GeneSetsConfig,
    "compare": CompareConfig,
    "export": ExportConfig,
}


def config_schema() -> dict[str, Any]:
    """Return the JSON schema of the config file (``workflow/schemas/config.schema.json``)."""
    path = shipped("workflow") / "schemas" / "config.schema.json"
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def load_config(path: str | Path) -> Config:
    """Read and check a config file.

    Paths in it are relative to the file and may hold environment variables (``${OHMICS_DATA}/x.csv``);
    they are returned absolute. Whether the files exist is checked here, what is in them by
    `ohmics.intake.check.check_run`. On, Off, Yes and No are text, as in YAML 1.2.

    Raises
    ------
    OhmicsError
        With every fault: unknown keys and what was probably meant, wrong types and values, missing files.
    """
    source = Path(path)
    refuse_unless_file(source, what="config file", remedy="`ohmics init` makes a commented one")
    data = read_yaml(source)
    if not isinstance(data, dict):
        raise OhmicsError(Fault("the config holds no keys", source.name, remedy="`ohmics init` makes a commented one"))
    return parse_config(data, folder=source.resolve().parent, where=source.name)


def parse_config(data: Mapping[str, Any], *, folder: str | Path, where: str = "config") -> Config:
    """Check the content of a config and fill in every default; ``folder`` is what its paths are relative to.

    Raises
    ------
    OhmicsError
        With every fault.
    """
    faults = Faults()
    faults.extend(schema_faults(Draft202012Validator(config_schema()), data, where))
    faults.raise_if_any()
    built = (*_SECTIONS, "contrasts", "outcomes")
    values: dict[str, Any] = {key: value for key, value in data.items() if key not in built}
    for name, section in _SECTIONS.items():
        if name in data:
            values[name] = section(**{key: frozen(value) for key, value in data[name].items()})
    base = Path(folder)
    values["input"] = _input_paths(values["input"], base, where, faults)
    if "malignant" in values and values["malignant"].gene_positions is not None:
        key = f"{where}, key malignant.gene_positions"
        positions = _path(values["malignant"].gene_positions, base, key, faults)
        values["malignant"] = dataclasses.replace(values["malignant"], gene_positions=positions)
    if "score" in values:
        lists = _paths(values["score"].gene_lists, base, f"{where}, key score.gene_lists", faults)
        values["score"] = dataclasses.replace(values["score"], gene_lists=lists)
    if "gene_sets" in values:
        place = f"{where}, key gene_sets.collections"
        files = {name: _path(path, base, place, faults) for name, path in values["gene_sets"].collections.items()}
        values["gene_sets"] = dataclasses.replace(values["gene_sets"], collections=files)
    values["catalog_paths"] = _paths(data.get("catalog_paths", ()), base, f"{where}, key catalog_paths", faults)
    entries = data.get("contrasts", ())
    sheet = _sheet(values["input"], faults) if any("preset" in entry for entry in entries) else None
    values["contrasts"] = config_contrasts(entries, sheet, where, faults)
    values["outcomes"] = _outcomes(data.get("outcomes", ()), where, faults)
    sizes = values.get("gene_sets", GeneSetsConfig())
    if sizes.min_size > sizes.max_size:
        faults.add(f"min_size {sizes.min_size} is above max_size {sizes.max_size}", where=f"{where}, key gene_sets")
    faults.raise_if_any()
    return Config(**values)


def _input_paths(given: InputConfig, base: Path, where: str, faults: Faults) -> InputConfig:
    of_other_modality(given, f"{where}, key input", faults)
    samples = _path(given.samples, base, f"{where}, key input.samples", faults)
    matrix = None if given.matrix is None else _path(given.matrix, base, f"{where}, key input.matrix", faults)
    named = {key: getattr(given, key) for key in ("cells", "junctions", "transcripts")}
    found = {
        key: None if path is None else _path(path, base, f"{where}, key input.{key}", faults)
        for key, path in named.items()
    }
    defaults = {key: as_text(value) for key, value in given.defaults.items()}
    paths = {"samples": samples, "matrix": matrix, **found}
    return InputConfig(**{**vars(given), **paths, "defaults": defaults})


def _paths(given: Any, base: Path, where: str, faults: Faults) -> tuple[str, ...]:
    return tuple(_path(text, base, where, faults) for text in given)


def _path(text: str, base: Path, where: str, faults: Faults) -> str:
    expanded = os.path.expandvars(text)
    unset = re.search(r"\$\{?(\w+)\}?", expanded)
    if unset:
        faults.add(f"the environment variable {unset[1]} of `{text}` is not set", where=where)
        return text
    # A home that nobody has stays as it is written, and is then no file.
    full = (base / os.path.expanduser(expanded)).absolute()  # noqa: PTH111  # Path.expanduser raises on it
    if not exists(full):
        faults.add(f"no such file: {text}", where=where, remedy=f"paths are relative to the config file, in {base}")
    return os.path.normpath(full)


def _sheet(given: InputConfig, faults: Faults) -> pd.DataFrame | None:
    """Return SAMPLES; what is wrong with the sheet is said here."""
    if not exists(given.samples):
        return None
    try:
        return given.read_sheet()
    except OhmicsError as error:
        faults.extend(error.faults)
        return None


def _outcomes(entries: Any, where: str, faults: Faults) -> tuple[Outcome, ...]:
    built: list[Outcome] = []
    for number, entry in enumerate(entries, start=1):
        fields = {key: frozen(value) for key, value in entry.items()}
        for key in ("positive", "negative"):
            if key in fields:
                given = fields[key] if isinstance(fields[key], tuple) else (fields[key],)
                fields[key] = tuple(map(as_text, given))
        if "where" in fields:
            fields["where"] = _texts(fields["where"])
        try:
            built.append(Outcome(**fields))
        except OhmicsError as error:
            for fault in error.faults:
                faults.add(fault.what, where=f"{where}, key outcomes, entry {number}")
    names = [outcome.name for outcome in built]
    for name in sorted({name for name in names if names.count(name) > 1}):
        faults.add(f"two outcomes are named `{name}`", where=f"{where}, key outcomes", remedy="give each its `name`")
    return tuple(built)


def _texts(where: Mapping[str, Any]) -> dict[str, Any]:
    """Return column to value or values, as text."""
    return {
        key: tuple(map(as_text, value)) if isinstance(value, list) else as_text(value) for key, value in where.items()
    }


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
