"""Every rule of the evidence table, each by the smallest tables that reach it."""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pytest

from ohmics._evidence_rules import COHORT_RULES
from ohmics.evidence import weigh_evidence
from ohmics.model import Antigen, EvidenceLine, Mechanism, PrimaryLine
from ohmics.tables import COMPOSITION, EFFECTS, ENRICHMENT, EVIDENCE, PAIRS, SAMPLES, SKIPPED, check, skipped

MECHANISM = Mechanism(
    id="exhaustion",
    name="Exhaustion",
    claim="T cells are exhausted.",
    therapies=("car_t", "ici"),
    compartment="t_cell",
    reviews=("S1",),
    tier="core",
    measurement=("score",),
    score_on=("CD8 T",),
    visible="transcripts",
    not_visible="chromatin",
    observed_at="single cell",
    gene_lists=(),
    recommended_up="tex",
    primary_line=PrimaryLine(nature="expression", gene_list="tex", method="ucell", cell_type="CD8 T", direction="up"),
    further_lines=(EvidenceLine(nature="composition", cell_type="CD8 Tex", direction="up"),),
    lines_against=(
        EvidenceLine(
            nature="expression",
            mechanism="activation",
            gene_list="act",
            cell_type="CD8 T",
            direction="up",
            note="activation",
        ),
    ),
)
EFFECT = {
    "contrast": "c", "level": "cohort", "subject": "c", "cell_type": "CD8 T", "mechanism": "exhaustion",
    "gene_list": "exhaustion/tex", "method": "ucell", "depth": "thinned", "effect": 0.1, "low": 0.05, "high": 0.15,
    "interval_level": 0.95, "unit": "score", "p": 0.01, "q": 0.02, "smallest_p": 0.0078, "n_pairs": 8, "n_units": 8,
    "n_cells": 800, "sd_change": 0.05,
}  # fmt: skip
SHEET = [
    {
        "sample": f"p{i}_{t}",
        "patient": f"p{i}",
        "timepoint": t,
        "modality": "single_cell",
        "path": f"{i}{t}",
        "therapy": "car_t",
    }
    for i in range(8)
    for t in ("pre", "post")
]


@dataclass
class FakeCatalog:
    mechanisms: dict = field(default_factory=lambda: {"exhaustion": MECHANISM})
    gene_lists: dict = field(
        default_factory=lambda: {"exhaustion/tex": ["A", "B", "C"], "treg/core": {"up": ["B", "D", "E"], "down": ["F"]}}
    )

    antigens: dict = field(
        default_factory=lambda: {
            name: Antigen(antigen=name, genes=genes)
            for name, genes in {"CD19": ("CD19",), "BCMA": ("TNFRSF17",), "GD2": ("B4GALNT1", "ST8SIA1")}.items()
        }
    )

    def descendants(self, cell_type: str) -> frozenset[str]:
        return frozenset({"T cell": {"T cell", "CD8 T"}}.get(cell_type, {cell_type}))

    def ancestors(self, cell_type: str) -> tuple[str, ...]:
        return ("T cell",) if cell_type == "CD8 T" else ()


def weigh(*effects: dict, mechanism: Mechanism = MECHANISM, bulk: bool = False, purified: str | None = None, **tables):
    sheet = pd.DataFrame(SHEET).assign(modality="bulk" if bulk else "single_cell", purified_type=purified)
    evidence = weigh_evidence(
        effects=EFFECTS.conform(effects) if effects else EFFECTS.empty(),
        enrichment=tables.pop("enrichment", ENRICHMENT.empty()),
        catalog=FakeCatalog({mechanism.id: mechanism}),
        samples=SAMPLES.conform(sheet),
        pairs=tables.pop("pairs", PAIRS.conform([pair(i) for i in range(8)])),
        **tables,
    )
    check(evidence, EVIDENCE)
    return evidence


def cohort(*effects: dict, **more):
    return weigh(*effects, **more).query("level == 'cohort'").iloc[0]


def pair(i: int, differs_in: str = "") -> dict:
    return {"contrast": "c", "subject": f"p{i}", "block": f"p{i}", "complete": True, "differs_in": differs_in,
            "test_samples": f"p{i}_post", "reference_samples": f"p{i}_pre"}  # fmt: skip


