"""Malignant cells of one patient before and after come in; what their counts say of one antigen goes out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from anndata import AnnData

from ohmics.calls.ambient import Ambient, ambient
from ohmics.calls.matched import Null, match
from ohmics.calls.negative import Negative, negative_fraction
from ohmics.calls.populations import Floats, Population, population
from ohmics.calls.ratio import Side, Tails, expected_detected, p_present, tails
from ohmics.calls.rules import AntigenRules
from ohmics.calls.words import Found, caveats, comparison, decided, detections, lineage_text, number, p_text, sentences
from ohmics.errors import Fault, Faults, OhmicsError, did_you_mean, listing

COLUMNS = (
    "patient", "antigen", "pre_sample", "post_sample", "n_cells_pre", "n_cells_post", "detected_pre", "detected_post",
    "expected_detected", "remaining_fraction", "remaining_low", "remaining_high", "null_median", "null_sd",
    "negative_fraction", "negative_low", "negative_high", "p", "q", "call", "reason",
)  # fmt: skip
"""The columns of ANTIGEN; a test holds them to it. This module stands apart from the tables, so that its error rates
need not be measured anew when some other table changes."""
UNNAMED = "unnamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Other genes of the antigen's lineage, shown beside it: name and genes."""

    name: str
    genes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two populations of malignant cells and what is known of their samples.

    Parameters
    ----------
    pre, post
        Malignant cells; the same genes in the same order.
    background_pre, background_post
        Cells that cannot express the antigen; None: ambient RNA is unknown.
    soup_pre, soup_post
        Counts of each gene over the whole sample; None: the populations stand for it.
    chemistry_pre, chemistry_post
        Library chemistry; empty when unknown.
    """

    pre: Population
    post: Population
    background_pre: Population | None = None
    background_post: Population | None = None
    soup_pre: Floats | None = None
    soup_post: Floats | None = None
    chemistry_pre: str = ""
    chemistry_post: str = ""


def call_antigen(
    pre: AnnData,
    post: AnnData,
    *,
    antigen: str,
    background_pre: AnnData | None = None,
    background_post: AnnData | None = None,
    genes: Iterable[str] | None = None,
    n_matched: int = 200,
    lineage: Iterable[str] = (),
    chemistry_pre: str | None = None,
    chemistry_post: str | None = None,
    patient: str | None = None,
    rules: AntigenRules | None = None,
    seed: int = 0,
) -> pd.Series:
    """Say what became of an antigen between two samples of one patient.

    The remaining fraction is the ratio of the antigen's ambient-corrected mean rates (counts per UMI), post over
    pre, divided by the median ratio of genes of like expression in the same cells; their spread beyond counting
    noise is how far an unchanged gene moves by depth, batch and state. Counts are negative binomial, with the
    dispersion of those genes. See `ohmics.calls.ratio` for interval and p, and `AntigenRules` for the thresholds.

    Parameters
    ----------
    pre, post
        Malignant cells before and after: cells × genes, raw counts in ``X``, not changed. ``obs`` may hold one
        ``sample``, ``patient`` and ``chemistry``.
    antigen
        Name of the antigen; also its gene's, unless ``genes`` are given.
    background_pre, background_post
        Cells of the same samples that cannot express the antigen (T cells for CD19): they tell its ambient rate.
        Without them, or with fewer than ``rules.min_background``, ambient RNA is unknown, not zero: limits and p
        hold for any share up to ``rules.unknown_ambient`` of the antigen's counts.
    genes
        The antigen's genes when it is no gene itself; their counts are summed.
    n_matched
        Number of genes of like expression.
    lineage
        Other genes of the antigen's lineage, named in the reason: when all fall it is no loss of one antigen.
    chemistry_pre, chemistry_post
        Library chemistry; ``obs["chemistry"]`` when not given. Different ones make the call inconclusive.
    patient
        Name of the patient; ``obs["patient"]`` when not given.
    rules
        Thresholds.
    seed
        Seed of the draws behind interval and p.

    Returns
    -------
    Series
        With ANTIGEN's columns; ``q`` is empty, other values where they cannot be told. ``p`` is the one-sided p
        of loss, the interval two-sided, of level 1 - ``rules.alpha`` (95 %). ``remaining_high`` is empty when there
        is no upper limit. ``call`` is the first that holds of: not_assessable (too few cells, expected
        detections or matched genes, or absent before), inconclusive when the chemistries differ, lost, reduced,
        gained, retained, inconclusive.

    Raises
    ------
    OhmicsError
        When counts are not raw, genes differ between the populations or the antigen is not among them.

    Examples
    --------
    >>> from ohmics.toy import single_cell
    >>> cohort = single_cell(n_patients=1, n_cells=300, n_genes=4000, seed=1)
    >>> truth = cohort.truth_cells.set_index(["sample", "barcode"])
    >>> def cells(sample, malignant):
    ...     return cohort.adatas[sample][(truth.loc[sample, "malignant"] == malignant).to_numpy()]
    >>> call = call_antigen(cells("P01_pre", True), cells("P01_relapse", True), antigen="CD19")
    >>> call["call"]
    'lost'
    """
    rules = rules or AntigenRules()
    of_antigen = tuple(genes) if genes is not None else (antigen,)
    given = {"pre": pre, "post": post, "background_pre": background_pre, "background_post": background_post}
    _check_genes(given, antigen, of_antigen, n_matched)
    found = {name: population(adata, where=name) for name, adata in given.items() if adata is not None}
    pair = Pair(
        pre=found["pre"],
        post=found["post"],
        background_pre=found.get("background_pre"),
        background_post=found.get("background_post"),
        chemistry_pre=chemistry_pre or _only(pre, "chemistry"),
        chemistry_post=chemistry_post or _only(post, "chemistry"),
    )
    panel = Panel(name="lineage", genes=tuple(lineage))
    row = call_pair(pair, antigen=antigen, genes=of_antigen, n_matched=n_matched, panel=panel, rules=rules, seed=seed)
    row |= {
        "patient": patient or _only(pre, "patient") or _only(post, "patient") or UNNAMED,
        "pre_sample": _only(pre, "sample") or None,
        "post_sample": _only(post, "sample") or None,
    }
    return pd.Series({name: row[name] for name in COLUMNS}, name=antigen, dtype=object)


def call_pair(
    pair: Pair,
    *,
    antigen: str,
    genes: tuple[str, ...],
    n_matched: int = 200,
    panel: Panel | None = None,
    rules: AntigenRules,
    seed: int = 0,
) -> dict[str, object]:
    """Return one row of ANTIGEN for populations that are already summed; see `call_antigen`.

    Parameters
    ----------
    pair
        The populations.
    antigen, genes, n_matched, rules, seed
        As in `call_antigen`.
    panel
        Other genes of its lineage.
    """
    backgrounds = [_enough(cells, rules) for cells in (pair.background_pre, pair.background_post)]
    richest = max(float(cells.of(genes).sum()) / max(cells.total, 1.0) for cells in (pair.pre, pair.post))
    ambients = (
        ambient(pair.pre, backgrounds[0], genes, richest=richest, soup=pair.soup_pre),
        ambient(pair.post, backgrounds[1], genes, richest=richest, soup=pair.soup_post),
    )
    sides, null = _sides(pair, ambients, genes, n_matched)
    row: dict[str, object] = dict.fromkeys(COLUMNS) | {
        "antigen": antigen,
        "n_cells_pre": sides[0].cells.n,
        "n_cells_post": sides[1].cells.n,
        "detected_pre": sides[0].detected,
        "detected_post": sides[1].detected,
    }
    for name in ("expected_detected", "remaining_fraction", "remaining_low", "remaining_high", "null_median",
                 "null_sd", "negative_fraction", "negative_low", "negative_high", "p", "q"):  # fmt: skip
        row[name] = float("nan")
    expected = expected_detected(*sides, null) if null.n else float("nan")
    row["expected_detected"] = expected
    present = p_present(sides[0], seed=seed, names=genes)
    refusal = _refusal(antigen, sides, null, expected, present, rules)
    if refusal:
        row |= {"call": "not_assessable", "reason": sentences(refusal)}
        return row
    known = all(amb.known for amb in ambients)
    believed = replace(null, sd=max(null.sd, rules.min_null_sd))
    found = _found(sides, null, tails(*sides, believed, seed=seed, names=genes), expected, rules, known=known)
    call, by = _decide(found, pair, rules)
    negative = negative_fraction(*sides, widest=rules.negative_width) if known else _UNTOLD
    side_by_side = lineage_text(panel.name, _panel(panel, genes, sides, null)) if panel else ""
    row |= {
        "remaining_fraction": found.remaining,
        "remaining_low": found.low,
        "remaining_high": found.high if np.isfinite(found.high) else float("nan"),
        "null_median": float(np.exp(null.median)),
        "null_sd": null.sd,
        "negative_fraction": negative.share,
        "negative_low": negative.low,
        "negative_high": negative.high,
        "p": found.p_loss,
        "call": call,
        "reason": sentences(
            [
                detections(antigen, *sides, expected),
                comparison(found, null, rules, ambient_known=known),
                by,
                side_by_side,
                *caveats(call, negative),
            ]
        ),
    }
    return row


_UNTOLD = Negative(reason="ambient RNA is unknown, and a cell with one count may be negative")


def _enough(background: Population | None, rules: AntigenRules) -> Population | None:
    return background if background is not None and background.n >= max(rules.min_background, 1) else None


def _sides(
    pair: Pair, ambients: tuple[Ambient, Ambient], genes: tuple[str, ...], n_matched: int
) -> tuple[tuple[Side, Side], Null]:
    """Return the antigen before and after, and the null; dispersion is the matched genes' or its own, if more."""
    counts = pair.pre.of(genes), pair.post.of(genes)
    rough = Side(pair.pre, counts[0], 0.0, ambients[0])
    null = Null(0, 0.0, 0.0, 0.0, 0.0)
    if rough.own_rate > 0 and pair.post.total > 0:
        null = match(pair.pre, pair.post, ambients, level=rough.own_rate, genes=genes, n_matched=n_matched)
    before = max(null.dispersion, _dispersion(pair.pre, counts[0]))
    # Cells that kept the antigen and cells that lost it differ more than cells before did.
    after = max(before, _dispersion(pair.post, counts[1]))
    pre, post = (
        Side(cells, count, dispersion, amb)
        for cells, count, dispersion, amb in zip((pair.pre, pair.post), counts, (before, after), ambients, strict=True)
    )
    return (pre, post), null


