"""A finished run handed on under new names: nothing but the names differs, and no old one is left anywhere."""

import csv
import re
from html import unescape
from pathlib import Path

import pytest
from workflow_calls import call

from ohmics.cli.share import _own_parts
from ohmics.sharing.search import hits


@pytest.fixture(scope="module")
def shared(finished_bulk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared")
    call(folder, "share", str(finished_bulk / "results"), "--out", "out", "--pseudonymise", "--key", "apart/our.key")
    return folder


def names(shared: Path) -> dict[str, str]:
    with (shared / "apart" / "our.key.ids.tsv").open(encoding="utf-8", newline="") as table:
        return {row["name"]: row["id"] for row in csv.DictReader(table, delimiter="\t")}


@pytest.mark.slow
def test_no_id_and_no_place_is_left(finished_bulk: Path, shared: Path) -> None:
    known = names(shared)
    assert len(known) == 40
    places = [str(finished_bulk), str(shared), str(Path.home())]
    assert list(hits(shared / "out", words=known.values(), paths=places, ignored=_own_parts())) == []
    found = {hit.word for hit in hits(shared / "out", words=known, ignored=_own_parts())}
    assert found == set(known), "the search finds names where there are any"


@pytest.mark.slow
def test_every_table_is_the_old_one_but_for_the_names(finished_bulk: Path, shared: Path) -> None:
    known = names(shared)
    pattern = re.compile("|".join(map(re.escape, known)))
    for path in sorted((finished_bulk / "results" / "tables").glob("*.tsv")):
        text = (shared / "out" / "tables" / path.name).read_text(encoding="utf-8")
        assert pattern.sub(lambda one: known[one.group()], text) == path.read_text(encoding="utf-8"), path.name


@pytest.mark.slow
def test_pages_figures_and_exports_are_as_many_and_every_link_leads_somewhere(
    finished_bulk: Path, shared: Path
) -> None:
    before, after = finished_bulk / "results", shared / "out"
    for folder in ("reports", "figures", "export"):
        count = [
            sum(one.is_file() and one.name[0] != "." for one in (top / folder).rglob("*")) for top in (before, after)
        ]
        assert count[0] == count[1], folder
    for page in (after / "reports").rglob("*.html"):
        for target in re.findall(r'href="([^"#:]+)(?:#[^"]*)?"', page.read_text(encoding="utf-8")):
            assert (page.parent / unescape(target)).is_file(), (page.name, target)


@pytest.mark.slow
def test_what_was_handed_on_can_be_checked(shared: Path) -> None:
    assert "every one as the manifest has it" in call(shared, "verify", "out").stdout
    sheet = shared / "out" / "samples.tsv"
    kept = sheet.read_bytes()
    sheet.write_bytes(kept + b"\n")
    done = call(shared, "verify", "out", check=False)
    sheet.write_bytes(kept)
    assert done.returncode == 2
    assert "samples.tsv: was changed after the run" in done.stderr