def test_a_predicted_change_supports_and_says_the_numbers() -> None:
    row = cohort(EFFECT)
    assert (row["verdict"], row["grade"]) == ("supported", "weak")
    assert "+0.1 score (95 % +0.05 to +0.15), q 0.02, 8 units" in row["reasons"]
    assert "exhaustion/tex in CD8 T" in row["lines_for"]
    assert row["observability"] == "Shows: transcripts. Cannot show: chromatin."


def test_a_change_the_other_way_contradicts() -> None:
    row = cohort({**EFFECT, "effect": -0.1, "low": -0.15, "high": -0.05})
    assert row["verdict"] == "contradicted"
    assert "exhaustion/tex" in row["lines_against"]


def test_a_predicted_fall_supports_when_the_line_is_down() -> None:
    down = replace(MECHANISM, primary_line=replace(MECHANISM.primary_line, direction="down"))
    assert cohort({**EFFECT, "effect": -0.1, "low": -0.15, "high": -0.05}, mechanism=down)["verdict"] == "supported"


def test_a_change_that_is_not_significant_is_inconclusive_and_says_what_is_needed() -> None:
    row = cohort({**EFFECT, "q": 0.3, "low": -0.02, "high": 0.2})
    assert (row["verdict"], row["sub_reason"]) == ("open", "inconclusive")
    assert "about 34 would find" in row["reasons"]


def test_an_interval_inside_the_margin_is_no_relevant_change() -> None:
    row = cohort({**EFFECT, "q": 0.9, "effect": 0.001, "low": -0.02, "high": 0.02})
    assert (row["verdict"], row["sub_reason"]) == ("open", "no_relevant_change")


def test_five_pairs_support_nothing_by_flips() -> None:
    few = {**EFFECT, "n_units": 5, "n_pairs": 5, "q": 0.01, "smallest_p": 0.0625}
    assert cohort(few, pairs=PAIRS.conform([pair(i) for i in range(5)]))["verdict"] == "open"


def test_few_pairs_may_be_supported_by_the_moderated_model_at_most_weakly() -> None:
    few = {**EFFECT, "n_units": 3, "n_pairs": 9, "q": 0.25, "smallest_p": 0.25}
    camera = {
        "contrast": "c",
        "cell_type": "CD8 T",
        "gene_list": "exhaustion/tex",
        "method": "camera",
        "statistic": 4,
        "p": 1e-6,
        "q": 1e-5,
    }
    composition = COMPOSITION.conform(
        [{"contrast": "c", "subject": "c", "cell_type": "CD8 Tex", "effect": 1, "q": 0.01, "n_pairs": 9}]
    )
    row = cohort(few, enrichment=ENRICHMENT.conform([camera]), composition=composition)
    assert (row["verdict"], row["sub_reason"], row["grade"]) == ("supported", "moderated_model_only", "weak")
    assert "no sign-flip p below 0.25" in row["reasons"]
    down = {**few, "effect": -0.1, "low": -0.15, "high": -0.05}
    against = cohort(down, enrichment=ENRICHMENT.conform([{**camera, "statistic": -4}]))
    assert against["verdict"] == "contradicted"
    # A model and a score of different direction decide nothing, whichever of them agrees with the prediction.
    for effect, statistic in ((down, 4), (few, -4)):
        row = cohort(effect, enrichment=ENRICHMENT.conform([{**camera, "statistic": statistic}]))
        assert (row["verdict"], row["sub_reason"]) == ("open", "inconclusive")


def test_pairs_that_all_differ_give_no_cohort_verdict() -> None:
    row = cohort(EFFECT, pairs=PAIRS.conform([pair(i, "tissue|enrichment") for i in range(3)]))
    assert (row["verdict"], row["sub_reason"]) == ("not_assessable", "pairs_not_comparable")
    assert "none of the 3 pairs compares like with like (they differ in enrichment and tissue)" in row["reasons"]


def test_some_pairs_that_differ_argue_against() -> None:
    pairs = PAIRS.conform([pair(i, "tissue" if i == 0 else "") for i in range(8)])
    row = cohort(EFFECT, pairs=pairs)
    assert row["verdict"] == "supported"
    assert "1 of 8 pairs differ in tissue" in row["lines_against"]


