"""CELLS and the sheet come in, the maps of cells on the QC page go out, coloured by everything a cell is known by."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from ohmics.plots import style, umap
from ohmics.plots.umap import MOST_POINTS
from ohmics.report import select, words
from ohmics.report.charts import with_chart
from ohmics.report.charts_cells import umap_chart
from ohmics.report.figures import FigureView, png_view
from ohmics.report.inputs import ReportInputs

_CLASSES: dict[str, tuple[str, tuple[float, ...], str]] = {
    "n_umi": ("Cells by depth (UMI a cell)", (500, 1_000, 2_000, 4_000, 8_000, 16_000), "{:,.0f}"),
    "n_genes": ("Cells by genes detected", (250, 500, 1_000, 2_000, 4_000), "{:,.0f}"),
    "pct_mito": ("Cells by mitochondrial share (%)", (2, 5, 10, 15, 20), "{:g}"),
    "doublet_score": ("Cells by doublet score", (0.05, 0.1, 0.2, 0.3, 0.5), "{:g}"),
}
"""Numbers are drawn in classes with fixed limits, so that colours mean the same in every run."""
_STEPS = ("#440154", "#443A83", "#31688E", "#21908C", "#35B779", "#8FD744", "#FDE725")
_FLAGS = {
    "malignant": ("Cells by malignant or not", {"True": "malignant", "False": "normal"}, "cannot be told"),
    "car_positive": ("Cells by CAR", {"True": "CAR+", "False": "no CAR found"}, "cannot be told"),
}


_NUMBERED = " A number stands within each group."
_MOST_GROUPS = 4


@dataclass(frozen=True, slots=True)
class _Colouring:
    column: str
    title: str
    shades: dict[str, str] | None
    numbered: bool


def map_views(inputs: ReportInputs, colours: select.Colours) -> list[FigureView]:
    """Return one map a colouring; the first answers to the pointer and can take every colouring."""
    if inputs.bulk or inputs.cells is None or not bool(inputs.cells["umap_1"].notna().any()):
        return []
    cells, known = _coloured(inputs, colours)
    total = len(cells)
    shown = min(total, MOST_POINTS)
    rule = (
        f"{shown:,} of {total:,} cells, drawn uniformly (the same in every map)"
        if shown < total
        else f"All {total:,} cells"
    )
    views: list[FigureView] = []
    for one in known:
        figure = umap(cells, colour=one.column, colours=one.shades, title=one.title, label_on_map=one.numbered)
        caption = f"{one.title}. {rule}."
        if one.numbered:
            caption += " In the still picture a number stands within each group." if not views else _NUMBERED
        groups = cells[one.column]
        alt = f"{one.title}, {total:,} cells in {words.count(groups.nunique(), 'group')}. {_largest(groups)}".strip()
        views.append(png_view(figure, id=f"fig-umap-{one.column}", caption=caption, alt=alt, dpi=110))
    colourings = [
        (one.column, one.title.removeprefix("Cells by "), style.colours_for(_named(cells[one.column]), one.shades))
        for one in known
    ]
    chart = umap_chart(cells, colourings=colourings, describe=f"Map of {total:,} cells. {views[0].alt}")
    return [with_chart(views[0], chart), *views[1:]]


def _largest(groups: pd.Series) -> str:
    """Return how many cells the largest groups hold, for those who cannot see the map."""
    counts = groups.value_counts()
    named = [f"{name} ({n:,})" for name, n in counts.head(_MOST_GROUPS).items()]
    return f"The largest: {words.series(named)}." if len(counts) > 1 else ""


def _coloured(inputs: ReportInputs, colours: select.Colours) -> tuple[pd.DataFrame, list[_Colouring]]:
    """Return the cells with one column of words a colouring, and the colourings in the order shown."""
    if inputs.cells is None:
        return pd.DataFrame(), []
    sheet = inputs.samples.set_index("sample")
    frame = inputs.cells[["sample", "cluster", "cell_type", "umap_1", "umap_2"]]
    frame = frame.assign(
        timepoint=frame["sample"].map(sheet["timepoint"]), patient=frame["sample"].map(sheet["patient"])
    )
    known = [
        _Colouring("cell_type", "Cells by cell type", dict(colours.cell_types), True),
        _Colouring("timepoint", "Cells by timepoint", dict(colours.timepoints), False),
        _Colouring("patient", "Cells by patient", dict(colours.patients), False),
        _Colouring("cluster", "Cells by cluster", None, True),
    ]
    for column, (title, labels, missing) in _FLAGS.items():
        if select.any_given(inputs.cells, column):
            named = inputs.cells[column].astype(object).map(lambda flag, labels=labels: labels.get(str(flag)))
            frame[column] = named.fillna(missing).astype(str)
            levels = dict(zip([*labels.values(), missing], ("#D55E00", "#0072B2", style.GREY), strict=True))
            known.append(_Colouring(column, title, levels, False))
    for column, (title, limits, written) in _CLASSES.items():
        if select.any_given(inputs.cells, column):
            frame[column], shades = _classes(inputs.cells[column], limits, written)
            known.append(_Colouring(column, title, shades, False))
    batch = sheet.get("batch")
    if batch is not None and len(set(batch.dropna())) > 1:
        frame["batch"] = frame["sample"].map(batch)
        known.append(_Colouring("batch", "Cells by batch", None, False))
    return frame, known


def _classes(values: pd.Series, limits: tuple[float, ...], written: str) -> tuple[pd.Series, dict[str, str]]:
    texts = [written.format(limit) for limit in limits]
    labels = [f"below {texts[0]}", *[f"{low} to {high}" for low, high in pairwise(texts)]]
    labels.append(f"{texts[-1]} and above")
    found = pd.cut(values.astype(float), [float("-inf"), *limits, float("inf")], right=False, labels=labels)
    shades = _STEPS[:: max(1, len(_STEPS) // len(labels))]
    return found.astype(object).where(found.notna(), "missing").astype(str), dict(zip(labels, shades, strict=False))


def _named(levels: pd.Series) -> pd.Series:
    return levels.astype(object).where(levels.notna(), "missing").astype(str)
