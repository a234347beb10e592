"""The files of resources/, a user's YAML and gene-list files in; the parts of a `Catalog` and every fault out."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ohmics._catalog_read import read_mechanism
from ohmics.errors import Faults
from ohmics.intake.gene_lists import FORMATS, load_gene_lists, read_gmt, read_text
from ohmics.model import Antigen, CellMarkers, CellState, DiseasePanel, GeneList, LineagePanel, Mechanism

# The C parser is ten times faster; PyYAML lacks it where libyaml was absent when it was built.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_YAML = (".yaml", ".yml")
# What a folder is searched for: other text files in it may be anything, so those are read only when named.
_SEARCHED = (*_YAML, ".gmt", ".grp")


@dataclass(slots=True)
class Parts:
    """What the files hold, before it is checked against each other."""

    mechanisms: dict[str, Mechanism] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    large_sets: dict[str, GeneList] = field(default_factory=dict)
    user_lists: dict[str, GeneList] = field(default_factory=dict)
    user_signed: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    antigens: dict[str, Antigen] = field(default_factory=dict)
    markers: dict[str, CellMarkers] = field(default_factory=dict)
    lineages: dict[str, LineagePanel] = field(default_factory=dict)
    lineage_rule: dict[str, str] = field(default_factory=dict)
    diseases: dict[str, DiseasePanel] = field(default_factory=dict)
    effect_directions: tuple[Mapping[str, Any], ...] = ()
    symbols: frozenset[str] = frozenset()
    shipped: frozenset[str] = frozenset()
    files: tuple[Path, ...] = ()
    notes: list[str] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)


def load(resources: Path, paths: Iterable[str | Path]) -> Parts:
    """Read the shipped resources, then the user's files and folders."""
    parts = Parts()
    parts.symbols = _symbols(resources, parts.faults)
    parts.markers = _markers(resources / "cell_markers.tsv", parts.faults)
    parts.antigens = _antigens(resources / "antigens.tsv", parts.faults)
    _lineages(resources / "lineages.yaml", parts)
    _diseases(resources / "malignant_panels.yaml", parts)
    directions = _yaml(resources / "effect_directions.yaml", "effect_directions.yaml", parts.faults)
    parts.effect_directions = tuple(directions) if isinstance(directions, list) else ()
    _large_sets(resources / "gene_lists", parts)
    shipped = sorted((resources / "mechanisms").glob("*/*.yaml"))
    if not shipped:
        parts.faults.add(
            "no mechanism lies in resources/mechanisms", where=str(resources), remedy="install ohmics again"
        )
    for path in shipped:
        _mechanism(path, path.relative_to(resources).as_posix(), parts)
    parts.shipped = frozenset(parts.mechanisms)
    mine = [file for path in paths for file in _user_files(Path(path), parts.faults)]
    for file in dict.fromkeys(mine):
        if file.suffix in _YAML:
            _repeated_keys(file, parts.faults)
            _mechanism(file, str(file), parts)
        else:
            _user_lists(file, parts)
    parts.files = (*shipped, *dict.fromkeys(mine))
    return parts


def read_tsv(path: Path, columns: Iterable[str], faults: Faults) -> list[dict[str, str]]:
    """Return the rows of a TSV; missing columns are faults."""
    lines = read_text(path, path.name, faults).splitlines()
    rows = list(csv.DictReader(lines, delimiter="\t", restval=""))
    header = next(csv.reader(lines[:1], delimiter="\t"), [])
    missing = [column for column in columns if column not in header]
    if lines and missing:
        faults.add(f"columns are missing: {', '.join(missing)}", where=path.name)
        return []
    return rows


