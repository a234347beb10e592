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
import pandas as pd
from anndata import AnnData

from ohmics.calls.lineage_cells import RIVALS as RIVALS
from ohmics.calls.lineage_cells import LineageRules as LineageRules
from ohmics.calls.lineage_cells import Mask, Positions, at_most, level, positions
from ohmics.calls.populations import Population, population
from ohmics.errors import Faults, did_you_mean, listing

COLUMNS = ("patient", "estimate", "low", "high", "evidence", "call", "reason")
"""The columns of LINEAGE; a test holds them to it."""
RECOVERY = (
    "normal cells of that lineage that recover, or that were taken for tumour, look the same: only a clonal link (copy "
    "number, fusion, clonotype) tells them apart"
)
_WILSON = 1.959963984540054


@dataclass(frozen=True, slots=True)
class LineageCall:
    """One row of LINEAGE, and where each candidate cell stands (sample order of ``pre``, then ``post``).

    Parameters
    ----------
    row
        LINEAGE's columns.
    cells
        One row a candidate cell: side (before, after), barcode, home and away (log2 of a panel's count over what the
        cells before lead to expect), state (home, left, took, switched). Empty when nothing can be assessed.
    """

    row: pd.Series
    cells: pd.DataFrame


@dataclass(frozen=True, slots=True)
class _Shares:
    """Cells after that left, that took each rival panel as well, and that did neither more than before.

    ``open_cells`` is the number of cells after that look switched and may be normal ones or the tumour's.
    """

    switched: Mask
    left: Mask
    taken: dict[str, float]
    false: float
    open_cells: int


def call_lineage(
    pre: AnnData,
    post: AnnData,
    *,
    panels: Mapping[str, Iterable[str]],
    home: str = "b_lymphoid",
    rivals: Iterable[str] | None = None,
    exclude: Iterable[str] = (),
    background_post: AnnData | None = None,
    undecided_post: AnnData | None = None,
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
    undecided_post
        Cells after that are no candidates although nothing tells them from a switched tumour: myeloid cells, say,
        that may be recovering normal ones. When enough of them look switched, ``no_switch`` cannot be said.
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
    return find_lineage(
        pre, post, panels=panels, home=home, rivals=rivals, exclude=exclude, background_post=background_post,
        undecided_post=undecided_post, clone=clone, patient=patient, rules=rules,
    ).row  # fmt: skip


def find_lineage(
    pre: AnnData,
    post: AnnData,
    *,
    panels: Mapping[str, Iterable[str]],
    home: str = "b_lymphoid",
    rivals: Iterable[str] | None = None,
    exclude: Iterable[str] = (),
    background_post: AnnData | None = None,
    undecided_post: AnnData | None = None,
    clone: str | None = None,
    patient: str | None = None,
    rules: LineageRules | None = None,
) -> LineageCall:
    """Return what `call_lineage` returns, and where each candidate cell stands."""
    rules = rules or LineageRules()
    chosen = tuple(rivals) if rivals is not None else RIVALS.get(home, ())
    _check(
        pre, post, {"background_post": background_post, "undecided_post": undecided_post}, panels, home, chosen, clone
    )
    before, after = population(pre, where="pre"), population(post, where="post")
    around = population(background_post, where="background_post") if background_post is not None else None
    left_out = set(exclude)
    own = tuple(gene for gene in panels[home] if gene not in left_out)
    others = {name: tuple(g for g in panels[name] if g not in left_out and g not in own) for name in chosen}
    name = patient or _one(pre, "patient") or _one(post, "patient") or "unnamed"
    row: dict[str, object] = {"patient": name, "estimate": np.nan, "low": np.nan, "high": np.nan, "evidence": None}
    n_undecided = undecided_post.n_obs if undecided_post is not None else 0
    refusal = _refusal(before, after, own, home, rules, n_undecided)
    if refusal:
        return LineageCall(
            _series(row | {"call": "not_assessable", "reason": f"Not assessable: {refusal}."}), _no_cells()
        )
    soup = {panel: _soup(after, around, genes) for panel, genes in others.items()}
    at_home, levels = level(before, own), {panel: level(before, genes) for panel, genes in others.items()}
    stands = {
        "before": positions(before, at_home, levels, rules, soup={}),
        "after": positions(after, at_home, levels, rules, soup=soup),
    }
    undecided = 0
    if undecided_post is not None and undecided_post.n_obs:
        cells = population(undecided_post, where="undecided_post")
        undecided = int(positions(cells, at_home, levels, rules, soup=soup).switched.sum())
    shares = _shares(stands["before"], stands["after"], undecided)
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
    if undecided:
        evidence += f"; {undecided} further cells look switched and may be normal"
    row |= {"estimate": estimate, "low": low, "high": high, "evidence": evidence, "call": call, "reason": reason}
    frames = [_cells(side, adata, stands[side]) for side, adata in (("before", pre), ("after", post))]
    return LineageCall(_series(row), pd.concat(frames, ignore_index=True))


def _series(row: dict[str, object]) -> pd.Series:
    return pd.Series({name: row[name] for name in COLUMNS}, name=str(row["patient"]), dtype=object)


def _cells(side: str, adata: AnnData, stands: Positions) -> pd.DataFrame:
    took = np.zeros(adata.n_obs, dtype=bool)
    for mask in stands.took.values():
        took |= mask
    state = np.select([stands.switched, stands.left, took], ["switched", "left", "took"], default="home")
    return pd.DataFrame(
        {"side": side, "barcode": adata.obs_names.to_numpy(dtype=object), "home": stands.home, "away": stands.away,
         "state": state.astype(object)}
    )  # fmt: skip


def _no_cells() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=object) for name in ("side", "barcode", "home", "away", "state")})


