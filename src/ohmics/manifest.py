"""A results folder comes in; MANIFEST goes out, and later what differs from it: outputs, inputs, catalogue, code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from ohmics.errors import Fault, OhmicsError
from ohmics.io import read_table
from ohmics.provenance import code_digest, file_digest
from ohmics.shipped import shipped
from ohmics.tables import MANIFEST, SAMPLES

NAME = "manifest.tsv"
NOT_LISTED = ("logs", "benchmarks")
"""Folders of a results folder that hold times and so differ from run to run."""
_CONFIG_PATHS = ("input.cells", "input.junctions", "input.transcripts", "malignant.gene_positions",
                 "gene_sets.collections", "score.gene_lists", "catalog_paths")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What differs from a manifest: names by what happened to them.

    ``changed``, ``missing`` and ``added`` are files of the results folder; ``inputs`` are input files with other
    bytes, ``absent_inputs`` those that are not where the run read them. ``catalogue`` and ``code`` name resource files
    and stages of the installed ohmics that are not those the run used: no fault of the results.
    """

    files: int
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    absent_inputs: tuple[str, ...] = ()
    catalogue: tuple[str, ...] = ()
    code: tuple[str, ...] = ()


def make_manifest(results: str | Path, *, stages: Mapping[str, str], with_inputs: bool = True) -> pd.DataFrame:
    """Return MANIFEST of a finished run; no row holds a path outside the results folder.

    Parameters
    ----------
    results
        Results folder of a run. Logs, benchmarks and hidden files are not listed, and neither is the folder of a
        sample that the sheet no longer names.
    stages
        Name of a stage to its module, for example ``{"de": "ohmics.cli.de"}``.
    with_inputs
        Whether to list what the run read; not where results are handed on without it.

    Raises
    ------
    OhmicsError
        When an input file is no longer there.
    """
    folder = Path(results)
    rows = [_row("output", name, path) for name, path in outputs_of(folder)]
    for name, path in inputs_of(folder) if with_inputs else ():
        if not path.is_file():
            raise OhmicsError(Fault("an input file of the run is gone, so its sha256 cannot be taken", where=name))
        rows.append(_row("input", name, path))
    rows += [_row("catalogue", name, path) for name, path in _resources()]
    rows += [
        {"kind": "code", "name": stage, "bytes": None, "digest": code_digest(module)}
        for stage, module in sorted(stages.items())
    ]
    return MANIFEST.conform(rows)


def _row(kind: str, name: str, path: Path) -> dict[str, Any]:
    return {"kind": kind, "name": name, "bytes": path.stat().st_size, "digest": file_digest(path)}


def outputs_of(folder: Path) -> list[tuple[str, Path]]:
    """Return the files a run left in its results folder, by name; see `make_manifest` for those not listed."""
    sheet = set(read_table(folder / "samples.tsv", SAMPLES)["sample"])
    return [(name, path) for name, path in _files(folder) if not _left_over(name, sheet)]


def _files(folder: Path) -> list[tuple[str, Path]]:
    found = ((path.relative_to(folder), path) for path in folder.rglob("*") if path.is_file())
    listed = [
        (inner.as_posix(), path)
        for inner, path in found
        if inner.parts[0] not in NOT_LISTED
        and inner.as_posix() != NAME
        and not any(part.startswith(".") for part in inner.parts)
    ]
    return sorted(listed)


def _left_over(name: str, sheet: set[str]) -> bool:
    """Return whether a file belongs to a sample that the sheet does not name."""
    parts = name.split("/")
    return parts[0] == "samples" and len(parts) > 2 and parts[1] not in sheet


