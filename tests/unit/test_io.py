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


def test_a_wrong_table_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(OhmicsError, match=r"is missing|are empty"):
        write_table(pd.DataFrame([{"sample": "a"}]), SAMPLES, tmp_path / "samples.tsv")
    assert not list(tmp_path.iterdir())


def test_a_missing_table_names_the_stage(tmp_path: Path) -> None:
    with pytest.raises(OhmicsError, match="the stage that writes table SAMPLES has not run"):
        read_table(tmp_path / "samples.tsv", SAMPLES)
