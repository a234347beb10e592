"""Made-up inputs come in, the same with calls, maps, similarity and other tables come out; and cohorts at the edge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from ohmics import tables
from ohmics.qc.cells import cell_filters, cell_summary, cell_type_shares, filled_filters
from ohmics.qc.imbalance import depth_notes
from ohmics.qc.similarity import sample_similarity
from ohmics.report import ReportInputs
from ohmics.seeds import generator

CONTRAST = "relapse_vs_pre"
_CALLS = ("lost", "retained", "reduced", "inconclusive", "not_assessable", "gained")
_SHARED = "another kind of evidence disagrees: the antigen is called retained in 2 of 3 patients"


def fuller(inputs: ReportInputs, *, seed: int = 0) -> ReportInputs:
    """Return the inputs with every table that a page of their modality shows."""
    random = generator(seed, "fuller")
    noted = None if inputs.pairs is None else depth_notes(inputs.pairs, inputs.qc)
    inputs = replace(inputs, pairs=noted, evidence=_with_conflict(inputs.evidence))
    if inputs.bulk:
        correlation, similarity = _similarity(inputs, random)
        return replace(inputs, sample_correlation=correlation, sample_similarity=similarity, pca=_pca(inputs, random))
    patients = list(dict.fromkeys(inputs.samples["patient"].astype(str)))
    cells = inputs.cell_qc
    filters = filled_filters(cell_filters(cells), searched=set(cells["sample"]))
    return replace(
        inputs,
        cell_summary=cell_summary(cells),
        cell_filters=filters,
        cell_type_shares=cell_type_shares(inputs.cells),
        antigen=_antigens(patients, random),
        lineage=_lineage(patients),
        car=_car(inputs.samples),
        running_sums=_running_sums(inputs, random),
    )


def _with_conflict(evidence: pd.DataFrame) -> pd.DataFrame:
    first = (evidence["level"] == "cohort") & (evidence["verdict"] == "supported")
    first &= first.cumsum() == 1
    return evidence.assign(conflicts=evidence["conflicts"].astype(object).mask(first, _SHARED))


def _similarity(inputs: ReportInputs, random: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    counts = random.poisson(random.gamma(2.0, 20.0, (len(inputs.samples), 200))).astype(np.float32)
    data = AnnData(counts, obs=pd.DataFrame(index=inputs.samples["sample"].astype(str).to_numpy()))
    return sample_similarity(data, inputs.samples, qc=inputs.qc)


def _pca(inputs: ReportInputs, random: np.random.Generator) -> pd.DataFrame:
    names = inputs.samples["sample"]
    places = random.normal(0, 9, (len(names), 2))
    frame = {"sample": names, "pc1": places[:, 0], "pc2": places[:, 1], "share_1": 0.31, "share_2": 0.12}
    return tables.PCA.conform(pd.DataFrame(frame))


def _antigens(patients: list[str], random: np.random.Generator) -> pd.DataFrame:
    rows = []
    for place, patient in enumerate(patients):
        for antigen, role in (("CD19", "target"), ("CD22", "alternative")):
            call = _CALLS[(place + (role == "alternative")) % len(_CALLS)]
            before = int(random.integers(100, 300))
            rows.append(
                {
                    "patient": patient,
                    "antigen": antigen,
                    "pre_sample": f"{patient}_pre",
                    "post_sample": f"{patient}_relapse",
                    "n_cells_pre": before,
                    "n_cells_post": 210,
                    "detected_pre": before // 3,
                    "detected_post": 9,
                    "expected_detected": 41.5,
                    "expected_low": 30.0,
                    "expected_high": 55.0,
                    "remaining_fraction": 0.217,
                    "remaining_low": 0.113,
                    "remaining_high": 0.387,
                    "null_median": 1.0,
                    "null_sd": 0.2,
                    "p": 0.0123,
                    "q": 0.0345,
                    "call": call,
                    "role": role,
                    "reason": f"{antigen} is detected in {before // 3} of {before} malignant cells before.",
                }
            )
    return tables.ANTIGEN.conform(rows)


def _lineage(patients: list[str]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "patient": patient,
            "estimate": 0.02 if place else 0.81,
            "low": 0.01 if place else 0.71,
            "high": 0.05 if place else 0.93,
            "evidence": "took: monocytic" if not place else "kept: B lineage",
            "call": "no_switch" if place else "candidate",
            "reason": "Of the candidate tumour cells few left the lineage." if place else "Most left the lineage.",
        }
        for place, patient in enumerate(patients)
    ]
    return tables.LINEAGE.conform(rows)


def _car(samples: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "sample": name,
            "estimate": 0.213,
            "low": 0.107,
            "high": 0.329,
            "evidence": "30 of 141 T cells",
            "call": "detected",
            "reason": "30 of 141 T cells hold a transgene count.",
        }
        for name in samples["sample"]
    ]
    return tables.CAR.conform(rows)


def _running_sums(inputs: ReportInputs, random: np.random.Generator) -> pd.DataFrame:
    rows = []
    for row in inputs.enrichment.head(3).to_dict("records"):
        height = np.cumsum(random.normal(0, 0.05, 40)).clip(-1, 1)
        rows += [
            {
                "contrast": row["contrast"],
                "cell_type": row["cell_type"],
                "gene_list": row["gene_list"],
                "method": "voom",
                "part": "up",
                "rank": 10 * place + 1,
                "gene": f"GENE{place}",
                "statistic": 4.0 - 0.2 * place,
                "before": float(height[max(place - 1, 0)]),
                "after": float(height[place]),
                "n_tested": 400,
            }
            for place in range(len(height))
        ]
    return tables.RUNNING_SUMS.conform(rows)


def nothing_assessable(inputs: ReportInputs) -> ReportInputs:
    """Return the inputs of a cohort in which no mechanism could be assessed."""
    cohort = inputs.evidence[inputs.evidence["level"] == "cohort"]
    evidence = cohort.assign(
        verdict="not_assessable",
        sub_reason="not_tested",
        grade=None,
        lines_for=None,
        lines_against=None,
        conflicts=None,
        reasons="Fewer than 20 cells of the type in every pair.",
    )
    return replace(
        inputs,
        evidence=tables.EVIDENCE.conform(evidence),
        effects=tables.EFFECTS.empty(),
        enrichment=tables.ENRICHMENT.empty(),
        de=tables.DE.empty(),
        composition=None,
        antigen=None,
        running_sums=None,
    )


def mismatched(inputs: ReportInputs) -> ReportInputs:
    """Return the inputs of a cohort whose pairs all compare unlike samples, of which one may be swapped."""
    differs = ["tissue", "enrichment|chemistry", "tissue|enrichment"]
    pairs = inputs.pairs.assign(
        differs_in=[differs[place % 3] for place in range(len(inputs.pairs))], complete=True, note=None
    )
    cohort = inputs.evidence["level"] == "cohort"
    decided = cohort & inputs.evidence["verdict"].isin(["supported", "contradicted", "open"])
    evidence = inputs.evidence.assign(
        verdict=inputs.evidence["verdict"].mask(decided, "not_assessable"),
        sub_reason=inputs.evidence["sub_reason"].mask(decided, "pairs_not_comparable"),
        grade=inputs.evidence["grade"].mask(decided, None),
        lines_for=inputs.evidence["lines_for"].mask(decided, None),
        lines_against=inputs.evidence["lines_against"].mask(decided, None),
    )
    identity = inputs.identity.assign(
        verdict=inputs.identity["verdict"].mask(inputs.identity.index == 1, "mismatch"),
        reason=inputs.identity["reason"].mask(inputs.identity.index == 1, "XIST is absent here and high before."),
    )
    return replace(
        inputs,
        qc=inputs.qc.assign(verdict=inputs.qc["verdict"].replace("excluded", "use"), flags=None),
        pairs=tables.PAIRS.conform(pairs),
        evidence=tables.EVIDENCE.conform(evidence),
        identity=tables.IDENTITY.conform(identity),
        composition=None,
    )


def one_timepoint(inputs: ReportInputs) -> ReportInputs:
    """Return the inputs of a cohort with samples before treatment only, and no contrast that could be made."""
    samples = inputs.samples[inputs.samples["timepoint"] == "pre"].reset_index(drop=True)
    kept = set(samples["sample"])

    def own(frame: pd.DataFrame | None) -> pd.DataFrame | None:
        return None if frame is None else frame[frame["sample"].isin(kept)].reset_index(drop=True)

    return replace(
        inputs,
        config={**inputs.config, "contrasts": []},
        samples=samples,
        pairs=None,
        qc=own(inputs.qc),
        identity=own(inputs.identity),
        cells=own(inputs.cells),
        cell_qc=own(inputs.cell_qc),
        cell_summary=own(inputs.cell_summary),
        cell_filters=own(inputs.cell_filters),
        cell_type_shares=own(inputs.cell_type_shares),
        effects=None,
        enrichment=None,
        composition=None,
        evidence=None,
        de=None,
        antigen=None,
        lineage=None,
        car=own(inputs.car),
        running_sums=None,
    )
