"""Who is compared with whom: complete pairs, gaps, several samples a side, differences between the sides."""

from __future__ import annotations

import pandas as pd
import pytest

from ohmics.intake.pairing import (
    describe_pairs,
    in_contrast,
    resolve_pairs,
    smallest_p,
    smallest_permutation_p,
    text_values,
)
from ohmics.model import Contrast
from ohmics.tables import PAIRS, SAMPLES, check

PAIRED = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient")


def _samples(*rows: tuple[str, ...], **more: list[object]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["sample", "patient", "timepoint", "tissue"])
    return SAMPLES.conform(frame.assign(modality="bulk", path="m.csv", **more))


@pytest.fixture
def samples() -> pd.DataFrame:
    return _samples(
        ("a1", "A", "pre", "marrow"),
        ("a2", "A", "relapse", "blood"),
        ("b1", "B", "pre", "marrow"),
        ("b2", "B", "relapse", "marrow"),
        ("b3", "B", "relapse", "marrow"),
        ("c1", "C", "pre", "marrow"),
        ("d1", "D", "product", ""),
    )


def test_pairs_gaps_and_differences(samples: pd.DataFrame) -> None:
    pairs = resolve_pairs(samples, [PAIRED])
    check(pairs, PAIRS)
    assert pairs["subject"].tolist() == ["A", "B", "C"]
    assert pairs["complete"].tolist() == [True, True, False]
    assert pairs["test_samples"].tolist() == ["a2", "b2|b3", None]
    assert pairs["reference_samples"].tolist() == ["a1", "b1", "c1"]
    assert pairs["differs_in"].tolist() == ["tissue", None, None]
    assert pairs["note"].tolist() == [None, "2 samples are relapse: b2, b3", "no sample is relapse"]


def test_an_excluded_sample_breaks_its_pair_and_is_named(samples: pd.DataFrame) -> None:
    pairs = resolve_pairs(samples, PAIRED, excluded={"a2": "median of 2 UMI", "b3": ""}).set_index("subject")
    assert not pairs.loc["A", "complete"]
    assert pairs.loc["A", "note"] == "no sample is relapse; a2 is left out (median of 2 UMI)"
    assert pairs.loc["B", "test_samples"] == "b2"
    assert pairs.loc["B", "note"] == "b3 is left out"
    both = resolve_pairs(samples, PAIRED, excluded=["a1", "a2"]).set_index("subject")
    assert both.loc["A", "note"] == "no usable sample; a1 is left out; a2 is left out"


def test_a_value_missing_on_one_side_is_noted_and_no_difference() -> None:
    pairs = resolve_pairs(_samples(("a1", "A", "pre", ""), ("a2", "A", "relapse", "blood")), PAIRED)
    assert pairs["differs_in"].tolist() == [None]
    assert pairs["note"].tolist() == ["tissue is not given for every sample"]


def test_a_side_with_more_tissues_differs() -> None:
    rows = (("a1", "A", "pre", "blood"), ("a2", "A", "pre", "marrow"), ("a3", "A", "relapse", "blood"))
    assert resolve_pairs(_samples(*rows), PAIRED)["differs_in"].tolist() == ["tissue"]


def test_blocks_of_several_columns_keep_the_unit() -> None:
    rows = [(f"{p}{d}{c}", p, d, "") for p in "AB" for d in ("11", "15") for c in "xy"]
    samples = _samples(*rows, car=[name[-1] for name, *_ in rows])
    contrast = Contrast(variable="car", test="x", reference="y", pair_by=["patient", "timepoint"])
    pairs = resolve_pairs(samples, contrast)
    assert pairs["block"].tolist() == ["A|11", "A|15", "B|11", "B|15"]
    assert pairs["subject"].tolist() == ["A", "A", "B", "B"]
    assert pairs["complete"].all()
    assert describe_pairs(pairs, [contrast]) == [
        "x_vs_y: 4 complete pairs of 2 units (A, B)",
        "x_vs_y: 4 complete pairs of 2 units: the smallest reachable p of a sign-flip test is 0.5, "
        "so flips can support nothing",
    ]


def test_groups_of_unpaired_patients() -> None:
    samples = _samples(*[(f"s{n}", f"P{n}", "pre", "") for n in range(7)], response=["PD"] * 4 + ["CR"] * 3)
    contrast = Contrast(variable="response", test="PD", reference="CR")
    pairs = resolve_pairs(samples, contrast)
    assert not pairs["complete"].any()
    assert pairs["note"].isna().all()
    assert describe_pairs(pairs, [contrast]) == ["PD_vs_CR: 4 units with PD against 3 with CR"]
    small = resolve_pairs(samples.iloc[2:6], contrast)
    assert describe_pairs(small, [contrast])[1] == (
        "PD_vs_CR: the smallest reachable p of permuting these groups is 0.333"
    )


def test_unpaired_contrasts_of_patients_with_both_values_are_pointed_out(samples: pd.DataFrame) -> None:
    contrast = Contrast(variable="timepoint", test="relapse", reference="pre")
    lines = describe_pairs(resolve_pairs(samples, contrast), [contrast])
    assert lines[0] == "relapse_vs_pre: 2 units with relapse against 3 with pre, 2 of them with both"
    assert lines[1].endswith("patient is a random effect; pair_by compares within them only")
    random = Contrast(variable="timepoint", test="relapse", reference="pre", random_by="patient")
    assert len(describe_pairs(resolve_pairs(samples, random), [random])) == 1


