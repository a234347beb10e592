"""A GTF file in, the chromosome and position of each gene out."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from ohmics.errors import Fault, OhmicsError
from ohmics.intake.files import open_text, refuse_unless_file
from ohmics.intake.raw import readable

_WHOLE = re.compile(r"^\d{1,12}$", re.ASCII)
_NAME = re.compile(r'gene_name "([^"]+)"')


def read_gene_positions(path: str | Path) -> pd.DataFrame:
    """Return the position of each gene of a GTF file (plain or gzip).

    Returns
    -------
    DataFrame indexed by gene name: chromosome, start, end (1-based, inclusive, as the file has them). A gene that
    stands more than once keeps its first place.

    Raises
    ------
    OhmicsError
        When the file is absent, not readable, or names no gene.
    """
    source = Path(path)
    refuse_unless_file(source, remedy="give the GTF of the reference")
    rows: list[tuple[str, str, int, int]] = []
    with readable(source, "GTF file"), open_text(source) as lines:
        for number, line in enumerate(lines, start=1):
            fields = line.rstrip("\r\n").split("\t")
            if line.startswith("#") or len(fields) < 9 or fields[2] != "gene":
                continue
            name = _NAME.search(fields[8])
            if name is not None:
                rows.append((name[1], fields[0], *_place(fields, f"{source}, line {number}")))
    if not rows:
        raise OhmicsError(
            Fault("no line of type gene with a gene_name", where=str(path), remedy="give a GTF of Ensembl or GENCODE")
        )
    frame = pd.DataFrame(rows, columns=["gene", "chromosome", "start", "end"])
    return frame.drop_duplicates("gene").set_index("gene")


def _place(fields: list[str], where: str) -> tuple[int, int]:
    """Return start and end of a line, as whole numbers from 1 up to the length of any chromosome."""
    start, end = fields[3:5]
    if _WHOLE.match(start) and _WHOLE.match(end) and 1 <= int(start) <= int(end):
        return int(start), int(end)
    shown = f"`{start[:20]}` to `{end[:20]}` is no place on a chromosome"
    raise OhmicsError(Fault(shown, where, "whole numbers, the smaller one first"))