def _yaml(path: Path, where: str, faults: Faults) -> object:
    text = read_text(path, where, faults)
    try:
        loader = _LOADER(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        faults.add(f"not YAML: {' '.join(str(error).split())}", where=where)
        return None


def _mechanism(path: Path, where: str, parts: Parts) -> None:
    before = len(parts.faults)
    raw = _yaml(path, where, parts.faults)
    if raw is None and len(parts.faults) > before:
        return
    mechanism = read_mechanism(raw, where, parts.faults)
    if mechanism is None:
        return
    if mechanism.id in parts.mechanisms:
        parts.faults.add(
            f"the id `{mechanism.id}` is taken by {parts.places[mechanism.id]}", where=where, remedy="choose another id"
        )
        return
    parts.mechanisms[mechanism.id] = mechanism
    parts.places[mechanism.id] = where


def _repeated_keys(path: Path, faults: Faults) -> None:
    """Name keys that stand twice in one mapping: YAML would keep the last in silence."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return  # named when the file itself is read
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, yaml.SequenceNode):
            stack += node.value
        elif isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            for key in dict.fromkeys(key for key in keys if keys.count(key) > 1):
                faults.add(f"the key `{key}` stands twice", where=f"{path}, line {node.start_mark.line + 1}")
            stack += [value for _, value in node.value]


def _user_files(path: Path, faults: Faults) -> list[Path]:
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix in _SEARCHED and file.is_file())
        if not found:
            legal = ", ".join(f"*{ending}" for ending in _SEARCHED)
            faults.add("the folder holds no mechanism and no gene set", where=str(path), legal=legal)
        return found
    if not path.is_file():
        faults.add("no such file or folder", where=str(path), remedy="check `catalog_paths`")
        return []
    suffixes = path.suffixes[-2:] if path.suffix == ".gz" else path.suffixes[-1:]
    if not suffixes or suffixes[0].lower() not in (*_YAML, *FORMATS):
        legal = ", ".join((*_YAML, *FORMATS))
        faults.add(f"`{path.suffix}` is no mechanism or gene set", where=str(path), legal=legal)
        return []
    return [path]


def _user_lists(path: Path, parts: Parts) -> None:
    found = load_gene_lists(path, parts.faults)
    parts.notes += found.notes
    for name, genes in found.lists.items():
        if name in parts.user_lists or name in parts.user_signed:
            parts.faults.add(
                f"the set `{name}` stands in another file too", where=str(path), remedy="give each set its own name"
            )
        elif isinstance(genes, dict):
            parts.user_signed[name] = genes
        else:
            source = found.descriptions.get(name) or path.name
            parts.user_lists[name] = GeneList(mechanism="", name=name, direction="", genes=tuple(genes), source=source)


def _symbols(resources: Path, faults: Faults) -> frozenset[str]:
    symbols: set[str] = set()
    for name in ("genes.tsv", "genes_extra.tsv"):
        lines = read_text(resources / name, name, faults).splitlines()
        symbols.update(line.split("\t", 1)[0] for line in lines[1:])
    return frozenset(symbols)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";") if part.strip())


def _markers(path: Path, faults: Faults) -> dict[str, CellMarkers]:
    columns = ("cell_type", "parent", "tissues", "positive", "negative", "source", "note")
    markers: dict[str, CellMarkers] = {}
    for row in read_tsv(path, columns, faults):
        name = row["cell_type"]
        if name in markers:
            faults.add(f"the cell type `{name}` stands twice", where=path.name)
        markers[name] = CellMarkers(
            cell_type=name,
            parent=row["parent"],
            tissues=_split(row["tissues"]),
            positive=_split(row["positive"]),
            negative=_split(row["negative"]),
            source=row["source"],
            note=row["note"],
        )
    return markers


def _antigens(path: Path, faults: Faults) -> dict[str, Antigen]:
    columns = ("target_antigen", "gene_symbols", "therapy_class", "diseases", "expected_loss_mechanism",
               "alternative_target_genes", "detection_mode", "detection_caveats", "normal_expression")  # fmt: skip
    antigens: dict[str, Antigen] = {}
    for row in read_tsv(path, columns, faults):
        name = row["target_antigen"]
        if name in antigens:
            faults.add(f"the antigen `{name}` stands twice", where=path.name)
        antigens[name] = Antigen(
            antigen=name,
            genes=_split(row["gene_symbols"]),
            therapies=row["therapy_class"],
            diseases=_split(row["diseases"]),
            loss_mechanism=row["expected_loss_mechanism"],
            alternatives=_split(row["alternative_target_genes"]),
            caveats=row["detection_caveats"],
            detection=row["detection_mode"],
            normal_expression=row["normal_expression"],
        )
    return antigens


def _lineages(path: Path, parts: Parts) -> None:
    raw = _yaml(path, path.name, parts.faults)
    if not isinstance(raw, dict) or not isinstance(raw.get("panels"), list):
        parts.faults.add("the file holds no panels", where=path.name)
        return
    parts.lineage_rule = {str(key): str(value) for key, value in (raw.get("rule") or {}).items()}
    for panel in raw["panels"]:
        parts.lineages[panel["name"]] = LineagePanel(
            name=panel["name"],
            genes=tuple(panel["genes"]),
            rule=panel["rule"],
            source=panel["source"],
            checked=panel["checked"],
        )


def _diseases(path: Path, parts: Parts) -> None:
    raw = _yaml(path, path.name, parts.faults)
    if not isinstance(raw, list):
        parts.faults.add("the file holds no diseases", where=path.name)
        return
    for entry in raw:
        states = tuple(
            CellState(
                name=state["name"],
                malignant=bool(state["malignant"]),
                usual=tuple(state["usual"]),
                some=tuple(state["some"]),
                rare=tuple(state["rare"]),
            )
            for state in entry["states"]
        )
        parts.diseases[entry["disease"]] = DiseasePanel(
            disease=entry["disease"],
            title=entry["title"],
            names=tuple(str(name) for name in entry["names"]),
            home=tuple(entry["home"]),
            possible=tuple(entry["possible"]),
            light_chain=bool(entry["light_chain"]),
            resting=bool(entry["resting"]),
            precursors=str(entry["precursors"]),
            states=states,
            source=str(entry["source"]),
            checked=str(entry["checked"]),
        )


def _large_sets(folder: Path, parts: Parts) -> None:
    columns = ("name", "source", "pmid", "licence", "checked", "checked_at", "note")
    sources = {row["name"]: row for row in read_tsv(folder / "large_sets_sources.tsv", columns, parts.faults)}
    for name, (description, genes) in read_gmt(folder / "large_sets.gmt", parts.faults).items():
        row = sources.get(name)
        if row is None:
            parts.faults.add(f"the set `{name}` has no row", where="large_sets_sources.tsv")
            row = dict.fromkeys(columns, "") | {"source": description}
        kept = {key: row[key] for key in ("source", "pmid", "licence", "checked", "checked_at", "note")}
        parts.large_sets[name] = GeneList(mechanism="", name=name, direction="", genes=genes, kind="published", **kept)