def test_where_limits_and_numbers_compare_as_text() -> None:
    samples = _samples(
        ("a1", "A", "pre", "x"), ("a2", "A", "relapse", "x"), ("b1", "B", "pre", "y"), dose=[1.0, 2.5, None]
    )
    assert text_values(samples["dose"]).tolist() == ["1", "2.5", ""]
    contrast = Contrast(variable="timepoint", test="relapse", reference="pre", where={"dose": ("1", "2.5")})
    assert in_contrast(samples, contrast).tolist() == [True, True, False]
    single = Contrast(variable="timepoint", test="relapse", reference="pre", where={"dose": 1})
    assert in_contrast(samples, single).tolist() == [True, False, False]


def test_a_continuous_contrast_has_one_side(samples: pd.DataFrame) -> None:
    frame = samples.assign(age=[1.0, 2, 3, 4, 5, 6, None])
    contrast = Contrast(variable="age")
    pairs = resolve_pairs(frame, contrast)
    assert pairs["test_samples"].tolist() == ["a1|a2", "b1|b2|b3", "c1"]
    assert describe_pairs(pairs, [contrast]) == ["age: continuous, 6 samples of 3 units"]


def test_no_contrast_no_pairs(samples: pd.DataFrame) -> None:
    assert len(resolve_pairs(samples, [])) == 0


def test_the_text_names_what_a_user_must_know(samples: pd.DataFrame) -> None:
    pairs = resolve_pairs(samples, PAIRED, excluded={"b3": "too few cells"})
    assert describe_pairs(pairs, [PAIRED]) == [
        "relapse_vs_pre: 2 complete pairs (A, B)",
        "relapse_vs_pre: 1 block without a partner: C",
        "relapse_vs_pre: the sides differ in tissue in 1 of 2 (A); their cell composition is not compared",
        "relapse_vs_pre, B: b3 is left out (too few cells)",
        "relapse_vs_pre: 2 complete pairs: the smallest reachable p of a sign-flip test is 0.5, "
        "so flips can support nothing",
    ]


@pytest.mark.parametrize(("n", "p"), [(0, 1.0), (1, 1.0), (3, 0.25), (6, 0.03125)])
def test_smallest_p_of_flips(n: int, p: float) -> None:
    assert smallest_p(n) == p


def test_smallest_p_of_permutations_by_enumeration() -> None:
    from itertools import combinations

    values = [1.0, 2.5, 4.7, 11.0, 19.0, 40.0, 77.0]
    for n_test, n_reference in ((3, 3), (2, 4), (3, 4)):
        pool = values[: n_test + n_reference]
        differences = []
        for chosen in combinations(range(len(pool)), n_test):
            test = [pool[i] for i in chosen]
            rest = [pool[i] for i in range(len(pool)) if i not in chosen]
            differences.append(abs(sum(test) / len(test) - sum(rest) / len(rest)))
        smallest = sum(d >= max(differences) - 1e-12 for d in differences) / len(differences)
        assert smallest_permutation_p(n_test, n_reference) == pytest.approx(smallest)


def test_groups_of_other_chemistry_are_flagged_unit_by_unit() -> None:
    rows = [(f"s{n}", f"P{n}", "pre", "marrow" if n else "blood") for n in range(7)]
    samples = _samples(*rows, response=["PD"] * 4 + ["CR"] * 3, chemistry=["v3"] * 4 + ["v2"] * 3)
    contrast = Contrast(variable="response", test="PD", reference="CR")
    pairs = resolve_pairs(samples, contrast)
    assert pairs["differs_in"].tolist() == ["tissue|chemistry", *["chemistry"] * 6]
    assert pairs["note"][0] == (
        "no sample of the other group has the tissue of s0; no sample of the other group has the chemistry of s0"
    )
    lines = describe_pairs(pairs, [contrast])
    assert "PD_vs_CR: 1 of 7 units on one side have a tissue that nobody on the other has" in lines
    assert "PD_vs_CR: the groups share no chemistry, so what it does cannot be told from the comparison" in lines
    same = resolve_pairs(samples.assign(chemistry="v3", tissue=None), contrast)
    assert same["differs_in"].isna().all()
    left = resolve_pairs(samples, contrast, excluded=["s4", "s5", "s6"])
    assert left["differs_in"].isna().all()


def test_a_random_effect_flags_the_pairs_it_has(samples: pd.DataFrame) -> None:
    random = Contrast(variable="timepoint", test="relapse", reference="pre", random_by="patient")
    pairs = resolve_pairs(samples, random).set_index("subject")
    assert pairs["differs_in"]["A"] == "tissue"
    assert pairs["differs_in"]["B"] is None


def test_several_values_of_a_side_are_one_side(samples: pd.DataFrame) -> None:
    contrast = Contrast(variable="timepoint", test=["relapse", "product"], reference="pre", pair_by="patient")
    pairs = resolve_pairs(samples, contrast).set_index("subject")
    assert pairs["complete"].to_dict() == {"A": True, "B": True, "C": False, "D": False}
    assert pairs["note"]["C"] == "no sample is relapse or product"
