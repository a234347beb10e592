"""Candidate tumour cells of a patient before and after come in; whether the tumour changed its lineage goes out.

A cell has left its lineage when its home panel's count is too low for its depth, and has taken another when a rival
panel's count is too high: both against the negative-binomial distribution of the cells before, at the cell's own
depth, so that a shallower sample is no change. A doublet with a normal cell has not left, and ambient RNA of normal
cells is part of what is expected. A cell counts as switched only when it has done both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from anndata import AnnData
from scipy.special import betainc

from ohmics.calls.populations import Floats, Population, population
from ohmics.errors import Faults, did_you_mean, listing

Mask = npt.NDArray[np.bool_]
COLUMNS = ("patient", "estimate", "low", "high", "evidence", "call", "reason")
"""The columns of LINEAGE; a test holds them to it."""
RIVALS: Mapping[str, tuple[str, ...]] = {
    "b_lymphoid": (
        "monocytic", "myeloid_progenitor", "macrophage_histiocytic", "plasma_cell", "t_lymphoid",
        "erythroid_megakaryocytic",
    ),
    "melanocytic": ("neural_crest_undifferentiated",),
    "luminal_prostate": ("neuroendocrine", "mesenchymal_nonNE"),
    "neuroendocrine": ("mesenchymal_nonNE",),
}  # fmt: skip
"""Home panel to the panels a tumour of it may take; names of lineages.yaml."""
RECOVERY = (
    "normal cells of that lineage that recover, or that were taken for tumour, look the same: only a clonal link (copy "
    "number, fusion, clonotype) tells them apart"
)
_WILSON = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageRules:
    """Thresholds of `call_lineage`; proposals of this project, not published values.

    Parameters
    ----------
    min_cells
        Fewest candidate cells before and after.
    min_genes
        Fewest genes of the home panel among the data.
    tail
        A cell has left its lineage below this lower tail, and taken another above this upper tail (shared by the
        rival panels).
    fold
        A cell that has taken a lineage has at least this many times the counts to be expected, one that has left
        its own at most this part of them.
    max_ambient
        Share of a droplet's RNA that is granted to be ambient.
    least
        ``no_switch``: the upper limit of the switched fraction is below this; a switch's lower limit is above it.
    most
        ``dedifferentiation``: more than this share of cells left their lineage and took no other.
    linked
        Share of the switched cells with a known clonal mark that must carry it.
    min_linked
        Fewest such cells.
    """

    min_cells: int = 20
    min_genes: int = 5
    tail: float = 0.05
    fold: float = 3.0
    max_ambient: float = 0.3
    least: float = 0.1
    most: float = 0.5
    linked: float = 0.5
    min_linked: int = 5


@dataclass(frozen=True, slots=True)
class _Shares:
    """Cells after that left, that took each rival panel as well, and that did neither more than before."""

    switched: Mask
    left: Mask
    taken: dict[str, float]
    false: float


def call_lineage(
    pre: AnnData,
    post: AnnData,
    *,
    panels: Mapping[str, Iterable[str]],
    home: str = "b_lymphoid",
    rivals: Iterable[str] | None = None,
    exclude: Iterable[str] = (),
    background_post: AnnData | None = None,
    clone: str | None = None,
    patient: str | None = None,
    rules: LineageRules | None = None,
) -> pd.Series:
    """Say whether a tumour switched lineage between two samples of one patient.

    Parameters
    ----------
    pre, post
        Candidate tumour cells before and after, switched ones among them: cells × genes, raw counts in ``X``. A
        cell that was sorted out because it no longer looks like the tumour cannot be found here.
    panels
        Lineage to its genes (``{name: panel.genes for name, panel in catalog.lineages.items()}``).
    home
        The tumour's lineage.
    rivals
        Lineages it may take; `RIVALS` when not given.
    exclude
        Genes left out of the panels: the therapy's target, whose loss is no switch.
    background_post
        The other cells after: they tell what ambient RNA holds.
    clone
        Boolean column of ``post.obs``: whether a cell carries the clone's mark (copy number, fusion, clonotype);
        empty where that is not known.
    patient
        Name of the patient; ``obs["patient"]`` when not given.
    rules
        Thresholds.

    Returns
    -------
    Series
        With LINEAGE's columns. ``estimate`` is the fraction of candidate cells after that left the home lineage and
        took another, beyond what the same rule finds before, with its 95 % Wilson interval: a lower bound, since a
        shallow cell may have done both unseen. ``call``: ``switch``
        (with a clonal link), ``candidate`` (without one), ``no_switch``, ``dedifferentiation`` (most cells left and
        took no other lineage), ``inconclusive``, ``not_assessable``.

    Raises
    ------
    OhmicsError
        When genes differ, counts are not raw, or a panel or column is unknown.
    """
    rules = rules or LineageRules()
    chosen = tuple(rivals) if rivals is not None else RIVALS.get(home, ())
    _check(pre, post, background_post, panels, home, chosen, clone)
    before, after = population(pre, where="pre"), population(post, where="post")
    around = population(background_post, where="background_post") if background_post is not None else None
    left_out = set(exclude)
    own = tuple(gene for gene in panels[home] if gene not in left_out)
    others = {name: tuple(g for g in panels[name] if g not in left_out and g not in own) for name in chosen}
    name = patient or _one(pre, "patient") or _one(post, "patient") or "unnamed"
    row: dict[str, object] = {"patient": name, "estimate": np.nan, "low": np.nan, "high": np.nan, "evidence": None}
    refusal = _refusal(before, after, own, home, rules)
    if refusal:
        return _series(row | {"call": "not_assessable", "reason": f"Not assessable: {refusal}."})
    shares = _shares(before, after, around, own, others, rules)
    estimate, low, high = _fraction(int(shares.switched.sum()), after.n, shares.false)
    known, marked = _marks(post, clone, shares.switched)
    call, why = _decide(shares, (low, high), (known, marked), rules)
    takes = ", ".join(f"{panel} {share:.0%}" for panel, share in shares.taken.items() if share > 0) or "none"
    reason = (
        f"Of {after.n} candidate cells after, {shares.left.mean():.0%} left the {home} lineage of the {before.n} cells "
        f"before, and {estimate:.0%} ({low:.0%} to {high:.0%}) took another as well (rival lineages taken: {takes}). "
        f"{why}"
    )
    evidence = f"left {home}: {shares.left.mean():.2f}; took: {takes}"
    if clone is not None:
        evidence += f"; clonal mark in {marked} of {known} switched cells with a known one"
    return _series(
        row | {"estimate": estimate, "low": low, "high": high, "evidence": evidence, "call": call, "reason": reason}
    )


def _series(row: dict[str, object]) -> pd.Series:
    return pd.Series({name: row[name] for name in COLUMNS}, name=str(row["patient"]), dtype=object)


def _refusal(before: Population, after: Population, own: tuple[str, ...], home: str, rules: LineageRules) -> str:
    if min(before.n, after.n) < rules.min_cells:
        return f"{before.n} candidate cells before and {after.n} after; fewer than {rules.min_cells} in a sample"
    present = int(before.named(own).sum())
    if present < rules.min_genes:
        return f"{present} genes of the {home} panel in the data; fewer than {rules.min_genes}"
    mean, dispersion = _level(before, own)
    # Half of the cells must be deep enough for no count at all to be a surprise.
    typical = np.array([mean * float(np.median(after.depth))])
    if _at_most(np.zeros(1), typical, dispersion)[0] >= rules.tail:
        return f"{typical[0]:.1f} {home} counts a cell would be expected after, too few to see a cell without them"
    return ""


def _level(cells: Population, genes: tuple[str, ...]) -> tuple[float, float]:
    """Return a panel's counts per UMI and its negative-binomial dispersion between cells, by moments.

    The twentieth of the cells with the most counts for their depth is left out: a few doublets would otherwise make
    any count unsurprising.
    """
    counts, depth = cells.of(genes), cells.depth
    density = np.divide(counts, depth, out=np.zeros_like(depth), where=depth > 0)
    kept = density <= np.quantile(density, 0.95)
    counts, depth = counts[kept], depth[kept]
    rate = float(counts.sum()) / float(depth.sum()) if depth.sum() > 0 else 0.0
    mean = rate * depth
    square = float(np.sum(mean**2))
    beyond = float(np.sum((counts - mean) ** 2) - counts.sum())
    return rate, float(np.clip(beyond / square, 0.02, 2.0)) if square > 0 else 0.02


def _at_most(counts: Floats, mean: Floats, dispersion: float) -> Floats:
    """Return the probability of at most each count; a count of -1 gives 0."""
    size = 1.0 / dispersion
    tail = betainc(size, np.maximum(counts, 0.0) + 1.0, size / (size + np.maximum(mean, 1e-12)))
    return np.where(counts < 0, 0.0, tail)


def _shares(
    before: Population,
    after: Population,
    around: Population | None,
    own: tuple[str, ...],
    others: Mapping[str, tuple[str, ...]],
    rules: LineageRules,
) -> _Shares:
    rate, dispersion = _level(before, own)
    left = {}
    for name, cells in (("before", before), ("after", after)):
        counts, mean = cells.of(own), rate * cells.depth
        # A doublet with a normal cell halves the home panel's share; it has not left.
        left[name] = (_at_most(counts, mean, dispersion) < rules.tail) & (rules.fold * counts <= mean)
    any_taken = {name: np.zeros(cells.n, dtype=bool) for name, cells in (("before", before), ("after", after))}
    taken: dict[str, float] = {}
    for panel, genes in others.items():
        level, spread = _level(before, genes)
        for name, cells in (("before", before), ("after", after)):
            soup = rules.max_ambient * _soup(after, around, genes) if name == "after" else 0.0
            counts, mean = cells.of(genes), (level + soup) * cells.depth
            high = 1.0 - _at_most(counts - 1, mean, spread) < rules.tail / len(others)
            took = high & (counts >= rules.fold * mean)
            any_taken[name] |= took
            if name == "after":
                taken[panel] = float(np.mean(took & left["after"]))
    both = {name: left[name] & any_taken[name] for name in left}
    return _Shares(both["after"], left["after"], taken, float(both["before"].mean()))


def _soup(after: Population, around: Population | None, genes: tuple[str, ...]) -> float:
    """Return a panel's share of the RNA of the cells that are not candidates: what ambient RNA may bring in."""
    if around is None or around.total <= 0:
        return 0.0
    return float(around.of(genes).sum()) / (around.total + after.total)


