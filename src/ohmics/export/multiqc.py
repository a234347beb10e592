"""The QC table and the verdicts of a run come in; MultiQC's custom content goes out, one JSON file a section.

The format is that of https://docs.seqera.io/multiqc/custom_content: a file named ``*_mqc.json`` that MultiQC finds by
itself, with ``id``, ``plot_type``, ``pconfig``, ``headers`` of a table, and ``data`` by sample.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ohmics.io import write_text
from ohmics.schema import Table
from ohmics.tables import QC

_PARENT = {
    "parent_id": "ohmics",
    "parent_name": "ohmics",
    "parent_description": "Resistance signatures from expression before and after relapse. Research use only, never a "
    "diagnosis.",
}
_VERDICT_COLOURS = {"use": "#d9efdf", "use with care": "#f6e6c3", "excluded": "#f2d3cc"}
_WORDS = {"use_with_care": "use with care", "not_assessable": "not assessable"}
_SHOWN = ("verdict", "cells_in", "cells_kept", "median_umi", "median_genes", "pct_mito", "doublet_rate",
          "ambient_fraction", "flags")  # fmt: skip
_TITLES = {
    "verdict": "Verdict",
    "cells_in": "Cells in",
    "cells_kept": "Cells kept",
    "median_umi": "Median UMI",
    "median_genes": "Median genes",
    "pct_mito": "Mitochondrial",
    "doublet_rate": "Doublets",
    "ambient_fraction": "Ambient RNA",
    "flags": "Flags",
}


def multiqc_sections(
    qc: pd.DataFrame,
    evidence: pd.DataFrame | None = None,
    *,
    bulk: bool = False,
    names: Mapping[str, str] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the sections by file name.

    MultiQC puts text into its page as HTML, so text of the tables is escaped here; a sample's name without ``<``,
    ``>`` and ``&`` is exactly that of the sheet.

    Parameters
    ----------
    qc
        QC.
    evidence
        EVIDENCE, for the verdicts of each contrast; None leaves them out.
    bulk
        Whether the samples are bulk: depth is then the library size, and cells are not counted.
    names
        Mechanism identifier to its name.

    Examples
    --------
    >>> row = {"sample": "P01", "median_umi": 1200.0, "cells_in": 9, "cells_kept": 8, "verdict": "use"}
    >>> sections = multiqc_sections(QC.conform([row]))
    >>> sorted(sections)
    ['ohmics_cells_mqc.json', 'ohmics_depth_mqc.json', 'ohmics_qc_mqc.json']
    """
    found = {"ohmics_qc_mqc.json": _qc_table(qc, bulk=bulk), "ohmics_depth_mqc.json": _depth(qc, bulk=bulk)}
    if not bulk:
        found["ohmics_cells_mqc.json"] = _cells(qc)
    if evidence is not None:
        found["ohmics_verdicts_mqc.json"] = _verdicts(evidence[evidence["level"] == "cohort"], names or {})
    return found


def write_multiqc(sections: Mapping[str, Mapping[str, Any]], folder: str | Path) -> list[Path]:
    """Write each section as a file, and remove those of ours that this run does not make."""
    target = Path(folder)
    for left in target.glob("ohmics_*_mqc.json"):
        if left.name not in sections:
            left.unlink()
    written = []
    for name, section in sections.items():
        write_text(json.dumps(section, indent=1, ensure_ascii=False, allow_nan=False) + "\n", target / name)
        written.append(target / name)
    return written


def _section(identifier: str, name: str, description: str, plot: str, **pconfig: Any) -> dict[str, Any]:
    return {
        "id": identifier,
        **_PARENT,
        "section_name": name,
        "description": description,
        "plot_type": plot,
        "pconfig": {"id": f"{identifier}_plot", "title": f"ohmics: {name}", **pconfig},
    }


