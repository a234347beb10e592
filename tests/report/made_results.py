"""Made-up but realistic results for the tests of pages: mechanisms, effects, verdicts, gene sets and the rest."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from ohmics import tables
from ohmics.model import GeneList, Mechanism, PrimaryLine

CELL_TYPES = (
    "CD8 T",
    "CD4 T",
    "Treg",
    "CAR+ T",
    "cycling T",
    "gamma-delta T",
    "NK",
    "B cell",
    "plasma cell",
    "B-ALL blast",
    "CD14 monocyte",
    "CD16 monocyte",
    "cDC2",
    "pDC",
    "unassigned",
)
_NAMES = (
    ("tcell_exhaustion_terminal", "Terminal T-cell exhaustion", "t_cell", "CD8 T", "up"),
    ("tcell_progenitor_loss", "Loss of progenitor-exhausted T cells", "t_cell", "CD8 T", "down"),
    ("tcell_senescence", "T-cell senescence", "t_cell", "CD8 T", "up"),
    ("tcell_ifn_chronic", "Chronic interferon signalling in T cells", "t_cell", "CD4 T", "up"),
    ("treg_expansion", "Regulatory T-cell programme", "t_cell", "Treg", "up"),
    ("tcell_metabolic_stress", "Mitochondrial and metabolic stress of T cells", "t_cell", "CD8 T", "up"),
    ("tcell_cytotoxicity_loss", "Loss of cytotoxic effector programme", "t_cell", "CD8 T", "down"),
    ("tcell_tgfb", "TGF-beta imprint on T cells", "t_cell", "CD8 T", "up"),
    ("car_tonic_signalling", "Tonic CAR signalling", "car_t_product", "CAR+ T", "up"),
    ("car_memory_loss", "Loss of memory-like CAR T cells", "car_t_product", "CAR+ T", "down"),
    ("car_type2", "Type 2 functionality of CAR T cells", "car_t_product", "CAR+ T", "down"),
    ("car_treg", "Regulatory CAR T cells", "car_t_product", "CAR+ T", "up"),
    ("car_nk_like", "CAR T transition to NK-like cells", "car_t_product", "CAR+ T", "up"),
    ("antigen_loss", "Loss of the target antigen", "tumour", "malignant", "down"),
    ("antigen_presentation_loss", "Loss of antigen presentation by MHC class I", "tumour", "malignant", "down"),
    ("lineage_switch", "Lineage switch from lymphoid to myeloid", "tumour", "malignant", "up"),
    ("death_receptor_loss", "Impaired death-receptor signalling", "tumour", "malignant", "down"),
    ("ifng_insensitivity", "Insensitivity to interferon gamma", "tumour", "malignant", "down"),
    ("tumour_stemness", "Stem-like transcriptional programme of the tumour", "tumour", "malignant", "up"),
    ("tumour_emt", "Epithelial-to-mesenchymal transition", "tumour", "malignant", "up"),
    ("tumour_hypoxia", "Hypoxia", "tumour", "malignant", "up"),
    ("apoptosis_resistance", "Resistance to apoptosis", "tumour", "malignant", "up"),
    ("mdsc", "Myeloid-derived suppressor cells", "myeloid", "CD14 monocyte", "up"),
    ("tam_spp1", "SPP1+ tumour-associated macrophages", "myeloid", "CD14 monocyte", "up"),
    ("arginase_ido", "Arginase and IDO1 activity", "myeloid", "CD14 monocyte", "up"),
    ("caf_exclusion", "Exclusion of T cells by fibroblasts", "stroma", "fibroblast/CAF", "up"),
    ("vegf_vasculature", "VEGF and abnormal vasculature", "stroma", "endothelial", "up"),
    ("systemic_inflammation", "Systemic inflammation before infusion", "systemic", "CD14 monocyte", "up"),
    ("trogocytosis", "Trogocytosis of the target antigen", "tumour", "malignant", "up"),
    ("epitope_mutation", "Mutation of the target epitope", "tumour", "malignant", "up"),
)
_CALLED = ("antigen_loss", "antigen_presentation_loss", "lineage_switch")
_INVISIBLE = ("trogocytosis", "epitope_mutation")


def made_catalog(n: int = 30) -> Any:
    """Return mechanisms as a catalogue holds them."""
    mechanisms = {}
    for key, name, compartment, cell_type, direction in _NAMES[:n]:
        nature = "external" if key in _INVISIBLE else "call" if key in _CALLED else "expression"
        mechanisms[key] = Mechanism(
            id=key,
            name=name,
            claim=f"{name} makes the tumour resist.",
            therapies=("car_t", "ici"),
            compartment=compartment,
            reviews=(),
            tier="not_assessable" if key in _INVISIBLE else "core",
            measurement=("score",),
            score_on=(cell_type, "bulk"),
            visible="Transcripts of the programme in single cells",
            not_visible="Protein at the surface and epigenetic fixation",
            observed_at="relapse",
            gene_lists=(),
            primary_line=PrimaryLine(
                nature=nature,
                gene_list="signature" if nature == "expression" else "",
                method="ucell" if nature == "expression" else "antigen",
                cell_type=cell_type,
                direction=direction,
            ),
        )
    lists = {f"{key}/signature": _made_list(key, place) for place, key in enumerate(mechanisms)}
    antigens = {"CD19": SimpleNamespace(genes=("CD19",))}
    return SimpleNamespace(mechanisms=mechanisms, lists=lists, antigens=antigens)


def _made_list(mechanism: str, place: int) -> GeneList:
    genes = ("CD19", *(f"GENE{10 * place + number}" for number in range(12)))
    return GeneList(
        mechanism=mechanism,
        name="signature",
        direction="up",
        genes=genes,
        source="Author A 2020 Journal 1:1",
        pmid=str(10_000_000 + place) if place % 2 else "",
        licence="CC BY 4.0",
    )


def effects(catalog: Any, patients: list[str], random: np.random.Generator, bulk: bool) -> pd.DataFrame:
    rows = []
    for key, mechanism in catalog.mechanisms.items():
        line = mechanism.primary_line
        if line is None or line.nature != "expression" or key in ("caf_exclusion", "vegf_vasculature"):
            continue
        sd = float(random.uniform(0.015, 0.08))
        mean = float(random.choice([0.0, 0.0, 0.0, 1.6, -1.6])) * sd
        changes = random.normal(mean, sd, len(patients))
        shared = {
            "contrast": "relapse_vs_pre",
            "cell_type": "bulk" if bulk else line.cell_type,
            "mechanism": key,
            "gene_list": f"{key}/signature",
            "method": "ucell",
            "unit": "UCell score",
            "n_cells": 4_000,
            "scheme": "sign flips, exact",
        }
        sd_change = float(changes.std(ddof=1)) if len(changes) > 1 else None
        effect, half = float(changes.mean()), 0.05 if sd_change is None else sd_change * 0.95
        q = 0.0156 if abs(effect) > half and sd_change is not None else float(random.uniform(0.1, 1))
        for depth in ("raw", "thinned"):
            rows.append(
                {
                    **shared,
                    "level": "cohort",
                    "subject": "relapse_vs_pre",
                    "depth": depth,
                    "effect": effect,
                    "low": effect - half,
                    "high": effect + half,
                    "interval_level": 0.95,
                    "p": q / 2,
                    "q": q if depth == "thinned" else None,
                    "smallest_p": 2 / 2 ** len(patients),
                    "n_pairs": len(patients),
                    "n_units": len(patients),
                    "sd_change": sd_change,
                    "n_positive": int((changes > 0).sum()),
                    "family": "primary lines" if depth == "thinned" else None,
                }
            )
        for patient, change in zip(patients, changes, strict=True):
            if random.uniform() < 0.08:
                continue
            rows.append(
                {
                    **shared,
                    "level": "patient",
                    "subject": patient,
                    "depth": "thinned",
                    "effect": float(change),
                    "low": float(change) - 0.02,
                    "high": float(change) + 0.02,
                    "n_pairs": 1,
                    "n_units": 1,
                }
            )
    return tables.EFFECTS.conform(rows)


def evidence(catalog: Any, effects: pd.DataFrame, patients: list[str]) -> pd.DataFrame:
    thinned = effects[effects["depth"] == "thinned"]
    cohort = thinned[thinned["level"] == "cohort"].set_index("mechanism")
    rows = []
    for key, mechanism in catalog.mechanisms.items():
        common = {
            "contrast": "relapse_vs_pre",
            "mechanism": key,
            "observability": f"Shows: {mechanism.visible}. Cannot show: {mechanism.not_visible}.",
        }
        row: dict[str, Any] = {**common, "level": "cohort", "subject": "relapse_vs_pre"}
        if key in cohort.index:
            found = cohort.loc[key]
            agrees = (found["effect"] > 0) == (mechanism.primary_line.direction == "up")
            verdict = ("supported" if agrees else "contradicted") if found["q"] < 0.05 else "open"
            row |= {
                "verdict": verdict,
                "sub_reason": None if verdict != "open" else "inconclusive",
                "grade": "weak" if verdict != "open" else None,
                "primary_line": (
                    f"{key}/signature in {found['cell_type']}: {found['effect']:+.3g} (95 % "
                    f"{found['low']:+.3g} to {found['high']:+.3g}), q {found['q']:.3g}"
                ),
                "reasons": (
                    f"{mechanism.name}: changed by {found['effect']:+.3g} (95 % {found['low']:+.3g} to "
                    f"{found['high']:+.3g}), q {found['q']:.3g}, {len(patients)} units."
                ),
                "lines_for": "gene set: NES +1.9, patient-flip p 0.0156 (same list: one line)"
                if verdict == "supported"
                else None,
                "lines_against": (
                    "rival: activation without dysfunction: not measured in this run|2 of 7 pairs differ in "
                    "tissue and enrichment"
                )
                if verdict != "open"
                else None,
            }
        else:
            reason = (
                "not visible in expression"
                if key in _INVISIBLE
                else "rests on a call that this run does not hold"
                if key in _CALLED
                else "no score in the cell type: 12 cells, fewer than 20"
            )
            row |= {
                "verdict": "not_assessable",
                "sub_reason": "not_visible_in_expression" if key in _INVISIBLE else "not_tested",
                "reasons": f"{mechanism.name}: {reason}.",
            }
        rows.append(row)
        if key == "antigen_loss":
            rows += [
                {
                    **common,
                    "level": "patient",
                    "subject": patient,
                    "verdict": "supported" if place % 3 == 0 else "contradicted",
                    "reasons": (
                        f"{mechanism.name}: called {'lost' if place % 3 == 0 else 'retained'}. 12 of 300 "
                        "cells detected, 210 expected."
                    ),
                }
                for place, patient in enumerate(patients)
            ]
    for found in thinned[thinned["level"] == "patient"].itertuples(index=False):
        mechanism = catalog.mechanisms[found.mechanism]
        inside = found.low <= 0 <= found.high
        agrees = (found.effect > 0) == (mechanism.primary_line.direction == "up")
        rows.append(
            {
                "contrast": "relapse_vs_pre",
                "level": "patient",
                "subject": found.subject,
                "mechanism": found.mechanism,
                "verdict": "within_technical_range" if inside else "consistent" if agrees else "opposite",
                "reasons": (
                    f"{mechanism.name}: changed by {found.effect:+.3g} (technical range {found.low:+.3g} to "
                    f"{found.high:+.3g})."
                ),
            }
        )
    return tables.EVIDENCE.conform(rows)


def enrichment(catalog: Any, random: np.random.Generator, bulk: bool) -> pd.DataFrame:
    rows = []
    for key, mechanism in catalog.mechanisms.items():
        p = float(random.uniform(0.0078, 1))
        rows.append(
            {
                "contrast": "relapse_vs_pre",
                "cell_type": "bulk" if bulk else mechanism.primary_line.cell_type,
                "gene_list": f"{key}/signature",
                "method": "flip",
                "mechanism": key,
                "es": float(random.uniform(-0.7, 0.7)),
                "nes": float(random.normal(0, 1.3)),
                "p": p,
                "q": min(1.0, 3 * p),
                "smallest_p": 0.0078,
                "scheme": "sign flips, exact (128)",
                "p_prerank": p**3,
                "q_prerank": p**2,
                "size": 40,
                "coverage": 0.95,
                "leading_edge": "PDCD1|HAVCR2|LAG3|TIGIT|TOX",
                "family": "primary lists",
            }
        )
    return tables.ENRICHMENT.conform(rows)


def composition(patients: list[str], random: np.random.Generator) -> pd.DataFrame:
    rows = []
    for subject in [*patients, "relapse_vs_pre"]:
        pre, post = (random.dirichlet(np.linspace(6, 1, len(CELL_TYPES))) for _ in range(2))
        for place, kind in enumerate(CELL_TYPES):
            cohort = subject == "relapse_vs_pre"
            rows.append(
                {
                    "contrast": "relapse_vs_pre",
                    "subject": subject,
                    "cell_type": kind,
                    "fraction_pre": pre[place],
                    "fraction_post": post[place],
                    "effect": float(np.log(post[place] / pre[place])),
                    "low": -1.0 if cohort else None,
                    "high": 1.0 if cohort else None,
                    "p": 0.3 if cohort else None,
                    "q": 0.8 if cohort else None,
                    "n_pairs": len(patients) if cohort else 1,
                }
            )
    return tables.COMPOSITION.conform(rows)


def coverage(catalog: Any, samples: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    rows = [
        {
            "sample": sample,
            "gene_list": f"{key}/signature",
            "n_genes": 40,
            "n_present": 38,
            "coverage": 0.95,
            "missing": "CCL3L3|CCL4L1",
        }
        for key in catalog.mechanisms
        for sample in samples["sample"][:3]
    ]
    return tables.COVERAGE.conform(rows)


def de(random: np.random.Generator, bulk: bool) -> pd.DataFrame:
    rows = []
    for kind in ("bulk",) if bulk else ("CD8 T", "malignant"):
        change = random.normal(0, 0.8, 300)
        for number in range(300):
            p = float(min(1.0, np.exp(-abs(change[number]) * 4)))
            rows.append(
                {
                    "contrast": "relapse_vs_pre",
                    "cell_type": kind,
                    "gene": f"GENE{number}",
                    "method": "voom",
                    "log2_fc": change[number],
                    "low": change[number] - 0.5,
                    "high": change[number] + 0.5,
                    "t": change[number] * 4,
                    "p": p,
                    "q": min(1.0, 2 * p),
                    "mean_log_cpm": 4.2,
                }
            )
    return tables.DE.conform(rows)


def skipped(patients: list[str]) -> pd.DataFrame:
    return tables.SKIPPED.conform(
        [
            tables.skipped("qc", "4 cells kept, fewer than 20", subject=f"{patients[-1]}_relapse"),
            tables.skipped(
                "score",
                "12 cells of the type, fewer than 20",
                cell_type="fibroblast/CAF",
                item="caf_exclusion/signature",
            ),
            tables.skipped(
                "composition",
                "2 of 7 pairs differ in tissue or sort gate; those were left out",
                contrast="relapse_vs_pre",
            ),
        ]
    )
