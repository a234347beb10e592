"""Ids that are formulas, markup or parts of paths are replaced like any other when results are handed on."""

from pathlib import Path

import pytest

from ohmics import tables
from ohmics.cli import main
from ohmics.cli.share import _own_parts
from ohmics.io import read_table, write_table
from ohmics.manifest import make_manifest
from ohmics.sharing.search import hits

PATIENT = "=cmd|' /C calc'!A0"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cell_results", "bulk_results"])
def test_a_hostile_id_is_replaced(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = request.getfixturevalue(kind)
    write_table(make_manifest(results, stages={}, with_inputs=False), tables.MANIFEST, results / "manifest.tsv")
    monkeypatch.chdir(tmp_path)
    assert list(hits(results, words=[PATIENT]))
    assert main(["share", str(results), "--out", "out", "--pseudonymise"]) == 0
    samples = read_table("out/samples.tsv", tables.SAMPLES)
    assert samples["patient"].str.fullmatch(r"P-[2-9A-HJ-NP-Z]{6}").all()
    assert not list(hits(tmp_path / "out", words=[PATIENT, "cmd", "calc"], ignored=_own_parts()))
    assert "somebody" not in (tmp_path / "out" / "config.yaml").read_text(encoding="utf-8")
