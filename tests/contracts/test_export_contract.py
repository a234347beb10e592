"""Every table has its place among the exports, under a name that Excel takes."""

import re

import pytest

from ohmics import tables
from ohmics.export.run_tables import NOT_EXPORTED, places

ALL = places()


@pytest.mark.parametrize("name", tables.TABLES)
def test_a_table_is_exported_or_named_as_not(name: str) -> None:
    assert (name in {place.table.name for place in ALL}) != (name in NOT_EXPORTED)


@pytest.mark.parametrize("place", ALL, ids=lambda place: place.name)
def test_a_sheet_has_a_name_that_excel_takes(place) -> None:
    assert re.fullmatch(r"[a-z_]{1,31}", place.name)
    assert place.only in ("", "bulk", "single_cell")
    assert place.path.endswith(".parquet" if place.table.storage == "parquet" else ".tsv")


def test_no_two_tables_share_a_sheet() -> None:
    names = [place.name for place in ALL]
    assert len(names) == len(set(names))
    assert "readme" not in names


def test_a_name_too_long_would_be_seen() -> None:
    assert not re.fullmatch(r"[a-z_]{1,31}", "a" * 32)
