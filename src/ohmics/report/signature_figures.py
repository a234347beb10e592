"""The tables of a contrast come in, the views of its figures go out."""

from __future__ import annotations

import pandas as pd

from ohmics.model import WITH_SUBTYPES
from ohmics.plots import composition, forest, heat, style
from ohmics.report import findings, select, words
from ohmics.report.charts import with_chart
from ohmics.report.charts_change import forest_chart, heat_chart, heat_finding
from ohmics.report.figures import FigureView, png_view, svg_view
from ohmics.report.inputs import ReportInputs
from ohmics.share_groups import MALIGNANT

_MOST_VECTOR_CELLS = 1_500
"""A heat map with more cells than this is a PNG: as SVG it would weigh more than a megabyte."""


def heat_view(inputs: ReportInputs, view: select.ContrastView) -> FigureView | None:
    """Return the heat map of change, mechanisms × patients; None when no patient has a change."""
    effects = select.primary_effects(inputs, view.name, "patient")
    verdicts = _patient_verdicts(inputs, view.name)
    if effects.empty and not verdicts:
        return None
    known = select.mechanisms(inputs)
    spoken = {mechanism for mechanism, _ in verdicts} | (set(effects["mechanism"]) if len(effects) else set())
    judged = select.cohort_evidence(inputs, view.name)
    # What could not be assessed has its row too, hatched: leaving it out would look like nothing to see.
    spoken |= set() if judged is None else set(judged["mechanism"].astype(str))
    rows = [name for name in known if name in spoken]
    patients = style.in_order(
        {*[p for _, p in verdicts], *(effects["subject"] if len(effects) else []), *_paired(inputs, view.name)}
    )
    cohort = select.primary_effects(inputs, view.name, "cohort")
    sds = {} if cohort.empty else dict(zip(cohort["mechanism"], cohort["sd_change"].astype(float), strict=True))
    scale = sds if any(sd > 0 for sd in sds.values()) else None
    if effects.empty:
        effects = pd.DataFrame({"mechanism": [], "subject": [], "effect": []})
    groups = {name: words.COMPARTMENTS.get(known[name].compartment, known[name].compartment) for name in rows}
    figure = heat(
        effects,
        mechanisms=rows,
        patients=patients,
        labels=select.names(inputs),
        groups=groups,
        scale=scale,
        verdicts=verdicts,
        unit=inputs.unit,
        title=f"Change per mechanism and {inputs.unit}, {view.text}",
    )
    hatched = len(effects[effects["effect"].notna()]) < len(rows) * len(patients)
    caption = _heat_caption(
        unit=inputs.unit, bulk=inputs.bulk, hatched=hatched, called=effects_called(verdicts), scaled=scale is not None
    )
    alt = (
        f"Heat map of {words.count(len(rows), 'mechanism')} by {words.count(len(patients), inputs.unit)}. "
        + heat_finding(verdicts, labels=select.names(inputs), patients=len(patients), unit=inputs.unit)
    ).strip()
    draw = svg_view if len(rows) * len(patients) <= _MOST_VECTOR_CELLS else png_view
    chart = heat_chart(
        effects,
        mechanisms=rows,
        patients=patients,
        labels=select.names(inputs),
        groups=groups,
        scale=scale,
        verdicts=verdicts,
        targets=_heat_targets(inputs, view.name, rows, patients),
        unit=inputs.unit,
        describe=alt,
    )
    return with_chart(draw(figure, id=words.anchor("fig-heat", view.name), caption=caption, alt=alt), chart)


def _heat_targets(
    inputs: ReportInputs, contrast: str, mechanisms: list[str], patients: list[str]
) -> dict[tuple[str, str], str]:
    """Return the table row each cell of the heat map leads to: the patient's own, else the cohort's verdict."""
    evidence = select.patient_evidence(inputs, contrast)
    if evidence is None:
        return {}
    own = set(zip(evidence["mechanism"].astype(str), evidence["subject"].astype(str), strict=True))
    cohort = select.cohort_evidence(inputs, contrast)
    judged = set() if cohort is None else set(cohort["mechanism"].astype(str))
    targets = {}
    for mechanism in mechanisms:
        for patient in patients:
            if (mechanism, patient) in own:
                targets[mechanism, patient] = words.row_id(f"patients-{contrast}", patient, mechanism)
            elif mechanism in judged:
                targets[mechanism, patient] = words.row_id(f"verdicts-{contrast}", mechanism)
    return targets


def effects_called(verdicts: dict[tuple[str, str], str]) -> bool:
    """Return whether a single patient's verdict came from a call instead of a score."""
    return any(verdict in ("supported", "contradicted", "open") for verdict in verdicts.values())


def _heat_caption(*, unit: str, bulk: bool, hatched: bool, called: bool, scaled: bool) -> str:
    depth = "library size" if bulk else "depth a cell"
    text = f"Change of each mechanism's primary score, both sides thinned to one {depth}. "
    text += "Red: higher on the test side; blue: lower"
    text += "; hatched: not assessable, which is not the same as no change. " if hatched else ". "
    if scaled:
        text += f"One sd is that of the change between {unit}s; colours end at 3. "
    text += f"A dot: beyond the technical range of that {unit}'s samples. "
    if called:
        text += "Plus, minus and tilde: decided by a call instead of a score. "
    return text + (
        "A change is no verdict: whether higher means resistance differs between mechanisms, see the arrows of the "
        "forest plot."
    )


