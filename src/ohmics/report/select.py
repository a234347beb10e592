"""Tables and the catalogue come in, the rows that a figure or a sentence speaks of go out; nothing is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ohmics.model import BEYOND_CONTENT, COMPARTMENTS, Mechanism
from ohmics.plots import style
from ohmics.report import words
from ohmics.report.inputs import ReportInputs


@dataclass(frozen=True, slots=True)
class ContrastView:
    """A contrast as a reader meets it: name, what is compared, and its two sides."""

    name: str
    text: str
    test: str
    reference: str
    paired: bool


@dataclass(frozen=True, slots=True)
class Colours:
    """One colour a level, the same in every figure of a run."""

    patients: Mapping[str, str]
    timepoints: Mapping[str, str]
    cell_types: Mapping[str, str]
    samples: Mapping[str, str]


def contrasts(inputs: ReportInputs) -> list[ContrastView]:
    """Return the contrasts of the run, those of the config first, in its order."""
    views: dict[str, ContrastView] = {}
    for entry in inputs.config.get("contrasts") or []:
        test, reference = (_side(entry.get(side)) for side in ("test", "reference"))
        name = str(entry.get("name") or (f"{test}_vs_{reference}" if test is not None else entry.get("variable")))
        text = f"{test} against {reference}" if test is not None else f"along {entry.get('variable')}"
        blocks = entry.get("pair_by")
        if blocks:
            text += f", paired by {words.in_words(_blocks(blocks, inputs.unit))}"
        if entry.get("random_by"):
            text += f", {words.in_words(_blocks(entry['random_by'], inputs.unit))} as a random effect"
        if entry.get("interact_with"):
            text += f", change compared between groups of {entry['interact_with']}"
        if entry.get("covariates"):
            text += f", adjusted for {words.in_words(_blocks(entry['covariates'], inputs.unit))}"
        if entry.get("where"):
            text += ", only where " + " and ".join(
                f"{key} is {_values(value)}" for key, value in entry["where"].items()
            )
        views[name] = ContrastView(name, text, str(test or "test"), str(reference or "reference"), bool(blocks))
    for frame in (inputs.evidence, inputs.effects, inputs.pairs):
        for name in [] if frame is None else frame["contrast"].drop_duplicates():
            views.setdefault(name, ContrastView(name, name, "test", "reference", True))
    return list(views.values())


def _side(value: object) -> str | None:
    """Return the values of one side in words, None of a continuous contrast."""
    return None if value is None else str(value).replace("|", " or ")


def _blocks(blocks: object, unit: str) -> list[str]:
    names = list(blocks) if isinstance(blocks, (list, tuple)) else [str(blocks)]
    return [unit if name == "patient" else str(name) for name in names]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as mappings from column to value."""
    return [{str(column): value for column, value in row.items()} for row in frame.to_dict("records")]


def any_given(frame: pd.DataFrame, column: str) -> bool:
    """Return whether a column is there and has a value."""
    return column in frame and bool(frame[column].notna().any())


def first_variable(inputs: ReportInputs) -> str:
    """Return the column that the first contrast compares, where the sheet holds it; else the timepoint."""
    for entry in inputs.config.get("contrasts") or []:
        name = str(entry.get("variable"))
        return name if name in inputs.samples else "timepoint"
    return "timepoint"


def _values(value: object) -> str:
    return words.series(value) if isinstance(value, (list, tuple)) else str(value)


def timepoints(inputs: ReportInputs) -> list[str]:
    """Return the timepoints, reference before test where a contrast orders them, then the rest by name."""
    known = style.in_order(inputs.samples["timepoint"].dropna())
    ordered: list[str] = []
    for entry in inputs.config.get("contrasts") or []:
        if entry.get("variable") == "timepoint":
            sides = [str(entry[side]) for side in ("reference", "test") if entry.get(side) is not None]
            ordered += [value for side in sides for value in (side, *side.split("|"))]
    first = [name for name in dict.fromkeys(ordered) if name in known]
    return [*first, *[name for name in known if name not in first]]


