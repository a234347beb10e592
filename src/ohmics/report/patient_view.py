"""The tables of a run come in, each patient's rows of them go out: split once, handed out patient by patient."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ohmics.plots import style
from ohmics.plots.patient_umap import CellGround
from ohmics.report import select, words
from ohmics.report.inputs import ReportInputs
from ohmics.report.patient_names import page_names

_BY_PATIENT = ("antigen", "antigen_depth", "presentation", "lineage", "lineage_cells", "patient_comparison")
_BY_SAMPLE = ("qc", "identity", "cells", "car", "cell_measures", "junctions", "states", "skipped")
_BY_SUBJECT = ("pairs", "evidence", "composition", "state_effects", "state_composition")
_KEYS = (
    dict.fromkeys(_BY_PATIENT, "patient") | dict.fromkeys(_BY_SAMPLE, "sample") | dict.fromkeys(_BY_SUBJECT, "subject")
) | {"skipped": "subject"}


@dataclass(frozen=True, slots=True)
class PatientView:
    """What a page is made of: the patient, the samples in order, and the rows of each table that are theirs."""

    patient: str
    name: str
    samples: pd.DataFrame
    rows: Mapping[str, pd.DataFrame]
    contrasts: tuple[select.ContrastView, ...]

    def of(self, table: str) -> pd.DataFrame:
        """Return the patient's rows of a table; an empty frame where the run did not make it."""
        return self.rows.get(table, pd.DataFrame())

    def within(self, table: str, contrast: str) -> pd.DataFrame:
        """Return the patient's rows of a table in one contrast."""
        frame = self.of(table)
        return frame[frame["contrast"] == contrast] if "contrast" in frame else frame

    def verdicts(self, contrast: str) -> pd.DataFrame:
        """Return the patient's verdicts in one contrast."""
        rows = self.within("evidence", contrast)
        return rows[rows["level"] == "patient"] if len(rows) else rows

    def compared(self, contrast: str, *kinds: str) -> pd.DataFrame:
        """Return the rows of PATIENT_COMPARISON of these kinds."""
        rows = self.within("patient_comparison", contrast)
        return rows[rows["kind"].isin(kinds)] if len(rows) else rows


class Cohort:
    """A run seen patient by patient; what all pages share is made once.

    Parameters
    ----------
    inputs
        Tables of a run.
    """

    def __init__(self, inputs: ReportInputs) -> None:
        self.inputs = inputs
        self.contrasts = tuple(select.contrasts(inputs))
        self.colours = select.colours(inputs)
        self.names = select.names(inputs)
        self.mechanisms = select.mechanisms(inputs)
        self.patients = style.in_order(inputs.samples["patient"].astype(str))
        self.alone = len(self.patients) == 1
        self.pages = page_names(self.patients)
        self.ground = None if inputs.bulk or inputs.cells is None else CellGround(inputs.cells)
        # A mechanism that the cohort could not assess may have been read in one patient.
        every = replace(inputs, evidence=None)
        self.changes = {view.name: select.primary_effects(every, view.name, "patient") for view in self.contrasts}
        self.scales = {view.name: _scale(inputs, view.name) for view in self.contrasts}
        self.unseen = {view.name: _unseen(inputs, view.name) for view in self.contrasts}
        self.together = {view.name: _together(inputs, view.name) for view in self.contrasts}
        self.timepoints = {name: place for place, name in enumerate(in_time(select.timepoints(inputs)))}
        self._parts = {name: _split(getattr(inputs, name), key) for name, key in _KEYS.items()}
        self._sheet = _split(inputs.samples, "patient")

    def view(self, patient: str) -> PatientView:
        """Return everything of one patient."""
        samples = self._sheet[patient]
        place = samples["timepoint"].map(self.timepoints)
        samples = samples.assign(_place=place).sort_values(["_place", "sample"], kind="stable").drop(columns="_place")
        ids = samples["sample"].astype(str).tolist()
        rows: dict[str, pd.DataFrame] = {}
        for name, key in _KEYS.items():
            wanted = ids if key == "sample" else [*ids, patient] if name == "skipped" else [patient]
            found = [self._parts[name][one] for one in dict.fromkeys(wanted) if one in self._parts[name]]
            if found:
                rows[name] = pd.concat(found, ignore_index=True) if len(found) > 1 else found[0].reset_index(drop=True)
        said = set()
        for name in ("pairs", "evidence"):
            if name in rows:
                said |= {str(contrast) for contrast in rows[name]["contrast"]}
        shown = tuple(view for view in self.contrasts if view.name in said)
        return PatientView(patient, self.pages[patient], samples.reset_index(drop=True), rows, shown)


