"""`ohmics check` says what a bulk run will take, and folders of files weigh what all their files do."""

from pathlib import Path

import pytest

from ohmics import toy
from ohmics.cli import main
from ohmics.intake.files import size_of
from ohmics.plan import load_plan


def test_a_bulk_run_is_predicted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toy.write(toy.bulk(n_patients=3, n_genes=2000), tmp_path)
    assert main(["check", str(tmp_path / "config.yaml")]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    samples = len((tmp_path / "samples.tsv").read_text(encoding="utf-8").splitlines()) - 1
    assert last.startswith(f"prediction for {samples} bulk samples: the largest job (`")
    assert "GiB of memory, the run about" in last


def test_a_folder_weighs_what_its_files_do_however_deep(tmp_path: Path) -> None:
    deep = tmp_path / "store.zarr" / "X" / "data"
    deep.mkdir(parents=True)
    (deep / "0").write_bytes(b"0" * 3000)
    (tmp_path / "store.zarr" / ".zgroup").write_bytes(b"1" * 24)
    assert size_of(tmp_path / "store.zarr") == 3024
    assert size_of(deep / "0") == 3000
    assert size_of(tmp_path / "absent") == 0


def test_a_job_asks_for_memory_by_all_files_of_a_store(tmp_path: Path) -> None:
    toy.write(toy.bulk(n_patients=3, n_genes=2000), tmp_path)
    plan = load_plan(tmp_path / "config.yaml")

    class Inputs(list):
        size_files_mb = (0.0,)

    chunk = tmp_path / "counts.zarr" / "X" / "data"
    chunk.mkdir(parents=True)
    (chunk / "0").write_bytes(b"0" * 4 * 2**20)
    asked = plan.memory("gene_sets")({}, Inputs([str(tmp_path / "counts.zarr")]), 1)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert asked > plan.memory("gene_sets")({}, Inputs([str(empty)]), 1) + 20
