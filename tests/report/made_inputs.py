"""Made-up but realistic tables for the tests of pages: sizes are arguments, contents depend on the seed only."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from ohmics import tables
from ohmics.model import Mechanism, PrimaryLine
from ohmics.report import ReportInputs
from ohmics.seeds import generator

CELL_TYPES = (
    "CD8 T", "CD4 T", "Treg", "CAR+ T", "cycling T", "gamma-delta T", "NK", "B cell", "plasma cell", "B-ALL blast",
    "CD14 monocyte", "CD16 monocyte", "cDC2", "pDC", "unassigned",
)  # fmt: skip
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
            id=key, name=name, claim=f"{name} makes the tumour resist.", therapies=("car_t", "ici"), compartment=compartment,
            reviews=(), tier="not_assessable" if key in _INVISIBLE else "core", measurement=("score",), score_on=(cell_type, "bulk"),
            visible="Transcripts of the programme in single cells", not_visible="Protein at the surface and epigenetic fixation",
            observed_at="relapse", gene_lists=(),
            primary_line=PrimaryLine(
                nature=nature, gene_list="signature" if nature == "expression" else "",
                method="ucell" if nature == "expression" else "antigen", cell_type=cell_type, direction=direction,
            ),
        )  # fmt: skip
    return SimpleNamespace(mechanisms=mechanisms)


def made_inputs(
    *,
    n_patients: int = 8,
    n_cells: int = 20_000,
    n_mechanisms: int = 30,
    bulk: bool = False,
    seed: int = 0,
    rename: dict[str, str] | None = None,
) -> ReportInputs:
    """Return inputs of a cohort with a sample before and one at relapse for each patient."""
    random = generator(seed, "made")
    patients = [f"P{number}" for number in range(1, n_patients + 1)]
    patients = [(rename or {}).get(name, name) for name in patients]
    samples = _samples(patients, bulk)
    qc = _qc(samples, random, bulk)
    used = qc.set_index("sample")["verdict"]
    catalog = made_catalog(n_mechanisms)
    pairs = _pairs(samples, used)
    effects = _effects(catalog, patients[:-1], random, bulk)
    cells, cell_qc = (None, None) if bulk else _cells(samples, n_cells, random)
    return ReportInputs(
        config=_config(bulk), samples=samples, pairs=pairs, qc=qc, cell_qc=cell_qc, identity=_identity(samples, random, bulk),
        cells=cells, effects=effects, enrichment=_enrichment(catalog, random, bulk), composition=None if bulk else _composition(patients[:-1], random),
        evidence=_evidence(catalog, effects, patients[:-1]), skipped=_skipped(patients), coverage=_coverage(catalog, samples, random),
        scores=None, de=_de(random, bulk), catalog=catalog,
        provenance={
            "versions": {"python": "3.12.1", "ohmics": "0.1.0", "scanpy": "1.12.4", "gseapy": "1.3.1"},
            "digest": "0123456789abcdef", "command": "ohmics run config.yaml --cores 2",
        },
    )  # fmt: skip


def _config(bulk: bool) -> dict[str, Any]:
    return {
        "project": "Made cohort, B-ALL after CD19 CAR T cells",
        "outdir": "results",
        "seed": 0,
        "input": {"samples": "samples.tsv", "modality": "bulk" if bulk else "single_cell"},
        "qc": {"min_umi": 500, "min_genes": 250, "max_pct_mito": 15, "n_mads": 5, "min_cells": 20, "doublets": True,
               "min_library_size": 1_000_000, "min_genes_bulk": 5_000},
        "embed": {"n_top_genes": 2000, "n_pcs": 30, "n_neighbors": 15, "resolution": 1.0, "harmony": True, "umap": True},
        "annotate": {"min_confidence": 0.5},
        "score": {"methods": ["ucell", "mean_z"], "min_coverage": 0.5, "min_cells": 20},
        "contrasts": [{"name": "relapse_vs_pre", "variable": "timepoint", "test": "relapse", "reference": "pre", "pair_by": "patient"}],
        "gene_sets": {"n_draws": 10_000, "min_size": 5, "max_size": 500},
        "compare": {"n_draws": 10_000},
    }  # fmt: skip


def _samples(patients: list[str], bulk: bool) -> pd.DataFrame:
    rows = [
        {
            "sample": f"{patient}_{timepoint}", "patient": patient, "timepoint": timepoint,
            "modality": "bulk" if bulk else "single_cell", "path": f"data/{number}.h5", "therapy": "car_t",
            "target_antigen": "CD19", "disease": "B-ALL", "tissue": "blood" if number == 2 and timepoint == "relapse" else "marrow",
            "enrichment": "CD3+CAR+" if number == 3 and timepoint == "pre" else "none", "chemistry": "3' v3",
        }
        for number, patient in enumerate(patients)
        for timepoint in ("pre", "relapse")
    ]  # fmt: skip
    return tables.SAMPLES.conform(rows)


def _qc(samples: pd.DataFrame, random: np.random.Generator, bulk: bool) -> pd.DataFrame:
    rows = []
    for number, (name, timepoint) in enumerate(zip(samples["sample"], samples["timepoint"], strict=True)):
        cells = int(random.integers(900, 2600))
        depth = float(random.integers(1500, 5200)) * (0.4 if timepoint == "relapse" and number % 4 == 1 else 1.0)
        row = {
            "sample": name, "cells_in": 1 if bulk else cells + 200, "cells_kept": 1 if bulk else cells,
            "median_umi": depth * (9000 if bulk else 1), "median_genes": depth * (5 if bulk else 0.42), "pct_mito": float(random.uniform(2, 8)),
            "doublet_rate": None if bulk else float(random.uniform(0.01, 0.08)), "verdict": "use", "flags": None,
        }  # fmt: skip
        if number == len(samples) - 1:
            row |= {"verdict": "excluded", "cells_kept": 0 if bulk else 4, "flags": "4 cells kept, fewer than 20"}
        elif number % 4 == 1:
            row |= {"verdict": "use_with_care", "flags": f"depth {depth:,.0f} is less than half of the patient's other sample"}
        rows.append(row)
    return tables.QC.conform(rows)


def _pairs(samples: pd.DataFrame, verdict: pd.Series) -> pd.DataFrame:
    rows = []
    for number, (patient, own) in enumerate(samples.groupby("patient", sort=False)):
        sides = {t: list(g["sample"]) for t, g in own.groupby("timepoint")}
        complete = all(verdict[name] != "excluded" for names in sides.values() for name in names)
        differs = {2: "tissue", 3: "enrichment"}.get(number)
        rows.append(
            {
                "contrast": "relapse_vs_pre", "subject": patient, "block": patient, "test_samples": "|".join(sides["relapse"]),
                "reference_samples": "|".join(sides["pre"]), "complete": complete, "differs_in": differs,
                "note": None if complete else "the relapse sample was excluded",
            }
        )  # fmt: skip
    return tables.PAIRS.conform(rows)


def _identity(samples: pd.DataFrame, random: np.random.Generator, bulk: bool) -> pd.DataFrame:
    rows = []
    for number, (name, patient) in enumerate(zip(samples["sample"], samples["patient"], strict=True)):
        female = number // 2 % 2 == 0
        odd = number == 5
        rows.append(
            {
                "patient": patient, "sample": name, "cell_type": "bulk" if bulk else "T cell", "n_cells": 1 if bulk else 400,
                "xist": float(random.uniform(1.5, 3)) if female else 0.01, "y_genes": 0.02 if female else float(random.uniform(2, 4)),
                "sex": "female" if female else "male", "verdict": "possible_chimerism_or_loss_of_y" if odd else "consistent",
                "reason": "T cells look female, the patient's other sample male." if odd else "XIST and Y genes agree.",
            }
        )  # fmt: skip
    return tables.IDENTITY.conform(rows)


def _cells(samples: pd.DataFrame, n_cells: int, random: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    kinds = random.choice(len(CELL_TYPES), n_cells, p=np.linspace(2, 0.4, len(CELL_TYPES)) / np.linspace(2, 0.4, len(CELL_TYPES)).sum())
    centres = random.normal(0, 7, (len(CELL_TYPES), 2))
    points = centres[kinds] + random.normal(0, 1.1, (n_cells, 2)) * random.uniform(0.6, 1.4, (len(CELL_TYPES), 2))[kinds]
    sample = np.sort(random.choice(samples["sample"].to_numpy()[:-1], n_cells))
    barcode = np.array([f"BC{number:07d}-1" for number in range(n_cells)])
    cells = pd.DataFrame(
        {
            "sample": sample, "barcode": barcode, "cluster": kinds.astype(str), "cell_type": np.array(CELL_TYPES)[kinds],
            "cell_type_confidence": random.uniform(0.5, 1, n_cells), "malignant": None, "car_positive": None,
            "umap_1": points[:, 0], "umap_2": points[:, 1],
        }
    )  # fmt: skip
    umi = random.lognormal(7.8, 0.6, n_cells)
    mito = random.gamma(2, 2.5, n_cells).clip(0, 100)
    kept = (umi > 500) & (mito < 15)
    cell_qc = pd.DataFrame(
        {
            "sample": sample, "barcode": barcode, "n_umi": umi, "n_genes": (umi**0.85).astype(int), "pct_mito": mito,
            "doublet_score": random.uniform(0, 0.3, n_cells), "doublet": False, "kept": kept, "reason": np.where(kept, None, "min_umi"),
        }
    )  # fmt: skip
    return tables.CELLS.conform(cells), tables.CELL_QC.conform(cell_qc)


def _effects(catalog: Any, patients: list[str], random: np.random.Generator, bulk: bool) -> pd.DataFrame:
    rows = []
    for key, mechanism in catalog.mechanisms.items():
        line = mechanism.primary_line
        if line.nature != "expression" or key in ("caf_exclusion", "vegf_vasculature"):
            continue
        sd = float(random.uniform(0.015, 0.08))
        mean = float(random.choice([0.0, 0.0, 0.0, 1.6, -1.6])) * sd
        changes = random.normal(mean, sd, len(patients))
        shared = {
            "contrast": "relapse_vs_pre", "cell_type": "bulk" if bulk else line.cell_type, "mechanism": key, "gene_list": f"{key}/signature",
            "method": "ucell", "unit": "UCell score", "n_cells": 4_000, "scheme": "sign flips, exact",
        }  # fmt: skip
        effect, half = float(changes.mean()), float(changes.std(ddof=1)) * 0.95
        q = 0.0156 if abs(effect) > half else float(random.uniform(0.1, 1))
        for depth in ("raw", "thinned"):
            rows.append(
                {
                    **shared, "level": "cohort", "subject": "relapse_vs_pre", "depth": depth, "effect": effect, "low": effect - half,
                    "high": effect + half, "interval_level": 0.95, "p": q / 2, "q": q if depth == "thinned" else None,
                    "smallest_p": 2 / 2 ** len(patients), "n_pairs": len(patients), "n_units": len(patients), "sd_change": float(changes.std(ddof=1)),
                    "n_positive": int((changes > 0).sum()), "family": "primary lines" if depth == "thinned" else None,
                }
            )  # fmt: skip
        for patient, change in zip(patients, changes, strict=True):
            if random.uniform() < 0.08:
                continue
            rows.append(
                {**shared, "level": "patient", "subject": patient, "depth": "thinned", "effect": float(change), "low": float(change) - 0.02,
                 "high": float(change) + 0.02, "n_pairs": 1, "n_units": 1}
            )  # fmt: skip
    return tables.EFFECTS.conform(rows)


def _evidence(catalog: Any, effects: pd.DataFrame, patients: list[str]) -> pd.DataFrame:
    thinned = effects[effects["depth"] == "thinned"]
    cohort = thinned[thinned["level"] == "cohort"].set_index("mechanism")
    rows = []
    for key, mechanism in catalog.mechanisms.items():
        common = {"contrast": "relapse_vs_pre", "mechanism": key,
                  "observability": f"Shows: {mechanism.visible}. Cannot show: {mechanism.not_visible}."}  # fmt: skip
        row: dict[str, Any] = {**common, "level": "cohort", "subject": "relapse_vs_pre"}
        if key in cohort.index:
            found = cohort.loc[key]
            agrees = (found["effect"] > 0) == (mechanism.primary_line.direction == "up")
            verdict = ("supported" if agrees else "contradicted") if found["q"] < 0.05 else "open"
            row |= {
                "verdict": verdict, "sub_reason": None if verdict != "open" else "inconclusive", "grade": "weak" if verdict != "open" else None,
                "primary_line": f"{key}/signature in {found['cell_type']}: {found['effect']:+.3g} (95 % {found['low']:+.3g} to {found['high']:+.3g}), q {found['q']:.3g}",
                "reasons": f"{mechanism.name}: changed by {found['effect']:+.3g} (95 % {found['low']:+.3g} to {found['high']:+.3g}), q {found['q']:.3g}, {len(patients)} units.",
                "lines_for": "gene set: NES +1.9, patient-flip p 0.0156 (same list: one line)" if verdict == "supported" else None,
                "lines_against": "rival: activation without dysfunction: not measured in this run|2 of 7 pairs differ in tissue and enrichment" if verdict != "open" else None,
            }  # fmt: skip
        else:
            reason = "not visible in expression" if key in _INVISIBLE else "rests on a call that this run does not hold" if key in _CALLED else "no score in the cell type: 12 cells, fewer than 20"
            row |= {"verdict": "not_assessable", "sub_reason": "not_visible_in_expression" if key in _INVISIBLE else "not_tested",
                    "reasons": f"{mechanism.name}: {reason}."}  # fmt: skip
        rows.append(row)
        if key == "antigen_loss":
            rows += [
                {**common, "level": "patient", "subject": patient, "verdict": "supported" if place % 3 == 0 else "contradicted",
                 "reasons": f"{mechanism.name}: called {'lost' if place % 3 == 0 else 'retained'}. 12 of 300 cells detected, 210 expected."}
                for place, patient in enumerate(patients)
            ]  # fmt: skip
    for found in thinned[thinned["level"] == "patient"].itertuples(index=False):
        mechanism = catalog.mechanisms[found.mechanism]
        inside = found.low <= 0 <= found.high
        agrees = (found.effect > 0) == (mechanism.primary_line.direction == "up")
        rows.append(
            {"contrast": "relapse_vs_pre", "level": "patient", "subject": found.subject, "mechanism": found.mechanism,
             "verdict": "within_technical_range" if inside else "consistent" if agrees else "opposite",
             "reasons": f"{mechanism.name}: changed by {found.effect:+.3g} (technical range {found.low:+.3g} to {found.high:+.3g})."}
        )  # fmt: skip
    return tables.EVIDENCE.conform(rows)


def _enrichment(catalog: Any, random: np.random.Generator, bulk: bool) -> pd.DataFrame:
    rows = []
    for key, mechanism in catalog.mechanisms.items():
        p = float(random.uniform(0.0078, 1))
        rows.append(
            {
                "contrast": "relapse_vs_pre", "cell_type": "bulk" if bulk else mechanism.primary_line.cell_type, "gene_list": f"{key}/signature",
                "method": "flip", "mechanism": key, "es": float(random.uniform(-0.7, 0.7)), "nes": float(random.normal(0, 1.3)), "p": p,
                "q": min(1.0, 3 * p), "smallest_p": 0.0078, "scheme": "sign flips, exact (128)", "p_prerank": p**3, "q_prerank": p**2,
                "size": 40, "coverage": 0.95, "leading_edge": "PDCD1|HAVCR2|LAG3|TIGIT|TOX", "family": "primary lists",
            }
        )  # fmt: skip
    return tables.ENRICHMENT.conform(rows)


def _composition(patients: list[str], random: np.random.Generator) -> pd.DataFrame:
    rows = []
    for subject in [*patients, "relapse_vs_pre"]:
        pre, post = (random.dirichlet(np.linspace(6, 1, len(CELL_TYPES))) for _ in range(2))
        for place, kind in enumerate(CELL_TYPES):
            cohort = subject == "relapse_vs_pre"
            rows.append(
                {"contrast": "relapse_vs_pre", "subject": subject, "cell_type": kind, "fraction_pre": pre[place], "fraction_post": post[place],
                 "effect": float(np.log(post[place] / pre[place])), "low": -1.0 if cohort else None, "high": 1.0 if cohort else None,
                 "p": 0.3 if cohort else None, "q": 0.8 if cohort else None, "n_pairs": len(patients) if cohort else 1}
            )  # fmt: skip
    return tables.COMPOSITION.conform(rows)


def _coverage(catalog: Any, samples: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    rows = [
        {"sample": sample, "gene_list": f"{key}/signature", "n_genes": 40, "n_present": 38, "coverage": 0.95, "missing": "CCL3L3|CCL4L1"}
        for key in catalog.mechanisms
        for sample in samples["sample"][:3]
    ]
    return tables.COVERAGE.conform(rows)


def _de(random: np.random.Generator, bulk: bool) -> pd.DataFrame:
    rows = []
    for kind in ("bulk",) if bulk else ("CD8 T", "malignant"):
        change = random.normal(0, 0.8, 300)
        for number in range(300):
            p = float(min(1.0, np.exp(-abs(change[number]) * 4)))
            rows.append(
                {"contrast": "relapse_vs_pre", "cell_type": kind, "gene": f"GENE{number}", "method": "voom", "log2_fc": change[number],
                 "low": change[number] - 0.5, "high": change[number] + 0.5, "t": change[number] * 4, "p": p, "q": min(1.0, 2 * p), "mean_log_cpm": 4.2}
            )  # fmt: skip
    return tables.DE.conform(rows)


def _skipped(patients: list[str]) -> pd.DataFrame:
    return tables.SKIPPED.conform(
        [
            tables.skipped("qc", "4 cells kept, fewer than 20", subject=f"{patients[-1]}_relapse"),
            tables.skipped("score", "12 cells of the type, fewer than 20", cell_type="fibroblast/CAF", item="caf_exclusion/signature"),
            tables.skipped("composition", "2 of 7 pairs differ in tissue or sort gate; those were left out", contrast="relapse_vs_pre"),
        ]
    )
