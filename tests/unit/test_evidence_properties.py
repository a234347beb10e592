"""What must hold of evidence whatever the tables say."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ohmics.catalog import Catalog, catalog
from ohmics.evidence import weigh_evidence
from ohmics.model import GRADES
from ohmics.tables import ANTIGEN, CAR, COMPOSITION, EFFECTS, ENRICHMENT, LINEAGE, PAIRS, SAMPLES, SKIPPED

CHOSEN = (
    "tcell_exhaustion_terminal",
    "poor_expansion_persistence",
    "lineage_switch",
    "cd19_loss",
    "ifng_pathway_loss",
    "mdsc",
    "tumour_burden",
    "treg_tme",
)
PATIENTS = [f"p{i}" for i in range(7)]
RANK = {"": 0, **{grade: place for place, grade in enumerate(GRADES, start=1)}}
CALLS = ("lost", "reduced", "retained", "gained", "inconclusive", "not_assessable")


@cache
def known() -> Catalog:
    return catalog().select(mechanisms=CHOSEN)


def sheet() -> pd.DataFrame:
    return SAMPLES.conform(
        [
            {
                "sample": f"{p}_{t}",
                "patient": p,
                "timepoint": t,
                "modality": "single_cell",
                "path": p + t,
                "therapy": "car_t",
                "target_antigen": "CD19",
            }
            for p in PATIENTS
            for t in ("pre", "relapse")
        ]
    )


def pairs() -> pd.DataFrame:
    return PAIRS.conform(
        [
            {
                "contrast": "c",
                "subject": p,
                "block": p,
                "test_samples": f"{p}_relapse",
                "reference_samples": f"{p}_pre",
                "complete": True,
            }
            for p in PATIENTS
        ]
    )


def score_rows(random: np.random.Generator, *, units: int = 7) -> list[dict]:
    """Return cohort and patient rows of every line that a chosen mechanism reads, with random numbers."""
    rows = {}
    for mechanism in known().mechanisms.values():
        own = mechanism.primary_line
        lines = [(mechanism.id, own)] if own.nature == "expression" else []
        lines += [
            (line.mechanism or mechanism.id, line)
            for line in (*mechanism.further_lines, *mechanism.lines_against)
            if line.nature == "expression"
        ]
        for owner, line in lines:
            key = (f"{owner}/{line.gene_list}", line.cell_type or own.cell_type)
            for level, subject in (("cohort", "c"), ("patient", "p1"), ("patient", "p2")):
                effect, wide = random.normal(0, 0.1), random.uniform(0.01, 0.2)
                p = float(random.choice([0.001, 0.02, 0.2, 0.8]))
                rows[(*key, level, subject)] = {
                    "contrast": "c",
                    "level": level,
                    "subject": subject,
                    "cell_type": key[1],
                    "mechanism": owner,
                    "gene_list": key[0],
                    "method": "ucell",
                    "depth": "thinned",
                    "effect": effect,
                    "low": effect - wide,
                    "high": effect + wide,
                    "interval_level": 0.95,
                    "unit": "score",
                    "p": p if level == "cohort" else None,
                    "q": min(1.0, 2 * p) if level == "cohort" else None,
                    "smallest_p": 2 / 2**units,
                    "n_pairs": units,
                    "n_units": units,
                    "n_cells": 500,
                    "sd_change": 0.1,
                    "min_detectable": 0.1,
                    "scheme": f"sign flips of {units} units",
                }
    return list(rows.values())


def share_rows(random: np.random.Generator) -> list[dict]:
    kinds = sorted(
        {
            line.cell_type
            for m in known().mechanisms.values()
            for line in (m.primary_line, *m.further_lines, *m.lines_against)
            if line is not None and line.nature == "composition"
        }
    )
    rows = []
    for kind in kinds:
        effect, q = random.normal(), float(random.choice([0.01, 0.5]))
        rows.append(
            {
                "contrast": "c",
                "subject": "c",
                "cell_type": kind,
                "effect": effect,
                "low": effect - 1,
                "high": effect + 1,
                "p": q / 2,
                "q": q,
                "n_pairs": 7,
            }
        )
        rows += [{**rows[-1], "subject": p, "effect": float(random.normal()), "p": None, "q": None} for p in PATIENTS]
    return rows


def tables(seed: int, *, units: int = 7) -> dict[str, pd.DataFrame]:
    random = np.random.default_rng(seed)
    antigens = [
        {
            "patient": p,
            "antigen": a,
            "pre_sample": f"{p}_pre",
            "post_sample": f"{p}_relapse",
            "n_cells_pre": 300,
            "n_cells_post": int(random.integers(5, 60)),
            "expected_detected": 6.0,
            "call": str(random.choice(CALLS)),
            "reason": "r.",
        }
        for p in PATIENTS[:5]
        for a in ("CD19", "CD22")
    ]
    cars = []
    for p in PATIENTS:
        for t in ("pre", "relapse"):
            share, kind = (
                float(random.uniform(0.05, 0.9)),
                str(random.choice(["detected", "not_detected", "masking_candidate"])),
            )
            known_ = kind != "not_detected"
            cars.append(
                {
                    "sample": f"{p}_{t}",
                    "estimate": share if known_ else None,
                    "low": share - 0.05 if known_ else None,
                    "high": share + 0.05 if known_ else None,
                    "call": kind,
                    "reason": "r.",
                }
            )
    lineage = [
        {"patient": p, "call": str(random.choice(["switch", "candidate", "no_switch", "inconclusive"])), "reason": "r."}
        for p in PATIENTS
    ]
    missed = [
        {"stage": "score", "cell_type": "CD8 T", "subject": f"{p}_pre", "reason": f"{n} cells, at least 20 are needed"}
        for n, p in enumerate(PATIENTS[:3])
    ]
    sets = [
        {
            "contrast": "c",
            "cell_type": row["cell_type"],
            "gene_list": row["gene_list"],
            "method": method,
            "es": 0.4 * float(np.sign(random.normal())),
            "nes": 1.5,
            "statistic": float(random.normal(0, 3)),
            "p": 0.01,
            "q": float(random.choice([0.01, 0.5])),
        }
        for row in score_rows(np.random.default_rng(seed), units=units)
        if row["level"] == "cohort"
        for method in ("flip", "camera")
    ]
    return {
        "effects": EFFECTS.conform(score_rows(random, units=units)),
        "enrichment": ENRICHMENT.conform(sets),
        "composition": COMPOSITION.conform(share_rows(random)),
        "antigen": ANTIGEN.conform(antigens),
        "car": CAR.conform(cars),
        "lineage": LINEAGE.conform(lineage),
        "samples": sheet(),
        "pairs": pairs(),
        "skipped": SKIPPED.conform(missed),
    }


def weigh(given: dict[str, pd.DataFrame], *, mechanisms: Catalog | None = None) -> pd.DataFrame:
    return weigh_evidence(catalog=mechanisms or known(), **given)


def in_order(evidence: pd.DataFrame) -> pd.DataFrame:
    return evidence.sort_values(["contrast", "level", "subject", "mechanism"]).reset_index(drop=True)


@given(seed=st.integers(0, 10_000), order=st.integers(0, 10_000))
@settings(max_examples=8, deadline=None)
def test_the_order_of_rows_changes_nothing(seed: int, order: int) -> None:
    given_ = tables(seed)
    shuffled = {name: frame.sample(frac=1, random_state=order).reset_index(drop=True) for name, frame in given_.items()}
    pd.testing.assert_frame_equal(in_order(weigh(given_)), in_order(weigh(shuffled)))


@given(seed=st.integers(0, 10_000), chosen=st.integers(0, 7))
@settings(max_examples=8, deadline=None)
def test_evidence_against_never_raises_a_grade(seed: int, chosen: int) -> None:
    """Lines of one mechanism are turned against it, rivals are moved: no supported mechanism gains a grade."""
    given_ = tables(seed)
    before = weigh(given_).query("level == 'cohort'").set_index("mechanism")
    mechanism = known().mechanisms[CHOSEN[chosen]]
    effects, shares = given_["effects"].copy(), given_["composition"].copy()
    turned = [(line, -1) for line in mechanism.further_lines] + [(line, 1) for line in mechanism.lines_against]
    for line, sign in turned:
        direction = sign * (-1 if line.direction == "down" else 1)
        if line.nature == "expression":
            key = f"{line.mechanism or mechanism.id}/{line.gene_list}"
            cell_type = line.cell_type or mechanism.primary_line.cell_type
            mine = (effects["gene_list"] == key) & (effects["cell_type"] == cell_type) & (effects["level"] == "cohort")
            if mechanism.primary_line.gene_list and key == f"{mechanism.id}/{mechanism.primary_line.gene_list}":
                continue
            effects.loc[mine, ["effect", "q"]] = [0.3 * direction, 0.001]
        elif line.nature == "composition" and line.cell_type != mechanism.primary_line.cell_type:
            mine = (shares["cell_type"] == line.cell_type) & (shares["subject"] == "c")
            shares.loc[mine, ["effect", "q"]] = [2.0 * direction, 0.001]
    after = (
        weigh({**given_, "effects": effects, "composition": shares}).query("level == 'cohort'").set_index("mechanism")
    )
    was, now = before.loc[mechanism.id], after.loc[mechanism.id]
    if was["verdict"] == "supported":
        assert now["verdict"] == "supported"
        assert RANK[now["grade"] or ""] <= RANK[was["grade"] or ""]
    elif was["verdict"] != "contradicted":
        assert now["verdict"] != "supported"


@given(seed=st.integers(0, 10_000))
@settings(max_examples=8, deadline=None)
def test_scores_and_car_calls_never_support_a_patient(seed: int) -> None:
    rows = weigh(tables(seed)).query("level == 'patient'")
    told = rows[rows["verdict"].isin(["supported", "contradicted"])]
    assert set(told["mechanism"]) <= {"cd19_loss", "lineage_switch"}
    assert (rows["grade"].isna()).all()


@given(seed=st.integers(0, 10_000), units=st.integers(2, 5))
@settings(max_examples=8, deadline=None)
def test_fewer_than_six_pairs_are_never_supported_by_flips(seed: int, units: int) -> None:
    given_ = tables(seed, units=units)
    given_["composition"] = COMPOSITION.empty()
    without_models = {**given_, "enrichment": ENRICHMENT.empty()}
    cohort = weigh(without_models).query("level == 'cohort'")
    assert not cohort["verdict"].isin(["supported", "contradicted"]).any()
    modelled = weigh(given_).query("level == 'cohort' and verdict in ['supported', 'contradicted']")
    assert set(modelled["sub_reason"]) <= {"moderated_model_only"}
    assert set(modelled["grade"]) <= {"weak"}


@given(seed=st.integers(0, 10_000))
@settings(max_examples=8, deadline=None)
def test_a_mechanism_without_its_table_is_not_assessable(seed: int) -> None:
    given_ = tables(seed)
    less = {name: frame for name, frame in given_.items() if name not in ("antigen", "lineage", "car")}
    rows = weigh(less).query("mechanism in ['cd19_loss', 'lineage_switch', 'poor_expansion_persistence']")
    assert set(rows["verdict"]) == {"not_assessable"}
    assert set(rows["sub_reason"]) == {"no_call"}


def test_a_mechanism_with_no_lines_has_nothing_that_argues() -> None:
    bare = {
        name: replace(mechanism, further_lines=(), lines_against=()) for name, mechanism in known().mechanisms.items()
    }
    rows = weigh({**tables(1), "enrichment": ENRICHMENT.empty()}, mechanisms=replace(known(), mechanisms=bare))
    cohort = rows[(rows["level"] == "cohort") & (rows["verdict"] == "open")]
    assert cohort["lines_for"].isna().all()
    assert cohort["conflicts"].isna().all()
