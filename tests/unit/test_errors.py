import pytest

from ohmics.errors import Fault, Faults, OhmicsError, did_you_mean, listing


def test_a_fault_says_where_what_legal_and_remedy() -> None:
    fault = Fault("`x` is no value", where="a.tsv, row 2", legal="y, z", remedy="did you mean `y`?")
    assert str(fault) == "a.tsv, row 2: `x` is no value; legal: y, z; did you mean `y`?."


def test_all_faults_come_at_once() -> None:
    faults = Faults()
    faults.raise_if_any()
    faults.add("one")
    faults.add("two", where="b")
    with pytest.raises(OhmicsError, match=r"(?s)2 faults:.*1\. one\..*2\. b: two\.") as caught:
        faults.raise_if_any()
    assert [fault.what for fault in caught.value.faults] == ["one", "two"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [("contarsts", "did you mean `contrasts`?"), ("Contrasts", "did you mean `contrasts`?"), ("zzz", "")],
)
def test_did_you_mean(word: str, expected: str) -> None:
    assert did_you_mean(word, ["contrasts", "seed"]) == expected


def test_listing_says_how_many_more() -> None:
    assert listing(range(3)) == "0, 1, 2"
    assert listing(range(9), most=2) == "0, 1 and 7 more"