def _refusal(
    before: Population, after: Population, own: tuple[str, ...], home: str, rules: LineageRules, undecided: int
) -> str:
    if min(before.n, after.n) < rules.min_cells:
        why = f"{before.n} candidate cells before and {after.n} after; fewer than {rules.min_cells} in a sample"
        if before.n >= rules.min_cells and undecided:
            why += (
                f"; {undecided} cells after are of types the tumour might have taken, and without a clonal link "
                "nothing tells them from normal ones"
            )
        return why
    present = int(before.named(own).sum())
    if present < rules.min_genes:
        return f"{present} genes of the {home} panel in the data; fewer than {rules.min_genes}"
    found = level(before, own)
    # Half of the cells must be deep enough for no count at all to be a surprise.
    typical = np.array([found.rate * float(np.median(after.depth))])
    if at_most(np.zeros(1), typical, found.dispersion)[0] >= rules.tail:
        return f"{typical[0]:.1f} {home} counts a cell would be expected after, too few to see a cell without them"
    return ""


def _shares(before: Positions, after: Positions, open_cells: int) -> _Shares:
    taken = {name: float(np.mean(mask & after.left)) for name, mask in after.took.items()}
    return _Shares(after.switched, after.left, taken, float(before.switched.mean()), open_cells)


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
        return _mostly_unmarked(shares, marks, rules)
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
    if shares.open_cells and alone <= rules.most:
        whole = len(shares.left) + shares.open_cells
        most = _fraction(int(shares.switched.sum()) + shares.open_cells, whole, shares.false)[2]
        if most >= rules.least:
            return "not_assessable", (
                f"Not assessable: {shares.open_cells} further cells after lack the lineage and hold another; were they "
                f"the tumour's, up to {most:.0%} of it would have switched. They may be normal cells that recover; "
                "only a clonal link (copy number, fusion, clonotype) tells them apart."
            )
    if high < rules.least and alone <= rules.most:
        return "no_switch", f"No switch: the upper limit is below {rules.least:g}."
    return "inconclusive", f"Inconclusive: the interval holds {rules.least:g}."


def _mostly_unmarked(shares: _Shares, marks: tuple[int, int], rules: LineageRules) -> tuple[str, str]:
    """Decide where most cells that look switched are not of the clone: by those that carry its mark, or may."""
    known, marked = marks
    n, untold = len(shares.left), int(shares.switched.sum()) - known
    told = f"only {marked} of {known} of the cells that did both carry the clone's mark"
    if _fraction(marked + untold, n, shares.false)[2] < rules.least:
        return "no_switch", f"No switch: {told}; normal cells of the other lineage are the better explanation."
    if _fraction(marked, n, shares.false)[1] > rules.least:
        return "switch", (
            f"Switch: {told}, yet the lower limit of their share of all candidates is above {rules.least:g}; the "
            "others may be normal cells of the other lineage."
        )
    beside = f" and {untold} more may" if untold else ""
    return "inconclusive", (
        f"Inconclusive: {told}{beside}; their share of all candidates may be above {rules.least:g} or below it."
    )


def _check(
    pre: AnnData,
    post: AnnData,
    further: Mapping[str, AnnData | None],
    panels: Mapping[str, Iterable[str]],
    home: str,
    rivals: tuple[str, ...],
    clone: str | None,
) -> None:
    faults = Faults()
    for name, adata in (("post", post), *further.items()):
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
