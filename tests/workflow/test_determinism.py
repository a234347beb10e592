"""Two runs give the same bytes, whatever the cores, the results folder, the user and the machine's settings; and
what they leave tells nobody's name and no place of a machine."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from workflow_calls import call

from ohmics import toy
from ohmics.cli.share import _own_parts
from ohmics.io import read_table
from ohmics.sharing.search import hits
from ohmics.tables import MANIFEST

OF_A_MACHINE = {"config.yaml", "samples.tsv"}
"""They say where the run's input lies, so that `ohmics verify` finds it again; a run elsewhere says another place."""
OF_TIME = {"logs", "benchmarks"}
USER = "somebody42"


def made(results: Path) -> dict[str, Path]:
    """The files a run promises, by name."""
    return {
        path.relative_to(results).as_posix(): path
        for path in sorted(results.rglob("*"))
        if path.is_file() and path.relative_to(results).parts[0] not in OF_TIME and not path.name.startswith(".")
    }


def run_elsewhere(cohort: Path, place: Path) -> Path:
    """Run the same cohort on one core, into another folder, as another user with other settings; return the results."""
    home = place / USER
    home.mkdir(parents=True)
    config = yaml.safe_load((cohort / "config.yaml").read_text(encoding="utf-8"))
    config["outdir"] = str(place / "other" / "results")
    again = cohort / "again.yaml"
    again.write_text(yaml.safe_dump(config), encoding="utf-8")
    known = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "LC_"))}
    known |= {"HOME": str(home), "USER": USER, "LOGNAME": USER, "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"}
    known |= {"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-m", "ohmics", "run", str(again), "--cores", "1"], cwd=home, env=known, check=False,
        capture_output=True, text=True, umask=0o027,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return place / "other" / "results"


@pytest.fixture(scope="module")
def tiny_cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest single-cell cohort every stage runs on, with its finished run on two cores."""
    folder = tmp_path_factory.mktemp("tiny") / "cells"
    toy.write(toy.single_cell(n_patients=3, n_cells=150, n_genes=6000), folder)
    call(folder, "run", "config.yaml", "--cores", "2")
    return folder


@pytest.fixture(scope="module", params=["bulk", "single_cell"])
def two_runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The results of a run and of the same one elsewhere."""
    cohort = request.getfixturevalue("finished_bulk" if request.param == "bulk" else "tiny_cells")
    yield cohort / "results", run_elsewhere(cohort, tmp_path_factory.mktemp("elsewhere"))
    (cohort / "again.yaml").unlink()


@pytest.mark.slow
def test_every_table_array_page_figure_and_export_is_the_same_bytes(two_runs: tuple[Path, Path]) -> None:
    first, second = made(two_runs[0]), made(two_runs[1])
    assert len(first) > 100
    assert first.keys() == second.keys()
    unlike = {name for name in first if first[name].read_bytes() != second[name].read_bytes()}
    assert unlike <= {*OF_A_MACHINE, "manifest.tsv"}
    configs = [yaml.safe_load(one["config.yaml"].read_text(encoding="utf-8")) for one in (first, second)]
    assert {key for key in configs[0] if configs[0][key] != configs[1][key]} == {"outdir"}
    listed = [read_table(one["manifest.tsv"], MANIFEST).set_index(["kind", "name"]) for one in (first, second)]
    rows = listed[0]["digest"] != listed[1]["digest"].reindex(listed[0].index)
    assert {name for kind, name in listed[0].index[rows] if kind != "code"} <= OF_A_MACHINE


@pytest.mark.slow
def test_no_place_of_a_machine_and_nobodys_name_is_told(two_runs: tuple[Path, Path]) -> None:
    results = two_runs[1]
    cohort = two_runs[0].parent
    names = [name for name in (USER, socket.gethostname()) if len(name) > 3]
    places = [str(path) for path in (cohort, results, results.parents[1], results.parents[1] / USER, Path.cwd())]
    found = list(hits(results, words=names, paths=places, ignored=_own_parts()))
    told = {hit.file for hit in found if hit.file.split("/")[0] not in OF_TIME}
    assert told == OF_A_MACHINE


@pytest.mark.slow
def test_no_file_is_open_to_more_people_than_the_umask_says(two_runs: tuple[Path, Path]) -> None:
    open_to_others = [path for path in two_runs[1].rglob("*") if path.stat().st_mode & 0o007]
    writable_by_group = [path for path in two_runs[1].rglob("*") if path.stat().st_mode & 0o020]
    assert open_to_others == writable_by_group == []
