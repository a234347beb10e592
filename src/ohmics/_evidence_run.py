"""The tables of one run come in; the rows that a line of evidence reads go out, each found once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from ohmics.model import WITH_SUBTYPES

if TYPE_CHECKING:
    from ohmics._evidence_cars import PatientCall
    from ohmics.catalog import Catalog

Row = dict[str, Any]
COHORT = "cohort"
BASELINE = "baseline"
"""What stands for a contrast in ASSOCIATION where an outcome names none."""
MODELS = ("camera", "fry")
"""Tests of a list by the moderated model over all genes, the preferred first."""
CALL_STAGES = ("antigen", "lineage", "car")
"""Stages of SKIPPED whose subject is the patient that was not called (of car: the sample)."""
_NONE: tuple[Row, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Run:
    """The tables of one run, and what is derived from them once.

    ``tables`` holds the further tables by name (antigen, antigen_presentation, lineage, car, malignant, composition,
    association, qc, pairs). ``targets`` maps a patient to the antigens the therapy aims at, ``skipped`` a (contrast,
    cell type, item) to the reason why it was not tested, ``sample_skips`` a cell type to the rows of SKIPPED
    that name a sample, ``not_beyond`` a (contrast, list) to the reason why it has no score beyond content,
    ``call_skips`` a (stage, patient) to the rows of SKIPPED that say why a call was not made.
    """

    effects: pd.DataFrame
    enrichment: pd.DataFrame
    catalog: Catalog
    tables: Mapping[str, pd.DataFrame]
    modality: str
    purified_type: str
    samples: pd.DataFrame | None = None
    targets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    skipped: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    sample_skips: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    called: dict[tuple[str, ...], list[PatientCall]] = field(default_factory=dict)
    not_beyond: Mapping[tuple[str, str], str] = field(default_factory=dict)
    call_skips: Mapping[tuple[str, str], Sequence[Row]] = field(default_factory=dict)

    @cached_property
    def _effects(self) -> dict[tuple[str, ...], list[Row]]:
        return _grouped(self.effects, ("contrast", "level", "cell_type", "gene_list", "method", "depth"))

    @cached_property
    def _sets(self) -> dict[tuple[str, ...], list[Row]]:
        return _grouped(self.enrichment, ("contrast", "cell_type", "gene_list", "method"))

    @cached_property
    def _composition(self) -> dict[tuple[str, ...], list[Row]]:
        frame = self.tables.get("composition")
        return {} if frame is None else _grouped(frame, ("contrast", "cell_type"))

    @cached_property
    def _associations(self) -> dict[tuple[str, ...], list[Row]]:
        frame = self.tables.get("association")
        return {} if frame is None else _grouped(frame, ("gene_list", "method", "cell_type"))

    @cached_property
    def _pairs(self) -> dict[str, pd.DataFrame]:
        frame = self.tables.get("pairs")
        return {} if frame is None else {str(name): own for name, own in frame.groupby("contrast", sort=False)}

    @cached_property
    def methods(self) -> frozenset[str]:
        """The scoring methods that EFFECTS holds."""
        return frozenset(self.effects["method"].dropna().astype(str))

    @cached_property
    def sample_rows(self) -> dict[str, Row]:
        """SAMPLES by sample; empty when the sheet was not given."""
        if self.samples is None or "sample" not in self.samples:
            return {}
        return {str(row["sample"]): row for row in _records(self.samples)}

    def effect(
        self, contrast: str, cell_type: str, gene_list: str, *, method: str, depth: str = "thinned"
    ) -> Row | None:
        """Return the cohort's row of one list, cell type and method; None when it was not tested."""
        rows = self._effects.get((contrast, COHORT, cell_type, gene_list, method, depth), _NONE)
        return rows[0] if rows else None

    def patients(self, contrast: str, cell_type: str, gene_list: str, *, method: str) -> list[Row]:
        """Return the patients' own rows of one list, cell type and method, by subject."""
        rows = self._effects.get((contrast, "patient", cell_type, gene_list, method, "thinned"), _NONE)
        return sorted(rows, key=lambda row: str(row["subject"]))

    def gene_set(self, contrast: str, cell_type: str, gene_list: str, *methods: str) -> Row | None:
        """Return the first gene-set test of a list that there is, in the order of the methods."""
        for method in methods:
            rows = self._sets.get((contrast, cell_type, gene_list, method), _NONE)
            if rows:
                return rows[0]
        return None

    def composition(self, contrast: str, cell_type: str) -> Row | None:
        """Return the cohort's change of a cell type's share; None when it was not tested."""
        rows = self._shares(contrast, cell_type)
        return next((row for row in rows if row["subject"] == contrast), None)

    def _shares(self, contrast: str, cell_type: str) -> Sequence[Row]:
        """Return the rows of a type together with its subtypes where there are such, else those of the type itself."""
        whole = self._composition.get((contrast, f"{cell_type}{WITH_SUBTYPES}"), _NONE)
        return whole or self._composition.get((contrast, cell_type), _NONE)

    def composition_changes(self, contrast: str, cell_type: str) -> pd.Series:
        """Return the changes of single units, those that have one."""
        rows = self._shares(contrast, cell_type)
        return pd.Series([row["effect"] for row in rows if row["subject"] != contrast], dtype="float64").dropna()

    def associations(self, contrast: str, cell_type: str, gene_list: str, *, method: str) -> list[Row]:
        """Return how a score goes with the outcomes of a contrast's patients, or of the cohort at baseline."""
        rows = self._associations.get((gene_list, method, cell_type), _NONE)
        mine = [row for row in rows if row["contrast"] in (contrast, BASELINE)]
        return sorted(mine, key=lambda row: (str(row["contrast"]), str(row["outcome"])))

    def pairs(self, contrast: str, *, complete: bool = True) -> pd.DataFrame | None:
        """Return PAIRS of a contrast, complete ones only unless said otherwise; None without that table."""
        frame = self.tables.get("pairs")
        if frame is None:
            return None
        own = self._pairs.get(contrast, frame.iloc[:0])
        return own[own["complete"].astype(bool)] if complete else own

    def samples_of(self, contrast: str, side: str) -> list[str]:
        """Return the samples on one side (``test`` or ``reference``) of a contrast, by name."""
        own = self.pairs(contrast, complete=False)
        if own is None:
            return []
        return sorted({name for text in own[f"{side}_samples"].dropna() for name in str(text).split("|") if name})

    def why_not_beyond(self, contrast: str, gene_list: str) -> str:
        """Return why a list has no score beyond content; empty when none is known."""
        return self.not_beyond.get((contrast, gene_list)) or self.not_beyond.get((contrast, ""), "")

    def why_skipped(self, contrast: str, cell_type: str, item: str) -> str:
        """Return why something was not tested, the most particular reason first; empty when none is known."""
        for key in (
            (contrast, cell_type, item),
            (contrast, "", item),
            ("", cell_type, item),
            ("", "", item),
            (contrast, cell_type, ""),
            ("", cell_type, ""),
            (contrast, "", ""),
        ):
            if key in self.skipped:
                return self.skipped[key]
        return ""