def test_lines_of_another_nature_raise_the_grade_and_gene_sets_do_not() -> None:
    flip = {
        "contrast": "c",
        "cell_type": "CD8 T",
        "gene_list": "exhaustion/tex",
        "method": "flip",
        "es": 0.5,
        "nes": 2,
        "p": 0.001,
        "q": 0.01,
    }
    assert cohort(EFFECT, enrichment=ENRICHMENT.conform([flip]))["grade"] == "weak"
    composition = COMPOSITION.conform(
        [{"contrast": "c", "subject": "c", "cell_type": "CD8 Tex", "effect": 1, "q": 0.01, "n_pairs": 8}]
    )
    assert cohort(EFFECT, composition=composition)["grade"] == "moderate"


def test_a_rival_that_also_moved_is_named_and_an_unmeasured_one_too() -> None:
    rival = {**EFFECT, "mechanism": "activation", "gene_list": "activation/act"}
    assert "rival: activation: activation/act in CD8 T +0.1, q 0.02" in cohort(EFFECT, rival)["lines_against"]
    assert "rival: activation: not measured in this run" in cohort(EFFECT)["lines_against"]
    still = {**rival, "q": 0.8}
    assert cohort(EFFECT, still)["lines_against"] is None


def test_unsorted_bulk_is_confounded_by_composition_and_purified_bulk_is_not() -> None:
    mixed = replace(MECHANISM, score_on=("CD8 T", "bulk"))
    row = cohort({**EFFECT, "cell_type": "bulk"}, mechanism=mixed, bulk=True)
    assert (row["verdict"], row["sub_reason"]) == ("open", "confounded_by_composition")
    assert cohort({**EFFECT, "cell_type": "bulk"}, bulk=True, purified="T cell")["verdict"] == "supported"
    whole = replace(mixed, primary_line=replace(mixed.primary_line, cell_type="bulk"))
    assert cohort({**EFFECT, "cell_type": "bulk"}, mechanism=whole, bulk=True)["verdict"] == "supported"


def test_bulk_does_not_show_what_is_read_in_one_cell_type() -> None:
    row = cohort({**EFFECT, "cell_type": "bulk"}, bulk=True)
    assert (row["verdict"], row["sub_reason"]) == ("not_assessable", "wrong_modality")


def test_what_was_skipped_says_why() -> None:
    reason = "only 7 cells"
    row = cohort(skipped=SKIPPED.conform([skipped("score", reason, cell_type="CD8 T", item="exhaustion/tex")]))
    assert (row["verdict"], row["sub_reason"]) == ("not_assessable", "not_tested")
    assert reason in row["reasons"]


def test_what_expression_cannot_show_is_said() -> None:
    hidden = replace(MECHANISM, tier="not_assessable", primary_line=None, not_assessable_reason="needs DNA")
    row = cohort(EFFECT, mechanism=hidden)
    assert (row["verdict"], row["sub_reason"]) == ("not_assessable", "not_visible_in_expression")
    assert "needs DNA" in row["reasons"]


def test_a_call_decides_for_patients_and_its_absence_is_said() -> None:
    loss = replace(MECHANISM, primary_line=PrimaryLine(nature="call", method="antigen"))
    uncalled = weigh(EFFECT, mechanism=loss)
    assert set(uncalled["sub_reason"]) == {"no_call"}
    assert uncalled.query("level == 'patient'")["subject"].tolist() == [f"p{i}" for i in range(8)]
    calls = pd.DataFrame(
        {"patient": ["p1", "p2", "p3"], "call": ["lost", "retained", "inconclusive"], "reason": ["a", "b", "c"]}
    )
    rows = weigh(EFFECT, mechanism=loss, antigen=calls)
    assert rows.query("level == 'cohort'")["verdict"].tolist() == ["open"]
    patients = rows.query("level == 'patient'").set_index("subject")["verdict"]
    others = dict.fromkeys(["p0", "p4", "p5", "p6", "p7"], "not_assessable")
    assert patients.to_dict() == {"p1": "supported", "p2": "contradicted", "p3": "open", **others}
    assert patients.index.is_monotonic_increasing


