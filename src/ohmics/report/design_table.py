"""The model matrices of the contrasts come in, the table that shows who stands where in each model goes out."""

from __future__ import annotations

import pandas as pd

from ohmics import tables
from ohmics.report.inputs import ReportInputs
from ohmics.report.tables import Head, TableView, table_view


def designs_table(inputs: ReportInputs) -> TableView | None:
    """Return one row a contrast and coefficient, with the samples it holds for; None when the run has no DESIGN."""
    if inputs.design is None:
        return None
    rows = []
    for (contrast, coefficient), own in inputs.design.groupby(["contrast", "coefficient"], sort=False):
        values = own["value"]
        binary = bool(values.isin([0.0, 1.0]).all())
        held = own.loc[values == 1.0, "sample"] if binary else own["sample"]
        shown = "every sample" if len(held) == len(own) and binary else ", ".join(map(str, held))
        if not binary:
            shown = ", ".join(f"{sample} {value:g}" for sample, value in zip(own["sample"], values, strict=True))
        rows.append({
            "contrast": contrast, "coefficient": coefficient, "asked": "asked about" if own["asked"].all() else "",
            "samples": shown,
        })  # fmt: skip
    heads = [
        Head("contrast", "Contrast"),
        Head("coefficient", "Coefficient"),
        Head("asked", "Asked about", meaning=tables.DESIGN.column("asked").meaning),
        Head("samples", "Samples it holds for", "long", meaning="the others have 0; a number of its own is given"),
    ]
    return table_view(
        pd.DataFrame(rows, columns=["contrast", "coefficient", "asked", "samples"]),
        id="design-table",
        caption="The model matrix of each contrast, one coefficient a row",
        heads=heads,
        table=tables.DESIGN,
        source="design.tsv",
        fold_from=12,
        empty="No contrast of this run has a model matrix.",
    )
