import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ohmics.errors import OhmicsError
from ohmics.io import read_table, write_atomic, write_table, write_text
from ohmics.tables import SAMPLES

ROWS = [
    {
        "sample": "1",
        "patient": "NA",
        "timepoint": "pre",
        "modality": "bulk",
        "path": "x",
        "response": "NE",
        "dose": 0.1,
    },
    {"sample": "2", "patient": "p", "timepoint": "on", "modality": "bulk", "path": "x", "response": None, "dose": None},
]


@pytest.mark.parametrize("suffix", [".tsv", ".parquet"])
def test_a_table_reads_back_as_it_was(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"samples{suffix}"
    frame = SAMPLES.conform(ROWS)
    write_table(frame, SAMPLES, path)
    pd.testing.assert_frame_equal(read_table(path, SAMPLES), frame, check_dtype=False)
    assert read_table(path, SAMPLES)["patient"].tolist() == ["NA", "p"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text("old", path)

    def fail() -> None:
        with write_atomic(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    killed = "import os, sys; from ohmics.io import write_atomic\nwith write_atomic(sys.argv[1]): os._exit(9)"
    assert subprocess.run([sys.executable, "-c", killed, str(path)], check=False).returncode == 9
    beside = [tmp_path / ".a.tsv.notes.tsv", tmp_path / ".b.tsv.12345678.tsv"]
    for other in beside:
        other.write_text("someone else's")
    assert len(list(tmp_path.iterdir())) == 3
    write_text("whole", path)
    assert sorted(tmp_path.iterdir()) == sorted([path, *beside])


def test_a_wrong_table_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(OhmicsError, match=r"is missing|are empty"):
        write_table(pd.DataFrame([{"sample": "a"}]), SAMPLES, tmp_path / "samples.tsv")
    assert not list(tmp_path.iterdir())


def test_a_missing_table_names_the_stage(tmp_path: Path) -> None:
    with pytest.raises(OhmicsError, match="the stage that writes table SAMPLES has not run"):
        read_table(tmp_path / "samples.tsv", SAMPLES)
