"""Pages, figures and exports are the same bytes whenever, wherever and by whom they are made."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ohmics.cli import main
from ohmics.plots import style
from ohmics.report.charts import squeezed

MAKE = """
import os, sys, time
if "HOURS_ON" in os.environ:
    real, on = time.time, 3600 * float(os.environ["HOURS_ON"])
    time.time = lambda: real() + on
    time.time_ns = lambda: int(1e9 * time.time())
    for name in ("localtime", "gmtime", "ctime"):
        given = getattr(time, name)
        setattr(time, name, lambda seconds=None, given=given: given(time.time() if seconds is None else seconds))
from ohmics.cli import main
results, out = sys.argv[1:]
status = main(["export", "--results", results, "--out", f"{out}/export"])
status |= main(["report", results, "--out", f"{out}/reports"])
status |= main(["figures", "--results", results, "--out", f"{out}/figures"])
sys.exit(status)
"""
WAYS = (
    {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C", "USER": "one", "OMP_NUM_THREADS": "1"},
    {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "USER": "two", "OMP_NUM_THREADS": "2",
     "HOURS_ON": "10007"},
)  # fmt: skip
"""Two ways to call the same thing. They also start at different seconds, for clocks that cannot be set on."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cell_results", "bulk_results"])
def test_what_is_made_twice_is_the_same_bytes(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    results = request.getfixturevalue(kind)
    made: list[dict[str, bytes]] = []
    for number, way in enumerate(WAYS):
        out, home = tmp_path / f"out{number}", tmp_path / f"home of {way['USER']}"
        home.mkdir()
        known = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "LC_"))}
        done = subprocess.run(
            [sys.executable, "-c", MAKE, str(results), str(out)], cwd=home, check=False, capture_output=True, text=True,
            env={**known, **way, "HOME": str(home), "MPLCONFIGDIR": str(home)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        files = sorted(path for path in out.rglob("*") if path.is_file())
        made.append({path.relative_to(out).as_posix(): path.read_bytes() for path in files})
    assert {Path(name).suffix for name in made[0]} >= {
        ".tsv", ".parquet", ".xlsx", ".h5ad", ".json", ".md", ".bib", ".html", ".pdf", ".svg", ".png",
    }  # fmt: skip
    assert made[0].keys() == made[1].keys()
    assert [name for name in made[0] if made[0][name] != made[1][name]] == []


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock on by so many seconds, as far as Python asks for it."""
    kept = {name: getattr(time, name) for name in ("time", "localtime", "gmtime")}

    def set_on(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: kept["time"]() + seconds)
        for name in ("localtime", "gmtime"):
            given = kept[name]
            monkeypatch.setattr(time, name, lambda at=None, given=given: given(time.time() if at is None else at))

    return set_on


@pytest.mark.parametrize("kind", ["cell_results", "bulk_results"])
def test_exports_made_later_are_the_same_bytes(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, later: Callable[[float], None]
) -> None:
    results = request.getfixturevalue(kind)
    made = []
    for number in range(2):
        later(number * 12_345_678)
        out = tmp_path / f"out{number}"
        assert main(["export", "--results", str(results), "--out", str(out)]) == 0
        made.append({path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()})
    assert {path.suffix for path in made[0]} >= {".tsv", ".parquet", ".xlsx", ".h5ad", ".json", ".md", ".bib"}
    assert made[0] == made[1]


def test_figures_made_later_are_the_same_bytes(later: Callable[[float], None]) -> None:
    made = []
    for number in range(2):
        later(number * 12_345_678)
        figure = style.blank("P01")
        made.append((style.to_pdf(figure, title="t"), style.to_svg(figure, title="t"), style.to_png(figure)))
    assert made[0] == made[1]


def test_what_pages_carry_packed_is_the_same_bytes(later: Callable[[float], None]) -> None:
    first = squeezed("data")
    later(12_345_678)
    assert squeezed("data") == first
