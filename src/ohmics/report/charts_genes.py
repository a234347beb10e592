"""Genes and running sums of a contrast come in, a volcano plot and curves that answer to the pointer go out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from ohmics.plots import style
from ohmics.report import words
from ohmics.report.charts import ROWS, SOUGHT, SWITCHED_OFF, Drawing, packed, specification, texts
from ohmics.seeds import generator

if TYPE_CHECKING:
    import altair as alt

MOST_GENES = 3_000
"""A volcano that answers shows at most this many genes."""
_FOREMOST = 2_000
_SIDES = {"higher": style.OKABE_ITO[1], "lower": style.OKABE_ITO[0], "q not below 0.05": style.GREY}
_LEAST_P = 1e-300
_MOST_NAMED = 8
_HEIGHT = 330
_ROOM = ((220.0, 250.0), (560.0, 250.0))
"""Width and height in pixels that marks have on a phone and on a desk; names must not meet on either."""
_LETTER, _LINE, _BESIDE = 6.6, 14.0, 8.0


def volcano_chart(genes: pd.DataFrame, *, describe: str, min_lfc: float = 0.0, threshold: float = 0.05) -> str:
    """Return the volcano plot as a chart that names the gene pointed at.

    Parameters
    ----------
    genes
        DE rows of one contrast, cell type and method.
    describe
        What is read out in the chart's place.
    min_lfc
        The change that was tested against, marked when above 0.
    threshold
        A q below it colours a gene.
    """
    rows = genes[genes["p"].notna() & genes["log2_fc"].notna()]
    if rows.empty:
        return ""
    shown = foremost(rows)
    passes = shown["q"].fillna(1.0).to_numpy(dtype=float) < threshold
    up = shown["log2_fc"].to_numpy(dtype=float) > 0
    frame = pd.DataFrame(
        {
            "gene": shown["gene"].astype(str).to_numpy(),
            "x": shown["log2_fc"].to_numpy(dtype=float),
            "y": -np.log10(np.maximum(shown["p"].to_numpy(dtype=float), _LEAST_P)),
            "side": np.where(~passes, "q not below 0.05", np.where(up, "higher", "lower")),
            "p": texts(shown["p"], words.p_value),
            "q": texts(shown["q"], words.p_value),
            "cpm": texts(shown["mean_log_cpm"]) if "mean_log_cpm" in shown else "",
        }
    )
    frame["name"] = named(frame)
    spec = specification(_volcano_spec(min_lfc), describe=describe)
    return packed([Drawing("", spec, levels=_SIDES, find="gene")], frame, widest=760, renderer="canvas")


def named(points: pd.DataFrame) -> list[str | None]:
    """Return the names written beside points: those that pass, highest first, of which no two meet on any screen.

    Parameters
    ----------
    points
        Rows with ``gene``, ``x``, ``y`` and ``side``, as the volcano plot draws them.
    """
    x, y = (points[column].to_numpy(dtype=float) for column in ("x", "y"))
    low, span = min(x.min(), 0.0), max(max(x.max(), 0.0) - min(x.min(), 0.0), 1e-9)
    top = max(y.max(), 1e-9)
    passing = points["side"].isin(("higher", "lower")).to_numpy()
    found: list[str | None] = [None] * len(points)
    taken: list[list[tuple[float, float, float]]] = []
    for place in sorted(np.flatnonzero(passing), key=lambda one: (-y[one], one)):
        if len(taken) == _MOST_NAMED:
            break
        text = str(points["gene"].iloc[place])
        wide, inward = _LETTER * len(text), points["side"].iloc[place] == "higher"
        boxes = []
        for width, height in _ROOM:
            edge = (x[place] - low) / span * width + (-_BESIDE - wide if inward else _BESIDE)
            boxes.append((edge, edge + wide, (1 - y[place] / top) * height))
        inside = all(box[0] >= 0 and box[1] <= room[0] for box, room in zip(boxes, _ROOM, strict=True))
        if inside and not any(_meet(own, other) for old in taken for own, other in zip(boxes, old, strict=True)):
            found[place] = text
            taken.append(boxes)
    return found


def _meet(one: tuple[float, float, float], other: tuple[float, float, float]) -> bool:
    return one[0] < other[1] and other[0] < one[1] and abs(one[2] - other[2]) < _LINE


def foremost(genes: pd.DataFrame, *, most: int = MOST_GENES) -> pd.DataFrame:
    """Return at most ``most`` genes: two thirds those of smallest p, the others drawn uniformly from the rest.

    The draw depends on the number of genes only, so a page made twice shows the same points.
    """
    if len(genes) <= most:
        return genes
    ordered = genes.sort_values(["p", "gene"], kind="stable")
    first = round(most * _FOREMOST / MOST_GENES)
    rest = np.sort(generator(0, "volcano", len(genes)).permutation(len(genes) - first)[: most - first]) + first
    return ordered.iloc[np.concatenate([np.arange(first), rest])]


def shown_words(how_many: int) -> str:
    """Return what a caption says of the genes a chart leaves out; empty when it shows all."""
    if how_many <= MOST_GENES:
        return ""
    return (
        f" On screen {MOST_GENES:,} of {how_many:,} genes answer to the pointer: the {_FOREMOST:,} of smallest p and a "
        "uniform draw of the others."
    )


def _volcano_spec(min_lfc: float) -> alt.TopLevelMixin:
    import altair as alt

    tips = [
        alt.Tooltip("gene:N", title="Gene"),
        alt.Tooltip("x:Q", title="log2 fold change", format=".3~g"),
        alt.Tooltip("p:N", title="p"),
        alt.Tooltip("q:N", title="q"),
        alt.Tooltip("cpm:N", title="Mean log2 CPM"),
    ]
    base = (
        alt.Chart(alt.NamedData(ROWS))
        .transform_filter(f"indexof({SWITCHED_OFF}, datum.side) < 0")
        .encode(x=alt.X("x:Q", title="log2 fold change"), y=alt.Y("y:Q", title="−log10 p"))
    )
    points = (
        base.mark_point(filled=True, size=28, opacity=0.8)
        .encode(
            color=alt.Color("side:N", scale=alt.Scale(domain=list(_SIDES), range=list(_SIDES.values())), legend=None),
            shape=alt.Shape(
                "side:N",
                scale=alt.Scale(domain=list(_SIDES), range=["triangle-up", "triangle-down", "circle"]),
                legend=None,
            ),
            tooltip=tips,
        )
        .add_params(alt.param(name=SWITCHED_OFF, value=[]), alt.param(name=SOUGHT, value=""))
    )
    layers: list[alt.Chart] = [_line(0.0), points, *_names(base)]
    if min_lfc > 0:
        layers = [_line(-min_lfc, dash=True), _line(min_lfc, dash=True), *layers]
    return alt.layer(*layers).properties(width="container", height=_HEIGHT)


def _names(base: alt.Chart) -> list[alt.Chart]:
    """Return the names beside points, towards the middle of the plot, and a ring with the name of the gene sought."""
    layers = []
    sides: tuple[tuple[str, Literal["right", "left"], float], ...] = (
        ("higher", "right", -_BESIDE),
        ("lower", "left", _BESIDE),
    )
    for side, align, away in sides:
        mine = base.transform_filter(f"isValid(datum.name) && datum.side == '{side}' && {SOUGHT} == ''")
        layers.append(
            mine.mark_text(align=align, dx=away, fontSize=10.5, fontStyle="italic", color=style.INK).encode(
                text="name:N"
            )
        )
    sought = base.transform_filter(f"datum.gene == {SOUGHT}")
    ring = sought.mark_point(size=190, filled=False, stroke=style.INK, strokeWidth=2, opacity=1)
    word = sought.mark_text(dy=-14, fontSize=12, fontWeight="bold", color=style.INK, stroke="#FFFFFF", strokeWidth=0.2)
    return [*layers, ring, word.encode(text="gene:N")]


def _line(place: float, *, dash: bool = False) -> alt.Chart:
    import altair as alt

    rule = alt.Chart(alt.InlineData([{}])).mark_rule(color=style.PALE_INK, strokeDash=[2, 3] if dash else [1, 0])
    drawn: alt.Chart = rule.encode(x=alt.datum(place))
    return drawn


def walk_chart(points: pd.DataFrame, *, notes: Mapping[str, str], describe: str) -> str:
    """Return the running sums of several lists as a chart, one list at a time.

    Parameters
    ----------
    points
        RUNNING_SUMS rows of one contrast, cell type and method.
    notes
        Gene list to its p and q in words.
    describe
        What is read out in the chart's place.
    """
    parts, drawings = [], []
    for name in dict.fromkeys(points["gene_list"].astype(str)):
        parts.append(_walk_rows(points[points["gene_list"] == name], name))
        title = f"{name}: {notes[name]}" if notes.get(name) else name
        spec = specification(_walk_spec(title), describe=f"{describe} {title}.")
        drawings.append(Drawing(name, spec, only=("list", name)))
    return packed(drawings, pd.concat(parts, ignore_index=True), widest=760) if parts else ""


def _walk_rows(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the corners of the curve in the order drawn; ``gene`` names where a step is made."""
    last = float(rows["n_tested"].iloc[0])
    made = []
    for part, label in (("up", "should rise"), ("down", "should fall")):
        mine = rows[rows["part"] == part].sort_values("rank", kind="stable")
        if mine.empty:
            continue
        rank, before, after = (mine[column].to_numpy(dtype=float) for column in ("rank", "before", "after"))
        genes = mine["gene"].astype(str).tolist()
        x = np.concatenate([[0.0], np.repeat(rank, 2), [last]])
        y = np.concatenate([[0.0], np.column_stack([before, after]).ravel(), [0.0]])
        named = [None, *[text for gene in genes for text in (None, gene)], None]
        said = [None, *[text for value in mine["statistic"] for text in (None, words.number(value))], None]
        made.append(pd.DataFrame({"list": name, "part": label, "x": x, "y": y, "gene": named, "t": said}))
    frame = pd.concat(made, ignore_index=True)
    return frame.assign(order=np.arange(len(frame), dtype=float))


