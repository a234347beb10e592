"""Every mechanism of the catalogue meets every rule of the evidence table that can reach it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest

from ohmics._evidence_calls import CALLS_WITH_ERROR_RATE
from ohmics._evidence_rules import COHORT_RULES, MIXED_COMPARTMENTS
from ohmics.catalog import Catalog, catalog
from ohmics.evidence import cell_type_read, weigh_evidence
from ohmics.model import Mechanism
from ohmics.tables import (
    ANTIGEN,
    CAR,
    COMPOSITION,
    EFFECTS,
    ENRICHMENT,
    EVIDENCE,
    LINEAGE,
    MALIGNANT,
    PAIRS,
    SAMPLES,
    check,
)

N = 8
PATIENTS = [f"p{i}" for i in range(N)]
Frames = dict[str, pd.DataFrame]
Expected = tuple[str, str]


@cache
def known() -> Catalog:
    return catalog()


def cell_type_of(mechanism: Mechanism, modality: str) -> str:
    return cell_type_read(mechanism, known(), modality=modality)[0]


def nature(mechanism: Mechanism) -> str:
    return mechanism.primary_line.nature if mechanism.primary_line is not None else "external"


def sheet(modality: str, therapy: str = "car_t", test: str = "relapse") -> pd.DataFrame:
    rows = [
        {"sample": f"{p}_{t}", "patient": p, "timepoint": t, "modality": modality, "path": f"{p}{t}",
         "therapy": therapy, "target_antigen": "CD19"}
        for p in PATIENTS for t in ("pre", test)
    ]  # fmt: skip
    return SAMPLES.conform(rows)


def pairs(n: int = N, *, differs_in: str = "", test: str = "relapse") -> pd.DataFrame:
    rows = [
        {"contrast": "c", "subject": p, "block": p, "test_samples": f"{p}_{test}", "reference_samples": f"{p}_pre",
         "complete": True, "differs_in": differs_in}
        for p in PATIENTS[:n]
    ]  # fmt: skip
    return PAIRS.conform(rows)


def effect_row(mechanism: Mechanism, cell_type: str, *, sign: int = 1, q: float = 0.01, units: int = N) -> dict:
    line = mechanism.primary_line
    direction = sign * (-1 if line.direction == "down" else 1)
    key = f"{mechanism.id}/{line.gene_list}"
    return score_row(key, cell_type, line.method, effect=0.1 * direction, q=q, units=units)


def score_row(key: str, cell_type: str, method: str, *, effect: float, q: float, units: int = N) -> dict:
    wide = 0.05 if q < 0.05 else 0.2
    return {
        "contrast": "c", "level": "cohort", "subject": "c", "cell_type": cell_type, "mechanism": key.split("/")[0],
        "gene_list": key, "method": method, "depth": "thinned", "effect": effect, "low": effect - wide,
        "high": effect + wide, "interval_level": 0.95, "unit": "score", "p": q / 2, "q": q, "smallest_p": 2 / 2**units,
        "n_pairs": units, "n_units": units, "n_cells": 800, "sd_change": 0.05, "min_detectable": 0.06,
        "scheme": f"sign flips of {units} units",
    }  # fmt: skip


def composition_row(cell_type: str, *, effect: float, q: float) -> dict:
    wide = 0.3 if q < 0.05 else 2.0
    return {"contrast": "c", "subject": "c", "cell_type": cell_type, "effect": effect, "low": effect - wide,
            "high": effect + wide, "p": q / 2, "q": q, "n_pairs": N}  # fmt: skip


def primary_frames(
    modality: str, *, sign: int = 1, q: float = 0.01, units: int = N, inside: bool = False
) -> tuple[list[dict], list[dict]]:
    """Return rows of EFFECTS and of COMPOSITION that give every mechanism's primary line the same answer."""
    effects, shares = [], []
    for mechanism in known().mechanisms.values():
        cell_type = cell_type_of(mechanism, modality)
        if not cell_type:
            continue
        if nature(mechanism) == "expression":
            row = effect_row(mechanism, cell_type, sign=sign, q=q, units=units)
            if inside:
                row |= {"effect": 0.001, "low": -0.01, "high": 0.01, "q": 0.9}
            effects.append(row)
        elif nature(mechanism) == "composition":
            direction = -1 if mechanism.primary_line.direction == "down" else 1
            row = composition_row(cell_type, effect=sign * direction, q=q)
            if inside:
                row |= {"effect": 0.0, "low": -0.01, "high": 0.01, "q": 0.9}
            # Changes of single units give the spread that the margin is a multiple of.
            shares += [
                {**row, "subject": p, "effect": float(v), "p": None, "q": None}
                for p, v in zip(PATIENTS[:units], np.linspace(-1, 1, units), strict=True)
            ]
            shares.append(row)
    unique = {(r["cell_type"], r["gene_list"], r["method"]): r for r in effects}
    return list(unique.values()), shares


