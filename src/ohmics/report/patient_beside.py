"""One patient's rows come in, tables that set their values beside the cohort's go out; nothing is computed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ohmics import tables
from ohmics.model import WITH_SUBTYPES
from ohmics.report import select, words
from ohmics.report.antigen_methods import interval_words
from ohmics.report.pair_labels import with_labels
from ohmics.report.patient_view import Cohort, PatientView
from ohmics.report.states_panel import BEYOND, state_name
from ohmics.report.tables import Head, TableView, table_view
from ohmics.tables import QC

_QUALITY = {
    "cells_kept": "Cells kept",
    "median_umi": "Median counts a cell",
    "median_genes": "Median genes a cell",
    "pct_mito": "Mitochondrial, %",
    "ambient_fraction": "Ambient RNA, fraction",
}
_CAR_SHARE = "CAR+ share of T cells"
"""As PATIENT_COMPARISON names it."""
_MALIGNANT, _MALIGNANT_CELLS = "malignant", "malignant cells"
_PERSON = ("mismatch", "possible_chimerism_or_loss_of_y", "consistent", "not_assessable")
_ROLES = {"presentation": "HLA class I presentation", "ifn_gamma": "IFN-gamma signalling"}
_QUALITY_BULK = {"median_umi": "Library size", "median_genes": "Genes detected", "pct_mito": "Mitochondrial, %"}


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as mappings of column to value."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def item_name(row: Mapping[str, Any]) -> str:
    """Return what a row of PATIENT_COMPARISON compares, as a reader names it."""
    item = str(row["item"])
    if row["kind"] == "t_cell_state":
        return state_name(item)
    return _MALIGNANT_CELLS if row["kind"] == "composition" and item == _MALIGNANT else item


def in_groups(rows: pd.DataFrame) -> pd.DataFrame:
    """Return shares with the wider groups of cells first: malignant ones, and types with their subtypes."""
    wide = [str(item) == _MALIGNANT_CELLS or str(item).endswith(WITH_SUBTYPES) for item in rows["item"]]
    return rows.assign(_wide=[not one for one in wide]).sort_values("_wide", kind="stable").drop(columns="_wide")


def role_name(role: object) -> str:
    """Return what an antigen is to the patient: target, alternative, or part of which pathway."""
    return _ROLES.get(str(role), words.phrase(role))


def beside_cohort(row: Mapping[str, Any], *, signed: bool = False, percent: bool = False) -> str:
    """Return the median and range over the patients as one text; empty where there is none."""
    if not row:
        return ""
    write = words.signed if signed else words.percent if percent else words.number
    return f"{write(row['median'])} ({write(row['lowest'])} to {write(row['highest'])})"


def antigen_table(cohort: Cohort, view: PatientView) -> TableView | None:
    """Return every antigen called: target, alternatives and presentation, beside the cohort; None without any."""
    parts = [view.of(name) for name in ("antigen", "presentation") if len(view.of(name))]
    if not parts:
        return None
    rows = pd.concat(parts, ignore_index=True)
    beside: dict[tuple[str, str], dict[str, Any]] = {}
    for contrast in view.contrasts:
        for row in records(view.compared(contrast.name, "antigen", "presentation")):
            beside.setdefault((str(row["item"]), str(row["sample"])), row)
    peers = [beside.get((str(a), str(s)), {}) for a, s in zip(rows["antigen"], rows["post_sample"], strict=True)]
    bulk = cohort.inputs.bulk
    rows = with_labels(rows)
    shown = rows.assign(
        share=[
            "" if words.is_missing(low) else f"{words.percent(low)} to {words.percent(high) or 'no limit'}"
            for low, high in zip(rows["remaining_low"], rows["remaining_high"], strict=True)
        ],
        before=[_of(d, n) for d, n in zip(rows["detected_pre"], rows["n_cells_pre"], strict=True)],
        after=[_of(d, n) for d, n in zip(rows["detected_post"], rows["n_cells_post"], strict=True)],
        cohort=[beside_cohort(row, percent=True) for row in peers],
        role=[role_name(value) for value in rows["role"]] if "role" in rows else "",
    )
    return table_view(
        shown,
        id="antigens-table",
        caption="Antigens before and after; alternatives are research information, no recommendation",
        heads=[
            Head("antigen", "Antigen"),
            *([Head("post_sample", "Later sample")] if rows["several"].any() else []),
            Head("role", "Role"),
            Head("call", "Call", "phrase"),
            *([] if bulk else [Head("before", "Cells with a count, before", meaning="of malignant cells")]),
            *([] if bulk else [Head("after", "after", meaning="of malignant cells")]),
            *([] if bulk else [Head("expected_detected", "expected after", "whole")]),
            Head("remaining_fraction", "Remains, %", "percent"),
            Head("share", interval_words(cohort.inputs)),
            *([] if cohort.alone else [Head("cohort", f"All {cohort.inputs.unit}s: median (range)")]),
            Head("p", "p (loss)", "p"),
        ],
        table=tables.ANTIGEN,
        source="tables/antigen.tsv, tables/antigen_presentation.tsv and tables/patient_comparison.tsv",
    )


def _of(part: object, whole: object) -> str:
    return "" if words.is_missing(part) or words.is_missing(whole) else f"{words.whole(part)} of {words.whole(whole)}"


def shares_table(cohort: Cohort, view: PatientView, contrast: str) -> TableView | None:
    """Return shares of cells before and after, beside the cohort's; None without any.

    PATIENT_COMPARISON holds no sample whose CAR+ share was not told. It is named here, from CAR.
    """
    return _both_sides(
        cohort,
        view.compared(contrast, "car", "b_cells", "composition", "t_cell_state"),
        id=f"shares-{words.anchor(contrast)}",
        caption="Shares of cells before and after, in per cent",
        names={},
        percent=True,
        untold=car_untold(view, contrast),
    )


def car_untold(view: PatientView, contrast: str) -> list[tuple[str, str]]:
    """Return side and words of each of the patient's samples in a contrast without a CAR+ share: why it has none."""
    pairs, calls = view.within("pairs", contrast), records(view.of("car"))
    found = []
    for side, column in (("before", "reference_samples"), ("after", "test_samples")):
        names = {name for joined in (pairs[column] if len(pairs) else ()) for name in words.split(joined)}
        for row in calls:
            if str(row["sample"]) in names and words.is_missing(row["estimate"]):
                most = "" if words.is_missing(row["high"]) else f", {words.percent(row['high'])} at most"
                found.append((side, f"{words.phrase(row['call'])} in {row['sample']}{most}"))
    return found