def _walk_spec(title: str) -> alt.TopLevelMixin:
    import altair as alt

    shades = alt.Scale(domain=["should rise", "should fall"], range=[style.OKABE_ITO[0], style.OKABE_ITO[1]])
    dashes = alt.Scale(domain=["should rise", "should fall"], range=[[1, 0], [5, 3]])
    tips = [
        alt.Tooltip("gene:N", title="Gene"),
        alt.Tooltip("x:Q", title="Rank", format=",.0f"),
        alt.Tooltip("t:N", title="Moderated t"),
        alt.Tooltip("part:N", title="Under resistance"),
    ]
    base = alt.Chart(alt.NamedData(ROWS))
    x = alt.X("x:Q", title="rank of the gene, highest in the test samples first")
    colour = alt.Color("part:N", scale=shades, legend=None)
    curve = base.mark_line(strokeWidth=1.6).encode(
        x=x, y=alt.Y("y:Q", title="running sum"), color=colour, order="order:Q",
        strokeDash=alt.StrokeDash("part:N", scale=dashes, legend=None),
    )  # fmt: skip
    steps = base.transform_filter("isValid(datum.gene)")
    ticks = steps.mark_point(shape="stroke", angle=90, size=70, strokeWidth=1.2, opacity=0.7).encode(
        x=x, y=alt.value(224), color=colour
    )
    dots = steps.mark_point(filled=True, size=45).encode(x=x, y="y:Q", color=colour, tooltip=tips)
    zero = alt.Chart(alt.InlineData([{}])).mark_rule(color=style.PALE_INK).encode(y=alt.datum(0))
    return alt.layer(zero, curve, ticks, dots).properties(
        width="container", height=230, title=alt.TitleParams(title, fontSize=12, anchor="start", fontWeight="normal")
    )
