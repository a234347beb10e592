"""A GTF file in, the chromosome and position of each gene out."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pandas as pd

from ohmics.errors import Fault, OhmicsError

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
    if not source.is_file():
        raise OhmicsError(Fault("no such file", where=str(path), remedy="give the GTF of the reference"))
    rows: list[tuple[str, str, int, int]] = []
    try:
        with gzip.open(source, "rt") if source.suffix == ".gz" else source.open(encoding="utf-8") as lines:
            for line in lines:
                fields = line.rstrip("\n").split("\t")
                if line.startswith("#") or len(fields) < 9 or fields[2] != "gene":
                    continue
                name = _NAME.search(fields[8])
                if name is not None:
                    rows.append((name[1], fields[0], int(fields[3]), int(fields[4])))
    except (OSError, ValueError) as error:
        raise OhmicsError(Fault("the file is not readable as GTF", where=str(path))) from error
    if not rows:
        raise OhmicsError(
            Fault("no line of type gene with a gene_name", where=str(path), remedy="give a GTF of Ensembl or GENCODE")
        )
    frame = pd.DataFrame(rows, columns=["gene", "chromosome", "start", "end"])
    return frame.drop_duplicates("gene").set_index("gene")
