"""EFFECTS, ENRICHMENT and calls come in, EVIDENCE goes out: verdicts of cohort and patients, argued both ways.

The rules of a cohort stand in one table, `ohmics._evidence_rules.COHORT_RULES`; the first rule that holds decides.
Nothing here sees an expression matrix.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ohmics._evidence_calls import call_facts
from ohmics._evidence_cautions import cautions, conflicts, on_treatment, undetermined
from ohmics._evidence_change import would_change
from ohmics._evidence_lines import Line, Weighed, genes_of, primary_key, weigh_lines, worse
from ohmics._evidence_rows import evidence_row, patient_rows, primary_text
from ohmics._evidence_rules import COHORT_RULES, Facts, Rule
from ohmics._evidence_run import (
    MODELS,
    Run,
    call_skips,
    content_reasons,
    sample_skips,
    skip_reasons,
    target_antigens,
)
from ohmics.errors import listing
from ohmics.model import BEYOND_CONTENT, Mechanism
from ohmics.stats.paired import EXACT_UNITS, LEVEL
from ohmics.tables import EVIDENCE

if TYPE_CHECKING:
    from ohmics.catalog import Catalog


SHARED_GENES = 0.2
"""Lists that share more of the smaller one's genes are one line of evidence."""
_NUMBERS = ("effect", "low", "high", "interval_level", "q", "smallest_p", "sd_change", "min_detectable")


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
    malignant: pd.DataFrame | None = None,
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
    antigen, presentation, lineage, car, malignant, composition, association, qc
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
        "malignant": malignant,
        "qc": qc,
        "pairs": pairs,
    }
    run = Run(
        effects=effects,
        enrichment=enrichment,
        catalog=catalog,
        tables={name: frame for name, frame in given.items() if frame is not None},
        modality=_modality(effects, samples),
        purified_type=purified_type_of(samples),
        samples=samples,
        targets=target_antigens(samples),
        skipped=skip_reasons(skipped),
        not_beyond=content_reasons(skipped),
        sample_skips=sample_skips(skipped),
        call_skips=call_skips(skipped),
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


def _facts(run: Run, contrast: str, mechanism: Mechanism) -> Facts:
    line = mechanism.primary_line
    cell_type, purified = cell_type_read(mechanism, run.catalog, modality=run.modality, purified_type=run.purified_type)
    key = primary_key(mechanism)
    facts = Facts(mechanism=mechanism, modality=run.modality, cell_type=cell_type, gene_list=key, purified=purified)
    facts = replace(
        facts,
        undetermined=undetermined(run, contrast) if facts.reads_malignant else "",
        on_treatment=on_treatment(run, contrast),
        **_pair_facts(run, contrast),
    )
    if line is None or line.nature == "external":
        return facts
    if line.nature == "call":
        return replace(facts, call_reason=call_facts(run, contrast, line))
    if line.nature == "composition":
        return replace(facts, **_composition_facts(run, contrast, cell_type))
    if line.nature == "association":
        return replace(facts, **_association_facts(run, contrast, facts))
    beyond = None
    if run.modality == "bulk" and not purified and mechanism.read_beyond_content:
        beyond = run.effect(contrast, cell_type, key, method=f"{line.method}{BEYOND_CONTENT}")
    row = beyond if beyond is not None else run.effect(contrast, cell_type, key, method=line.method)
    if row is None:
        return replace(facts, skipped=run.why_skipped(contrast, cell_type, key))
    numbers: dict[str, Any] = {name: float(row[name]) for name in _NUMBERS}
    return replace(
        facts,
        has_effect=True,
        method=str(row["method"]),
        beyond_content=beyond is not None,
        not_beyond="" if beyond is not None else run.why_not_beyond(contrast, key),
        **numbers,
        n_units=int(row["n_units"]),
        unit=str(row["unit"]),
        scheme=str(row["scheme"] or ""),
        flags=row["flags"] if isinstance(row["flags"], str) else "",
        **_model_facts(run, contrast, cell_type, key),
    )


def _pair_facts(run: Run, contrast: str) -> dict[str, Any]:
    mine = run.pairs(contrast)
    if mine is None:
        return {}
    different = mine["differs_in"].dropna()
    fields = sorted({name for text in different for name in str(text).split("|") if name})
    facts = {"n_pairs": len(mine), "n_different_pairs": len(different), "differs_in": " and ".join(fields)}
    return facts | ({"groups_share_no": _groups_share_no(run, contrast)} if mine.empty else {})


def _groups_share_no(run: Run, contrast: str) -> str:
    """Return the columns of which two groups of units share no value: every unit's is one the others lack."""
    units = run.pairs(contrast, complete=False)
    if units is None or not (units["test_samples"].notna().any() and units["reference_samples"].notna().any()):
        return ""
    used = units[units["test_samples"].notna() | units["reference_samples"].notna()]
    apart = [set(str(text).split("|")) for text in used["differs_in"].fillna("")]
    return " and ".join(sorted(set.intersection(*apart) - {""}))


def _composition_facts(run: Run, contrast: str, cell_type: str) -> dict[str, Any]:
    if "composition" not in run.tables:
        return {"skipped": "this run holds no composition table"}
    row = run.composition(contrast, cell_type)
    if row is None:
        why = run.why_skipped(contrast, cell_type, "composition")
        return {"skipped": why or f"no fraction of {cell_type} was compared"}
    changes = run.composition_changes(contrast, cell_type)
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


def _association_facts(run: Run, contrast: str, facts: Facts) -> dict[str, Any]:
    """Return what the first outcome says, as log odds or log hazard of doing worse."""
    line = facts.mechanism.primary_line
    method = "" if line is None else line.method
    rows = run.associations(contrast, facts.cell_type, facts.gene_list, method=method)
    if not rows:
        return {"skipped": "no outcome was held against this score"}
    row = rows[0]
    sign = worse(row)
    ends = sorted(sign * float(row[name]) for name in ("low", "high"))
    return {
        "has_effect": True,
        "effect": sign * float(row["effect"]),
        "low": ends[0],
        "high": ends[1],
        "interval_level": LEVEL,
        "q": float(row["q"]),
        "smallest_p": float(row["smallest_p"]),
        "n_units": int(row["n"]),
        "unit": f"log {'hazard' if sign > 0 else 'odds of no response'} a sd of the score ({row['outcome']})",
    }


def _model_facts(run: Run, contrast: str, cell_type: str, gene_list: str) -> dict[str, Any]:
    row = run.gene_set(contrast, cell_type, gene_list, *MODELS)
    if row is None:
        return {}
    return {
        "model_q": float(row["q"]),
        "model_p": float(row["p"]),
        "model_sign": float(np.sign(row["statistic"])),
        "model_method": str(row["method"]),
    }


def _cohort_row(run: Run, contrast: str, facts: Facts) -> dict[str, Any]:
    rule = next(rule for rule in COHORT_RULES if rule.holds(facts))
    weighed = weigh_lines(run, contrast, facts)
    for_lines, against = _with_primary(rule, facts, weighed)
    noted = cautions(run, contrast, facts)
    decided = rule.verdict in ("supported", "contradicted")
    told = f"{facts.mechanism.name}: {rule.sentence(facts)}."
    if decided and facts.on_treatment:
        told += f" But {facts.on_treatment}."
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
        conflicts="|".join(conflicts(for_lines, against)),
        cautions="|".join(noted),
        would_change="|".join(would_change(run, contrast, facts, rule.sub_reason, weighed)),
        reasons=told,
    )


def _with_primary(rule: Rule, facts: Facts, weighed: Weighed) -> tuple[list[Line], list[Line]]:
    """Return the lines for and against, the primary one first on the side it decides."""
    for_lines, against = list(weighed.holding), list(weighed.against)
    line = facts.mechanism.primary_line
    if line is not None and rule.verdict in ("supported", "contradicted"):
        primary = Line(nature=line.nature, text=primary_text(facts))
        (for_lines if rule.verdict == "supported" else against).insert(0, primary)
    return for_lines, against


def _grade(rule: Rule, lines: list[Line]) -> str:
    if rule.sub_reason == "moderated_model_only":
        return "weak"
    # A rival that moved too explains a finding away; it is no finding of the opposite.
    natures = len({line.nature for line in lines if line.counts and not line.rival})
    return "strong" if natures >= 3 else "moderate" if natures == 2 else "weak"