def quality_table(cohort: Cohort, view: PatientView, contrast: str) -> TableView | None:
    """Return the quality of the samples beside that of the other patients' on the same side; None without any."""
    names = _QUALITY_BULK if cohort.inputs.bulk else _QUALITY
    rows = view.compared(contrast, "quality")
    return _both_sides(
        cohort,
        rows[rows["item"].isin(names)] if len(rows) else rows,
        id=f"quality-{words.anchor(contrast)}",
        caption="Quality of the samples",
        names=names,
        percent=False,
    )


def _both_sides(
    cohort: Cohort,
    rows: pd.DataFrame,
    *,
    id: str,
    caption: str,
    names: Mapping[str, str],
    percent: bool,
    untold: Sequence[tuple[str, str]] = (),
) -> TableView | None:
    if not len(rows) and not untold:
        return None
    found: dict[tuple[str, str], dict[str, Any]] = {}
    write = words.percent if percent else words.number
    for row in records(rows[rows["side"].isin(["before", "after"])]) if len(rows) else []:
        item = names.get(str(row["item"]), item_name(row))
        if row["kind"] == "t_cell_state":
            item = f"T cells: {item}"
        one = found.setdefault((str(row["kind"]), item), {"item": item})
        side = str(row["side"])
        span = "" if words.is_missing(row["low"]) else f" ({write(row['low'])} to {write(row['high'])})"
        one[side] = "; ".join(filter(None, [one.get(side, ""), f"{write(row['value'])}{span}"]))
        one[f"{side}_cohort"] = beside_cohort(row, percent=percent)
    for side, text in untold:
        one = found.setdefault(("car", _CAR_SHARE), {"item": _CAR_SHARE})
        one[side] = "; ".join(filter(None, [one.get(side, ""), text]))
    source = "tables/patient_comparison.tsv"
    if untold:
        source += " and tables/car.tsv; a sample without a CAR+ share is in no median or range"
    frame = pd.DataFrame(list(found.values()), columns=["item", "before", "before_cohort", "after", "after_cohort"])
    every = f"all {cohort.inputs.unit}s: median (range)"
    return table_view(
        in_groups(frame) if percent else frame,
        id=id,
        caption=caption,
        heads=[
            Head("item", "What"),
            Head("before", "Before"),
            *([] if cohort.alone else [Head("before_cohort", f"Before, {every}")]),
            Head("after", "After"),
            *([] if cohort.alone else [Head("after_cohort", f"After, {every}")]),
        ],
        source=source,
    )