def _paired(inputs: ReportInputs, contrast: str) -> set[str]:
    if inputs.pairs is None:
        return set()
    rows = inputs.pairs[(inputs.pairs["contrast"] == contrast) & inputs.pairs["complete"].fillna(False).astype(bool)]
    return {str(subject) for subject in rows["subject"] if not rows.empty}


def _patient_verdicts(inputs: ReportInputs, contrast: str) -> dict[tuple[str, str], str]:
    if inputs.evidence is None:
        return {}
    rows = inputs.evidence[(inputs.evidence["contrast"] == contrast) & (inputs.evidence["level"] == "patient")]
    known = select.mechanisms(inputs)
    keys = zip(rows["mechanism"].astype(str), rows["subject"].astype(str), rows["verdict"].astype(str), strict=True)
    return {(mechanism, subject): verdict for mechanism, subject, verdict in keys if mechanism in known}


def forest_view(inputs: ReportInputs, view: select.ContrastView) -> FigureView | None:
    """Return the forest plot of the primary lines over the cohort; None when there is none."""
    effects = select.primary_effects(inputs, view.name, "cohort")
    if effects.empty:
        return None
    known = select.mechanisms(inputs)
    lines = {name: m.primary_line for name, m in known.items() if m.primary_line is not None}
    figure = forest(
        effects,
        labels=select.names(inputs),
        directions={name: line.direction for name, line in lines.items()},
        margins={name: line.margin for name, line in lines.items()},
        unit=inputs.unit,
        title=f"Change over the cohort, {view.text}",
    )
    several = bool((effects["n_pairs"] != effects["n_units"]).any())
    caption = (
        "Mean change of each mechanism's primary line with the interval of the level named. "
        f"n: {'pairs' if view.paired else 'samples'}. Higher in: {inputs.unit}s whose "
        f"{'mean over their pairs' if several else 'score'} is higher on the test side. "
        "Filled: q below 0.05. Grey band: the margin; an interval inside it speaks against a relevant change, "
        "a wider one leaves the question open. Arrow: the direction predicted when the mechanism operates. "
        "Mechanisms that could not be assessed are left out."
    )
    if findings.few_units(inputs, view.name):
        caption += (
            f" So few {inputs.unit}s give a poor estimate of the sd between them: read the directions, not the sizes."
        )
    passed = [select.names(inputs).get(m, m) for m in effects.loc[effects["q"] < 0.05, "mechanism"]]
    finding = f"q is below 0.05 for {words.series(passed, most=12)}." if passed else "No q is below 0.05."
    alt = f"Forest plot of {words.count(len(effects), 'mechanism')}. {finding}"
    chart = forest_chart(
        effects,
        labels=select.names(inputs),
        directions={name: line.direction for name, line in lines.items()},
        margins={name: line.margin for name, line in lines.items()},
        groups={name: words.COMPARTMENTS.get(m.compartment, m.compartment) for name, m in known.items()},
        targets={str(name): words.row_id(f"verdicts-{view.name}", name) for name in effects["mechanism"]},
        unit=inputs.unit,
        describe=alt,
    )
    return with_chart(svg_view(figure, id=words.anchor("fig-forest", view.name), caption=caption, alt=alt), chart)


def composition_view(inputs: ReportInputs, view: select.ContrastView, colours: select.Colours) -> FigureView | None:
    """Return the stacked bars of cell types; None when the contrast has no composition."""
    if inputs.composition is None:
        return None
    # The groups share cells with the types beside them: stacked with these, bars would pass 100 %.
    kinds = inputs.composition["cell_type"].astype(str)
    groups_too = (kinds == MALIGNANT) | kinds.str.endswith(WITH_SUBTYPES)
    rows = inputs.composition[(inputs.composition["contrast"] == view.name) & ~groups_too]
    own = rows[rows["subject"] != view.name]
    rows = own if len(own) else rows
    if rows.empty:
        return None
    bars, groups, parts = [], {}, []
    for subject in style.in_order(rows["subject"]):
        mine = rows[rows["subject"] == subject]
        lead = "" if subject == view.name else f"{subject} "
        for side, column in ((view.reference, "fraction_pre"), (view.test, "fraction_post")):
            bar = f"{lead}{side}"
            bars.append(bar)
            groups[bar] = subject
            parts.append(
                pd.DataFrame({"bar": bar, "cell_type": mine["cell_type"], "fraction": mine[column].astype(float)})
            )
    figure = composition(pd.concat(parts, ignore_index=True), bars=bars, groups=groups, colours=colours.cell_types)
    draw = svg_view if len(bars) * rows["cell_type"].nunique() <= 2 * _MOST_VECTOR_CELLS else png_view
    return draw(
        figure,
        id=words.anchor("fig-composition", view.name),
        caption=(
            "Share of each cell type. What one type gains others lose: read changes in the table, which is "
            "relative to the other types. Groups of several types (malignant, T cells with their subtypes) are in "
            "the table only."
        ),
        alt=(
            f"Stacked bars of {words.count(rows['cell_type'].nunique(), 'cell type')} for "
            f"{words.count(len(bars), 'bar')}; changes over the cohort are in the table below."
        ),
    )
