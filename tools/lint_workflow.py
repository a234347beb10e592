"""Run `snakemake --lint` on both workflows (bulk and single-cell) and fail on anything it finds but one thing.

That one thing is a conda environment or container per rule: every rule runs in the one environment that
requirements.lock pins with hashes, and a second description of it would be a second, unlocked truth.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ACCEPTED = "Specify a conda environment or container for each rule."


def lints(folder: Path) -> list[str]:
    """Return what the linter says of the workflow of one config, one line a finding."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--configfile", "config.yaml"]
    done = subprocess.run([*command, "--lint"], cwd=folder, capture_output=True, text=True, check=False)
    text = done.stdout + done.stderr
    found, where = [], "Snakefile"
    for line in text.splitlines():
        if line.startswith("Lints for "):
            where = line.removeprefix("Lints for ").rstrip(":").replace(str(ROOT), "")
        elif line.startswith("    * ") and ACCEPTED not in line:
            found.append(f"{where}: {line.removeprefix('    * ').rstrip(':')}")
    if "Lints for" not in text and "good condition" not in text:
        # The workflow could not even be read.
        found.append(text)
    return found


def main() -> int:
    """Write small toy cohorts, lint their workflows, print what was found."""
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "ohmics", "demo", "--small", "--write-only", "--out", name]
        subprocess.run(command, check=True, capture_output=True)
        found = sorted({line for kind in ("bulk", "single_cell") for line in lints(Path(name) / kind)})
    for line in found:
        sys.stderr.write(f"{line}\n")
    if not found:
        sys.stdout.write("snakemake --lint: clean\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