def _dispersion(cells: Population, counts: Floats) -> float:
    """Return the antigen's own dispersion by moments: a tumour with negative cells has more than other genes."""
    total = float(counts.sum())
    if total <= 0:
        return 0.0
    mean = cells.depth * (total / cells.total)
    beyond = float(np.sum((counts - mean) ** 2) - total)
    return float(np.clip(beyond / float(np.sum(mean**2)), 0.0, 20.0))


def _refusal(
    antigen: str, sides: tuple[Side, Side], null: Null, expected: float, present: float, rules: AntigenRules
) -> list[str]:
    """Return why nothing can be said, as sentences; empty when something can."""
    pre, post = sides
    said = [
        f"{antigen} is detected in {pre.detected} of {pre.cells.n} malignant cells before and {post.detected} of "
        f"{post.cells.n} after"
    ]
    if min(pre.cells.n, post.cells.n) < rules.min_cells:
        return [*said, f"not assessable: fewer than {rules.min_cells} malignant cells in a sample"]
    if present >= rules.alpha or pre.own_rate <= 0:
        why = "not detected before" if pre.total == 0 else f"not above ambient RNA before (p {p_text(present)})"
        return [*said, f"not assessable: {why}"]
    if null.n < rules.min_matched:
        return [*said, f"not assessable: {null.n} genes of like expression, fewer than {rules.min_matched}"]
    if expected < rules.min_expected:
        return [
            *said,
            f"not assessable: had nothing changed, {number(expected)} cells with a count would be expected "
            f"after, fewer than {rules.min_expected:g}",
        ]
    return []


