"""Run what measures error rates (tests/calibration/*_full.py, *_grid.py, *_real.py) where its code has changed since.

python tools/calibration.py [--all] [--list] [NAME ...]

A script whose results in benchmarks/ were measured on the present code is left alone; one that was interrupted goes on
where it stopped. Those that need real data are left out unless OHMICS_DATA names their folder. Afterwards
docs/calibration.tsv is gathered anew (tools/calibration_table.py).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests" / "calibration"
KINDS = ("*_full.py", "*_grid.py", "*_real.py")
# One thread a process: results do not hang on it, and threads that wait for each other cost more than they bring.
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def scripts() -> list[Path]:
    """Return the scripts that measure, run_full.py first: others take its helpers."""
    found = sorted({path for kind in KINDS for path in FOLDER.glob(kind)})
    return sorted(found, key=lambda path: path.name != "run_full.py")


def load(path: Path) -> ModuleType:
    """Return a script as a module, without running it."""
    # Scripts import their neighbours by name.
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} cannot be read as a module")
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FOLDER))
    return module


def present_digest(module: ModuleType) -> str:
    """Return the digest of the code that a script measures, as it stands now."""
    if hasattr(module, "digest"):
        return str(module.digest())
    from ohmics.provenance import code_digest

    return code_digest(*getattr(module, "MODULES", ()), *filter(None, [getattr(module, "MODULE", None)]))


def is_fresh(module: ModuleType) -> bool:
    """Return whether the results stand there, in full, and were measured on the present code."""
    results: Path = module.RESULTS
    if not results.is_file() or results.with_suffix(".part.json").is_file():
        return False
    written = json.loads(results.read_text(encoding="utf-8"))
    whole = float(written.get("share", 1.0)) >= 1.0
    complete = whole and ("cells" not in written or len(written["rows"]) >= int(written["cells"]))
    return bool(written.get("digest") == present_digest(module)) and complete


def needs_data(path: Path) -> bool:
    """Return whether a script reads real data."""
    return "OHMICS_DATA" in path.read_text(encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run what is stale, one script after the other; fail when one fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="scripts to run, for example mixed_full (default: all)")
    parser.add_argument("--all", action="store_true", help="also those whose results are fresh")
    parser.add_argument("--list", action="store_true", help="say what is fresh and what is stale, and run nothing")
    given = parser.parse_args(arguments)
    failed = []
    for path in scripts():
        if given.names and path.stem not in given.names:
            continue
        state = "fresh" if is_fresh(load(path)) else "stale"
        lacking = needs_data(path) and not os.environ.get("OHMICS_DATA")
        sys.stdout.write(f"{path.stem}: {state}{', needs OHMICS_DATA' if lacking else ''}\n")
        sys.stdout.flush()
        if given.list or lacking or (state == "fresh" and not given.all):
            continue
        if subprocess.run([sys.executable, str(path)], env={**os.environ, **THREADS}, check=False).returncode:
            failed.append(path.stem)
    if given.list:
        return 0
    if failed:
        sys.stderr.write(f"failed: {', '.join(failed)}\n")
    table = subprocess.run([sys.executable, str(ROOT / "tools" / "calibration_table.py")], check=False).returncode
    return 1 if failed or table else 0


if __name__ == "__main__":
    sys.exit(main())
