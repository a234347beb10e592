"""Names of patients' pages: safe on every file system, and never the same for two patients."""

from __future__ import annotations

import re
import string
from types import ModuleType

from hypothesis import given
from hypothesis import strategies as st

from ohmics.report.patient_names import page_links, page_names


def test_a_plain_identifier_names_its_own_page() -> None:
    assert page_names(["P01", "Pt10_a-b"]) == {"P01": "P01", "Pt10_a-b": "Pt10_a-b"}


def test_hostile_names_become_safe_ones(patients: ModuleType) -> None:
    names = page_names(["P1", *patients.HOSTILE])
    assert len({name.casefold() for name in names.values()}) == len(patients.HOSTILE) + 1
    for name in names.values():
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,59}(\.[0-9a-f]{16})?", name)
        assert not re.match(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", name, re.IGNORECASE)
    assert "index" not in {name.casefold() for name in names.values()}


def test_names_that_differ_in_case_only_are_both_told_apart() -> None:
    names = page_names(["P1", "p1", "P2"])
    assert names["P2"] == "P2"
    assert "." in names["P1"]
    assert names["P1"].casefold() != names["p1"].casefold()


def test_the_name_depends_on_the_identifier_alone() -> None:
    assert page_names(["a b"])["a b"] == page_names(["x", "a b", "a-b", "a_b"])["a b"]


def test_links_lead_into_the_folder() -> None:
    assert page_links(["P1"]) == {"P1": "patients/P1.html"}


@given(st.lists(st.text(alphabet=string.printable + "éßİ😀א", max_size=80), max_size=12))
def test_no_two_patients_share_a_page_where_case_is_ignored(given_names: list[str]) -> None:
    names = page_names(given_names)
    assert set(names) == set(given_names)
    assert len({name.casefold() for name in names.values()}) == len(names)
    assert all(name.isascii() and 0 < len(name) < 80 and name[0] not in ".-" for name in names.values())