def inputs_of(folder: Path) -> list[tuple[str, Path]]:
    """Return the files a run read: a name that says nothing of where the file lies, and its path."""
    config = folder / "config.yaml"
    loaded: Any = yaml.safe_load(config.read_text(encoding="utf-8")) if config.is_file() else {}
    given: Mapping[str, Any] = loaded if isinstance(loaded, dict) else {}
    found: dict[str, Path] = {}
    for sheet in _paths(_at(given, "input.samples")):
        _put(found, "sheet", sheet)
    samples = read_table(folder / "samples.tsv", SAMPLES)
    for counts, rows in samples.groupby("path", sort=False):
        # One table of all samples is no sample's own.
        _put(found, "counts" if len(rows) > 1 else f"counts/{rows['sample'].iloc[0]}", Path(str(counts)))
    for key in _CONFIG_PATHS:
        for path in _paths(_at(given, key)):
            _put(found, key, path)
    return sorted(found.items())


def _at(config: Mapping[str, Any], dotted: str) -> Any:
    value: Any = config
    for key in dotted.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _paths(value: Any) -> list[Path]:
    if isinstance(value, str):
        return [Path(value)] if value else []
    if isinstance(value, Mapping):
        return [path for inner in value.values() for path in _paths(inner)]
    return [path for inner in value for path in _paths(inner)] if isinstance(value, (list, tuple)) else []


def _put(found: dict[str, Path], what: str, path: Path) -> None:
    """Add a file, or the files of a folder, under a name that is not taken."""
    for inner, file in _inner(path):
        name, number = f"{what}/{inner}", 1
        while name in found:
            number += 1
            name = f"{what}/{number}/{inner}"
        found[name] = file


def _inner(path: Path) -> Iterator[tuple[str, Path]]:
    if not path.is_dir():
        yield path.name, path
        return
    for file in sorted(one for one in path.rglob("*") if one.is_file()):
        yield f"{path.name}/{file.relative_to(path).as_posix()}", file


def _resources() -> list[tuple[str, Path]]:
    folder = shipped("resources")
    found = [(path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob("*")) if path.is_file()]
    return [*found, ("calibration.tsv", shipped("docs/calibration.tsv"))]


def differences(results: str | Path, *, stages: Mapping[str, str]) -> Differences:
    """Return what differs from the manifest of a results folder.

    Parameters
    ----------
    results
        Results folder of a run.
    stages
        Name of a stage to its module, as for `make_manifest`.

    Raises
    ------
    OhmicsError
        When the folder has no manifest.
    """
    folder = Path(results)
    if not (folder / NAME).is_file():
        raise OhmicsError(
            Fault(
                f"holds no {NAME}, so nothing says what the run wrote",
                where=str(results),
                remedy="the run did not finish, or an older ohmics made it: run the workflow again",
            )
        )
    manifest = read_table(folder / NAME, MANIFEST)
    known = {kind: dict(zip(rows["name"], rows["digest"], strict=True)) for kind, rows in manifest.groupby("kind")}
    outputs, inputs = known.get("output", {}), known.get("input", {})
    present, read = dict(_files(folder)), _inputs_if_told(folder)
    absent = tuple(name for name in inputs if name not in read or not read[name].is_file())
    here = {"catalogue": {name: file_digest(path) for name, path in _resources()}}
    here["code"] = {stage: code_digest(module) for stage, module in stages.items()}
    return Differences(
        files=len(outputs),
        changed=tuple(name for name, path in present.items() if name in outputs and file_digest(path) != outputs[name]),
        missing=tuple(name for name in outputs if name not in present),
        added=tuple(name for name in present if name not in outputs),
        inputs=tuple(name for name in inputs if name not in absent and file_digest(read[name]) != inputs[name]),
        absent_inputs=absent,
        catalogue=_unlike(known.get("catalogue", {}), here["catalogue"]),
        code=_unlike(known.get("code", {}), here["code"]),
    )


def _inputs_if_told(folder: Path) -> dict[str, Path]:
    """Return the inputs; none where the sheet or the config, which tell of them, is broken: both are outputs too."""
    try:
        return dict(inputs_of(folder))
    except (ValueError, yaml.YAMLError):
        return {}


def _unlike(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in {*then, *now} if then.get(name) != now.get(name)))
