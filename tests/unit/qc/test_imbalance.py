import pandas as pd
import pytest

from ohmics.errors import OhmicsError
from ohmics.qc.imbalance import THINNED, depth_notes
from ohmics.tables import PAIRS

QC = pd.DataFrame({"sample": ["a", "b", "c", "d", "empty"], "median_umi": [2840.0, 1016.0, 2000.0, 1999.0, None]})


def pairs(test="b", reference="a", *, complete=True, note=None):
    row = {"contrast": "c", "subject": "P1", "block": "P1", "test_samples": test, "reference_samples": reference}
    return PAIRS.conform([row | {"complete": complete, "note": note}])


def test_a_pair_of_unequal_depth_is_noted_reference_first():
    note = depth_notes(pairs(), QC)["note"].iloc[0]
    assert note == f"median UMI 2,840 against 1,016 (2.8-fold): {THINNED}"


def test_the_deeper_side_may_be_the_test_side():
    assert "1,016 against 2,840 (2.8-fold)" in depth_notes(pairs("a", "b"), QC)["note"].iloc[0]


def test_an_earlier_note_stays_in_front():
    note = depth_notes(pairs(note="2 samples are pre: a and c"), QC, what="library size")["note"].iloc[0]
    assert note.startswith("2 samples are pre: a and c; library size 2,840")


@pytest.mark.parametrize(
    "row",
    [
        pairs("c", "d"),
        pairs("c", "a"),
        pairs("b", "a", complete=False),
        pairs("b", None),
        pairs("empty", "a"),
        pairs("unheard of", "a"),
    ],
    ids=["equal", "1.4-fold", "incomplete", "one side", "no depth", "no quality"],
)
def test_other_pairs_are_left_as_they_were(row):
    pd.testing.assert_frame_equal(depth_notes(row, QC), row)


def test_the_limit_is_an_argument_and_counts_itself():
    at_limit = pd.DataFrame({"sample": ["a", "b"], "median_umi": [3000.0, 1000.0]})
    assert depth_notes(pairs(), at_limit, fold=3.0)["note"].notna().all()
    assert depth_notes(pairs(), at_limit, fold=3.01)["note"].isna().all()
    with pytest.raises(OhmicsError, match="begins above 1"):
        depth_notes(pairs(), at_limit, fold=1.0)


def test_of_several_samples_a_side_those_furthest_apart_count():
    assert "2,840 against 1,016" in depth_notes(pairs("b", "a|c"), QC)["note"].iloc[0]
    assert "2,000 against 1,016" in depth_notes(pairs("b", "c|d"), QC, fold=1.9)["note"].iloc[0]


def test_the_frame_given_is_not_changed():
    given = pairs()
    depth_notes(given, QC)
    assert given["note"].isna().all()
