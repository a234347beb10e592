"""An export folder and what a run read come in; RO-Crate metadata goes out: what was made, from what, with what.

The crate follows Workflow Run Crate (https://w3id.org/ro/wfrun/workflow/0.5) as far as a results folder knows: the
workflow, its inputs by name and sha256, its settings, the software with versions, the files made. It holds no date of
the run, no person and no machine, because the same results give the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ohmics.export import FIXED_DATE
from ohmics.io import write_atomic, write_text
from ohmics.provenance import file_digest
from ohmics.shareable import last_name, shareable_config

METADATA = "ro-crate-metadata.json"
WORKFLOW = "workflow/Snakefile"
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
_CONTEXT = "https://w3id.org/ro/terms/workflow-run/context"
_SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
_LICENCE = "https://spdx.org/licenses/BSD-3-Clause"
_TYPES = {
    ".tsv": "text/tab-separated-values",
    ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".h5ad": "application/x-hdf5",
    ".json": "application/json",
    ".md": "text/markdown",
    ".bib": "application/x-bibtex",
    ".yaml": "application/yaml",
    ".smk": "text/plain",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What the crate says of a run beside its files.

    Parameters
    ----------
    config
        The config of the run; paths in it are cut to their last name.
    inputs
        The files the run read: sheet and counts.
    versions
        Package to version.
    digest
        Digest of the code of all stages.
    titles
        Name of a file, relative to the export folder, to what it holds.
    """

    config: Mapping[str, Any]
    inputs: tuple[Path, ...]
    versions: Mapping[str, str]
    digest: str
    titles: Mapping[str, str] = field(default_factory=dict)


def write_crate(folder: str | Path, facts: RunFacts, *, snakefile: Path, rules: Iterable[Path]) -> Path:
    """Write ``ro-crate-metadata.json`` into an export folder, with the workflow and the config beside it.

    Parameters
    ----------
    folder
        The export folder: every file in it becomes part of the crate.
    facts
        What is known of the run.
    snakefile
        The Snakefile; a copy goes into the crate, since a Workflow Run Crate holds its workflow.
    rules
        The rule files it includes.
    """
    target = Path(folder)
    _copy_workflow(target, snakefile, rules)
    config = json.dumps(shareable_config(facts.config), indent=1, sort_keys=True, ensure_ascii=False)
    write_text(config + "\n", target / "config.json")
    crate = _crate(facts)
    made = [_add_file(crate, target, path, facts.titles) for path in _files(target)]
    _add_run(crate, facts, made)
    metadata = crate.metadata.generate()
    metadata["@graph"].sort(key=_first_the_roots)
    text = json.dumps(metadata, indent=1, sort_keys=True, ensure_ascii=False)
    write_text(text + "\n", target / METADATA)
    return target / METADATA


def _copy_workflow(target: Path, snakefile: Path, rules: Iterable[Path]) -> None:
    # The Snakefile includes workflow/rules/*.smk beside itself.
    copies = {target / WORKFLOW: snakefile}
    copies |= {target / "workflow" / "workflow" / "rules" / path.name: path for path in rules}
    for place in (target / "workflow").rglob("*"):
        if place.is_file() and place not in copies:
            place.unlink()
    for place, source in copies.items():
        with write_atomic(place) as temporary:
            shutil.copyfile(source, temporary)


def _files(target: Path) -> list[Path]:
    """Return the files of the crate in the order of their names; what starts with a dot is half-written."""
    found = (path for path in target.rglob("*") if path.is_file())
    relative = ((path.relative_to(target), path) for path in found)
    kept = [
        (str(inner), path)
        for inner, path in relative
        if inner.name != METADATA and not any(part.startswith(".") for part in inner.parts)
    ]
    return [path for _, path in sorted(kept)]