_TIMES = (
    ("apheresis", "leukapheresis"),
    ("product", "infusion product", "ip"),
    ("pre", "baseline", "screening", "before", "pretreatment", "diagnosis"),
    ("early", "on", "peak", "on-treatment"),
    ("mid", "middle"),
    ("late", "post", "after"),
    ("relapse", "progression", "pd", "resistant"),
)


def in_time(timepoints: Sequence[str]) -> list[str]:
    """Return the timepoints as they follow each other where all of them are well-known words, else as given.

    Examples
    --------
    >>> in_time(["Early", "Late", "Mid", "Product"])
    ['Product', 'Early', 'Mid', 'Late']
    """
    place = {word: number for number, group in enumerate(_TIMES) for word in group}
    known = [place.get(name.strip().casefold()) for name in timepoints]
    if any(number is None for number in known):
        return list(timepoints)
    return [name for _, name in sorted(zip(known, timepoints, strict=True), key=lambda pair: pair[0] or 0)]


def _split(frame: pd.DataFrame | None, key: str) -> dict[str, pd.DataFrame]:
    if frame is None or frame.empty:
        return {}
    return {str(name): own for name, own in frame.groupby(key, sort=False, observed=True)}


def _scale(inputs: ReportInputs, contrast: str) -> dict[str, float]:
    cohort = select.primary_effects(replace(inputs, evidence=None), contrast, "cohort")
    if cohort.empty:
        return {}
    sds = dict(zip(cohort["mechanism"].astype(str), cohort["sd_change"].astype(float), strict=True))
    return {name: sd for name, sd in sds.items() if sd > 0}


def _unseen(inputs: ReportInputs, contrast: str) -> pd.DataFrame:
    """Return the cohort's verdicts that say a mechanism could not be assessed for anybody."""
    rows = select.cohort_evidence(inputs, contrast)
    if rows is None or rows.empty:
        return pd.DataFrame(columns=["mechanism", "sub_reason", "reasons", "would_change"])
    return rows[rows["verdict"] == "not_assessable"]


def _together(inputs: ReportInputs, contrast: str) -> dict[str, str]:
    """Return what was said of each mechanism over all patients: the verdict, with its grade or what kind of open."""
    rows = select.cohort_evidence(inputs, contrast)
    if rows is None or rows.empty:
        return {}
    found = {}
    for mechanism, verdict, sub_reason, grade in zip(
        rows["mechanism"], rows["verdict"], rows["sub_reason"], rows["grade"], strict=True
    ):
        more = told(grade) or _OPEN.get(told(sub_reason), words.phrase(sub_reason))
        said = words.phrase(verdict)
        found[str(mechanism)] = f"{said} ({more})" if more and verdict != "not_assessable" else said
    return found


_OPEN = {"no_relevant_change": "no relevant change", "called_per_patient": "called one by one"}


def plain_names(text: str) -> str:
    """Return a sentence with the panels of lineages, which are named as identifiers, in words."""
    return re.sub(r"(?<=[a-z])_(?=[a-z])", " ", text)


def told(value: object, otherwise: str = "") -> str:
    """Return a table's text; ``otherwise`` when it is missing."""
    return otherwise if words.is_missing(value) else str(value)