def _found(
    sides: tuple[Side, Side], null: Null, tail: Tails, expected: float, rules: AntigenRules, *, known: bool
) -> Found:
    pre, post = sides
    # A share of up to u of unknown ambient counts moves the ratio by at most 1 - u, either way.
    keep = 1.0 if known else 1.0 - rules.unknown_ambient
    shift = float(np.log(keep))
    return Found(
        remaining=post.own_rate / pre.own_rate / float(np.exp(null.median)),
        low=tail.lower(rules.alpha / 2) * keep,
        high=tail.upper(rules.alpha / 2) / keep,
        low_one_sided=tail.lower(rules.alpha) * keep,
        high_one_sided=tail.upper(rules.alpha) / keep,
        p_loss=tail.p_loss(shift),
        p_gain=tail.p_gain(-shift),
        expected=expected,
    )


def _decide(found: Found, pair: Pair, rules: AntigenRules) -> tuple[str, str]:
    """Return the first call that holds, and by what."""
    if pair.chemistry_pre and pair.chemistry_post and pair.chemistry_pre != pair.chemistry_post:
        return "inconclusive", (
            f"inconclusive whatever the p: the chemistries differ ({pair.chemistry_pre} before, {pair.chemistry_post} "
            "after), which alone moves detection of CD19 in normal B cells from 23 to 69 %"
        )
    if found.high_one_sided < rules.lost_below and found.p_loss < rules.alpha:
        call = "lost"
    elif found.p_loss < rules.alpha:
        call = "reduced"
    elif found.p_gain < rules.alpha:
        call = "gained"
    elif found.low_one_sided > rules.retained_above:
        call = "retained"
    else:
        call = "inconclusive"
    return call, decided(call, rules)