def _crate(facts: RunFacts) -> Any:
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(_CONTEXT)
    root = crate.root_dataset
    root["datePublished"] = FIXED_DATE.date().isoformat()
    root["name"] = str(facts.config.get("project") or "ohmics")
    root["description"] = (
        "Tables and exports of a run of ohmics: which mechanisms of resistance the data support, contradict, leave "
        "open or cannot see. Research use only, never a diagnosis. datePublished is a fixed date, so that the same "
        "results give the same bytes; the licence is that of the workflow, that of the data is the user's to state."
    )
    root["conformsTo"] = [{"@id": address} for address in _PROFILES]
    for address, (name, version) in _PROFILES.items():
        crate.add(ContextEntity(crate, address, properties={"@type": "CreativeWork", "name": name, "version": version}))
    crate.add(
        ContextEntity(
            crate,
            _LICENCE,
            properties={"@type": "CreativeWork", "name": "BSD 3-Clause License", "identifier": "BSD-3-Clause"},
        )
    )
    root["license"] = {"@id": _LICENCE}
    return crate


def _add_file(crate: Any, target: Path, path: Path, titles: Mapping[str, str]) -> Any:
    inner = path.relative_to(target).as_posix()
    properties: dict[str, Any] = {
        "name": inner,
        "contentSize": str(path.stat().st_size),
        "sha256": file_digest(path),
        "encodingFormat": _TYPES.get(path.suffix, "text/plain"),
    }
    if inner in titles:
        properties["description"] = titles[inner]
    if inner != WORKFLOW:
        return crate.add_file(path, dest_path=inner, properties=properties)
    properties |= {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": "ohmics",
        "license": {"@id": _LICENCE},
        "programmingLanguage": {"@id": _SNAKEMAKE},
    }
    workflow = crate.add_file(path, dest_path=inner, properties=properties)
    crate.mainEntity = workflow
    return workflow


def _add_run(crate: Any, facts: RunFacts, made: list[Any]) -> None:
    from rocrate.model.contextentity import ContextEntity

    def context(address: str, /, **properties: Any) -> Any:
        return crate.add(ContextEntity(crate, address, properties=properties))

    workflow = next(entity for entity in made if entity.id == WORKFLOW)
    code = [entity for entity in made if entity.id.startswith("workflow/")]
    config = next(entity for entity in made if entity.id == "config.json")
    language = context(
        _SNAKEMAKE,
        **{"@type": "ComputerLanguage", "name": "Snakemake", "url": "https://snakemake.readthedocs.io",
           "identifier": "https://snakemake.readthedocs.io"},
        version=facts.versions.get("snakemake", "not known"),
    )  # fmt: skip
    workflow["programmingLanguage"] = language
    workflow["version"] = facts.versions.get("ohmics", "not known")
    workflow["hasPart"] = [entity for entity in code if entity is not workflow]
    software = [
        context(f"#software-{name}", **{"@type": "SoftwareApplication"}, name=name, softwareVersion=version)
        for name, version in facts.versions.items()
    ]
    workflow["softwareRequirements"] = software
    inputs = [_input(context, number, path) for number, path in enumerate(_input_files(facts.inputs), start=1)]
    digest = context(
        "#code-digest", **{"@type": "PropertyValue"}, name="digest of the code of all stages", value=facts.digest
    )
    action = context(
        "#run",
        **{"@type": "CreateAction"},
        name="Run of the ohmics workflow",
        instrument=workflow,
        object=[*inputs, config, digest],
        result=[entity for entity in made if entity not in code and entity is not config],
    )
    crate.root_dataset["mentions"] = [action]


def _input_files(given: Iterable[Path]) -> list[tuple[str, Path]]:
    """Return the files read, with names that say nothing of where they lay: a folder's files carry its last name."""
    found: list[tuple[str, Path]] = []
    for path in given:
        if path.is_dir():
            inner = sorted(one for one in path.rglob("*") if one.is_file())
            found += [(f"{last_name(path)}/{one.relative_to(path).as_posix()}", one) for one in inner]
        elif path.is_file():
            found.append((last_name(path), path))
    return found


def _input(context: Any, number: int, named: tuple[str, Path]) -> Any:
    # Not part of the crate, so an identifier of its own instead of a path within it.
    name, path = named
    return context(
        f"#input-{number}",
        **{"@type": "CreativeWork"},
        name=name,
        sha256=file_digest(path),
        contentSize=str(path.stat().st_size),
    )


def _first_the_roots(entity: Mapping[str, Any]) -> tuple[int, str]:
    place = {METADATA: 0, "./": 1, WORKFLOW: 2, "#run": 3}
    return place.get(str(entity["@id"]), 4), str(entity["@id"])