def weigh(modality: str, effects: list[dict], **tables: pd.DataFrame) -> pd.DataFrame:
    given = {"samples": sheet(modality), "pairs": pairs(), **tables}
    evidence = weigh_evidence(
        effects=EFFECTS.conform(effects) if effects else EFFECTS.empty(),
        enrichment=given.pop("enrichment", ENRICHMENT.empty()),
        catalog=known(),
        **given,
    )
    check(evidence, EVIDENCE)
    return evidence


def unseen(mechanism: Mechanism) -> bool:
    return mechanism.tier == "not_assessable" or nature(mechanism) == "external"


def general(mechanism: Mechanism, modality: str, *, otherwise: Expected) -> Expected:
    """Return what a scenario without calls gives: what no table can change first."""
    if unseen(mechanism):
        return "not_assessable", "not_visible_in_expression"
    if nature(mechanism) == "call":
        return "not_assessable", "no_call"
    if not cell_type_of(mechanism, modality):
        return "not_assessable", "wrong_modality"
    return otherwise


def mixed(mechanism: Mechanism, modality: str) -> bool:
    line = mechanism.primary_line
    return modality == "bulk" and mechanism.compartment in MIXED_COMPARTMENTS and line.cell_type != "bulk"


def decided(modality: str, *, sign: int) -> tuple[pd.DataFrame, Callable[[Mechanism], Expected]]:
    effects, shares = primary_frames(modality, sign=sign)
    verdict = "supported" if sign > 0 else "contradicted"

    def expected(mechanism: Mechanism) -> Expected:
        plain = (verdict, "")
        if nature(mechanism) == "expression" and mixed(mechanism, modality):
            plain = ("open", "confounded_by_composition")
        return general(mechanism, modality, otherwise=plain)

    return weigh(modality, effects, **share_table(shares)), expected


def share_table(shares: list[dict]) -> Frames:
    return {"composition": COMPOSITION.conform(shares)} if shares else {}


def few(sign: int) -> tuple[pd.DataFrame, Callable[[Mechanism], Expected]]:
    effects, shares = primary_frames("single_cell", sign=sign, q=0.25, units=4)
    models = [
        {"contrast": "c", "cell_type": r["cell_type"], "gene_list": r["gene_list"], "method": "camera",
         "statistic": float(np.sign(r["effect"])) * 4, "p": 1e-5, "q": 1e-4}
        for r in {(r["cell_type"], r["gene_list"]): r for r in effects}.values()
    ]  # fmt: skip
    found = weigh("single_cell", effects, enrichment=ENRICHMENT.conform(models), pairs=pairs(4), **share_table(shares))
    verdict = "supported" if sign > 0 else "contradicted"

    def expected(mechanism: Mechanism) -> Expected:
        own = ("open", "inconclusive") if nature(mechanism) == "composition" else (verdict, "moderated_model_only")
        return general(mechanism, "single_cell", otherwise=own)

    return found, expected


def same(modality: str, otherwise: Expected, evidence: pd.DataFrame) -> tuple:
    def expected(mechanism: Mechanism) -> Expected:
        plain = otherwise
        if otherwise[1] == "no_relevant_change" and nature(mechanism) == "expression" and mixed(mechanism, modality):
            plain = ("open", "confounded_by_composition")
        return general(mechanism, modality, otherwise=plain)

    return evidence, expected


def with_frames(modality: str, otherwise: Expected, *, pairs_: pd.DataFrame | None = None, **how: object) -> tuple:
    effects, shares = primary_frames(modality, **how)
    more = {} if pairs_ is None else {"pairs": pairs_}
    return same(modality, otherwise, weigh(modality, effects, **share_table(shares), **more))


