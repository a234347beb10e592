"""EFFECTS, ENRICHMENT and calls come in, EVIDENCE goes out: verdicts of cohort and patients, argued both ways.

The rules of a cohort stand in one table, `ohmics._evidence_rules.COHORT_RULES`; the first rule that holds decides.
Nothing here sees an expression matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ohmics._evidence_calls import call_facts
from ohmics._evidence_lines import (
    Line,
    against_lines,
    further_lines,
    genes_of,
    primary_key,
)
from ohmics._evidence_rows import evidence_row, patient_rows, primary_text
from ohmics._evidence_rules import COHORT_RULES, Facts, Rule
from ohmics.errors import listing
from ohmics.model import Mechanism
from ohmics.stats.paired import EXACT_UNITS, LEVEL
from ohmics.tables import EVIDENCE

if TYPE_CHECKING:
    from ohmics.catalog import Catalog


SHARED_GENES = 0.2
"""Lists that share more of the smaller one's genes are one line of evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """The tables of one run, and what is derived from them once."""

    effects: pd.DataFrame
    enrichment: pd.DataFrame
    catalog: Catalog
    tables: Mapping[str, pd.DataFrame]
    modality: str
    purified_type: str
    targets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    skipped: Mapping[tuple[str, str, str], str] = field(default_factory=dict)


