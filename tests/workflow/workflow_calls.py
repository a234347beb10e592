"""The command line in a process of its own, as a user calls it."""

import os
import subprocess
import sys
from pathlib import Path


def call(folder: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "ohmics", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"ohmics {' '.join(words)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done