def called() -> tuple:
    antigens = [
        {"patient": p, "antigen": a, "pre_sample": f"{p}_pre", "post_sample": f"{p}_relapse", "call": "lost"}
        for p in PATIENTS[:3] for a in ("CD19", "CD20", "CD22", "BCMA", "GPRC5D")
    ]  # fmt: skip
    cars = [
        {"sample": f"{p}_{t}", "estimate": s, "low": s - 0.05, "high": s + 0.05, "call": "detected", "reason": "r"}
        for p in PATIENTS[:3] for t, s in (("pre", 0.5), ("relapse", 0.1))
    ]  # fmt: skip
    lineage = [
        {"patient": p, "pre_sample": f"{p}_pre", "post_sample": f"{p}_relapse", "call": "switch", "reason": "r"}
        for p in PATIENTS[:3]
    ]
    found = weigh(
        "single_cell", [], antigen=ANTIGEN.conform(antigens), car=CAR.conform(cars), lineage=LINEAGE.conform(lineage)
    )

    def expected(mechanism: Mechanism) -> Expected:
        if nature(mechanism) == "call" and not unseen(mechanism):
            return "open", "called_per_patient"
        return general(mechanism, "single_cell", otherwise=("not_assessable", "not_tested"))

    return found, expected


def groups_compared() -> tuple:
    effects, shares = primary_frames("single_cell")
    flags = "change in responder minus change in non_responder"
    found = weigh("single_cell", [{**row, "flags": flags} for row in effects], **share_table(shares))

    def expected(mechanism: Mechanism) -> Expected:
        own = ("open", "groups_compared") if nature(mechanism) == "expression" else ("supported", "")
        return general(mechanism, "single_cell", otherwise=own)

    return found, expected


def malignant_unknown() -> tuple:
    rows = [
        {"sample": f"{p}_{t}", "cluster": "1", "call": "undetermined"} for p in PATIENTS for t in ("pre", "relapse")
    ]
    found = weigh("single_cell", [], malignant=MALIGNANT.conform(rows))

    def expected(mechanism: Mechanism) -> Expected:
        if unseen(mechanism):
            return "not_assessable", "not_visible_in_expression"
        if "malignant" in (mechanism.primary_line.cell_type, cell_type_of(mechanism, "single_cell")):
            return "not_assessable", "malignant_undetermined"
        return general(mechanism, "single_cell", otherwise=("not_assessable", "not_tested"))

    return found, expected


UNTESTED = ("not_assessable", "not_tested")
DIFFERENT = ("not_assessable", "pairs_not_comparable")
SCENARIOS: dict[str, Callable[[], tuple]] = {
    "nothing was tested": lambda: same("single_cell", UNTESTED, weigh("single_cell", [])),
    "nothing was tested in bulk": lambda: same("bulk", UNTESTED, weigh("bulk", [])),
    "as predicted": lambda: decided("single_cell", sign=1),
    "as predicted in bulk": lambda: decided("bulk", sign=1),
    "against the prediction": lambda: decided("single_cell", sign=-1),
    "against the prediction in bulk": lambda: decided("bulk", sign=-1),
    "few pairs, model for": lambda: few(1),
    "few pairs, model against": lambda: few(-1),
    "no relevant change": lambda: with_frames("single_cell", ("open", "no_relevant_change"), inside=True),
    "no relevant change in bulk": lambda: with_frames("bulk", ("open", "no_relevant_change"), inside=True),
    "inconclusive": lambda: with_frames("single_cell", ("open", "inconclusive"), q=0.4),
    "pairs that differ": lambda: with_frames("single_cell", DIFFERENT, pairs_=pairs(differs_in="tissue")),
    "groups compared": groups_compared,
    "called": called,
    "malignant cells unknown": malignant_unknown,
}