def content_reasons(skipped: pd.DataFrame | None) -> dict[tuple[str, str], str]:
    """Return why scores have none beyond content, by (contrast, list); an empty list speaks of all of a contrast."""
    if skipped is None:
        return {}
    rows = skipped[skipped["stage"] == "content"].fillna("").astype(str)
    keys = zip(rows["contrast"], rows["item"], strict=True)
    return dict(zip(keys, rows["reason"], strict=True))


def skip_reasons(skipped: pd.DataFrame | None) -> dict[tuple[str, str, str], str]:
    """Return reasons by (contrast, cell type, item); a row without a contrast or a cell type speaks of all of them."""
    reasons: dict[tuple[str, str, str], str] = {}
    if skipped is None:
        return reasons
    rows = skipped.fillna("").astype(str)
    # Sorted, so that the first of several reasons does not hang on the order of rows.
    for row in rows.sort_values(sorted(rows.columns)).itertuples():
        if row.stage in ("score", "compare"):
            reasons.setdefault((str(row.contrast), str(row.cell_type), str(row.item)), str(row.reason))
        elif row.stage == "composition" and not row.subject:
            reasons.setdefault((str(row.contrast), str(row.cell_type), "composition"), str(row.reason))
    return reasons


def sample_skips(skipped: pd.DataFrame | None) -> dict[str, list[Row]]:
    """Return, by cell type, what was not scored in single samples, sorted by sample."""
    found: dict[str, list[Row]] = {}
    if skipped is None:
        return found
    rows = skipped.fillna("").astype(str)
    rows = rows[(rows["stage"] == "score") & (rows["subject"] != "")].sort_values(["subject", "item", "reason"])
    for row in _records(rows):
        found.setdefault(str(row["cell_type"]), []).append(row)
    return found


def call_skips(skipped: pd.DataFrame | None) -> dict[tuple[str, str], list[Row]]:
    """Return, by stage and patient, why calls were not made, sorted by what was to be called."""
    found: dict[tuple[str, str], list[Row]] = {}
    if skipped is None:
        return found
    rows = skipped.fillna("").astype(str)
    rows = rows[rows["stage"].isin(CALL_STAGES) & (rows["subject"] != "")].sort_values(["subject", "item", "reason"])
    for row in _records(rows):
        found.setdefault((str(row["stage"]), str(row["subject"])), []).append(row)
    return found


def target_antigens(samples: pd.DataFrame | None) -> dict[str, frozenset[str]]:
    """Return the antigens each patient's therapy aims at; one field may name several, joined by ``;`` or ``|``."""
    if samples is None or "target_antigen" not in samples or "patient" not in samples:
        return {}
    texts = samples["target_antigen"].fillna("").astype(str).str.replace("|", ";")
    found: dict[str, set[str]] = {}
    for patient, text in zip(samples["patient"].astype(str), texts, strict=True):
        found.setdefault(patient, set()).update(name.strip() for name in text.split(";") if name.strip())
    return {patient: frozenset(names) for patient, names in found.items()}


def _records(frame: pd.DataFrame) -> list[Row]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _grouped(frame: pd.DataFrame, key: tuple[str, ...]) -> dict[tuple[str, ...], list[Row]]:
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in _records(frame):
        found.setdefault(tuple(str(row[name]) for name in key), []).append(row)
    return found