def _qc_table(qc: pd.DataFrame, *, bulk: bool) -> dict[str, Any]:
    shown = [name for name in _SHOWN if name in qc and qc[name].notna().any()]
    if bulk:
        shown = [name for name in shown if name not in ("cells_in", "cells_kept")]
    section = _section(
        "ohmics_qc",
        "Samples",
        "Quality of each sample, and whether it is used (use, use with care, excluded); flags say why.",
        "table",
        namespace="ohmics",
        col1_header="Sample",
        no_violin=True,
        sort_rows=False,
    )
    section["headers"] = {name: _header(name, QC, bulk=bulk) for name in shown}
    section["data"] = {_safe(row["sample"]): _values(row, shown) for row in qc.to_dict("records")}
    return section


def _header(name: str, table: Table, *, bulk: bool) -> dict[str, Any]:
    column = table.column(name)
    title = "Library size" if bulk and name == "median_umi" else _TITLES[name]
    header: dict[str, Any] = {"title": title, "description": column.meaning}
    if name == "verdict":
        return header | {"scale": False, "bgcols": _VERDICT_COLOURS}
    if column.kind == "str":
        return header | {"scale": False}
    if column.unit == "percent":
        return header | {"suffix": "%", "min": 0, "max": 100, "format": "{:,.1f}"}
    if column.unit == "fraction":
        return header | {"min": 0, "max": 1, "format": "{:,.3f}"}
    return header | {"min": 0, "format": "{:,.0f}"}


def _values(row: Mapping[Any, Any], names: list[str]) -> dict[str, Any]:
    """Return the values of a row that are there, as MultiQC shows them."""
    values: dict[str, Any] = {}
    for name in names:
        value = row[name]
        if value is None or pd.isna(value):
            continue
        text = isinstance(value, str)
        values[name] = _safe(_WORDS.get(value, value)) if text else _number(value)
    return values


def _number(value: Any) -> float | int:
    plain = float(value)
    return int(plain) if plain.is_integer() else plain


def _depth(qc: pd.DataFrame, *, bulk: bool) -> dict[str, Any]:
    what = "Library size" if bulk else "Median UMI of kept cells"
    section = _section(
        "ohmics_depth",
        "Depth",
        f"{what} of each sample. Scores are compared after thinning to one depth.",
        "bargraph",
        ylab="Counts" if bulk else "UMI a cell",
        cpswitch=False,
    )
    given = qc[qc["median_umi"].notna()]
    section["data"] = {_safe(row["sample"]): {what: _number(row["median_umi"])} for row in given.to_dict("records")}
    return section


def _cells(qc: pd.DataFrame) -> dict[str, Any]:
    section = _section(
        "ohmics_cells",
        "Cells",
        "Cells that passed every filter, and cells that were removed.",
        "bargraph",
        ylab="Cells",
    )
    given = qc[qc["cells_in"].notna() & qc["cells_kept"].notna()]
    section["data"] = {
        _safe(row["sample"]): {
            "Kept": _number(row["cells_kept"]),
            "Removed": _number(row["cells_in"] - row["cells_kept"]),
        }
        for row in given.to_dict("records")
    }
    return section


def _verdicts(cohort: pd.DataFrame, names: Mapping[str, str]) -> dict[str, Any]:
    section = _section(
        "ohmics_verdicts",
        "Verdicts",
        "What the cohort's data say of each mechanism of resistance. Open: neither supported nor contradicted; not "
        "assessable: these data cannot tell, which never means no change.",
        "table",
        namespace="ohmics",
        col1_header="Mechanism",
        no_violin=True,
        sort_rows=False,
    )
    contrasts = list(dict.fromkeys(str(name) for name in cohort["contrast"]))
    section["headers"] = {
        f"verdict_{number}": {"title": _safe(name), "description": f"Verdict in contrast {_safe(name)}", "scale": False}
        for number, name in enumerate(contrasts, start=1)
    }
    data: dict[str, dict[str, str]] = {}
    for row in cohort.to_dict("records"):
        label = _safe(names.get(str(row["mechanism"]), str(row["mechanism"])))
        place = f"verdict_{contrasts.index(str(row['contrast'])) + 1}"
        graded = isinstance(row["grade"], str) and row["grade"]
        verdict = _WORDS.get(str(row["verdict"]), str(row["verdict"]))
        data.setdefault(label, {})[place] = _safe(f"{verdict} ({row['grade']})" if graded else verdict)
    section["data"] = data
    return section


def _safe(text: object) -> str:
    return html.escape(str(text), quote=False)
