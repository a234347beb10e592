"""Writes the sha256 of every file of resources/ into resources/SOURCES.yaml, after a file was edited on purpose.

A new file needs an entry with its citation and licence first; this script only refuses to guess them.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import yaml

RESOURCES = Path(__file__).resolve().parents[1] / "resources"


def main() -> int:
    """Refresh the digests; fail when a file has no entry or an entry no file."""
    path = RESOURCES / "SOURCES.yaml"
    text = path.read_text(encoding="utf-8")
    entries = yaml.safe_load(text)
    named = {entry["file"] for entry in entries}
    there = {file.relative_to(RESOURCES).as_posix() for file in RESOURCES.rglob("*") if file.is_file()}
    there.discard("SOURCES.yaml")
    for file in sorted(there - named):
        sys.stderr.write(f"{file}: no entry in SOURCES.yaml; add its citation and licence\n")
    for file in sorted(named - there):
        sys.stderr.write(f"{file}: stands in SOURCES.yaml but does not exist\n")
    for entry in entries:
        if entry["file"] in there:
            digest = hashlib.sha256((RESOURCES / entry["file"]).read_bytes()).hexdigest()
            text = text.replace(str(entry["sha256"]), digest)
    path.write_text(text, encoding="utf-8")
    return 1 if there ^ named else 0


if __name__ == "__main__":
    sys.exit(main())
