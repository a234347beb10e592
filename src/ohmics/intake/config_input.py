"""The part of a config that says what is read, and how; what of it does not fit the modality, out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from ohmics.errors import Faults
from ohmics.intake.sheet import read_samples


@dataclass(frozen=True, kw_only=True)
class InputConfig:
    """What is read, and how; paths are absolute."""

    samples: str
    modality: str
    matrix: str | None = None
    gene_ids: str = "auto"
    orientation: str = "auto"
    columns: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    transgenes: tuple[str, ...] = ()
    cells: str | None = None
    junctions: str | None = None
    sample_column: str | None = None
    strandedness: str = "auto"
    transcripts: str | None = None
    fractions: Literal["keep", "round"] = "keep"

    def read_sheet(self) -> pd.DataFrame:
        """Return SAMPLES; raises OhmicsError with every fault of the sheet."""
        return read_samples(
            self.samples,
            columns=self.columns,
            defaults=self.defaults,
            modality=self.modality,
            matrix=self.matrix,
            pooled=self.sample_column is not None,
        )


def of_other_modality(given: InputConfig, where: str, faults: Faults) -> None:
    """Refuse keys that mean nothing in a run of this modality."""
    wrong: tuple[str, ...] = ("cells", "sample_column")
    other, remedy = "single-cell", "leave it out"
    if given.modality == "single_cell":
        wrong, other = ("orientation", "strandedness", "transcripts"), "bulk"
        remedy = "leave it out; a single-cell run reads the sheet's `path` column"
        if given.matrix is not None and given.sample_column is None:
            faults.add(
                "key `matrix` is for bulk runs", where=where,
                remedy="leave it out, or name the column of obs that tells its samples apart as input.sample_column",
            )  # fmt: skip
    for key in wrong:
        if getattr(given, key) != getattr(InputConfig, key):
            faults.add(f"key `{key}` is for {other} runs", where=where, remedy=remedy)
