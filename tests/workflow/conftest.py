"""A small toy cohort on disk, and the workflow run on it in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess]


def call(folder: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "ohmics", *words],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"ohmics {' '.join(words)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


@pytest.fixture(scope="session")
def toy_bulk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A written bulk cohort: its folder holds config.yaml, samples.tsv and the counts."""
    folder = tmp_path_factory.mktemp("toy")
    call(folder, "demo", "--only", "bulk", "--small", "--write-only", "--out", "d")
    return folder / "d" / "bulk"


@pytest.fixture(scope="session")
def finished_bulk(toy_bulk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bulk cohort and its finished, undisturbed run."""
    import shutil

    folder = tmp_path_factory.mktemp("finished") / "bulk"
    shutil.copytree(toy_bulk, folder)
    call(folder, "run", "config.yaml", "--cores", "2")
    return folder
