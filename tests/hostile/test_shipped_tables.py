"""Tables of cell markers and antigens, of a resources folder of one's own, are read or refused, whatever they hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ohmics.catalog import catalog
from ohmics.errors import OhmicsError
from ohmics.shipped import shipped

Edit = Callable[[bytes], bytes]


def _resources(folder: Path, name: str, edit: Edit) -> Path:
    """Return a folder of resources of which one table is changed; the others are the shipped ones."""
    for item in shipped("resources").iterdir():
        if item.name != name:
            (folder / item.name).symlink_to(item)
    (folder / name).write_bytes(edit((shipped("resources") / name).read_bytes()))
    return folder


@pytest.mark.parametrize(
    ("name", "edit", "words"),
    [
        ("cell_markers.tsv", lambda b: b.replace(b"\n", b"\r\n"), ""),
        ("cell_markers.tsv", lambda b: b"\xef\xbb\xbf" + b, ""),
        ("cell_markers.tsv", lambda b: b"", "cell type"),
        ("cell_markers.tsv", lambda b: b[:1_000], "cell type"),
        ("cell_markers.tsv", lambda b: b.replace(b"positive", b"genes", 1), "columns are missing: positive"),
        ("cell_markers.tsv", lambda b: b + b.split(b"\n")[1] + b"\n", "stands twice"),
        ("cell_markers.tsv", lambda b: b.replace(b"CD3D", b"CD3\xe9", 1), "cannot be read as text"),
        ("cell_markers.tsv", lambda b: b.decode().encode("utf-16"), "cannot be read as text"),
        ("cell_markers.tsv", lambda b: b.replace(b"CD3D", b"<b>CD3D", 1), "<b>CD3D"),
        ("antigens.tsv", lambda b: b[:300], "antigen"),
        ("antigens.tsv", lambda b: b.replace(b"\t", b","), "columns are missing"),
        ("antigens.tsv", lambda b: b + b.split(b"\n")[1] + b"\n", "stands twice"),
    ],
    ids=[
        "crlf", "bom", "empty", "cut", "no-column", "type-twice", "latin-1", "utf-16", "html", "antigens-cut",
        "antigens-commas", "antigen-twice",
    ],
)  # fmt: skip
def test_a_changed_table_is_read_or_refused_in_words(tmp_path: Path, name: str, edit: Edit, words: str) -> None:
    folder = _resources(tmp_path, name, edit)
    if not words:
        assert catalog(resources=folder).markers == catalog().markers
        return
    with pytest.raises(OhmicsError) as caught:
        catalog(resources=folder)
    assert any(words in str(fault) for fault in caught.value.faults), caught.value
