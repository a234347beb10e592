"""The name of a table comes in, the parts of the config that its numbers rest on go out."""

from __future__ import annotations

from collections.abc import Mapping

_PARTS: Mapping[str, tuple[str, ...]] = {
    "ANTIGEN": ("antigen", "malignant"),
    "ANTIGEN_PRESENTATION": ("antigen", "malignant"),
    "ASSOCIATION": ("outcomes", "score"),
    "CAR": ("antigen",),
    "CELL_FILTERS": ("qc",),
    "CELL_SUMMARY": ("qc",),
    "COMPOSITION": ("contrasts", "compare"),
    "COVERAGE": ("score",),
    "DE": ("contrasts", "de"),
    "DESIGN": ("contrasts", "de"),
    "EFFECTS": ("contrasts", "score", "compare"),
    "ENRICHMENT": ("contrasts", "gene_sets", "de"),
    "EVIDENCE": ("contrasts", "score", "compare", "gene_sets", "antigen"),
    "IDENTITY": ("qc",),
    "LINEAGE": ("lineage", "malignant"),
    "MALIGNANT": ("malignant",),
    "ORA": ("gene_sets", "de"),
    "PAIRS": ("contrasts",),
    "QC": ("qc",),
    "SET_OVERLAP": ("gene_sets",),
    "STATE_EFFECTS": ("contrasts", "score", "compare"),
}


def settings_of(table: str) -> tuple[str, ...]:
    """Return the parts of the config that a table's numbers rest on; none for a table that only repeats its input.

    Examples
    --------
    >>> settings_of("DE"), settings_of("SURVIVAL_CURVES")
    (('contrasts', 'de'), ())
    """
    return _PARTS.get(table, ())