def test_a_patient_without_a_call_is_told_why() -> None:
    """Every patient of the contrast has a row: the reason stands in SKIPPED or in PAIRS, or no call was made."""
    line = PrimaryLine(nature="call", method="antigen", antigen="CD19")
    missed = SKIPPED.conform(
        [
            skipped("antigen", "no cell of p2_relapse is known to be malignant", subject="p2", cell_type="malignant"),
            skipped("antigen", "the data of p3_pre and p3_relapse hold no gene TNFRSF17", subject="p3", item="BCMA"),
            skipped("antigen", "the sheet names no target antigen", subject="p4", item="target antigen"),
            skipped("lineage", "no lineage panel holds the target antigen", subject="p5"),
        ]
    )
    alone = {**pair(6), "complete": False, "test_samples": None, "note": "no sample is relapse"}
    given = PAIRS.conform([alone if i == 6 else pair(i) for i in range(8)])
    calls = pd.DataFrame([call("p1", "CD19", "lost")])
    loss = replace(MECHANISM, primary_line=line)
    rows = weigh(mechanism=loss, antigen=calls, skipped=missed, pairs=given).query("level == 'patient'")
    told = rows.set_index("subject")["reasons"]
    assert told.index.tolist() == [f"p{i}" for i in range(8)]
    assert "no cell of p2_relapse is known to be malignant" in told["p2"]
    assert "TNFRSF17" not in told["p3"]  # another antigen's reason
    assert "no call was made of CD19" in told["p3"]
    assert "the sheet names no target antigen" in told["p4"]
    assert "lineage panel" not in told["p5"]
    assert told["p6"].endswith("not called in this patient: no sample is relapse.")
    uncalled = rows[rows["subject"] != "p1"]
    assert set(zip(uncalled["verdict"], uncalled["sub_reason"], strict=True)) == {("not_assessable", "no_call")}


def test_a_share_is_read_with_its_subtypes_where_there_are_such() -> None:
    """The annotation tells T cells apart: their own row is what is left of them."""
    line = EvidenceLine(nature="composition", cell_type="T cell", direction="down", note="T cells fall.")
    left = {"contrast": "c", "subject": "c", "cell_type": "T cell", "fraction_pre": 0.2, "fraction_post": 0.3,
            "effect": 0.4, "low": 0.2, "high": 0.6, "p": 0.01, "q": 0.01, "n_pairs": 8}  # fmt: skip
    whole = {**left, "cell_type": "T cell (with subtypes)", "effect": -0.5, "low": -0.7, "high": -0.3}
    mechanism = replace(MECHANISM, further_lines=(line,), lines_against=())
    alone = cohort(EFFECT, mechanism=mechanism, composition=COMPOSITION.conform([left]))
    assert "a further line moved the other way: T cell, relative" in alone["lines_against"]
    both = cohort(EFFECT, mechanism=mechanism, composition=COMPOSITION.conform([left, whole]))
    assert both["lines_against"] is None or pd.isna(both["lines_against"])
    assert "T cell (with subtypes), relative to the other types, -0.5" in both["lines_for"]
    assert both["grade"] == "moderate"


def test_a_share_that_was_not_compared_says_why() -> None:
    burden = replace(MECHANISM, primary_line=PrimaryLine(nature="composition", cell_type="malignant", direction="up"))
    why = "fewer than 2 (patient) have the type on either side of a pair"
    rows = [skipped("composition", why, contrast="c", cell_type="malignant")]
    row = cohort(mechanism=burden, composition=COMPOSITION.empty(), skipped=SKIPPED.conform(rows))
    assert (row["verdict"], row["sub_reason"]) == ("not_assessable", "not_tested")
    assert why in row["reasons"]


def test_in_bulk_a_line_that_reads_the_primary_score_again_is_not_told_twice() -> None:
    again = EvidenceLine(nature="expression", gene_list="tex", cell_type="malignant", direction="up")
    mechanism = replace(MECHANISM, compartment="stroma", score_on=("CD8 T", "bulk"), further_lines=(again,))
    row = cohort({**EFFECT, "cell_type": "bulk"}, mechanism=mechanism, bulk=True)
    assert row["verdict"] == "supported"
    assert row["lines_for"].count("exhaustion/tex") == 1


