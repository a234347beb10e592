"""CAR tables, malignant calls, timepoints on treatment: what they add to verdicts, and what would change a verdict."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from ohmics._evidence_cautions import is_on_treatment
from ohmics.catalog import Catalog, catalog
from ohmics.evidence import weigh_evidence
from ohmics.model import EvidenceLine
from ohmics.tables import (
    ANTIGEN,
    ASSOCIATION,
    CAR,
    COMPOSITION,
    EFFECTS,
    ENRICHMENT,
    MALIGNANT,
    PAIRS,
    QC,
    SAMPLES,
    SKIPPED,
)


@cache
def known(*mechanisms: str) -> Catalog:
    return catalog().select(mechanisms=mechanisms)


def sheet(therapy: str = "car_t", test: str = "relapse", n: int = 8) -> pd.DataFrame:
    rows = [
        {"sample": f"p{i}_{t}", "patient": f"p{i}", "timepoint": t, "modality": "single_cell", "path": f"{i}{t}",
         "therapy": therapy, "target_antigen": "CD19"}
        for i in range(n) for t in ("pre", test)
    ]  # fmt: skip
    return SAMPLES.conform(rows)


def pairs(test: str = "relapse", n: int = 8) -> pd.DataFrame:
    rows = [
        {"contrast": "c", "subject": f"p{i}", "block": f"p{i}", "test_samples": f"p{i}_{test}",
         "reference_samples": f"p{i}_pre", "complete": True}
        for i in range(n)
    ]  # fmt: skip
    return PAIRS.conform(rows)


def effect(gene_list: str, cell_type: str, **more: object) -> dict:
    return {
        "contrast": "c", "level": "cohort", "subject": "c", "cell_type": cell_type,
        "mechanism": gene_list.split("/")[0], "gene_list": gene_list, "method": "ucell", "depth": "thinned",
        "effect": 0.1, "low": 0.05, "high": 0.15, "interval_level": 0.95, "unit": "score", "p": 0.01, "q": 0.02,
        "smallest_p": 0.0078, "n_pairs": 8, "n_units": 8, "n_cells": 800, "sd_change": 0.05, "min_detectable": 0.06,
        **more,
    }  # fmt: skip


def weigh(mechanisms: Catalog, *effects: dict, **tables: pd.DataFrame) -> pd.DataFrame:
    return weigh_evidence(
        effects=EFFECTS.conform(effects) if effects else EFFECTS.empty(),
        enrichment=ENRICHMENT.empty(),
        catalog=mechanisms,
        **{"samples": sheet(), "pairs": pairs(), **tables},
    )


def cohort(evidence: pd.DataFrame) -> pd.Series:
    return evidence[evidence["level"] == "cohort"].iloc[0]


def car(sample: str, share: float | None, call: str = "detected", wide: float = 0.05) -> dict:
    ends = {} if share is None else {"estimate": share, "low": share - wide, "high": share + wide}
    return {"sample": sample, "call": call, "reason": f"{call}.", **ends}


def car_verdicts(*rows: dict, mechanism: str = "poor_expansion_persistence") -> pd.DataFrame:
    found = weigh(known(mechanism), car=CAR.conform(rows))
    return found[found["level"] == "patient"].set_index("subject")


@pytest.mark.parametrize(
    ("before", "after", "verdict", "call"),
    [
        (car("p0_pre", 0.5), car("p0_relapse", 0.1), "consistent", "fell"),
        (car("p0_pre", 0.1), car("p0_relapse", 0.5), "opposite", "rose"),
        (car("p0_pre", 0.3), car("p0_relapse", 0.25), "within_technical_range", "unchanged"),
        # No CAR beyond ambient RNA gives no upper limit: CAR+ cells may show no transcript.
        (car("p0_pre", 0.5), car("p0_relapse", None, "not_detected"), "open", "not_detected"),
        (car("p0_pre", None, "not_detected"), car("p0_relapse", None, "not_detected"), "open", "inconclusive"),
        (car("p0_pre", 0.5), car("p0_relapse", None, "not_assessable"), "not_assessable", "not_assessable"),
        # With a limit in the table the fall is told.
        (car("p0_pre", 0.5), {**car("p0_relapse", None, "not_detected"), "high": 0.08}, "consistent", "fell"),
    ],
)
def test_the_car_share_of_one_patient_is_never_more_than_consistent(before, after, verdict, call) -> None:
    rows = car_verdicts(before, after)
    assert (rows.loc["p0", "verdict"], rows.loc["p0", "sub_reason"]) == (verdict, call)
    # The other patients have no CAR call, and a row that says so.
    others = rows.drop("p0")
    assert others.index.tolist() == [f"p{i}" for i in range(1, 8)]
    assert set(others["sub_reason"]) == {"no_call"}


def test_several_samples_of_one_side_widen_the_interval() -> None:
    twice = PAIRS.conform([{**pairs().iloc[0].to_dict(), "test_samples": "p0_relapse|p0_later"}])
    rows = [car("p0_pre", 0.5), car("p0_relapse", 0.1), car("p0_later", 0.48)]
    found = weigh(known("poor_expansion_persistence"), car=CAR.conform(rows), pairs=twice)
    assert found.query("level == 'patient'")["verdict"].tolist() == ["within_technical_range"]


def test_the_cohort_counts_car_calls_and_groups_are_only_described() -> None:
    rows = [car(f"p{i}_{t}", s) for i in range(3) for t, s in (("pre", 0.5), ("relapse", 0.1))]
    row = cohort(weigh(known("poor_expansion_persistence"), car=CAR.conform(rows)))
    assert (row["verdict"], row["sub_reason"]) == ("open", "called_per_patient")
    assert "fell in 3" in row["reasons"]
    groups = [
        {"contrast": "c", "subject": f"p{i}", "block": f"p{i}", "complete": False,
         "test_samples": f"p{i}_pre" if i < 2 else None, "reference_samples": None if i < 2 else f"p{i}_pre"}
        for i in range(3)
    ]  # fmt: skip
    row = cohort(weigh(known("poor_expansion_persistence"), car=CAR.conform(rows), pairs=PAIRS.conform(groups)))
    assert "median CAR+ share of T cells 50% in 2 samples on the test side and 50% in 1 samples" in row["reasons"]


def test_tumour_cells_that_hold_the_car_are_a_candidate_and_no_more() -> None:
    rows = car_verdicts(
        car("p0_relapse", 0.3, "masking_candidate"), car("p1_relapse", 0.3), car("p2_relapse", None, "not_assessable"),
        mechanism="epitope_masking",
    )  # fmt: skip
    assert rows["verdict"].head(3).to_dict() == {"p0": "consistent", "p1": "open", "p2": "not_assessable"}
    assert set(rows["sub_reason"].iloc[3:]) == {"no_call"}


@pytest.mark.parametrize(
    "words", ["On", "on-treatment", "On_Tx", "early on", "C2D1", "C1D15", "week 6", "EDT", "during"]
)
def test_words_for_on_treatment(words: str) -> None:
    assert is_on_treatment(words)


@pytest.mark.parametrize(
    "words", ["Pre", "relapse", "post", "C1D1", "week 0", "progression", "month", "onset", "control"]
)
def test_words_that_are_not_on_treatment(words: str) -> None:
    assert not is_on_treatment(words)


def test_on_treatment_under_a_checkpoint_inhibitor_is_the_effect_of_the_drug() -> None:
    mechanism = known("tcell_exhaustion_terminal")
    line = mechanism.mechanisms["tcell_exhaustion_terminal"].primary_line
    one = effect(f"tcell_exhaustion_terminal/{line.gene_list}", line.cell_type, method=line.method)
    row = cohort(weigh(mechanism, one, samples=sheet("ici", "On"), pairs=pairs("On")))
    told = "the contrast shows the effect of the drug, not resistance"
    assert told in row["reasons"]
    assert told in row["cautions"]
    for samples, others in ((sheet("ici", "relapse"), pairs()), (sheet("car_t", "On"), pairs("On"))):
        assert told not in cohort(weigh(mechanism, one, samples=samples, pairs=others))["reasons"]


def test_undetermined_malignant_cells_are_said_and_not_taken_for_absence() -> None:
    mechanisms = known("cd19_loss", "tcell_exhaustion_terminal")
    table = MALIGNANT.conform(
        [{"sample": f"p{i}_{t}", "cluster": "1", "call": "undetermined"} for i in range(8) for t in ("pre", "relapse")]
    )
    rows = weigh(mechanisms, malignant=table).query("level == 'cohort'").set_index("mechanism")
    assert rows.loc["cd19_loss", "sub_reason"] == "malignant_undetermined"
    assert "undetermined in 16 of 16 samples" in rows.loc["cd19_loss", "reasons"]
    assert rows.loc["tcell_exhaustion_terminal", "sub_reason"] == "not_tested"
    told = pd.concat([table, MALIGNANT.conform([{"sample": f"p{i}_{t}", "cluster": "2", "call": "malignant"}
                                                for i in range(8) for t in ("pre", "relapse")])])  # fmt: skip
    assert weigh(mechanisms, malignant=told).query("mechanism == 'cd19_loss'")["sub_reason"].iloc[0] == "no_call"


def test_what_would_change_a_verdict_holds_the_numbers() -> None:
    mechanisms = known("tcell_exhaustion_terminal")
    line = mechanisms.mechanisms["tcell_exhaustion_terminal"].primary_line
    key = f"tcell_exhaustion_terminal/{line.gene_list}"
    open_ = effect(key, line.cell_type, method=line.method, effect=0.05, low=-0.01, high=0.11, q=0.3, n_units=5,
                   smallest_p=0.0625)  # fmt: skip
    text = cohort(weigh(mechanisms, open_))["would_change"]
    # (2.8016 / 1)^2 + 2 at the size found, (2.8016 / 0.5)^2 + 2 at the margin, both rounded up.
    assert "about 10 if the change is as large as found" in text
    assert "about 34 for the smallest change that matters" in text
    assert "there are 5" in text
    assert "a true change of 0.06 is found with 80 % power" in text
    missed = SKIPPED.conform([{"stage": "score", "cell_type": line.cell_type, "subject": "p3_relapse",
                               "reason": "11 cells, at least 40 are needed"}])  # fmt: skip
    text = cohort(weigh(mechanisms, skipped=missed))["would_change"]
    assert text == f"{line.cell_type} cells of p3_relapse (relapse): 11 cells, at least 40 are needed"


def test_an_antigen_call_says_how_many_tumour_cells_it_needs() -> None:
    row = {"patient": "p0", "antigen": "CD19", "pre_sample": "p0_pre", "post_sample": "p0_relapse", "n_cells_pre": 300,
           "n_cells_post": 11, "expected_detected": 2.75, "call": "not_assessable", "reason": "too few."}  # fmt: skip
    found = weigh(known("cd19_loss"), antigen=ANTIGEN.conform([row])).query("level == 'patient'").iloc[0]
    assert found["would_change"] == "needs at least 40 malignant cells after (CD19); there are 11"


def test_an_inconclusive_antigen_call_says_how_many_cells_would_decide_or_that_none_would() -> None:
    row = {"patient": "p0", "antigen": "CD19", "pre_sample": "p0_pre", "post_sample": "p0_relapse", "n_cells_pre": 100,
           "n_cells_post": 80, "expected_detected": 20.0, "call": "inconclusive", "reason": "open.",
           "remaining_fraction": 1.0, "remaining_low": float(np.exp(-1.0)), "remaining_high": float(np.exp(1.0)),
           "null_sd": 0.1}  # fmt: skip
    # Whole variance (1 / 1.96)^2 = 0.2603, of counting 0.2503; wanted (ln 2 / 1.645)^2 - 0.01 = 0.1676: 1.494 times.
    found = weigh(known("cd19_loss"), antigen=ANTIGEN.conform([row])).query("level == 'patient'").iloc[0]
    assert "about 150 malignant cells before and 120 after (CD19), if 1 of it remains" in found["would_change"]
    noisy = weigh(known("cd19_loss"), antigen=ANTIGEN.conform([{**row, "null_sd": 0.5}])).query("level == 'patient'")
    assert "more cells would not decide CD19: genes like it differ by 0.5" in noisy["would_change"].iloc[0]


def test_two_natures_that_disagree_are_a_conflict_of_their_own() -> None:
    mechanisms = known("treg_tme")
    line = mechanisms.mechanisms["treg_tme"].primary_line
    one = effect(f"treg_tme/{line.gene_list}", line.cell_type, method=line.method)
    fewer = COMPOSITION.conform([{"contrast": "c", "subject": "c", "cell_type": "Treg", "effect": -1.0, "q": 0.01,
                                  "n_pairs": 8}])  # fmt: skip
    row = cohort(weigh(mechanisms, one, composition=fewer))
    assert (row["verdict"], row["grade"]) == ("supported", "weak")
    assert "a further line moved the other way: Treg, relative to the other types, -1" in row["lines_against"]
    assert row["conflicts"].startswith("expression for (treg_tme/chu2023_treg in CD4 T: +0.1")
    assert "composition against (a further line moved the other way: Treg" in row["conflicts"]
    assert cohort(weigh(mechanisms, one))["conflicts"] is None


def test_samples_to_be_used_with_care_are_a_caution() -> None:
    mechanisms = known("treg_tme")
    line = mechanisms.mechanisms["treg_tme"].primary_line
    one = effect(f"treg_tme/{line.gene_list}", line.cell_type, method=line.method)
    table = QC.conform([{"sample": "p0_pre", "verdict": "use_with_care"}, {"sample": "p0_relapse", "verdict": "use"}])
    assert "1 of 2 samples are to be used with care" in cohort(weigh(mechanisms, one, qc=table))["cautions"]


def test_a_rival_that_moved_does_not_raise_the_grade_of_a_contradiction() -> None:
    mechanisms = known("treg_tme")
    mechanism = mechanisms.mechanisms["treg_tme"]
    rivals = replace(mechanisms, mechanisms={"treg_tme": replace(mechanism, further_lines=())})
    line = mechanism.primary_line
    down = effect(f"treg_tme/{line.gene_list}", line.cell_type, method=line.method, effect=-0.1, low=-0.15, high=-0.05)
    share = COMPOSITION.conform([{"contrast": "c", "subject": "c", "cell_type": "CD4 Tfh/CXCL13", "effect": 1.0,
                                  "q": 0.01, "n_pairs": 8}])  # fmt: skip
    row = cohort(weigh(rivals, down, composition=share))
    assert (row["verdict"], row["grade"]) == ("contradicted", "weak")
    assert "rival:" in row["lines_against"]


def association(mechanisms: Catalog, *, effect: float, model: str = "cox", q: float = 0.01) -> pd.DataFrame:
    line = mechanisms.mechanisms["treg_tme"].primary_line
    row = {
        "contrast": "c", "mechanism": "treg_tme", "outcome": "os", "gene_list": f"treg_tme/{line.gene_list}",
        "method": line.method, "cell_type": line.cell_type, "score": "baseline", "depth": "thinned", "model": model,
        "effect": effect, "low": effect - 0.3, "high": effect + 0.3, "p": q, "q": q, "smallest_p": 0.0001, "n": 40,
        "n_events": 20, "scheme": "s", "family": "f",
    }  # fmt: skip
    return ASSOCIATION.conform([row])


def treg(**changes: object) -> tuple[Catalog, dict]:
    mechanisms = known("treg_tme")
    mechanism = replace(mechanisms.mechanisms["treg_tme"], **changes)
    line = mechanisms.mechanisms["treg_tme"].primary_line
    one = effect(f"treg_tme/{line.gene_list}", line.cell_type, method=line.method)
    return replace(mechanisms, mechanisms={"treg_tme": mechanism}), one


def test_an_association_is_a_further_line_and_raises_no_grade_by_itself() -> None:
    mechanisms, one = treg()
    row = cohort(weigh(mechanisms, one, association=association(mechanisms, effect=0.9)))
    assert (row["verdict"], row["grade"]) == ("supported", "weak")
    assert "score before and os: log hazard +0.9 a between-patient sd, q 0.01, 20 events in 40" in row["lines_for"]
    alone = cohort(weigh(mechanisms, association=association(mechanisms, effect=0.9)))
    assert (alone["verdict"], alone["sub_reason"]) == ("not_assessable", "not_tested")
    for effect_, model, column in ((-0.9, "cox", "lines_against"), (0.9, "logistic_firth", "lines_against"),
                                   (-0.9, "logistic_firth", "lines_for")):  # fmt: skip
        row = cohort(weigh(mechanisms, one, association=association(mechanisms, effect=effect_, model=model)))
        assert "score before and os" in row[column]
    row = cohort(weigh(mechanisms, one, association=association(mechanisms, effect=0.9, q=0.2)))
    assert "os" not in row["lines_for"].split("|")[-1]


def test_a_declared_association_counts_as_a_nature() -> None:
    declared = EvidenceLine(nature="association", gene_list="chu2023_treg", cell_type="CD4 T", note="survival")
    mechanisms, one = treg(further_lines=(declared,))
    assert cohort(weigh(mechanisms, one, association=association(mechanisms, effect=0.9)))["grade"] == "moderate"
    assert cohort(weigh(mechanisms, one, association=association(mechanisms, effect=-0.9)))["conflicts"] is not None


def test_a_primary_line_may_be_declared_an_association() -> None:
    line = replace(known("treg_tme").mechanisms["treg_tme"].primary_line, nature="association")
    mechanisms, one = treg(primary_line=line)
    for effect_, verdict in ((0.9, "supported"), (-0.9, "contradicted")):
        row = cohort(weigh(mechanisms, one, association=association(mechanisms, effect=effect_)))
        assert row["verdict"] == verdict
        assert "goes with the outcome" in row["reasons"]
    assert cohort(weigh(mechanisms, one))["sub_reason"] == "not_tested"
    unsure = cohort(weigh(mechanisms, association=association(mechanisms, effect=0.9, q=0.3)))
    assert (unsure["verdict"], unsure["sub_reason"]) == ("open", "inconclusive")
    assert "needs more patients with an outcome than 40" in unsure["would_change"]


def test_samples_without_car_cells_are_counted_beside_those_with_them() -> None:
    rows = [car("p0_pre", 0.4), *(car(f"p{i}_pre", None, "not_detected") for i in (1, 2)), car("p3_pre", 0.4)]
    groups = [
        {"contrast": "c", "subject": f"p{i}", "block": f"p{i}", "complete": False,
         "test_samples": f"p{i}_pre" if i < 3 else None, "reference_samples": None if i < 3 else f"p{i}_pre"}
        for i in range(4)
    ]  # fmt: skip
    found = weigh(known("poor_expansion_persistence"), car=CAR.conform(rows), pairs=PAIRS.conform(groups))
    told = cohort(found)["reasons"]
    assert "CAR+ T cells seen in 1 of 3 samples on the test side and in 1 of 1 samples on the reference side" in told
    assert "median" not in told


def test_a_share_without_an_upper_limit_names_every_sample() -> None:
    both = PAIRS.conform([{"contrast": "c", "subject": "p0", "block": "p0", "complete": True,
                           "test_samples": "p0_relapse|p0_later", "reference_samples": "p0_pre"}])  # fmt: skip
    rows = [car("p0_pre", 0.5), car("p0_relapse", 0.4), car("p0_later", None, "not_detected")]
    found = weigh(known("poor_expansion_persistence"), car=CAR.conform(rows), pairs=both)
    told = found.query("level == 'patient'")["reasons"].iloc[0]
    assert "no CAR beyond ambient RNA in p0_later" in told
    assert "nan" not in told


ANTIGEN_ROW = {
    "patient": "p0", "antigen": "CD19", "pre_sample": "p0_pre", "post_sample": "p0_relapse", "n_cells_pre": 100,
    "n_cells_post": 80, "expected_detected": 20.0, "call": "inconclusive", "null_sd": 0.1, "remaining_fraction": 0.7,
    "remaining_low": 0.7 * float(np.exp(-0.8)), "remaining_high": 0.7 * float(np.exp(0.8)), "reason": "open.",
}  # fmt: skip


def needed(**more: object) -> str:
    found = weigh(known("cd19_loss"), antigen=ANTIGEN.conform([{**ANTIGEN_ROW, **more}]))
    return str(found.query("level == 'patient'")["would_change"].iloc[0])


def test_no_number_of_cells_mends_another_chemistry() -> None:
    assert "malignant cells before" in needed()
    told = needed(reason="Inconclusive whatever the p: the chemistries differ (10x3v2 before, 10x5 after).")
    assert told == "needs samples of one chemistry before and after (CD19)"


def test_unknown_ambient_rna_is_no_counting_noise() -> None:
    # Limits that are wide by the factor alone: left 0.7, at most 0.7 / 0.8, at least 0.7 * 0.8.
    wide = {"remaining_low": 0.56 * float(np.exp(-0.4)), "remaining_high": 0.875 * float(np.exp(0.4))}
    told = needed(**wide, reason="Not corrected for ambient RNA, but; not corrected for ambient RNA.")
    assert told.startswith("more cells would not decide CD19")
    assert "ambient RNA is unknown" in told


def test_the_run_s_own_thresholds_say_what_is_needed() -> None:
    short = {"call": "not_assessable", "n_cells_post": 45, "expected_detected": 20.0}
    assert needed(**short) == "nan" or "at least" not in needed(**short)
    told = needed(**short, thresholds="min_cells=50|min_expected=25|n_matched=200")
    assert "at least 57 malignant cells after (CD19); there are 45" in told