def _panel(panel: Panel, genes: tuple[str, ...], sides: tuple[Side, Side], null: Null) -> list[float]:
    """Return the remaining fractions of the lineage's other genes that are expressed enough before to be compared."""
    pre, post = (side.cells for side in sides)
    columns = np.flatnonzero(pre.named(panel.genes) & ~pre.named(genes))
    scale = pre.total / post.total / float(np.exp(null.median)) if post.total > 0 else 0.0
    told = [column for column in columns if pre.sums[column] * post.total / pre.total >= 10]
    return [float(post.sums[column] / pre.sums[column] * scale) for column in told]


def _check_genes(given: dict[str, AnnData | None], antigen: str, genes: tuple[str, ...], n_matched: int) -> None:
    faults = Faults()
    pre = given["pre"]
    if pre is None:
        raise OhmicsError(Fault("there are no cells before", where="pre"))
    for name, adata in given.items():
        if adata is not None and list(adata.var_names) != list(pre.var_names):
            faults.add("genes differ from those of `pre`", where=name, legal="the same genes in the same order",
                       remedy="subset both to their common genes")  # fmt: skip
    missing = [gene for gene in genes if gene not in pre.var_names]
    if missing or not genes:
        faults.add(
            f"no gene {listing(missing)} for antigen {antigen}" if genes else f"antigen {antigen} has no gene",
            where="pre",
            remedy=did_you_mean(missing[0], pre.var_names) if missing else "name its genes",
        )
    if n_matched < 1:
        faults.add(f"n_matched is {n_matched}", where="call_antigen", legal="1 or more")
    faults.raise_if_any()


def _only(adata: AnnData, column: str) -> str:
    """Return the one value of a column of ``obs``, its values joined by | when there are several, or nothing."""
    if column not in adata.obs:
        return ""
    return "|".join(sorted(set(adata.obs[column].dropna().astype(str)) - {""}))
