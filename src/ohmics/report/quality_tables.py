"""The tables of quality, of filters, of pairs and of how alike samples are come in; their views go out."""

from __future__ import annotations

import re

import pandas as pd

from ohmics import tables
from ohmics.report import select, words
from ohmics.report.inputs import ReportInputs
from ohmics.report.tables import Head, TableView, table_view

ANY = "any"
_FILTERS = (
    ("n_umi", "UMI"),
    ("n_genes", "genes"),
    ("pct_mito", "mitochondrial %"),
)
_SUMMARY = (
    ("n_cells", "Cells", "whole"),
    ("median_umi", "Median UMI", "whole"),
    ("median_genes", "Median genes", "whole"),
    ("median_pct_mito", "Mitochondrial, %", "number"),
    ("complexity", "Complexity", "number"),
)
_PAIR = (
    ("median_umi", "Median UMI", "whole"),
    ("median_genes", "Median genes", "whole"),
    ("pct_mito", "Mitochondrial, %", "number"),
    ("doublet_rate", "Doublets, %", "percent"),
    ("ambient_fraction", "Ambient RNA, %", "percent"),
    ("complexity", "Complexity", "number"),
)
_WRITE = {"whole": words.whole, "number": words.number, "percent": words.percent}


def summary_table(inputs: ReportInputs) -> TableView | None:
    """Return depth, genes, mitochondrial share and complexity of each sample before and after the filters."""
    if inputs.cell_summary is None or inputs.cell_summary.empty:
        return None
    order = {name: place for place, name in enumerate(select.samples_in_order(inputs))}
    rows = [
        {
            "sample": sample,
            **{name: _arrow(part, name, kind) for name, _, kind in _SUMMARY},
            "doublets": part.get("before", {}).get("n_doublets"),
        }
        for sample, part in _by_sample(inputs.cell_summary).items()
    ]
    rows.sort(key=lambda row: order.get(str(row["sample"]), len(order)))
    return table_view(
        pd.DataFrame(rows),
        id="filters-summary",
        caption="Each sample before → after the filters",
        heads=[
            Head("sample", "Sample"),
            *[Head(name, label, meaning=tables.CELL_SUMMARY.column(name).meaning) for name, label, _ in _SUMMARY],
            Head("doublets", "Doublets called", "whole"),
        ],
        source="tables/cell_summary.tsv",
        fold_from=40,
    )


def _by_sample(frame: pd.DataFrame) -> dict[str, dict[str, dict[str, object]]]:
    found: dict[str, dict[str, dict[str, object]]] = {}
    for row in select.records(frame):
        found.setdefault(str(row["sample"]), {})[str(row["cells"])] = row
    return found


def _arrow(part: dict[str, dict[str, object]], name: str, kind: str) -> str:
    before, after = (_WRITE[kind](part.get(side, {}).get(name)) or "–" for side in ("before", "kept"))
    return f"{before} → {after}"


def filter_table(inputs: ReportInputs) -> TableView | None:
    """Return how many cells of each sample failed each filter."""
    frame = inputs.cell_filters
    if frame is None or frame.empty:
        return None
    names = [ANY, *sorted(name for name in frame["filter"].unique() if name != ANY)]
    wide = frame.pivot_table(index="sample", columns="filter", values="n_cells", aggfunc="first")
    order = [name for name in select.samples_in_order(inputs) if name in wide.index]
    wide = wide.reindex(index=order, columns=names).reset_index()
    shares = frame[frame["filter"] == ANY].set_index("sample")["share"]
    wide["share"] = wide["sample"].map(shares)
    return table_view(
        wide,
        id="filters-removed",
        caption="How many cells each filter removed; a cell can fail several",
        heads=[
            Head("sample", "Sample"),
            Head("share", "Removed, %", "percent"),
            *[Head(name, "Removed" if name == ANY else filter_words(name), "whole") for name in names],
        ],
        source="tables/cell_filters.tsv",
        fold_from=40,
    )


def filter_words(name: str) -> str:
    """Return a filter as people say it: ``UMI below 500``."""
    for known, said in _FILTERS:
        name = re.sub(rf"\b{known}\b", said, name)
    return name


