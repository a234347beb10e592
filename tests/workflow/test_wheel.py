"""An installed wheel, away from the checkout, carries the catalogue, the workflow and the page templates."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_wheel_works_without_the_checkout(tmp_path: Path, toy_bulk: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "-w", str(tmp_path)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}

    def ohmics(*words: str) -> str:
        command = [sys.executable, "-m", "ohmics", *words]
        done = subprocess.run(command, cwd=toy_bulk, env=environment, capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    where = subprocess.run(
        [sys.executable, "-c", "import ohmics; print(ohmics.__file__)"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.startswith(str(tmp_path))
    assert "tcell_exhaustion_terminal" in ohmics("catalog", "list")
    planned = ohmics("run", "config.yaml", "-n", "--quiet", "host")
    assert "report_signatures" in planned
    ohmics("init", str(tmp_path / "study"))
    assert (tmp_path / "study" / "config.yaml").is_file()
