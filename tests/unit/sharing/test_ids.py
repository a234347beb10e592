"""Ids become short names that only the key's holder can make again, and none stays in a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ohmics.errors import OhmicsError
from ohmics.sharing import ids
from ohmics.sharing.ids import Renamer, hard_to_find, new_names
from ohmics.sharing.search import _by_first, _words_in

KEY = bytes(range(32))
KNOWN = {"patient": ["P01", "P02"], "sample": ["P01_pre", "P01_relapse", "P02"], "other": ["MRN 12-345"]}


def test_the_same_key_gives_the_same_names_and_another_key_others() -> None:
    names = new_names(KNOWN, key=KEY)
    assert names == new_names(KNOWN, key=KEY)
    other = new_names(KNOWN, key=KEY[::-1])
    assert names.keys() == other.keys() == {"P01", "P02", "P01_pre", "P01_relapse", "MRN 12-345"}
    assert not set(names.values()) & set(other.values())
    assert {name[:2] for name in names.values()} == {"P-", "S-", "X-"}


def test_a_name_does_not_depend_on_the_other_ids() -> None:
    assert new_names({"patient": ["P02"]}, key=KEY)["P02"] == new_names(KNOWN, key=KEY)["P02"]


def test_ids_whose_names_would_be_the_same_get_longer_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ids.new_name

    def alike(identifier: str, *, kind: str, key: bytes, length: int = 6) -> str:
        return "P-AAAAAA" if length == 6 else whole(identifier, kind=kind, key=key, length=length)

    monkeypatch.setattr(ids, "new_name", alike)
    names = new_names({"patient": ["P01", "P02", "P03"]}, key=KEY)
    assert len(set(names.values())) == 3
    assert sorted(map(len, names.values())) == [8, 10, 10]


def test_a_short_key_is_refused() -> None:
    with pytest.raises(OhmicsError, match="a key of 16 bytes is too short; legal: 32 random bytes or more"):
        new_names(KNOWN, key=bytes(16))


@pytest.mark.parametrize(
    ("identifier", "why"),
    [("7", "too short"), ("_7-", "too short"), ("0012", "a short number"), ("20190342", ""), ("CD19", "a common word"),
     ("P01", ""), ("Ω1", "too short")],
)  # fmt: skip
def test_ids_that_cannot_be_told_from_other_text_are_known(identifier: str, why: str) -> None:
    assert hard_to_find(identifier, {"CD19"}) == why


def test_ids_are_replaced_as_whole_words_the_longest_first() -> None:
    renamer = Renamer({"P01": "P-A", "P01_pre": "S-B", "P.1": "P-C"})
    assert renamer.text("P01_pre of P01: P010, xP01, P01_wk4 and P.1, not PX1") == (
        "S-B of P-A: P010, xP01, P-A_wk4 and P-C, not PX1"
    )


def test_short_ids_are_replaced_where_they_are_values_and_after_a_word_for_patients() -> None:
    renamer = Renamer({"7": "P-A", "pre": "S-B", "P01": "P-C"}, frozenset({"7", "pre"}))
    assert renamer.value("7") == "P-A"
    assert renamer.value("7|pre|P01|8") == "P-A|S-B|P-C|8"
    assert renamer.text("patient 7: 7 cells; Samples: pre was 17 days pre relapse; patient[7]; 7's own") == (
        "patient P-A: 7 cells; Samples: S-B was 17 days pre relapse; patient[P-A]; P-A's own"
    )


@given(st.lists(st.text(alphabet="abAB01_-. ", min_size=3, max_size=8), min_size=1, max_size=6, unique=True), st.data())
def test_no_id_that_can_be_found_stays_in_a_sentence(known: list[str], data: st.DataObject) -> None:
    names = new_names({"patient": known}, key=KEY)
    hard = frozenset(one for one in known if hard_to_find(one))
    words = data.draw(st.lists(st.one_of(st.sampled_from(known), st.text(alphabet="xyz;,: ", max_size=3))))
    made = Renamer(names, hard).text(" ".join(words))
    left = _words_in(made, _by_first(one for one in known if one not in hard))
    assert [one for one in left if one in made] == []
