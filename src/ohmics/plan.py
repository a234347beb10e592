"""A config comes in, what the workflow needs of it goes out: samples, settings, code digests and memory per stage.

The Snakefile asks this one place, so that a rule's parameters hold exactly the part of the config and the code that the
rule depends on, and nothing else reruns it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ohmics._outcome_values import all_outcome_faults
from ohmics.errors import OhmicsError
from ohmics.intake.config import load_config
from ohmics.intake.contrasts import contrast_faults
from ohmics.intake.files import size_of
from ohmics.intake.names import name_faults
from ohmics.intake.sheet import read_samples
from ohmics.memory import expected_mib, in_megabytes
from ohmics.provenance import code_digest
from ohmics.score.methods import METHODS, cohort_methods, rank_methods
from ohmics.shipped import shipped

# stage: the parts of the config its command reads, as dotted paths.
_SETTINGS: dict[str, tuple[str, ...]] = {
    "samples": ("input",),
    "qc": ("seed", "qc", "annotate", "input.fractions", "input.gene_ids", "input.sample_column", "input.transgenes"),
    "bulk_qc": (
        "seed",
        "qc",
        "input.fractions",
        "input.gene_ids",
        "input.orientation",
        "input.strandedness",
        "input.transcripts",
        "input.transgenes",
    ),
    "cell_tables": (),
    "similarity": (),
    "pairs": ("contrasts",),
    "embed": ("seed", "embed"),
    "annotate": ("annotate",),
    "malignant": ("malignant",),
    "aggregate": (),
    "reference": (),
    "targets": ("contrasts", "outcomes", "score.min_cells"),
    "lists": ("score.tiers", "score.methods", "catalog_paths", "score.gene_lists"),
    "score": ("seed", "score"),
    "car": ("input.transgenes",),
    "calls": ("seed", "catalog_paths", "antigen", "lineage"),
    "bulk_antigen": ("catalog_paths", "antigen"),
    "junctions": (),
    "states": ("seed", "contrasts", "compare", "score.min_cells"),
    "content": ("contrasts",),
    "gather": (),
    "config_used": (),
    "compare": ("seed", "contrasts", "compare"),
    "associate": ("seed", "contrasts", "outcomes", "compare"),
    "measures": ("catalog_paths",),
    "de": ("contrasts", "de"),
    "gene_sets": ("seed", "contrasts", "de.min_cells", "de.min_pairs", "de.weights", "gene_sets"),
    "ora": ("gene_sets",),
    "evidence": ("score.tiers", "catalog_paths"),
    "patients": ("catalog_paths",),
    "report": ("project", "catalog_paths"),
    "export": ("project", "catalog_paths", "export"),
    "figures": ("project", "catalog_paths"),
    "manifest": (),
}
_OTHER_RESOURCES = ("cell_markers.tsv", "antigens.tsv", "lineages.yaml", "malignant_panels.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one run is made of. ``config`` is the resolved config as plain data."""

    config: dict[str, Any]
    config_path: Path
    samples: pd.DataFrame

    @property
    def modality(self) -> str:
        """``single_cell`` or ``bulk``."""
        return str(self.config["input"]["modality"])

    @property
    def sample_ids(self) -> list[str]:
        """The samples in the order of the sheet."""
        return [str(sample) for sample in self.samples["sample"]]

    def matrix(self, sample: str) -> str:
        """Return the path of a sample's counts."""
        return str(self.samples.set_index("sample").loc[sample, "path"])

    @property
    def matrices(self) -> list[str]:
        """Every file with counts, each once, and the table of transcripts some of them are read with."""
        beside = self.config["input"].get("transcripts")
        return [*dict.fromkeys(str(path) for path in self.samples["path"]), *([beside] if beside else [])]

    @property
    def mechanisms(self) -> list[str]:
        """The files the catalogue is made of: the shipped ones and the user's."""
        resources = shipped("resources")
        found = [
            *sorted(resources.glob("mechanisms/*/*.yaml")),
            *(resources / name for name in _OTHER_RESOURCES),
        ]
        for given in self.config["catalog_paths"]:
            path = Path(given)
            found += sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        return [str(path) for path in found]

    @property
    def collections(self) -> dict[str, str]:
        """The user's collections of gene lists, name to file."""
        return {str(name): str(path) for name, path in self.config["gene_sets"]["collections"].items()}

    @property
    def calibration(self) -> str:
        """The measured error rates of tests and calls."""
        return str(shipped("docs/calibration.tsv"))

    @property
    def user_lists(self) -> list[str]:
        """The user's own gene-list files."""
        return [str(path) for path in self.config["score"]["gene_lists"]]

    def resource(self, name: str) -> str:
        """Return the path of one shipped resource file."""
        return str(shipped("resources") / name)

    def settings(self, stage: str) -> str:
        """Return the part of the config that a stage reads, as one line of JSON with sorted keys."""
        part: dict[str, Any] = {}
        for dotted in _SETTINGS[stage]:
            value: Any = self.config
            *parents, last = dotted.split(".")
            for key in parents:
                value = value[key]
            value = value[last] if not parents else value.get(last)  # keys that were not given are not there
            part[dotted.replace(".", "_")] = value
        return json.dumps(part, sort_keys=True, separators=(",", ":"))

    def digest(self, stage: str) -> str:
        """Return the digest of the code behind a stage's command."""
        return code_digest(f"ohmics.cli.{stage}")

    def memory(self, stage: str) -> Callable[..., int]:
        """Return a function that gives a job's memory in MB from its input's size, and more at each retry."""
        given = set(self.matrices)
        n_top_genes = int(self.config["embed"]["n_top_genes"])

        def mem_mb(wildcards: object, input: Any, attempt: int) -> int:  # noqa: ARG001  # snakemake calls it by these names
            sizes = [(str(path), _mib(path, size)) for path, size in zip(input, input.size_files_mb, strict=True)]
            counts = [size for path, size in sizes if path in given or path.endswith(".h5ad")]
            tables = sum(size for _, size in sizes) - sum(counts)
            mib = expected_mib(stage, counts=counts, tables=tables, n_top_genes=n_top_genes)
            return in_megabytes(mib, attempt=attempt)

        return mem_mb


def _mib(path: str, size: float) -> float:
    """Return a file's size as it was given, and a folder's as the sum of its files."""
    return size_of(path) / 2**20 if Path(path).is_dir() else size


def load_plan(path: str | Path) -> Plan:
    """Read a config and its sheet and see that every contrast has something to compare.

    Raises
    ------
    OhmicsError
        With every fault of the config, the sheet and the pairing.
    """
    config = load_config(path)
    plain = config.to_dict()
    given = plain["input"]
    samples = read_samples(
        given["samples"],
        columns=given["columns"],
        defaults=given["defaults"],
        modality=given["modality"],
        matrix=given.get("matrix"),
        pooled=given.get("sample_column") is not None,
    )
    name = Path(path).name
    faults = name_faults(
        config,
        methods=tuple(METHODS),
        of_cohorts=cohort_methods(),
        with_last_rank=rank_methods(),
        where=name,
    )
    faults += contrast_faults(samples, config.contrasts, where=f"{name}, key contrasts")
    faults += all_outcome_faults(samples, config.outcomes, config.contrasts, where=f"{name}, key outcomes")
    if faults:
        raise OhmicsError(faults)
    return Plan(config=plain, config_path=Path(path).resolve(), samples=samples)
