"""Annotated cells of one sample and its transgene features come in; how many T cells carry the CAR goes out.

A T cell is CAR+ or not. A CAR+ cell's transgene counts are negative binomial around its depth, and ambient RNA adds
counts to every droplet; ambient is what normal myeloid and B cells show, which carry no vector. The fraction of CAR+
cells is what fits the counts of all T cells, so that CAR+ cells without a transcript are part of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from anndata import AnnData
from scipy.special import gammainc, gammaincinv, gammaln, logsumexp
from scipy.stats import gamma

from ohmics.calls.populations import Floats, population
from ohmics.errors import Faults, did_you_mean, listing

if TYPE_CHECKING:
    from ohmics.catalog import Catalog

Mask = npt.NDArray[np.bool_]
COLUMNS = ("sample", "estimate", "low", "high", "evidence", "call", "reason")
"""The columns of CAR; a test holds them to it."""
USUAL_NAMES = (
    "FMC63", "CAR", "CAT_SCFV", "SCFV", "WPRE", "EGFRT", "TCD19", "TNGFR", "RQR8", "TISA-CEL", "AXI-CEL", "BREXU-CEL",
    "LISO-CEL", "OBE-CEL", "IDE-CEL", "CILTA-CEL", "BB2121", "4-1BB-CD3Z", "CD28-CD3Z", "BBZ", "28Z",
)  # fmt: skip
"""Names, or parts of names between separators, under which vectors stand in references; never a human gene."""
BACKGROUND = ("myeloid", "B cell")
T_CELL = "T cell"
T_GENES = ("CD3D", "CD3E", "CD3G", "TRAC", "TRBC1", "TRBC2", "CD2")
DROP = 1.9207294103470
_SHARES = np.linspace(0.0, 1.0, 101)
_RATES = np.exp(np.linspace(np.log(0.03), np.log(30.0), 60))
_DISPERSIONS = (0.15, 0.4, 1.0, 2.0)
_AMBIENT_STEPS = (0.025, 0.16, 0.5, 0.84, 0.975)
_BINS = 12
_EXACT_UP_TO = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CarRules:
    """Thresholds of `call_car`.

    Parameters
    ----------
    min_t_cells
        Fewest T cells.
    min_background
        Fewest myeloid and normal B cells that tell ambient RNA; with fewer it is borrowed.
    certain
        A T cell is called CAR+ from this posterior on, and CAR- up to 1 less it, at the best fit and at both ends
        of the share's interval; between them it is left open.
    alpha
        Level of the tests of T cells and of malignant cells against ambient RNA.
    borrowed_fold
        Borrowed ambient RNA may be this many times more or less, 95 % of the time.
    unknown_ambient
        Largest share of a droplet's transgene counts that may be ambient when nothing tells it.
    widest
        Widest interval of the CAR+ share with which the share is given: a few counts fit a few cells with many
        transcripts and many cells with few alike.
    """

    min_t_cells: int = 20
    min_background: int = 100
    certain: float = 0.95
    alpha: float = 0.01
    borrowed_fold: float = 4.0
    unknown_ambient: float = 0.2
    widest: float = 0.8


@dataclass(frozen=True, slots=True)
class CarCall:
    """One row of CAR, and each T cell's counts, posterior and call (``car_positive``; empty where it is open)."""

    row: pd.Series
    cells: pd.DataFrame


@dataclass(frozen=True, slots=True)
class _Ambient:
    """Ambient transgene counts a droplet: values, their log weights, and where they come from."""

    values: Floats
    log_weights: Floats
    words: str