def samples_in_order(inputs: ReportInputs) -> list[str]:
    """Return the samples by patient, then timepoint, then name."""
    places = {name: place for place, name in enumerate(timepoints(inputs))}
    patients = {name: place for place, name in enumerate(style.in_order(inputs.samples["patient"]))}
    rows = inputs.samples.assign(
        _patient=inputs.samples["patient"].map(patients), _time=inputs.samples["timepoint"].map(places)
    )
    return [str(name) for name in rows.sort_values(["_patient", "_time", "sample"], kind="stable")["sample"]]


def colours(inputs: ReportInputs) -> Colours:
    """Return the colours of a run's patients, timepoints, cell types and samples (by timepoint)."""
    times = style.assign(timepoints(inputs), palette=style.TIMEPOINTS)
    types = set() if inputs.cells is None else set(inputs.cells["cell_type"].dropna())
    if inputs.composition is not None:
        types |= set(inputs.composition["cell_type"].dropna())
    by_sample = dict(zip(inputs.samples["sample"], inputs.samples["timepoint"], strict=True))
    return Colours(
        patients=style.assign(style.in_order(inputs.samples["patient"]), palette=style.PATIENTS),
        timepoints=times,
        cell_types=style.assign(style.in_order(types)),
        samples={sample: times[str(timepoint)] for sample, timepoint in by_sample.items()},
    )


def mechanisms(inputs: ReportInputs) -> dict[str, Mechanism]:
    """Return the mechanisms by compartment, in the catalogue's order within one."""
    if inputs.catalog is None:
        return {}
    place = {name: number for number, name in enumerate(COMPARTMENTS)}
    items = sorted(inputs.catalog.mechanisms.items(), key=lambda item: place.get(item[1].compartment, len(place)))
    return dict(items)


def names(inputs: ReportInputs) -> dict[str, str]:
    """Return mechanism identifier to name."""
    return {key: mechanism.name for key, mechanism in mechanisms(inputs).items()}


def primary_effects(inputs: ReportInputs, contrast: str, level: str) -> pd.DataFrame:
    """Return the EFFECTS rows of the primary lines, thinned to one depth: those the verdicts rest on.

    A mechanism that could not be assessed has no row here, whatever EFFECTS holds of its list: its genes were then
    read in cells that do not carry it. Pairs that do not compare like with like stay, since their changes are shown
    with that caution.
    """
    if inputs.effects is None or inputs.effects.empty:
        return pd.DataFrame(columns=[] if inputs.effects is None else inputs.effects.columns)
    rows = inputs.effects
    rows = rows[(rows["contrast"] == contrast) & (rows["level"] == level) & (rows["depth"] == "thinned")]
    assessed = _assessed(inputs, contrast)
    chosen = []
    for name, mechanism in mechanisms(inputs).items():
        line = mechanism.primary_line
        if line is None or line.nature != "expression" or (assessed is not None and name not in assessed):
            continue
        own = rows[
            (rows["gene_list"] == f"{name}/{line.gene_list}")
            & (rows["cell_type"] == _read_in(mechanism, bulk=inputs.bulk))
        ]
        beyond = own[own["method"] == f"{line.method}{BEYOND_CONTENT}"]
        own = beyond if len(beyond) and mechanism.read_beyond_content else own[own["method"] == line.method]
        if len(own):
            chosen.append(own)
    return pd.concat(chosen, ignore_index=True) if chosen else rows.head(0)


def _read_in(mechanism: Mechanism, *, bulk: bool) -> str:
    """Return the cell type a mechanism's primary line is read in; the same choice as the verdict's."""
    line = mechanism.primary_line
    if bulk or line is None:
        return "bulk"
    if line.cell_type != "bulk":
        return line.cell_type
    return next((kind for kind in mechanism.score_on if kind != "bulk"), "")


def _assessed(inputs: ReportInputs, contrast: str) -> set[str] | None:
    """Return the mechanisms with a verdict from the data; None when the run made no verdicts at all."""
    if inputs.evidence is None:
        return None
    rows = inputs.evidence[(inputs.evidence["contrast"] == contrast) & (inputs.evidence["level"] == "cohort")]
    shown = (rows["verdict"] != "not_assessable") | (rows["sub_reason"] == "pairs_not_comparable")
    return {str(name) for name in rows.loc[shown, "mechanism"]}


def cohort_evidence(inputs: ReportInputs, contrast: str) -> pd.DataFrame | None:
    """Return the cohort rows of EVIDENCE, most decided first, then by compartment."""
    return _evidence(inputs, contrast, "cohort")