def test_measurements_beside_expression_are_named_and_not_asked_for_as_columns() -> None:
    """No column is weighed, so that none may be promised to change the verdict."""
    lines = (
        EvidenceLine(nature="external", note="CD19 mutation, or loss of heterozygosity, given as a column."),
        EvidenceLine(nature="external", note="CD19 by flow cytometry given as a column."),
    )
    rival = EvidenceLine(nature="external", note="the later sample is shallower.")
    row = cohort(EFFECT, mechanism=replace(MECHANISM, further_lines=lines, lines_against=(rival,)))
    assert "CD19 mutation, or loss of heterozygosity; CD19 by flow cytometry" in row["would_change"]
    assert "weighs no such column of the sheet" in row["would_change"]
    assert "given as a column" not in row["would_change"]
    assert "rival: the later sample is shallower: no table of this run holds it" in row["lines_against"]


@pytest.mark.parametrize(
    ("effect", "low", "high", "verdict"),
    [
        (0.1, 0.05, 0.15, "consistent"),
        (-0.1, -0.15, -0.05, "opposite"),
        (0.1, -0.05, 0.25, "within_technical_range"),
        (0.1, np.nan, np.nan, "not_assessable"),
    ],
)
def test_one_patient_is_never_significant(effect: float, low: float, high: float, verdict: str) -> None:
    one = {
        **EFFECT,
        "level": "patient",
        "subject": "p1",
        "effect": effect,
        "low": low,
        "high": high,
        "p": None,
        "q": None,
    }
    row = weigh(EFFECT, one).query("level == 'patient'").iloc[0]
    assert row["verdict"] == verdict
    assert "significant" not in row["reasons"]


def test_supported_mechanisms_that_share_genes_may_be_one_finding() -> None:
    treg = replace(
        MECHANISM,
        id="treg",
        name="Treg",
        primary_line=replace(MECHANISM.primary_line, gene_list="core"),
        lines_against=(),
    )
    both = [EFFECT, {**EFFECT, "mechanism": "treg", "gene_list": "treg/core"}]

    def lines(effects: list[dict]) -> dict:
        evidence = weigh_evidence(
            effects=EFFECTS.conform(effects),
            enrichment=ENRICHMENT.empty(),
            catalog=FakeCatalog({"exhaustion": MECHANISM, "treg": treg}),
        )
        return evidence.query("level == 'cohort'").set_index("mechanism")["lines_against"].to_dict()

    said = lines(both)
    assert said["treg"] == "shares genes with Exhaustion (1 of 4), which is supported too: they may be one finding"
    assert "shares genes with Treg (1 of 3)" in said["exhaustion"]
    assert "shares" not in str(lines([EFFECT, {**both[1], "q": 0.5}]))


def test_the_last_rule_always_holds() -> None:
    assert COHORT_RULES[-1].holds(None)


TARGET_LOSS = replace(
    MECHANISM, primary_line=PrimaryLine(nature="call", method="antigen", antigen="target"), further_lines=()
)


def call(patient: str, antigen: str, verdict: str, post: str = "post") -> dict:
    return {"patient": patient, "antigen": antigen, "pre_sample": f"{patient}_pre", "post_sample": f"{patient}_{post}",
            "call": verdict, "reason": f"{antigen} {verdict}."}  # fmt: skip


def called(*rows: dict, mechanism: Mechanism = TARGET_LOSS, target: str = "CD19", pairs=None, **more) -> pd.DataFrame:
    sheet = SAMPLES.conform(pd.DataFrame(SHEET).assign(target_antigen=target))
    return weigh_evidence(
        effects=EFFECTS.empty(), enrichment=ENRICHMENT.empty(), catalog=FakeCatalog({mechanism.id: mechanism}),
        samples=sheet, pairs=PAIRS.conform([pair(i) for i in range(3)]) if pairs is None else pairs,
        antigen=pd.DataFrame(rows), **more,
    )  # fmt: skip


def of_patients(rows: pd.DataFrame, contrast: str = "c") -> dict:
    """Return the verdicts of the patients who were called."""
    mine = rows[(rows["level"] == "patient") & (rows["contrast"] == contrast) & (rows["sub_reason"] != "no_call")]
    return dict(zip(mine["subject"], mine["verdict"], strict=True))


