"""A small toy cohort on disk, and the workflow run on it."""

import shutil
from pathlib import Path

import pytest
from workflow_calls import call


@pytest.fixture(scope="session")
def toy_bulk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A written bulk cohort: its folder holds config.yaml, samples.tsv and the counts."""
    folder = tmp_path_factory.mktemp("toy")
    call(folder, "demo", "--only", "bulk", "--small", "--write-only", "--out", "d")
    return folder / "d" / "bulk"


@pytest.fixture(scope="session")
def finished_bulk(toy_bulk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bulk cohort and its finished, undisturbed run."""
    folder = tmp_path_factory.mktemp("finished") / "bulk"
    shutil.copytree(toy_bulk, folder)
    call(folder, "run", "config.yaml", "--cores", "2")
    return folder
