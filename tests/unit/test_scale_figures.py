"""What `make bench-scale` writes: one record a stage and size, from what each process took."""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ohmics.memory import expected_mib, in_megabytes

ROOT = Path(__file__).resolve().parents[2]
RECORDS = json.loads((ROOT / "benchmarks" / "scale.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def scale() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        return importlib.import_module("scale")


@pytest.fixture(scope="module")
def watching(scale: ModuleType) -> ModuleType:
    return sys.modules["scale_watch"]


@pytest.mark.parametrize(
    ("words", "stage"),
    [
        (["/x/bin/python", "/x/bin/ohmics", "qc", "--sample", "a"], "qc"),
        (["/x/bin/python", "/x/bin/ohmics", "report", "qc", "--out", "b"], "report qc"),
        (["/x/bin/python", "-m", "ohmics", "run", "config.yaml"], "run"),
        (["/x/bin/python", "-m", "snakemake", "--cores", "2"], "snakemake"),
        (["/bin/bash", "-c", "set -euo pipefail; ohmics qc"], "bash"),
    ],
)
def test_a_process_is_counted_for_the_command_it_runs(watching: ModuleType, words: list[str], stage: str) -> None:
    assert watching.Process(words, 0.0).stage == stage


def test_a_command_is_watched_and_its_record_kept(watching: ModuleType, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys, time; kept = bytearray(80_000_000); time.sleep(0.6); sys.exit(3)"]
    book = tmp_path / "runs.jsonl"
    assert watching.watch(command, folder=tmp_path, log=tmp_path / "log", book=book) == 3
    (run,) = watching.kept(book)
    assert run.status == 3
    assert 70 < max(process.peak_mib for process in run.processes) < 400
    assert not book.with_suffix(".now").exists()


def test_what_a_killed_run_took_is_counted_with_the_next(watching: ModuleType, tmp_path: Path) -> None:
    book = tmp_path / "runs.jsonl"
    killed = watching.Watched(-1, 40.0, 100.0, [watching.Process(["ohmics", "qc"], 0.0, 30.0, 29.0, 90.0)])
    book.with_suffix(".now").write_text(watching._written(killed), encoding="utf-8")
    watching.watch([sys.executable, "-c", ""], folder=tmp_path, log=tmp_path / "log", book=book)
    assert [run.seconds for run in watching.kept(book)][:1] == [40.0]
    assert len(watching.kept(book)) == 2


def test_stages_are_added_up_and_the_largest_process_counts(scale: ModuleType, watching: ModuleType) -> None:
    def process(verb: str, processor: float, peak: float) -> object:
        return watching.Process(["python", "/bin/ohmics", verb], 0.0, 2 * processor, processor, peak)

    run = watching.Watched(
        0, 50.0, 3072.0, [process("qc", 10, 1024), process("qc", 20, 2048), process("embed", 5, 512)]
    )
    *stages, total = scale.stage_records([run], 1000)
    assert [(row["stage"], row["processor_seconds"], row["peak_gib"], row["processes"]) for row in stages] == [
        ("qc", 30, 2.0, 2), ("embed", 5, 0.5, 1),
    ]  # fmt: skip
    assert (total["seconds"], total["processor_seconds"], total["peak_gib"]) == (50.0, 35, 2.0)
    assert (total["processor_ms_a_cell"], total["outside_embed_ms_a_cell"]) == (35.0, 30.0)


def test_what_was_not_measured_again_stays(scale: ModuleType) -> None:
    old = [{"cells": 10, "stage": "qc"}, {"cells": 10, "stage": "scanpy pca"}, {"cells": 20, "stage": "qc"}]
    new = [{"cells": 10, "stage": "embed"}]
    assert [(row["cells"], row["stage"]) for row in scale.merged(old, new)] == [
        (10, "embed"), (10, "scanpy pca"), (20, "qc"),
    ]  # fmt: skip


def test_the_memory_a_job_asks_for_follows_the_inputs_it_had(scale: ModuleType, tmp_path: Path) -> None:
    results = tmp_path / "results"
    (results / "figures").mkdir(parents=True)
    (results / "figures" / "a.png").write_bytes(b"0" * 4 * 2**20)
    for path, sizes in (
        ("qc/a.tsv", {"counts/a.h5": 10.0}),
        ("qc/b.tsv", {"counts/b.h5": 30.0}),
        ("report_qc.tsv", {"results/tables/qc.tsv": 1.0, "results/figures": 0.004}),
        ("other.tsv", {"a": 1.0}),
    ):
        file = results / "benchmarks" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"s\tinput_size_mb\n1.0\t{sizes}\n")
    wanted = {
        "qc": in_megabytes(expected_mib("qc", counts=[30.0], tables=0.0)),
        "report qc": in_megabytes(expected_mib("report", counts=[], tables=5.0)),
    }
    assert scale.requested(results) == {stage: round(mb * 1e6 / 2**30, 2) for stage, mb in wanted.items()}


def test_the_figures_in_the_repository_are_whole(scale: ModuleType) -> None:
    assert all({"cells", "stage", "seconds", "peak_gib", "commit"} <= set(row) for row in RECORDS)
    text = scale.table(RECORDS)
    assert "ohmics over plain scanpy" in text
    assert (ROOT / "benchmarks" / "scale.md").read_text(encoding="utf-8") == f"{scale.HEADING}\n\n{text}"