def transgene_features(adata: AnnData, named: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the transgene features of the data: those named, those marked as transgene, those with a usual name.

    Parameters
    ----------
    adata
        Its ``var`` may hold ``feature_type`` (gene or transgene).
    named
        Names from the configuration; those the data lack are left out.
    """
    wanted = set(named)
    marked = np.zeros(adata.n_vars, dtype=bool)
    if "feature_type" in adata.var:
        marked = (adata.var["feature_type"].astype(str) == "transgene").to_numpy()
    found = []
    for name, is_marked in zip(adata.var_names.astype(str), marked, strict=True):
        whole = name.upper().replace(" ", "-")
        parts = {whole, whole.replace("_", "-"), *whole.replace("_", "-").split("-")}
        # CAR alone as a part would catch no human gene: symbols such as CARD9 hold it without a separator.
        if name in wanted or is_marked or parts & set(USUAL_NAMES):
            found.append(name)
    return tuple(found)


def call_car(
    adata: AnnData,
    features: Iterable[str],
    *,
    catalog: Catalog,
    borrowed: float | None = None,
    sample: str | None = None,
    rules: CarRules | None = None,
) -> CarCall:
    """Say which share of a sample's T cells carry the CAR, which T cells do, and whether tumour cells hold it.

    Parameters
    ----------
    adata
        One sample: cells × genes, raw counts in ``X``, not changed; ``obs`` with ``cell_type`` and, where known,
        ``malignant``.
    features
        Transgene features, summed (see `transgene_features`).
    catalog
        Cell types.
    borrowed
        Ambient counts a droplet over the sample's mean transgene counts a droplet, from other samples of the cohort
        (`ambient_share`); used when fewer than ``rules.min_background`` background cells are here.
    sample
        Name of the sample; ``obs["sample"]`` when not given.
    rules
        Thresholds.

    Returns
    -------
    CarCall
        ``row`` has CAR's columns: ``estimate`` is the fraction of T cells that are CAR+, those without a transcript
        included, with its 95 % profile interval; ``call`` is ``masking_candidate`` (malignant cells without T-cell
        RNA hold the transgene beyond ambient), ``detected``, ``not_detected`` or ``not_assessable``. ``cells``:
        barcode, n_transgene, posterior, car_positive of each T cell.

    Raises
    ------
    OhmicsError
        When counts are not raw, ``cell_type`` is missing or a feature is unknown.
    """
    rules = rules or CarRules()
    chosen = tuple(features)
    _check(adata, chosen)
    name = sample or "|".join(sorted(set(adata.obs["sample"].astype(str)))) if "sample" in adata.obs else sample
    row: dict[str, object] = dict.fromkeys(COLUMNS) | {"sample": name or "unnamed"}
    row |= {"estimate": np.nan, "low": np.nan, "high": np.nan, "call": "not_assessable"}
    t_cell, background, malignant = groups(adata.obs, catalog)
    empty = pd.DataFrame(
        {"barcode": [], "n_transgene": [], "posterior": [], "car_positive": pd.array([], dtype="boolean")}
    )
    if not chosen:
        return CarCall(_series(row | {"reason": "Not assessable: the data hold no transgene feature."}), empty)
    whole = population(adata, where="adata")
    counts, depth = whole.of(chosen), whole.depth
    ambient = _ambient(counts, background, borrowed, rules)
    masked, masked_words = _masking(adata, counts, malignant, ambient, rules)
    if int(t_cell.sum()) < rules.min_t_cells:
        why = f"Not assessable: {int(t_cell.sum())} T cells, fewer than {rules.min_t_cells}. {masked_words}".strip()
        call = "masking_candidate" if masked else "not_assessable"
        return CarCall(_series(row | {"reason": why, "call": call, "evidence": masked_words or None}), empty)
    fit = _fit(counts[t_cell], depth[t_cell], ambient)
    p = _p_all_ambient(float(counts[t_cell].sum()), int(t_cell.sum()), ambient)
    found = p < rules.alpha
    cells = _cells(adata, t_cell, counts, fit if found else None, rules)
    called = int(cells["car_positive"].fillna(False).sum())
    n = int(t_cell.sum())
    seen = int((counts[t_cell] > 0).sum())
    evidence = f"{seen} of {n} T cells with a transgene count; {called} called; {ambient.words}"
    if found:
        told = fit.high - fit.low < rules.widest
        row |= {"estimate": fit.share if told else np.nan, "low": fit.low, "high": fit.high}
        shown = (
            f"with CAR+ cells that show no transcript {fit.share:.0%} ({fit.low:.0%} to {fit.high:.0%}) are"
            if told
            else f"how many show no transcript cannot be told (any share from {fit.low:.0%} to {fit.high:.0%} fits)"
        )
        reason = (
            f"{seen} of {n} T cells hold a transgene count and {called} ({called / n:.0%}) are called CAR+; {shown}. "
            f"Ambient RNA: {ambient.words}."
        )
    else:
        reason = (
            f"{seen} of {n} T cells hold a transgene count, no more than ambient RNA gives (p {p:.2g}; "
            f"{ambient.words}). CAR+ cells that show no transcript cannot be excluded."
        )
    call = "masking_candidate" if masked else "detected" if found else "not_detected"
    text = f"{reason} {masked_words}".strip()
    return CarCall(_series(row | {"evidence": evidence, "call": call, "reason": text}), cells)


def groups(obs: pd.DataFrame, catalog: Catalog) -> tuple[Mask, Mask, Mask]:
    """Return which cells are T cells, background (normal myeloid and B cells) and malignant."""
    kinds = obs["cell_type"].astype(object)
    flags = obs["malignant"].astype("boolean") if "malignant" in obs else pd.Series(pd.NA, obs.index, dtype="boolean")
    malignant = np.asarray(flags.fillna(False), dtype=bool)
    t_cell = np.asarray(kinds.isin(catalog.descendants(T_CELL)), dtype=bool) & ~malignant
    normal: set[str] = set()
    for root in BACKGROUND:
        normal |= catalog.descendants(root)
    # A B cell that may be malignant may have taken the vector up.
    doubtful = np.asarray(flags.isna() & kinds.isin(catalog.descendants("B cell")), dtype=bool)
    return t_cell, np.asarray(kinds.isin(normal), dtype=bool) & ~malignant & ~doubtful, malignant


def ambient_share(adata: AnnData, features: Iterable[str], *, catalog: Catalog, rules: CarRules | None = None) -> float:
    """Return ambient transgene counts a droplet over the sample's mean a droplet; NaN with too few background cells.

    The median over a cohort's samples is what `call_car` takes as ``borrowed``.
    """
    rules = rules or CarRules()
    _, background, _ = groups(adata.obs, catalog)
    counts = population(adata, where="adata").of(tuple(features))
    if int(background.sum()) < rules.min_background or counts.sum() <= 0:
        return float("nan")
    return float(counts[background].mean() / counts.mean())


def _series(row: dict[str, object]) -> pd.Series:
    return pd.Series({name: row[name] for name in COLUMNS}, name=str(row["sample"]), dtype=object)


def _ambient(counts: Floats, background: Mask, borrowed: float | None, rules: CarRules) -> _Ambient:
    """Return what is believed of ambient counts a droplet."""
    n = int(background.sum())
    steps = np.asarray(_AMBIENT_STEPS)
    mean = float(counts.mean()) if counts.size else 0.0
    if n >= rules.min_background:
        inside = float(counts[background].sum())
        values = np.asarray(gammaincinv(inside + 0.5, steps)) / n
        weights = gamma.logpdf(values, inside + 0.5, scale=1.0 / n)
        words = f"{inside / n:.3g} counts a droplet in {n} normal myeloid and B cells"
        return _Ambient(values, weights - weights.max(), words)
    few = f"{n} normal myeloid and B cells are fewer than {rules.min_background}"
    if borrowed is not None and np.isfinite(borrowed) and mean > 0:
        away = np.array([-1.959964, -1.0, 0.0, 1.0, 1.959964])
        spread = np.log(rules.borrowed_fold) / 1.959964
        values = max(borrowed, 1e-4) * mean * np.exp(spread * away)
        return _Ambient(
            values, -0.5 * away**2, f"borrowed from other samples ({few}), {values[2]:.3g} counts a droplet"
        )
    values = np.linspace(0.0, 1.0, len(steps)) * rules.unknown_ambient * mean
    return _Ambient(values, np.zeros(len(steps)), f"unknown ({few}), taken as up to {values[-1]:.3g} counts a droplet")


@dataclass(frozen=True, slots=True)
class _Fit:
    """CAR+ share with its interval, and each cell's posterior: at the best fit, at the lower and at the upper limit."""

    share: float
    low: float
    high: float
    posterior: Floats
    at_low: Floats
    at_high: Floats


@dataclass(frozen=True, slots=True)
class _Point:
    """Best fit at one share: log likelihood, rate of CAR+ cells, ambient counts, dispersion."""

    log_likelihood: float
    rate: float
    soup: float
    dispersion: float


def _fit(counts: Floats, depth: Floats, ambient: _Ambient) -> _Fit:
    """Return the CAR+ share with its 95 % profile interval and each cell's posterior at the best fit."""
    typical = depth / depth.mean()
    part = np.searchsorted(np.quantile(typical, np.linspace(0, 1, _BINS + 1)[1:-1]), typical)
    steps = np.round(np.log(np.maximum(counts, _EXACT_UP_TO) / _EXACT_UP_TO) / np.log(1.1))
    rounded = np.where(counts <= _EXACT_UP_TO, counts, np.round(_EXACT_UP_TO * 1.1**steps))
    table, inverse = np.unique(np.stack([rounded, part], axis=1), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    weight = np.bincount(inverse, minlength=len(table)).astype(np.float64)
    own = np.array([typical[inverse == number].mean() for number in range(len(table))])
    count = table[:, 0]
    rates = max(float(counts.mean()), 1e-2) * _RATES
    points = [_Point(-np.inf, 0.0, 0.0, 0.0) for _ in _SHARES]
    with np.errstate(divide="ignore"):
        log_share, log_rest = np.log(_SHARES)[:, None, None], np.log1p(-_SHARES)[:, None, None]
    for soup, log_weight in zip(np.maximum(ambient.values, 1e-5), ambient.log_weights, strict=True):
        nothing = count * np.log(soup) - soup - gammaln(count + 1)
        for dispersion in _DISPERSIONS:
            carrying = _carrying(count, own, rates, soup, dispersion)
            mixed = np.logaddexp(log_share + carrying[None, :, :], log_rest + nothing[None, None, :]) @ weight
            for number, (value, rate) in enumerate(zip(mixed.max(axis=1), mixed.argmax(axis=1), strict=True)):
                if value + log_weight > points[number].log_likelihood:
                    points[number] = _Point(float(value + log_weight), float(rates[rate]), float(soup), dispersion)
    profile = np.array([point.log_likelihood for point in points])
    inside = np.flatnonzero(profile >= profile.max() - DROP)
    places = int(profile.argmax()), int(inside[0]), int(inside[-1])
    posterior, at_low, at_high = (
        _posterior(count, own, float(_SHARES[place]), points[place])[inverse] for place in places
    )
    step = _SHARES[1]
    return _Fit(
        share=float(_SHARES[places[0]]),
        low=float(max(_SHARES[places[1]] - step, 0.0)),
        high=float(min(_SHARES[places[2]] + step, 1.0)),
        posterior=posterior,
        at_low=at_low,
        at_high=at_high,
    )


def _posterior(count: Floats, own: Floats, share: float, point: _Point) -> Floats:
    """Return the probability that cells are CAR+, given their counts and the fit at one share."""
    inside = _carrying(count, own, np.array([point.rate]), point.soup, point.dispersion)[0]
    outside = count * np.log(point.soup) - point.soup - gammaln(count + 1)
    share = float(np.clip(share, 1e-9, 1 - 1e-9))
    ends = np.stack([inside + np.log(share), outside + np.log1p(-share)])
    return np.asarray(np.exp(ends[0] - logsumexp(ends, axis=0)), dtype=np.float64)


def _carrying(count: Floats, own: Floats, rates: Floats, soup: float, dispersion: float) -> Floats:
    """Return log probabilities of counts of CAR+ cells, rates × cells: own counts and ambient ones together."""
    vector = rates[:, None] * own[None, :]
    mean = vector + soup
    # Only the cell's own counts are overdispersed; the sum keeps their variance.
    size = mean**2 / (dispersion * vector**2)
    found = gammaln(count + size) - gammaln(size) - gammaln(count + 1)
    return np.asarray(found - size * np.log1p(mean / size) - count * np.log1p(size / mean), dtype=np.float64)


def _p_all_ambient(total: float, n: int, ambient: _Ambient) -> float:
    """Return the one-sided p of so many counts in n droplets of ambient RNA, at the highest ambient believed."""
    mean = float(ambient.values.max()) * n
    return 1.0 if total <= 0 else float(gammainc(total, mean)) if mean > 0 else 0.0


def _masking(adata: AnnData, counts: Floats, malignant: Mask, ambient: _Ambient, rules: CarRules) -> tuple[bool, str]:
    """Say whether malignant cells without T-cell RNA hold the transgene beyond ambient RNA."""
    columns = np.flatnonzero(adata.var_names.isin(T_GENES))
    with_t = np.asarray(adata.X[:, columns].sum(axis=1)).ravel() > 0 if columns.size else np.zeros(adata.n_obs, bool)
    alone = malignant & ~with_t
    n, total, cells = int(alone.sum()), float(counts[alone].sum()), int((counts[alone] > 0).sum())
    if n < rules.min_t_cells:
        return False, ""
    p = _p_all_ambient(total, n, ambient)
    # A few counts are a few doublets whose T-cell RNA was missed.
    if p < rules.alpha and cells >= max(3, 0.01 * n):
        return True, (
            f"Masking candidate: {cells} of {n} malignant cells without T-cell RNA hold the transgene, more than "
            f"ambient RNA gives (p {p:.2g}); doublets are the alternative."
        )
    return False, f"{cells} of {n} malignant cells without T-cell RNA hold the transgene (p against ambient {p:.2g})."


def _cells(adata: AnnData, t_cell: Mask, counts: Floats, fit: _Fit | None, rules: CarRules) -> pd.DataFrame:
    """Return the T cells: called where the posterior is certain over the whole interval of the share, else open."""
    n = int(t_cell.sum())
    positive: list[bool | None] = [None] * n
    if fit is not None:
        everywhere = np.stack([fit.posterior, fit.at_low, fit.at_high])
        positive = [
            True if least >= rules.certain else False if most <= 1 - rules.certain else None
            for least, most in zip(everywhere.min(axis=0), everywhere.max(axis=0), strict=True)
        ]
    return pd.DataFrame(
        {
            "barcode": adata.obs_names[t_cell].astype(str),
            "n_transgene": counts[t_cell].astype(np.int64),
            "posterior": fit.posterior if fit is not None else np.full(n, np.nan),
            "car_positive": pd.array(positive, dtype="boolean"),
        }
    )


def _check(adata: AnnData, features: tuple[str, ...]) -> None:
    faults = Faults()
    if "cell_type" not in adata.obs:
        faults.add("column `cell_type` is missing", where="obs", remedy="annotate the cells first")
    missing = [name for name in features if name not in adata.var_names]
    if missing:
        faults.add(f"no feature {listing(missing)}", where="features", remedy=did_you_mean(missing[0], adata.var_names))
    faults.raise_if_any()