def test_one_of_two_targets_lost_supports_loss_whatever_the_order() -> None:
    both = [call("p1", "CD19", "retained"), call("p1", "BCMA", "lost")]
    for rows in (both, both[::-1]):
        found = called(*rows, target="CD19;BCMA")
        assert of_patients(found) == {"p1": "supported"}
        reasons = found.query("level == 'patient' and subject == 'p1'")["reasons"].iloc[0]
        assert "BCMA, p1_pre to p1_post: lost." in reasons
        assert "CD19, p1_pre to p1_post: retained." in reasons
        # Patients are counted, not their antigens.
        assert "lost in 1." in found.query("level == 'cohort'")["reasons"].iloc[0]


def test_one_target_retained_and_one_unclear_contradicts_nothing() -> None:
    found = called(call("p1", "CD19", "retained"), call("p1", "BCMA", "inconclusive"), target="CD19;BCMA")
    assert of_patients(found) == {"p1": "open"}


def test_a_contrast_reads_the_calls_of_its_own_pairs_only() -> None:
    later = {**pair(1), "contrast": "d", "test_samples": "p1_late|p1_later"}
    rows = [call("p1", "CD19", "retained"), call("p1", "CD19", "lost", "later"), call("p2", "CD19", "lost")]
    found = called(*rows, pairs=PAIRS.conform([pair(1), pair(2), later]))
    assert of_patients(found, "c") == {"p1": "contradicted", "p2": "supported"}
    assert of_patients(found, "d") == {"p1": "supported"}
    cohort_rows = found.query("level == 'cohort'").set_index("contrast")["reasons"]
    assert "retained in 1, lost in 1." in cohort_rows["c"]
    assert "patient: lost in 1." in cohort_rows["d"]


def test_pairs_of_one_patient_that_disagree_leave_the_patient_open() -> None:
    twice = PAIRS.conform([{**pair(1), "test_samples": "p1_post|p1_again"}])
    rows = [call("p1", "CD19", "retained"), call("p1", "CD19", "lost", "again")]
    assert of_patients(called(*rows, pairs=twice)) == {"p1": "open"}


def test_the_target_of_one_patient_is_no_target_of_another() -> None:
    sheet = pd.DataFrame(SHEET)
    sheet["target_antigen"] = np.where(sheet["patient"] == "p1", "CD19", "BCMA")
    rows = [call("p1", "CD19", "retained"), call("p1", "BCMA", "lost"), call("p2", "BCMA", "lost")]
    found = weigh_evidence(
        effects=EFFECTS.empty(), enrichment=ENRICHMENT.empty(), catalog=FakeCatalog({"exhaustion": TARGET_LOSS}),
        samples=SAMPLES.conform(sheet), antigen=pd.DataFrame(rows),
        pairs=PAIRS.conform([pair(1), pair(2)]),
    )  # fmt: skip
    assert of_patients(found) == {"p1": "contradicted", "p2": "supported"}


@pytest.mark.parametrize(
    ("sheet_says", "table_says", "mechanism_says"),
    [("tnfrsf17", "tnfrsf17", "BCMA"), ("GD2", "GD2 (ST8SIA1)", "target"), ("cd19", "cd19", "CD19")],
)
def test_an_antigen_is_known_by_its_gene_and_in_any_case(sheet_says, table_says, mechanism_says) -> None:
    line = PrimaryLine(nature="call", method="antigen", antigen=mechanism_says)
    found = called(call("p1", table_says, "lost"), target=sheet_says, mechanism=replace(TARGET_LOSS, primary_line=line))
    assert of_patients(found) == {"p1": "supported"}


def test_two_groups_need_four_times_the_units_of_pairs() -> None:
    wide = {**EFFECT, "q": 0.4, "low": -0.1, "high": 0.3}
    assert "about 34 would find" in cohort(wide)["reasons"]
    groups = cohort({**wide, "n_units": 40, "scheme": "permutation of units, 10000 draws, seed 0"})
    assert "about 128 in two equal groups would find" in groups["reasons"]


def test_few_units_of_a_composition_have_the_level_that_their_flips_attain() -> None:
    share = replace(MECHANISM, primary_line=PrimaryLine(nature="composition", cell_type="B cell"), further_lines=())
    row = {"contrast": "c", "cell_type": "B cell", "fraction_pre": 0.1, "fraction_post": 0.2, "low": 0.1, "high": 0.9}
    units = [{**row, "subject": f"p{i}", "effect": 0.4 + 0.1 * i, "n_pairs": 2} for i in range(4)]
    table = COMPOSITION.conform([*units, {**row, "subject": "c", "effect": 0.55, "p": 0.125, "q": 0.2, "n_pairs": 8}])
    found = cohort(mechanism=share, composition=table)
    assert "+0.55 centred log ratio (87.5 % +0.1 to +0.9), q 0.2, 4 units" in found["reasons"]


