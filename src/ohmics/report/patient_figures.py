"""One patient's rows come in, the figures of that patient only go out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
from markupsafe import Markup

from ohmics.plots.antigens import antigen_by_depth, antigen_detection, lineage_plane
from ohmics.plots.patient_strip import patient_shares, patient_strip
from ohmics.plots.patient_umap import MOST_SAMPLES, patient_umap
from ohmics.report import select, words
from ohmics.report.figures import FigureView, png_view, svg_view
from ohmics.report.pair_labels import with_labels
from ohmics.report.patient_beside import car_untold, in_groups, item_name, records, role_name
from ohmics.report.patient_view import Cohort, PatientView

_ROLES = ("target", "alternative", "presentation", "ifn_gamma")
_READ = ("consistent", "opposite", "within_technical_range", "not_assessable")


def antigen_figures(cohort: Cohort, view: PatientView) -> list[FigureView]:
    """Return detection before, expected and after; detection by depth; and the plane of lineages."""
    made: list[Callable[[Cohort, PatientView], FigureView | None]] = [_detection, _depth, _plane]
    return [figure for figure in (make(cohort, view) for make in made) if figure is not None]


def _detection(cohort: Cohort, view: PatientView) -> FigureView | None:
    parts = [view.of(name) for name in ("antigen", "presentation") if len(view.of(name))]
    if not parts or cohort.inputs.bulk:
        return None
    rows = pd.concat(parts, ignore_index=True)
    role = rows["role"] if "role" in rows else pd.Series("target", index=rows.index)
    place = {name: number for number, name in enumerate(_ROLES)}
    # The row's name says what the antigen is to this patient; there is only one patient here.
    rows = with_labels(rows)
    named = [
        f"{role_name(name)}, {post}" if several else role_name(name)
        for name, post, several in zip(role, rows["post_sample"], rows["several"], strict=True)
    ]
    rows = rows.assign(patient=named, _place=role.map(place))
    rows = rows[rows["n_cells_post"].notna()].sort_values("_place", kind="stable")
    if rows.empty:
        return None
    figure = antigen_detection(rows, unit=cohort.inputs.unit, title="Antigens in malignant cells")
    counted = rows["call"].value_counts(sort=False)
    said = words.series(f"{number} {words.phrase(name)}" for name, number in counted.items())
    return svg_view(
        figure,
        id="fig-antigens",
        caption=(
            "Share of malignant cells with a count before and after. Grey: the 95 % range to be expected after had "
            "nothing changed, given depth, ambient RNA and the spread of genes of like expression. A point left of the "
            "grey is a fall beyond it. Right: how much remains, with its 95 % interval."
        ),
        alt=f"Detection of {words.count(len(rows), 'antigen')} before and after: {said}.",
    )


def _depth(cohort: Cohort, view: PatientView) -> FigureView | None:
    rows = view.of("antigen_depth")
    if not len(rows) or cohort.inputs.bulk:
        return None
    return svg_view(
        antigen_by_depth(rows, title="Detection of the target antigen by depth"),
        id="fig-antigen-depth",
        caption=(
            "Cells in fourths by depth: deeper cells show the antigen more often. Dashed: what was to be expected "
            "after at the cells' own depth, had nothing changed."
        ),
        alt=f"Detection against depth, before and after, {words.count(rows['antigen'].nunique(), 'antigen')}.",
    )


def _plane(_: Cohort, view: PatientView) -> FigureView | None:
    rows = view.of("lineage_cells")
    if not len(rows):
        return None
    call = view.of("lineage")
    said = words.phrase(call["call"].iloc[0]) if len(call) else "no call"
    drawn = png_view(
        lineage_plane(rows),
        id="fig-lineage",
        caption=(
            "Each point is a candidate tumour cell (at most 400 a side): counts of its own lineage's genes and of the "
            "rival lineage that is highest, over what the cells before lead to expect at its depth. A tumour that "
            "switches moves left and up. Normal cells that recover look the same as a switch: only a clonal link tells "
            "them apart."
        ),
        alt=f"Lineage of candidate tumour cells before and after: {said}.",
    )
    return _at_once(drawn)


def strip_view(cohort: Cohort, view: PatientView, contrast: select.ContrastView) -> FigureView | None:
    """Return this patient's score changes among the cohort's; None without any."""
    changes = cohort.changes[contrast.name]
    if cohort.alone or changes.empty or view.patient not in set(changes["subject"].astype(str)):
        return None
    scale = cohort.scales[contrast.name] or None
    rows = view.verdicts(contrast.name)
    verdicts = dict(zip(rows["mechanism"].astype(str), rows["verdict"].astype(str), strict=True)) if len(rows) else {}
    present = set(changes["mechanism"].astype(str)) & {name for name, verdict in verdicts.items() if verdict in _READ}
    shown = [name for name in cohort.mechanisms if name in present and (scale is None or name in scale)]
    if not shown:
        return None
    compartments = {name: cohort.mechanisms[name].compartment for name in shown}
    figure = patient_strip(
        changes,
        patient=view.patient,
        mechanisms=shown,
        labels=cohort.names,
        groups={name: words.COMPARTMENTS.get(group, group) for name, group in compartments.items()},
        scale=scale,
        verdicts={name: verdicts[name] for name in shown if name in verdicts},
        unit=cohort.inputs.unit,
        title=f"Change of each score, {contrast.test} minus {contrast.reference}",
    )
    moved = [name for name in shown if verdicts.get(name) in ("consistent", "opposite")]
    others = changes["subject"].nunique() - 1
    unit = cohort.inputs.unit
    rest = words.count(others, f"other {unit}")
    return svg_view(
        figure,
        id=words.anchor("fig-strip", contrast.name),
        caption=(
            f"Marked: this {unit}, with the technical range of its own samples. Grey: {rest}. "
            + ("One sd is that of the change between them; beyond 6 a point stands at the edge. " if scale else "")
            + "A change is no verdict: whether higher means resistance differs between mechanisms, and one patient is "
            "no test."
        ),
        alt=(
            f"Changes of {words.count(len(shown), 'score')} against the cohort; {len(moved)} beyond the technical "
            "range, listed in the table."
        ),
    )


def share_views(cohort: Cohort, view: PatientView, contrast: select.ContrastView) -> list[FigureView]:
    """Return CAR+ share, cell types and T-cell states before and after, each over the range of the cohort."""
    unit = cohort.inputs.unit
    over = f"Open: {contrast.reference}; filled: {contrast.test}."
    if not cohort.alone:
        over += f" Grey: the range over all {unit}s on the same side."
    drawn = (
        ("shares", ("car", "b_cells"), "CAR+ T cells and normal B cells", f"{over} Lines: the interval of each share."),
        (
            "composition",
            ("composition",),
            "Cell types, share of a sample's cells",
            f"{over} What one type gains others lose. Malignant cells, and a type with its subtypes, also stand in the "
            "rows of the types they are made of.",
        ),
        (
            "states",
            ("t_cell_state",),
            "T-cell states, share of T cells",
            f"{over} A cell's state is the axis on which it stands highest, by one sd or more.",
        ),
    )
    found = []
    for name, kinds, title, caption in drawn:
        rows = view.compared(contrast.name, *kinds)
        rows = rows[rows["side"].isin(["before", "after"])] if len(rows) else rows
        if not len(rows):
            continue
        rows = in_groups(rows.assign(item=[item_name(row) for row in records(rows)]))
        figure = patient_shares(
            rows, sides=(contrast.reference, contrast.test), unit=unit, alone=cohort.alone, title=title
        )
        if name == "shares" and car_untold(view, contrast.name):
            caption += " Samples without a CAR+ share are not drawn; the table names them."
        found.append(
            svg_view(
                figure,
                id=words.anchor(f"fig-{name}", contrast.name),
                caption=caption,
                alt=f"{words.count(rows['item'].nunique(), 'share')} on both sides, listed in the table.",
            )
        )
    return found


def _at_once(view: FigureView) -> FigureView:
    """Return a picture that is there when the page is printed, however far down it stands."""
    return replace(view, markup=Markup(str(view.markup).replace(' loading="lazy"', "")))


def map_view(cohort: Cohort, view: PatientView) -> FigureView | None:
    """Return the patient's cells over all cells of the run, a panel a sample; None without coordinates."""
    cells = view.of("cells")
    if cohort.ground is None or cohort.ground.empty or not len(cells) or not cells["umap_1"].notna().any():
        return None
    ids = [str(name) for name in view.samples["sample"] if name in set(cells["sample"])]
    times = dict(zip(view.samples["sample"].astype(str), view.samples["timepoint"].astype(str), strict=True))
    titles = {name: f"{times[name]}: {name}" if times[name] not in name else name for name in ids}
    figure = patient_umap(cells, cohort.ground, samples=ids, titles=titles, colours=cohort.colours.cell_types)
    first = f"Shown are the first {MOST_SAMPLES} of {len(ids)} samples. " if len(ids) > MOST_SAMPLES else ""
    drawn = png_view(
        figure,
        id="fig-map",
        caption=(
            f"{first}This {cohort.inputs.unit}'s cells by cell type, a panel a sample; grey: the cells of all samples. "
            "Where cells lie on such a map is no measurement."
        ),
        alt=f"Maps of {words.count(len(cells), 'cell')} in {words.count(len(ids), 'sample')}.",
        dpi=110,
    )
    return _at_once(drawn)