@cache
def outcome(name: str) -> tuple:
    return SCENARIOS[name]()


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_mechanism_gets_the_verdict_of_the_rule_that_reaches_it(name: str) -> None:
    evidence, expected = outcome(name)
    cohort = evidence[evidence["level"] == "cohort"].set_index("mechanism")
    assert set(cohort.index) == set(known().mechanisms)
    wrong = {}
    for identifier, mechanism in known().mechanisms.items():
        row = cohort.loc[identifier]
        found = (row["verdict"], row["sub_reason"] or "")
        if found != expected(mechanism):
            wrong[identifier] = (found, expected(mechanism))
    assert not wrong


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_row_says_why_and_what_would_change_it(name: str) -> None:
    evidence, _ = outcome(name)
    names = {identifier: mechanism.name for identifier, mechanism in known().mechanisms.items()}
    assert evidence["reasons"].str.endswith(".").all()
    for row in evidence.itertuples():
        assert row.reasons.startswith(f"{names[row.mechanism]}: ")
        assert "nan" not in row.reasons.replace("nanog", "").lower().split()
        if row.level == "cohort":
            undecided = row.verdict not in ("supported", "contradicted") or row.sub_reason == "moderated_model_only"
            assert not undecided or row.would_change, row
            assert (row.grade is not None) == (row.verdict in ("supported", "contradicted"))


def test_the_scenarios_reach_every_rule() -> None:
    reached = {(v, s or "") for name in SCENARIOS for v, s in outcome(name)[0][["verdict", "sub_reason"]].to_numpy()}
    assert {(rule.verdict, rule.sub_reason) for rule in COHORT_RULES} <= reached


def test_a_patient_is_supported_only_by_a_call_with_an_error_rate() -> None:
    rated = {
        identifier
        for identifier, mechanism in known().mechanisms.items()
        if nature(mechanism) == "call" and mechanism.primary_line.method in CALLS_WITH_ERROR_RATE
    }
    evidence, _ = outcome("called")
    patients = evidence[evidence["level"] == "patient"]
    found = set(patients.loc[patients["verdict"].isin(["supported", "contradicted"]), "mechanism"])
    assert found
    assert found <= rated
    car = patients[(patients["mechanism"] == "poor_expansion_persistence") & (patients["sub_reason"] != "no_call")]
    assert set(car["verdict"]) == {"consistent"}
    assert "50% (45% to 55%)" in car["reasons"].iloc[0].replace(" %", "%")


def further_tables(*, sign: int) -> tuple[list[dict], Frames]:
    """Return tables in which every further line of every mechanism holds (sign 1) or moved the other way (-1)."""
    effects, shares = primary_frames("single_cell")
    taken = {(r["cell_type"], r["gene_list"], r["method"]) for r in effects}
    share_of: dict[str, float] = {}
    for mechanism in known().mechanisms.values():
        if nature(mechanism) != "expression":
            continue
        own = cell_type_of(mechanism, "single_cell")
        for line in mechanism.further_lines:
            direction = sign * (-1 if line.direction == "down" else 1)
            if line.nature == "composition":
                share_of.setdefault(line.cell_type, direction)
            elif line.nature == "expression":
                key = f"{line.mechanism or mechanism.id}/{line.gene_list}"
                place = (line.cell_type or own, key, mechanism.primary_line.method)
                if place not in taken:
                    taken.add(place)
                    effects.append(score_row(key, place[0], place[2], effect=0.1 * direction, q=0.01))
    known_types = {row["cell_type"] for row in shares}
    shares += [composition_row(t, effect=v, q=0.01) for t, v in share_of.items() if t not in known_types]
    return effects, {"composition": COMPOSITION.conform(shares)}


def test_grades_count_natures_and_lines_the_other_way_are_shown_beside() -> None:
    found = []
    for sign in (1, -1):
        effects, tables = further_tables(sign=sign)
        rows = weigh("single_cell", effects, **tables)
        found.append(rows[rows["level"] == "cohort"].set_index("mechanism"))
    holding, turned = found
    seen = 0
    for identifier, mechanism in known().mechanisms.items():
        if nature(mechanism) != "expression" or holding.loc[identifier, "verdict"] != "supported":
            continue
        shares = [line for line in mechanism.further_lines if line.nature == "composition"]
        told = str(holding.loc[identifier, "lines_for"])
        held = any(f"{line.cell_type}, relative to the other types" in told for line in shares)
        assert holding.loc[identifier, "grade"] == ("moderate" if held else "weak")
        against = str(turned.loc[identifier, "lines_against"])
        if "a further line moved the other way" in against and "(centred log ratio)" in against:
            seen += 1
            assert "expression for (" in turned.loc[identifier, "conflicts"]
    assert seen >= 5