def test_one_unit_against_many_is_no_cohort() -> None:
    many = {**EFFECT, "n_units": 22, "n_pairs": 22, "q": 1 / 22, "p": 1 / 22, "scheme": "permutation of units, all 22"}
    assert cohort({**many, "smallest_p": 1 / 22})["verdict"] == "open"
    assert cohort({**many, "smallest_p": 1 / 231})["verdict"] == "supported"


def test_one_patients_call_is_no_line_of_the_cohort() -> None:
    called = replace(MECHANISM, further_lines=(EvidenceLine(nature="call", method="antigen", antigen="CD19"),))

    def grade(*calls: str) -> str:
        table = pd.DataFrame(
            {"patient": [f"p{i}" for i in range(len(calls))], "antigen": "CD19", "call": calls, "reason": "r"}
        )
        return cohort(EFFECT, mechanism=called, antigen=table)["grade"]

    assert grade("lost", "retained", "retained") == "weak"
    assert grade("lost", "inconclusive", "inconclusive") == "weak"
    assert grade("lost", "reduced", "retained") == "moderate"


def test_in_unsorted_bulk_an_unchanged_programme_cannot_be_told_either() -> None:
    mixed = replace(MECHANISM, score_on=("CD8 T", "bulk"))
    still = {**EFFECT, "cell_type": "bulk", "q": 0.9, "effect": 0.001, "low": -0.02, "high": 0.02}
    assert cohort(still, mechanism=mixed, bulk=True)["sub_reason"] == "confounded_by_composition"


def test_a_mixed_model_supports_like_any_test_and_names_no_smallest_p() -> None:
    mixed = {**EFFECT, "scheme": "mixed model, random patient, Kenward-Roger df", "smallest_p": None, "n_unpaired": 4,
             "df": 9.3, "gain": 1.2}  # fmt: skip
    row = cohort(mixed)
    assert (row["verdict"], row["grade"]) == ("supported", "weak")
    told = "4 patients on one side only are used beside 8 pairs: the standard error is 17 % smaller"
    flagged = cohort({**mixed, "flags": f"{told};tissue differs in 2 of 8 pairs;chemistry differs between the groups"})
    assert flagged["cautions"] == f"{told}|chemistry differs between the groups"
    assert cohort({**mixed, "n_units": 5})["verdict"] == "open"
    wide = cohort({**mixed, "q": 0.4, "low": -0.1, "high": 0.3})
    assert wide["sub_reason"] == "inconclusive"
    assert "not given" not in wide["reasons"]


def test_groups_that_share_no_chemistry_give_no_verdict() -> None:
    def units(first: str, second: str) -> pd.DataFrame:
        return PAIRS.conform([
            {"contrast": "c", "subject": f"p{i}", "block": f"p{i}", "complete": False,
             ("test_samples" if i % 2 else "reference_samples"): f"p{i}_pre", "differs_in": first if i else second}
            for i in range(8)
        ])  # fmt: skip

    grouped = {**EFFECT, "scheme": "permutation of units, all 70 labellings"}
    row = cohort(grouped, pairs=units("chemistry|tissue", "chemistry"))
    assert (row["verdict"], row["sub_reason"]) == ("not_assessable", "pairs_not_comparable")
    assert "the two groups share no chemistry, so what it does cannot be told from the comparison" in row["reasons"]
    assert row["would_change"] == "groups that share chemistry"
    assert cohort(grouped, pairs=units("chemistry", ""))["verdict"] == "supported"


INTERACTION = "change in responder minus change in non_responder"