def _fraction(count: int, n: int, false: float) -> tuple[float, float, float]:
    """Return a fraction beyond a false share, and its 95 % interval (Wilson 1927).

    doi:10.1080/01621459.1927.10502953
    """
    share = count / n
    middle = (share + _WILSON**2 / (2 * n)) / (1 + _WILSON**2 / n)
    half = _WILSON * np.sqrt(share * (1 - share) / n + _WILSON**2 / (4 * n * n)) / (1 + _WILSON**2 / n)
    ends = (share, float(middle - half), float(middle + half))
    estimate, low, high = (min(max((end - false) / max(1 - false, 1e-9), 0.0), 1.0) for end in ends)
    return estimate, low, high


def _marks(post: AnnData, clone: str | None, switched: Mask) -> tuple[int, int]:
    """Return how many switched cells have a known clonal mark, and how many of these carry it."""
    if clone is None:
        return 0, 0
    marks = post.obs[clone].astype("boolean").to_numpy(dtype=object)[switched]
    told = [bool(mark) for mark in marks if not pd.isna(mark)]
    return len(told), sum(told)


def _decide(
    shares: _Shares, limits: tuple[float, float], marks: tuple[int, int], rules: LineageRules
) -> tuple[str, str]:
    """Return the first call that holds, and why."""
    low, high = limits
    known, marked = marks
    alone = float(np.mean(shares.left & ~shares.switched))
    if known >= rules.min_linked and marked < rules.linked * known:
        why = f"only {marked} of {known} of the cells that did both carry the clone's mark"
        return "no_switch", f"No switch: {why}; normal cells of the other lineage are the better explanation."
    if low > rules.least:
        said = f"the lower limit is above {rules.least:g}"
        if known >= rules.min_linked:
            return "switch", f"Switch: {said}, and {marked} of {known} of these cells carry the clone's mark."
        return "candidate", f"Candidate: {said}, without a clonal link; {RECOVERY}."
    if alone > rules.most:
        return "dedifferentiation", (
            f"Dedifferentiation: {alone:.0%} left their lineage and took no other, more than {rules.most:.0%}; the "
            "wrong cells would look the same."
        )
    if high < rules.least and alone <= rules.most:
        return "no_switch", f"No switch: the upper limit is below {rules.least:g}."
    return "inconclusive", f"Inconclusive: the interval holds {rules.least:g}."


def _check(
    pre: AnnData,
    post: AnnData,
    background: AnnData | None,
    panels: Mapping[str, Iterable[str]],
    home: str,
    rivals: tuple[str, ...],
    clone: str | None,
) -> None:
    faults = Faults()
    for name, adata in (("post", post), ("background_post", background)):
        if adata is not None and list(adata.var_names) != list(pre.var_names):
            faults.add("genes differ from those of `pre`", where=name, legal="the same genes in the same order")
    for name in (home, *rivals):
        if name not in panels:
            faults.add(f"no panel `{name}`", where="panels", legal=listing(panels, most=20),
                       remedy=did_you_mean(name, panels))  # fmt: skip
    if not rivals:
        faults.add(f"no rival lineages of `{home}` are known", where="rivals", remedy="name them")
    if clone is not None and clone not in post.obs:
        faults.add(f"column `{clone}` is not in obs", where="post", remedy=did_you_mean(clone, post.obs.columns))
    faults.raise_if_any()


def _one(adata: AnnData, column: str) -> str:
    values = set(adata.obs[column].dropna().astype(str)) if column in adata.obs else set()
    return "|".join(sorted(values))