def weigh_evidence(
    *,
    effects: pd.DataFrame,
    enrichment: pd.DataFrame,
    catalog: Catalog,
    antigen: pd.DataFrame | None = None,
    lineage: pd.DataFrame | None = None,
    car: pd.DataFrame | None = None,
    composition: pd.DataFrame | None = None,
    association: pd.DataFrame | None = None,
    qc: pd.DataFrame | None = None,
    presentation: pd.DataFrame | None = None,
    samples: pd.DataFrame | None = None,
    pairs: pd.DataFrame | None = None,
    skipped: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Weigh what the tables say of every mechanism of the catalogue.

    Parameters
    ----------
    effects, enrichment
        EFFECTS and ENRICHMENT of one run.
    catalog
        The mechanisms; those whose therapy the run does not hold should be left out (`Catalog.select`).
    antigen, presentation, lineage, car, composition, association, qc
        Further tables, where the run has them; a mechanism that rests on an absent one is not_assessable.
    samples, pairs, skipped
        SAMPLES, PAIRS and SKIPPED, from which modality, comparability of pairs and reasons are read.

    Returns
    -------
    pandas.DataFrame
        EVIDENCE: one row a contrast, level, subject and mechanism.
    """
    given = {
        "antigen": antigen,
        "antigen_presentation": presentation,
        "lineage": lineage,
        "car": car,
        "composition": composition,
        "association": association,
        "qc": qc,
        "pairs": pairs,
    }
    run = _Run(
        effects=effects,
        enrichment=enrichment,
        catalog=catalog,
        tables={name: frame for name, frame in given.items() if frame is not None},
        modality=_modality(effects, samples),
        purified_type=purified_type_of(samples),
        targets=_targets(samples),
        skipped=_skip_reasons(skipped),
    )
    contrasts = list(dict.fromkeys([*effects["contrast"], *(pairs["contrast"] if pairs is not None else [])]))
    rows: list[dict[str, Any]] = []
    for contrast in contrasts:
        found = [_facts(run, contrast, mechanism) for mechanism in catalog.mechanisms.values()]
        cohort = [_cohort_row(run, contrast, facts) for facts in found]
        _name_shared_genes(catalog, found, cohort)
        for facts, row in zip(found, cohort, strict=True):
            rows += [row, *patient_rows(run, contrast, facts)]
    return EVIDENCE.conform(rows)


def _name_shared_genes(catalog: Catalog, found: list[Facts], cohort: list[dict[str, Any]]) -> None:
    """Say of supported mechanisms whose primary lists overlap that they may be one finding."""
    supported = [(facts, row) for facts, row in zip(found, cohort, strict=True) if row["verdict"] == "supported"]
    for facts, row in supported:
        mine, sharing = genes_of(catalog, facts.gene_list), []
        for other, _ in supported:
            theirs = genes_of(catalog, other.gene_list)
            shared, least = len(mine & theirs), min(len(mine), len(theirs))
            if other is not facts and least and shared > SHARED_GENES * least:
                sharing.append(f"{other.mechanism.name} ({shared} of {len(mine)})")
        if sharing:
            text = f"shares genes with {listing(sharing, most=9)}, which is supported too: they may be one finding"
            row["lines_against"] = "|".join(filter(None, [row["lines_against"], text]))


def _modality(effects: pd.DataFrame, samples: pd.DataFrame | None) -> str:
    if samples is not None and len(samples):
        return str(samples["modality"].iloc[0])
    return "bulk" if len(effects) and set(effects["cell_type"]) == {"bulk"} else "single_cell"


def purified_type_of(samples: pd.DataFrame | None) -> str:
    """Return the one purified cell type all samples consist of, empty when there is none."""
    if samples is None or "purified_type" not in samples or samples["purified_type"].isna().any():
        return ""
    types = set(samples["purified_type"])
    return str(types.pop()) if len(types) == 1 else ""


def _targets(samples: pd.DataFrame | None) -> dict[str, frozenset[str]]:
    """The antigens each patient's therapy aims at; one field may name several, joined by ``;`` or ``|``."""
    if samples is None or "target_antigen" not in samples or "patient" not in samples:
        return {}
    texts = samples["target_antigen"].fillna("").astype(str).str.replace("|", ";")
    found: dict[str, set[str]] = {}
    for patient, text in zip(samples["patient"].astype(str), texts, strict=True):
        found.setdefault(patient, set()).update(name.strip() for name in text.split(";") if name.strip())
    return {patient: frozenset(names) for patient, names in found.items()}


def _skip_reasons(skipped: pd.DataFrame | None) -> dict[tuple[str, str, str], str]:
    """Reasons by (contrast, cell type, item); a row without a contrast or a cell type speaks of all of them."""
    reasons: dict[tuple[str, str, str], str] = {}
    if skipped is None:
        return reasons
    for row in skipped.fillna("").itertuples():
        if row.stage in ("score", "compare"):
            reasons.setdefault((str(row.contrast), str(row.cell_type), str(row.item)), str(row.reason))
    return reasons


def _why_skipped(run: _Run, contrast: str, cell_type: str, gene_list: str) -> str:
    for key in (
        (contrast, cell_type, gene_list),
        ("", cell_type, gene_list),
        ("", "", gene_list),
        (contrast, cell_type, ""),
        ("", cell_type, ""),
        (contrast, "", ""),
    ):
        if key in run.skipped:
            return run.skipped[key]
    return ""


def cell_type_read(
    mechanism: Mechanism, catalog: Catalog, *, modality: str, purified_type: str = ""
) -> tuple[str, bool]:
    """Return the cell type in which a mechanism's primary line is read in a run, and whether it is purified bulk.

    The cell type is empty when a run of this modality does not show it. Bulk of one purified type shows what is
    read in that type, its parents and its subtypes.
    """
    line = mechanism.primary_line
    if line is None:
        return "", False
    if modality == "single_cell":
        if line.cell_type != "bulk":
            return line.cell_type, False
        return next((cell_type for cell_type in mechanism.score_on if cell_type != "bulk"), ""), False
    if purified_type:
        # Purified T cells are no tumour tissue: what is read in whole tissue is not read in them.
        return ("bulk", True) if _is_kin(catalog, purified_type, mechanism.score_on) else ("", False)
    return ("bulk" if "bulk" in mechanism.score_on else ""), False


def _is_kin(catalog: Catalog, purified: str, score_on: tuple[str, ...]) -> bool:
    related = {purified, *catalog.descendants(purified), *catalog.ancestors(purified)}
    if "T cell" in related:
        # Purified T cells of a CAR product are what CAR+ lines are read in.
        related.add("car_positive")
    return bool(related & set(score_on))


def _facts(run: _Run, contrast: str, mechanism: Mechanism) -> Facts:
    line = mechanism.primary_line
    cell_type, purified = cell_type_read(mechanism, run.catalog, modality=run.modality, purified_type=run.purified_type)
    key = primary_key(mechanism)
    facts = Facts(mechanism=mechanism, modality=run.modality, cell_type=cell_type, gene_list=key, purified=purified)
    facts = replace(facts, **_pair_facts(run, contrast))
    if line is None or line.nature in ("call", "external"):
        return replace(facts, call_reason=_call_reason(run, contrast, mechanism))
    if line.nature == "composition":
        return replace(facts, **_composition_facts(run, contrast, cell_type))
    rows = run.effects
    mine = rows[
        (rows["contrast"] == contrast)
        & (rows["level"] == "cohort")
        & (rows["cell_type"] == cell_type)
        & (rows["gene_list"] == key)
        & (rows["method"] == line.method)
        & (rows["depth"] == "thinned")
    ]
    if mine.empty:
        return replace(facts, skipped=_why_skipped(run, contrast, cell_type, key))
    row = mine.iloc[0]
    return replace(
        facts,
        has_effect=True,
        effect=float(row["effect"]),
        low=float(row["low"]),
        high=float(row["high"]),
        interval_level=float(row["interval_level"]),
        q=float(row["q"]),
        smallest_p=float(row["smallest_p"]),
        sd_change=float(row["sd_change"]),
        n_units=int(row["n_units"]),
        unit=str(row["unit"]),
        scheme=str(row["scheme"] or ""),
        **_model_facts(run, contrast, cell_type, key),
    )


def _call_reason(run: _Run, contrast: str, mechanism: Mechanism) -> str:
    line = mechanism.primary_line
    return "" if line is None else call_facts(run, contrast, line.method, line.antigen)


def _pair_facts(run: _Run, contrast: str) -> dict[str, Any]:
    pairs = run.tables.get("pairs")
    if pairs is None:
        return {}
    mine = pairs[(pairs["contrast"] == contrast) & pairs["complete"].astype(bool)]
    different = mine["differs_in"].dropna()
    fields = sorted({name for text in different for name in str(text).split("|") if name})
    return {"n_pairs": len(mine), "n_different_pairs": len(different), "differs_in": " and ".join(fields)}


def _composition_facts(run: _Run, contrast: str, cell_type: str) -> dict[str, Any]:
    frame = run.tables.get("composition")
    if frame is None:
        return {"skipped": "this run holds no composition table"}
    mine = frame[(frame["contrast"] == contrast) & (frame["subject"] == contrast) & (frame["cell_type"] == cell_type)]
    if mine.empty:
        return {
            "skipped": _why_skipped(run, contrast, cell_type, "composition")
            or f"no fraction of {cell_type} was compared"
        }
    row = mine.iloc[0]
    changes = frame.loc[
        (frame["contrast"] == contrast) & (frame["subject"] != contrast) & (frame["cell_type"] == cell_type), "effect"
    ].dropna()
    # A unit may have several pairs; without rows of units each pair is taken for one.
    units = len(changes) or int(row["n_pairs"])
    tail = max(1.0, 0.025 * 2.0**units // 1) / 2.0**units
    return {
        "has_effect": True,
        **{name: float(row[name]) for name in ("effect", "low", "high", "q")},
        "interval_level": 1.0 - 2.0 * tail if units <= EXACT_UNITS else LEVEL,
        "n_units": units,
        "smallest_p": 2.0 / 2.0**units,
        "sd_change": float(changes.std(ddof=1)) if len(changes) > 1 else np.nan,
        "unit": "centred log ratio",
    }


def _model_facts(run: _Run, contrast: str, cell_type: str, gene_list: str) -> dict[str, Any]:
    rows = run.enrichment
    mine = rows[
        (rows["contrast"] == contrast)
        & (rows["cell_type"] == cell_type)
        & (rows["gene_list"] == gene_list)
        & rows["method"].isin(["camera", "fry"])
    ]
    if mine.empty:
        return {}
    row = mine.sort_values("p").iloc[0] if len(mine) == 1 else mine[mine["method"] == "camera"].iloc[0]
    return {
        "model_q": float(row["q"]),
        "model_p": float(row["p"]),
        "model_sign": float(np.sign(row["statistic"])),
        "model_method": str(row["method"]),
    }


def _cohort_row(run: _Run, contrast: str, facts: Facts) -> dict[str, Any]:
    rule = next(rule for rule in COHORT_RULES if rule.holds(facts))
    for_lines, against = further_lines(run, contrast, facts), against_lines(run, contrast, facts)
    decided = rule.verdict in ("supported", "contradicted")
    if rule.verdict == "supported":
        for_lines = [Line(nature=facts.mechanism.primary_line.nature, text=primary_text(facts)), *for_lines]  # type: ignore[union-attr]  # a rule that supports needs a primary line
    elif rule.verdict == "contradicted":
        against = [Line(nature="expression", text=primary_text(facts)), *against]
    return evidence_row(
        contrast,
        "cohort",
        contrast,
        facts,
        verdict=rule.verdict,
        sub_reason=rule.sub_reason,
        grade=_grade(rule, for_lines if rule.verdict == "supported" else against) if decided else "",
        lines_for="|".join(line.text for line in for_lines),
        lines_against="|".join(line.text for line in against),
        reasons=f"{facts.mechanism.name}: {rule.sentence(facts)}.",
    )


def _grade(rule: Rule, lines: list[Line]) -> str:
    if rule.sub_reason == "moderated_model_only":
        return "weak"
    natures = len({line.nature for line in lines if line.counts})
    return "strong" if natures >= 3 else "moderate" if natures == 2 else "weak"
