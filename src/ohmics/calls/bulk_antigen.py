"""Two bulk samples of a patient and an antigen come in; its change beside its lineage panel goes out.

A bulk sample mixes cells: an antigen falls when the tumour loses it, and when there is less tumour. The other genes of
its lineage fall with the tumour's share alone, so that what counts is the antigen's log ratio beyond theirs. How far an
unchanged gene of the lineage goes from the others is read from those genes, gene by gene, in the same two samples.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student

from ohmics.calls.antigen import COLUMNS
from ohmics.calls.rules import AntigenRules
from ohmics.calls.words import CANNOT_EXCLUDE, number, p_text, sentences
from ohmics.errors import Faults, did_you_mean, listing

Scale = Literal["counts", "tpm"]
Floats = npt.NDArray[np.float64]
PURITY = (
    "Normal cells of the lineage keep the antigen and its panel and can hide a loss in the tumour; the tumour's share "
    "alone moves both alike"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkRules:
    """Thresholds of `call_bulk_antigen` beyond those it shares with `AntigenRules`.

    Parameters
    ----------
    min_panel
        Fewest genes of the lineage that are expressed before.
    min_counts
        Fewest counts of such a gene before, and of the antigen to be expected after.
    min_tpm
        The same where the values are TPM.
    min_sd
        Least sd of the log ratio with which a gene of the lineage moves apart from the others: between the samples of
        one patient genes of one cell type differ by state too.
    """

    min_panel: int = 5
    min_counts: float = 20.0
    min_tpm: float = 1.0
    min_sd: float = 0.25


@dataclass(frozen=True, slots=True)
class _Beyond:
    """The antigen's log ratio beyond the panel's: estimate, its error, degrees of freedom, and what it is made of."""

    value: float
    error: float
    freedom: int
    panel: float
    sd: float
    n: int


def call_bulk_antigen(
    pre: pd.Series,
    post: pd.Series,
    *,
    antigen: str,
    panel: Iterable[str],
    panel_name: str = "lineage",
    genes: Iterable[str] | None = None,
    scale: Scale = "counts",
    patient: str = "unnamed",
    rules: AntigenRules | None = None,
    bulk_rules: BulkRules | None = None,
) -> pd.Series:
    """Say what became of an antigen between two bulk samples of one patient, beside the genes of its lineage.

    Parameters
    ----------
    pre, post
        The sample before and after: gene -> value. Raw counts; or TPM, as ``scale`` says, which holds no number of
        reads, so that counting noise is taken to be within the genes' spread. Log values, as of microarrays, are
        refused: their background keeps a lost gene from falling.
    antigen
        Name of the antigen; also its gene's, unless ``genes`` are given.
    panel
        Other genes of the antigen's lineage (lineages.yaml); its own genes are left out.
    panel_name
        The lineage's name.
    genes
        The antigen's genes; their values are summed.
    scale
        ``counts`` or ``tpm``.
    patient
        Name of the patient.
    rules, bulk_rules
        Thresholds.

    Returns
    -------
    Series
        With ANTIGEN's columns; those of cells are empty, as are ``pre_sample``, ``post_sample`` and ``q``.
        ``remaining_fraction`` is the antigen's ratio over the panel's mean ratio (geometric), with its two-sided 95 %
        interval from Student's t over the panel's genes; ``null_median`` the panel's ratio and ``null_sd`` the sd of
        its genes' log ratios beyond counting noise. ``call`` as in `ohmics.call_antigen`.

    Raises
    ------
    OhmicsError
        When values are negative or logarithms, or a gene is unknown.
    """
    rules, bulk_rules = rules or AntigenRules(), bulk_rules or BulkRules()
    own = tuple(genes) if genes is not None else (antigen,)
    _check(pre, post, own, antigen, scale)
    others = [gene for gene in dict.fromkeys(panel) if gene not in own and gene in pre.index and gene in post.index]
    values = {name: _of(pre, post, (name,)) for name in others}
    mine = _of(pre, post, own)
    depth = float(np.log(post.sum() / pre.sum()))
    row: dict[str, Any] = dict.fromkeys(COLUMNS) | {"patient": patient, "antigen": antigen}
    for name in ("expected_detected", "remaining_fraction", "remaining_low", "remaining_high", "null_median", "null_sd",
                 "negative_fraction", "negative_low", "negative_high", "p", "q"):  # fmt: skip
        row[name] = float("nan")
    least = bulk_rules.min_counts if scale == "counts" else bulk_rules.min_tpm
    expressed = [name for name, value in values.items() if value[0] >= least]
    said = _seen(antigen, mine, scale)
    if len(expressed) < bulk_rules.min_panel:
        why = (
            f"{len(expressed)} genes of the {panel_name} panel are expressed before, fewer than {bulk_rules.min_panel}"
        )
        return _row(row, "not_assessable", [said, f"not assessable: {why}"])
    found = _beyond(mine, [values[name] for name in expressed], scale, bulk_rules)
    expected = mine[0] * float(np.exp(found.panel))
    row |= {"null_median": float(np.exp(found.panel - (depth if scale == "counts" else 0.0))), "null_sd": found.sd}
    if mine[0] < least or expected < least:
        what = "before" if mine[0] < least else f"after ({number(expected)} expected had nothing changed)"
        return _row(row, "not_assessable", [said, f"not assessable: too little {antigen} {what} to see it fall"])
    return _row(*_told(row, found, said, panel_name, rules, scale, gone=mine[1] == 0))


def _told(
    row: dict[str, Any], found: _Beyond, said: str, panel_name: str, rules: AntigenRules, scale: Scale, *, gone: bool
) -> tuple[dict[str, Any], str, list[str]]:
    """Return the row with its numbers, the first call that holds, and the sentences."""
    z = found.value / found.error
    p_loss, p_gain = float(student.cdf(z, found.freedom)), float(student.sf(z, found.freedom))
    two, one = (float(student.ppf(1 - tail, found.freedom)) * found.error for tail in (rules.alpha / 2, rules.alpha))
    limits = [float(np.exp(found.value + half)) for half in (-two, two, -one, one)]
    if gone:
        # Nothing left is what no count after fits best; a logarithm never gets there.
        limits[0] = 0.0
    if limits[3] < rules.lost_below and p_loss < rules.alpha:
        call, by = "lost", f"the one-sided upper limit is below {rules.lost_below:g}"
    elif p_loss < rules.alpha:
        call, by = "reduced", f"p of loss is below {rules.alpha:g}"
    elif p_gain < rules.alpha:
        call, by = "gained", f"p of gain is below {rules.alpha:g}"
    elif limits[2] > rules.retained_above:
        call, by = "retained", f"the one-sided lower limit is above {rules.retained_above:g}"
    else:
        call, by = "inconclusive", "no threshold is met"
    row |= {
        "remaining_fraction": float(np.exp(found.value)), "remaining_low": limits[0], "remaining_high": limits[1],
        "p": p_loss,
    }  # fmt: skip
    counting = "" if scale == "counts" else "; TPM hold no number of reads, so that counting noise is not told apart"
    text = [
        said,
        f"against {found.n} other genes of the {panel_name} panel, which changed {number(row['null_median'])}-fold (sd "
        f"of their log ratio {found.sd:.2f}{counting}), {number(row['remaining_fraction'])} of it remains (95 % "
        f"interval {number(limits[0])} to {number(limits[1])}; p of loss {p_text(p_loss)}, of gain {p_text(p_gain)})",
        f"{call}: {by}",
        PURITY,
        *([CANNOT_EXCLUDE] if call in ("retained", "gained", "inconclusive") else []),
    ]
    return row, call, text


def _beyond(mine: tuple[float, float], panel: list[tuple[float, float]], scale: Scale, rules: BulkRules) -> _Beyond:
    ratios = np.array([_log_ratio(value, scale) for value in panel])
    changes, noise = ratios[:, 0], ratios[:, 1]
    n = len(changes)
    spread = float(np.var(changes, ddof=1))
    sd = float(np.sqrt(max(spread - float(noise.mean()), rules.min_sd**2)))
    value, variance = _log_ratio(mine, scale)
    mean = float(changes.mean())
    error = float(np.sqrt(sd**2 * (1 + 1 / n) + variance + float(noise.mean()) / n))
    return _Beyond(value - mean, error, n - 1, mean, sd, n)


def _log_ratio(value: tuple[float, float], scale: Scale) -> tuple[float, float]:
    """Return the log of after over before, and the variance that counting gives it."""
    if scale == "tpm":
        # A hundredth of a TPM keeps the logarithm finite where a gene is gone.
        return float(np.log((value[1] + 0.01) / (value[0] + 0.01))), 0.0
    before, after = value[0] + 0.5, value[1] + 0.5
    return float(np.log(after / before)), 1 / before + 1 / after


def _of(pre: pd.Series, post: pd.Series, genes: tuple[str, ...]) -> tuple[float, float]:
    return float(pre[list(genes)].sum()), float(post[list(genes)].sum())


def _seen(antigen: str, mine: tuple[float, float], scale: Scale) -> str:
    unit = "counts" if scale == "counts" else "TPM"
    return f"{antigen} has {number(mine[0])} {unit} before and {number(mine[1])} after"


def _row(row: dict[str, Any], call: str, said: list[str]) -> pd.Series:
    full = row | {"call": call, "reason": sentences(said)}
    return pd.Series({name: full[name] for name in COLUMNS}, name=str(row["antigen"]), dtype=object)


def _whole(values: Floats) -> bool:
    return bool(np.all(values == np.floor(values)))


def _check(pre: pd.Series, post: pd.Series, genes: tuple[str, ...], antigen: str, scale: str) -> None:
    faults = Faults()
    if scale not in ("counts", "tpm"):
        faults.add(f"scale is `{scale}`", where="call_bulk_antigen", legal="counts, tpm")
    for name, values in (("pre", pre), ("post", post)):
        missing = [gene for gene in genes if gene not in values.index]
        if missing:
            faults.add(f"no gene {listing(missing)} for antigen {antigen}", where=name,
                       remedy=did_you_mean(missing[0], map(str, values.index)))  # fmt: skip
        data = values.to_numpy(dtype=float)
        if not np.isfinite(data).all() or (data < 0).any() or data.sum() <= 0:
            faults.add("values are no counts or TPM", where=name, legal="finite numbers from 0 on, not all 0")
        elif data.max() < 40 and not _whole(data):
            remedy = "microarray and log values are refused: their background keeps a lost gene from falling"
            faults.add("values look like logarithms", where=name, legal="raw counts or TPM", remedy=remedy)
        elif scale == "counts" and not _whole(data):
            faults.add("values are no whole numbers", where=name, legal="raw counts", remedy='for TPM say scale="tpm"')
    faults.raise_if_any()
