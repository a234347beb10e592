"""In unsorted bulk a verdict rests on the score beyond content, and says so when there is none."""

from __future__ import annotations

import pandas as pd

import ohmics as om
from ohmics.evidence import weigh_evidence
from ohmics.model import BEYOND_CONTENT, BEYOND_ESTIMATED
from ohmics.tables import EFFECTS, ENRICHMENT, SAMPLES, SKIPPED

T_CELL, WHOLE = "low_cytotoxic_effector", "low_ifng_tcell_inflamed"
ROW = {
    "contrast": "c", "level": "cohort", "subject": "c", "cell_type": "bulk", "depth": "thinned", "low": -0.2,
    "high": -0.1, "effect": -0.15, "interval_level": 0.95, "unit": "score", "p": 0.001, "q": 0.01, "smallest_p": 0.001,
    "n_pairs": 12, "n_units": 12, "n_cells": 24, "sd_change": 0.1,
}  # fmt: skip


def verdict(mechanism: str, *rows: dict[str, object], skipped: pd.DataFrame | None = None) -> pd.Series:
    line = om.catalog().mechanisms[mechanism].primary_line
    assert line is not None
    effects = [
        {**ROW, "mechanism": mechanism, "gene_list": f"{mechanism}/{line.gene_list}", **row,
         "method": f"{line.method}{row.get('method', '')}"}
        for row in rows
    ]  # fmt: skip
    sheet = [
        {"sample": f"{p}_{t}", "patient": p, "timepoint": t, "modality": "bulk", "path": "x", "therapy": "ici"}
        for p in "abcdefghijkl"
        for t in ("pre", "post")
    ]
    found = weigh_evidence(
        effects=EFFECTS.conform(effects), enrichment=ENRICHMENT.empty(), catalog=om.catalog(),
        samples=SAMPLES.conform(sheet), skipped=skipped,
    )  # fmt: skip
    return found[(found["mechanism"] == mechanism) & (found["level"] == "cohort")].iloc[0]


def test_the_score_beyond_content_decides_and_the_measured_one_stands_beside_it() -> None:
    both = verdict(T_CELL, {}, {"method": BEYOND_CONTENT, "effect": -0.12})
    assert both["verdict"] == "supported"
    assert "-0.12" in both["primary_line"]
    nothing = {"method": BEYOND_CONTENT, "effect": 0.0, "low": -0.2, "high": 0.2, "p": 0.9, "q": 0.9}
    row = verdict(T_CELL, {}, nothing)
    assert (row["verdict"], row["sub_reason"]) == ("open", "inconclusive")
    told = f"{row['lines_for']}|{row['lines_against']}|{row['cautions']}"
    assert "with the share of the cells that carry the programme still in it: -0.15" in told


def test_without_a_score_beyond_content_it_is_confounded_and_says_why() -> None:
    line = om.catalog().mechanisms[T_CELL].primary_line
    assert line is not None
    why = SKIPPED.conform([
        {"stage": "content", "contrast": "c", "item": f"{T_CELL}/{line.gene_list}", "reason": "content changed too far"}
    ])  # fmt: skip
    row = verdict(T_CELL, {}, skipped=why)
    assert (row["verdict"], row["sub_reason"]) == ("open", "confounded_by_composition")
    assert "content changed too far" in row["reasons"]
    estimated = verdict(T_CELL, {}, {"method": BEYOND_ESTIMATED})
    assert estimated["sub_reason"] == "confounded_by_composition"


def test_a_claim_about_whole_tissue_keeps_its_measured_score() -> None:
    nothing = {"method": BEYOND_CONTENT, "effect": 0.0, "low": -0.2, "high": 0.2, "p": 0.9, "q": 0.9}
    assert verdict(WHOLE, {}, nothing)["verdict"] == verdict(WHOLE, {})["verdict"] == "supported"