def exhaustion_table(cohort: Cohort, view: PatientView, contrast: str) -> TableView | None:
    """Return the change of terminal exhaustion, raw and beyond activation, beside the cohort's; None without any."""
    found: dict[str, dict[str, Any]] = {}
    for row in records(view.compared(contrast, "exhaustion")):
        lead = "beyond" if str(row["method"]).endswith(BEYOND) else "raw"
        one = found.setdefault(str(row["cell_type"]), {"cells": words.cells(row["cell_type"])})
        one[lead] = f"{words.signed(row['value'])}{in_brackets(row['low'], row['high'])}"
        one[f"{lead}_cohort"] = beside_cohort(row, signed=True)
    if not found:
        return None
    every = f"all {cohort.inputs.unit}s: median (range)"
    return table_view(
        pd.DataFrame(list(found.values()), columns=["cells", "raw", "raw_cohort", "beyond", "beyond_cohort"]),
        id=f"exhaustion-{words.anchor(contrast)}",
        caption="Terminal exhaustion of T cells: raw change, and what is left beyond activation, cycling and depth",
        heads=[
            Head("cells", "Read in"),
            Head("raw", "Raw change (technical range)"),
            *([] if cohort.alone else [Head("raw_cohort", f"Raw, {every}")]),
            Head("beyond", "Change beyond (technical range)"),
            *([] if cohort.alone else [Head("beyond_cohort", f"Beyond, {every}")]),
        ],
        source=(
            "tables/state_effects.tsv and tables/patient_comparison.tsv. One unit is the sd of a gene over the "
            "cohort's T cells; where only the raw score changes, activation, cycling or depth may be why"
        ),
    )


def in_brackets(low: object, high: object) -> str:
    """Return a range to follow its value; empty when there is none."""
    return "" if words.is_missing(low) or words.is_missing(high) else f" ({words.signed(low)} to {words.signed(high)})"


def samples_table(cohort: Cohort, view: PatientView) -> TableView | None:
    """Return the quality of the patient's samples, those without a comparison too; None when none was checked."""
    qc = {str(row["sample"]): row for row in records(view.of("qc"))}
    if not qc:
        return None
    bulk = cohort.inputs.bulk
    rows = []
    for sample in records(view.samples):
        name = str(sample["sample"])
        row = qc.get(name, {})
        flags = words.split(row.get("flags"), ";")
        rows.append(
            row
            | {
                "sample": name,
                "timepoint": sample.get("timepoint"),
                "why": "|".join(words.sentence(flag) for flag in flags),
                "person": _same_person(view.of("identity"), name),
            }
        )
    heads = [
        Head("sample", "Sample"),
        Head("timepoint", "Timepoint"),
        Head("verdict", "Verdict", "verdict"),
        *([] if bulk else [Head("cells_in", "Cells in", "whole"), Head("cells_kept", "Cells kept", "whole")]),
        Head("median_umi", "Library size" if bulk else "Median counts a cell", "whole"),
        Head("median_genes", "Genes" if bulk else "Median genes a cell", "whole"),
        Head("pct_mito", "Mitochondrial, %", "number"),
        *([] if bulk else [Head("doublet_rate", "Doublets, %", "percent")]),
        *([] if bulk else [Head("ambient_fraction", "Ambient RNA, %", "percent")]),
        Head("person", "Same person, by sex genes", "list"),
        Head("why", "Why", "list"),
    ]
    shown = ["sample", "timepoint", "verdict", *QC.names, "person", "why"]
    frame = pd.DataFrame(rows, columns=list(dict.fromkeys(shown)))
    given = [head for head in heads if head.column in ("sample", "verdict") or select.any_given(frame, head.column)]
    return table_view(
        frame,
        id="samples-table",
        caption=f"Quality of this {cohort.inputs.unit}'s samples",
        heads=given,
        source="tables/qc.tsv and tables/identity.tsv",
    )


def _same_person(rows: pd.DataFrame, sample: str) -> str | None:
    """Return what the sex genes say of a sample, and for which cells where they do not agree."""
    own = rows[rows["sample"].astype(str) == sample] if len(rows) else rows
    found: dict[str, list[str]] = {}
    for row in records(own):
        found.setdefault(str(row["verdict"]), []).append(words.cells(row["cell_type"]))
    told = [verdict for verdict in _PERSON if verdict in found]
    if len(told) > 1:
        # Cell types with too few counts say nothing beside those that have enough.
        told = [verdict for verdict in told if verdict != "not_assessable"]
    if len(told) == 1:
        return words.phrase(told[0])
    return "|".join(f"{words.phrase(verdict)}: {words.series(found[verdict], most=4)}" for verdict in told) or None