def pair_quality_table(inputs: ReportInputs) -> TableView | None:
    """Return the quality of both sides of every complete pair beside each other."""
    if inputs.pairs is None or inputs.qc is None:
        return None
    rows = inputs.pairs[inputs.pairs["complete"].fillna(False).astype(bool)]
    if rows.empty:
        return None
    values: dict[str, dict[str, object]] = {str(row["sample"]): row for row in select.records(inputs.qc)}
    if inputs.cell_summary is not None:
        for sample, part in _by_sample(inputs.cell_summary).items():
            values.setdefault(sample, {})["complexity"] = part.get("kept", {}).get("complexity")
    shown = [entry for entry in _PAIR if any(not words.is_missing(v.get(entry[0])) for v in values.values())]
    views = {view.name: view for view in select.contrasts(inputs)}
    notes: dict[tuple[str, str], str] = {}
    for name in views:
        notes |= {(name, block): note for block, note in select.depth_notes(inputs, name)}
    frame = pd.DataFrame(
        [
            {
                "contrast": row["contrast"],
                "pair": select.block_name(row["block"]),
                **{name: _sides(row, values, name, kind) for name, _, kind in shown},
                "flag": notes.get((str(row["contrast"]), select.block_name(row["block"])), ""),
            }
            for row in select.records(rows)
        ]
    )
    labels = {"median_umi": "Library size", "median_genes": "Genes detected"} if inputs.bulk else {}
    sides = {(view.reference, view.test) for view in views.values()}
    lead = f"{next(iter(sides))[0]} → {next(iter(sides))[1]}" if len(sides) == 1 else "reference → test"
    return table_view(
        frame,
        id="pairs-quality",
        caption=f"Both sides of every complete pair, {lead}",
        heads=[
            *([Head("contrast", "Contrast")] if len(views) > 1 else []),
            Head("pair", "Pair"),
            *[Head(name, labels.get(name, label)) for name, label, _ in shown],
            Head("flag", "Depth differs", "long", meaning="one side has at least twice the depth of the other"),
        ],
        source="pairs.tsv, tables/qc.tsv" + (" and tables/cell_summary.tsv" if inputs.cell_summary is not None else ""),
        fold_from=40,
    )


def _sides(row: dict[str, object], values: dict[str, dict[str, object]], name: str, kind: str) -> str:
    both = []
    for side in ("reference_samples", "test_samples"):
        found = [_WRITE[kind](values.get(sample, {}).get(name)) or "–" for sample in words.split(row[side])]
        both.append(", ".join(found) or "–")
    return " → ".join(both)


def similarity_table(inputs: ReportInputs) -> TableView | None:
    """Return which sample each bulk sample resembles most; those nearest to another patient's come first."""
    frame = inputs.sample_similarity
    if frame is None or frame.empty:
        return None
    patients = dict(zip(inputs.samples["sample"], inputs.samples["patient"], strict=True))
    odd = frame["rank_own"].notna() & (frame["rank_own"] != 1)
    frame = frame.assign(
        patient=frame["sample"].map(patients),
        nearest_patient=frame["nearest"].map(patients),
        what=[
            "outlier" if out else "nearest is another's" if far else ""
            for out, far in zip(frame["outlier"], odd, strict=True)
        ],
        place=(~frame["outlier"].astype(bool)).astype(int) + (~odd).astype(int),
    ).sort_values(["place", "median_correlation"], kind="stable")
    return table_view(
        frame,
        id="similarity-table",
        caption=f"Which sample each resembles most; those nearest to another {inputs.unit}'s first",
        heads=[
            Head("sample", "Sample"),
            Head("patient", inputs.unit.capitalize()),
            Head("what", "Look at it"),
            Head("nearest", "Nearest sample"),
            Head("nearest_patient", "of"),
            Head("nearest_correlation", "Correlation", "number"),
            Head("own_correlation", f"With the {inputs.unit}'s own", "number"),
            Head("rank_own", "which is nearest number", "whole"),
            Head("median_correlation", "Median with all", "number"),
        ],
        table=tables.SAMPLE_SIMILARITY,
        source="tables/sample_similarity.tsv",
        fold_from=25,
    )
