"""`ohmics version`: what is installed."""

from __future__ import annotations

import argparse
from typing import Any

from ohmics.provenance import versions


def add_parser(commands: Any) -> None:
    """Add the verb."""
    commands.add_parser("version", help="print versions").set_defaults(func=run)


def run(_: argparse.Namespace) -> int:
    """Print one package a line."""
    for name, number in versions().items():
        print(f"{name} {number}")
    return 0