def patient_evidence(inputs: ReportInputs, contrast: str) -> pd.DataFrame | None:
    """Return the patient rows of EVIDENCE that say more than the technical range, most decided first."""
    rows = _evidence(inputs, contrast, "patient")
    return None if rows is None else rows[~rows["verdict"].isin(["within_technical_range", "not_assessable"])]


def _compartment(known: Mapping[str, Mechanism], name: str) -> str:
    return words.COMPARTMENTS.get(known[name].compartment, known[name].compartment) if name in known else ""


_DECIDED = ("supported", "contradicted", "consistent", "opposite", "open", "within_technical_range", "not_assessable")


def _evidence(inputs: ReportInputs, contrast: str, level: str) -> pd.DataFrame | None:
    if inputs.evidence is None:
        return None
    rows = inputs.evidence[(inputs.evidence["contrast"] == contrast) & (inputs.evidence["level"] == level)]
    known = mechanisms(inputs)
    place = {name: number for number, name in enumerate(known)}
    verdict = {name: number for number, name in enumerate(_DECIDED)}
    rows = rows.assign(
        compartment=[_compartment(known, name) for name in rows["mechanism"]],
        _verdict=rows["verdict"].map(verdict),
        _place=[place.get(m, len(place)) for m in rows["mechanism"]],
    )
    return rows.sort_values(["_verdict", "_place", "subject", "mechanism"], kind="stable").reset_index(drop=True)


_DEPTH_NOTE = "scores are compared after thinning to one depth"
"""How the notes on depth in PAIRS end."""


def depth_notes(inputs: ReportInputs, contrast: str) -> list[tuple[str, str]]:
    """Return the pairs whose sides differ in depth, each with what PAIRS says of it."""
    if inputs.pairs is None:
        return []
    rows = inputs.pairs[(inputs.pairs["contrast"] == contrast) & inputs.pairs["note"].notna()]
    found = []
    for row in rows.itertuples(index=False):
        notes = [note.split(": ")[0] for note in words.split(row.note, ";") if note.endswith(_DEPTH_NOTE)]
        found += [(block_name(row.block), note) for note in notes]
    return found


def block_name(block: object) -> str:
    """Return the name of a pair: the values of the columns it is paired by."""
    return ", ".join(words.split(block))


def different_pairs(inputs: ReportInputs, contrast: str | None = None) -> pd.DataFrame:
    """Return the complete pairs whose sides differ in tissue, sort gate or chemistry."""
    if inputs.pairs is None:
        return pd.DataFrame(columns=["contrast", "subject", "block", "differs_in"])
    rows = inputs.pairs[inputs.pairs["complete"].fillna(False).astype(bool) & inputs.pairs["differs_in"].notna()]
    return rows if contrast is None else rows[rows["contrast"] == contrast]


def composition_skipped(inputs: ReportInputs, contrast: str) -> pd.DataFrame:
    """Return the rows of SKIPPED that say why a contrast's composition, or a patient's part in it, was not tested."""
    if inputs.skipped is None:
        return pd.DataFrame(columns=["subject", "reason"])
    rows = inputs.skipped
    about = rows["stage"].astype(str).str.contains("composition") | (rows["item"] == "composition")
    return rows[about & ((rows["contrast"] == contrast) | rows["contrast"].isna())]


def skipped_of(inputs: ReportInputs, stages: Sequence[str]) -> pd.DataFrame | None:
    """Return the rows of SKIPPED of these stages."""
    return None if inputs.skipped is None else inputs.skipped[inputs.skipped["stage"].isin(stages)]


def umap_was_drawn(inputs: ReportInputs) -> bool:
    """Say whether the cells have UMAP coordinates; without a table of cells the config tells."""
    wanted = (inputs.config.get("embed") or {}).get("umap", True)
    if wanted != "auto" or inputs.cells is None:
        return bool(wanted)
    return bool(inputs.cells["umap_1"].notna().any())


def was_thinned(inputs: ReportInputs) -> bool:
    """Say whether counts were thinned to one depth; without SCORES they are taken to have been."""
    if inputs.scores is None:
        return True
    return bool(inputs.scores.loc[inputs.scores["depth"] == "thinned", "thinned_to"].notna().any())
