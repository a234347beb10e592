"""What one hostile input is: a maker that writes it, and what `ohmics` must then do; no data come in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

SECONDS = 10.0
"""Of the processor."""
WAITING = 40.0
"""Seconds of the clock, on a machine that does much else."""
MEMORY = 2**30
FAMILIES = (
    "corpus_tenx_h5",
    "corpus_h5ad",
    "corpus_mtx",
    "corpus_matrix",
    "corpus_sheet",
    "corpus_config",
    "corpus_lists",
    "corpus_tables",
    "corpus_files",
    "corpus_formats",
    "corpus_score",
)
"""Modules that hold ``CASES``."""

Maker = Callable[[Path], list[str]]
"""Writes a study with one thing wrong into a folder and returns the words after `ohmics`."""


@dataclass(frozen=True)
class Case:
    """One input: refused with all of ``words`` in the message, or accepted with all of them in what is printed.

    ``unprivileged`` runs it as a user who may read only what everybody may; ``slow`` is left to the slower suite.
    """

    name: str
    make: Maker
    words: tuple[str, ...]
    refused: bool = True
    unprivileged: bool = False
    slow: bool = False


def refused(name: str, make: Maker, *words: str, unprivileged: bool = False) -> Case:
    """Return a case that ends with one clear error and exit status 2."""
    return Case(name, make, words, unprivileged=unprivileged)


def slowly(case: Case) -> Case:
    """Return a case that takes seconds, for the slower suite."""
    return replace(case, slow=True)


def accepted(name: str, make: Maker, *words: str) -> Case:
    """Return a case that is read as it should be."""
    return Case(name, make, words, refused=False)