@pytest.mark.parametrize("flags", [INTERACTION, f"two pairs averaged; {INTERACTION}"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_difference_between_groups_supports_and_contradicts_nothing(flags: str, sign: int) -> None:
    row = cohort({**EFFECT, "effect": 0.1 * sign, "low": 0.1 * sign - 0.05, "high": 0.1 * sign + 0.05, "flags": flags})
    assert (row["verdict"], row["sub_reason"]) == ("open", "groups_compared")
    assert INTERACTION in row["reasons"]
    assert "each group alone" in row["would_change"]
    assert row["lines_for"] is None or "exhaustion/tex" not in row["lines_for"]


def test_a_small_difference_between_groups_is_read_like_any_other() -> None:
    row = cohort({**EFFECT, "q": 0.3, "low": -0.02, "high": 0.2, "flags": INTERACTION})
    assert (row["verdict"], row["sub_reason"]) == ("open", "inconclusive")


def test_one_target_retained_and_one_not_assessable_contradicts_nothing() -> None:
    rows = [call("p1", "CD19", "retained"), call("p1", "BCMA", "not_assessable")]
    for order in (rows, rows[::-1]):
        assert of_patients(called(*order, target="CD19;BCMA")) == {"p1": "open"}
    both = [call("p1", "CD19", "retained"), call("p1", "BCMA", "retained")]
    assert of_patients(called(*both, target="CD19;BCMA")) == {"p1": "contradicted"}


@pytest.mark.parametrize(("q", "verdict"), [(0.2, "open"), (0.01, "supported"), (None, "supported")])
def test_one_of_many_presentation_genes_counts_by_its_q(q: float | None, verdict: str) -> None:
    loss = replace(MECHANISM, primary_line=PrimaryLine(nature="call", method="antigen_presentation"))
    genes = [{**call("p1", "B2M", "reduced"), "role": "presentation", "q": q},
             {**call("p1", "TAP1", "inconclusive"), "role": "presentation", "q": 0.9}]  # fmt: skip
    found = weigh_evidence(
        effects=EFFECTS.empty(), enrichment=ENRICHMENT.empty(), catalog=FakeCatalog({loss.id: loss}),
        samples=SAMPLES.conform(pd.DataFrame(SHEET)), pairs=PAIRS.conform([pair(1)]),
        presentation=pd.DataFrame(genes),
    )  # fmt: skip
    row = found.query("level == 'patient' and subject == 'p1'").iloc[0]
    assert row["verdict"] == verdict
    assert ("q is 0.2" in row["reasons"]) == (verdict == "open")


def test_undecided_calls_stand_in_the_denominator_of_a_line() -> None:
    line = replace(MECHANISM, further_lines=(EvidenceLine(nature="call", method="antigen", antigen="CD19"),))

    def row(*calls: str) -> pd.Series:
        table = pd.DataFrame(
            {"patient": [f"p{i}" for i in range(len(calls))], "antigen": "CD19", "call": calls, "reason": "r"}
        )
        return cohort(EFFECT, mechanism=line, antigen=table)

    few = row("lost", "reduced", *["inconclusive"] * 4)
    assert few["grade"] == "weak"
    assert "called in" not in few["lines_for"]
    half = row("lost", "reduced", "lost", *["inconclusive"] * 3)
    assert half["grade"] == "moderate"
    assert "called in 3 of 6 patients" in half["lines_for"]


def test_a_patient_s_change_in_unsorted_bulk_names_the_other_reading() -> None:
    mixed = replace(MECHANISM, score_on=("CD8 T", "bulk"))
    own = {**EFFECT, "cell_type": "bulk", "level": "patient", "subject": "p1", "interval_level": None}
    row = weigh({**EFFECT, "cell_type": "bulk"}, own, mechanism=mixed, bulk=True).query("subject == 'p1'").iloc[0]
    assert row["verdict"] == "consistent"
    assert "a change in the share of the cells that carry it would look the same" in row["reasons"]


def test_a_lineage_call_is_read_only_by_the_contrast_that_pairs_its_samples() -> None:
    switch = replace(MECHANISM, primary_line=PrimaryLine(nature="call", method="lineage"))
    both = PAIRS.conform([{**pair(1), "contrast": "early", "test_samples": "p1_on"}, pair(1)])
    calls = pd.DataFrame(
        [{"patient": "p1", "pre_sample": "p1_pre", "post_sample": "p1_on", "call": "no_switch", "reason": "r"}]
    )
    found = weigh(mechanism=switch, lineage=calls, pairs=both)
    assert of_patients(found, "early") == {"p1": "contradicted"}
    assert of_patients(found, "c") == {}
