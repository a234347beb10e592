"""Expression of samples comes in; scores that are no plain list score (CYT, IMPRES, GEP-18, ratios) go out.

Every function takes samples × genes with approved symbols and gives one value a sample, or refuses with the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ohmics.errors import OhmicsError, listing

CYT_GENES = ("GZMA", "PRF1")
CYT_OFFSET = 0.01
"""Added to both genes, as published, so that one absent gene does not make the mean 0."""
MILLION = 1e6
MIN_RATIO_SAMPLES = 3
"""Samples a ratio of lists needs to standardise genes over them."""
MIN_SIDE = 0.5
"""Share of a list's genes that a ratio needs on either side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedScore:
    """One derived score: what it is, from what, its range and the meaning of its value.

    ``takes`` is ``tpm`` (comparable between genes: TPM, or counts with gene lengths), ``cpm`` (raw counts, or CPM) or
    ``log`` (log2 (CPM + 1) or any log-normalised values).
    """

    name: str
    definition: str
    takes: str
    value_range: tuple[float, float]
    unit: str
    sign: str
    doi: str


DERIVED: dict[str, DerivedScore] = {
    one.name: one
    for one in (
        DerivedScore(
            name="cyt",
            definition="geometric mean of GZMA and PRF1 in TPM, 0.01 added to both",
            takes="tpm",
            value_range=(CYT_OFFSET, MILLION),
            unit="TPM",
            sign="higher: more cytolytic transcripts, from more or from more active T and NK cells",
            doi="10.1016/j.cell.2014.12.033",
        ),
        DerivedScore(
            name="cyt_cpm",
            definition="geometric mean of GZMA and PRF1 in CPM, 0.01 added to both; not the published CYT",
            takes="cpm",
            value_range=(CYT_OFFSET, MILLION),
            unit="CPM",
            sign="higher: more cytolytic transcripts; compare samples of one protocol only, since lengths are not used",
            doi="10.1016/j.cell.2014.12.033",
        ),
        DerivedScore(
            name="impres",
            definition="number of 15 checkpoint gene pairs whose first gene is above the second",
            takes="tpm",
            value_range=(0.0, 15.0),
            unit="pairs",
            sign="higher: published as response to checkpoint blockade in melanoma; disputed (PMID 31806908)",
            doi="10.1038/s41591-018-0157-9",
        ),
        DerivedScore(
            name="gep18",
            definition="weighted sum of 18 genes' log10 (TPM + 1) less the mean of 11 housekeeping genes",
            takes="tpm",
            value_range=(float("-inf"), float("inf")),
            unit="weighted log10 TPM",
            sign="higher: a T-cell-inflamed tumour; weights of NanoString data, so compare within one data set only",
            doi="10.1126/science.aar3593",
        ),
        DerivedScore(
            name="chronic_ifn_ratio",
            definition="mean z of ISG.RS less mean z of the 6-gene IFN-gamma list, shared genes left out of both",
            takes="log",
            value_range=(float("-inf"), float("inf")),
            unit="sd over the samples",
            sign="above 0: interferon-stimulated genes of the tumour outweigh the immune cells' IFN-gamma response",
            doi="10.1016/j.cell.2019.07.019",
        ),
        DerivedScore(
            name="ims_ratio",
            definition="mean z of the IMS list less mean z of the 6-gene IFN-gamma list, shared genes left out of both",
            takes="log",
            value_range=(float("-inf"), float("inf")),
            unit="sd over the samples",
            sign="above 0: immunosuppression outweighs the IFN-gamma response (PMID 33542239)",
            doi="10.1172/JCI91190",
        ),
    )
}
RATIOS: dict[str, tuple[str, str]] = {
    "chronic_ifn_ratio": ("chronic_ifn_isg_rs/benci2019_isg_rs", "low_ifng_tcell_inflamed/ayers_ifng6"),
    "ims_ratio": ("ims_ratio/cui2021_ims18", "low_ifng_tcell_inflamed/ayers_ifng6"),
}
"""Score -> keys of the catalogue's lists above and below the line."""


def tpm_from_counts(counts: pd.DataFrame, gene_lengths: Mapping[str, float]) -> pd.DataFrame:
    """Return transcripts per million.

    Parameters
    ----------
    counts
        Samples × genes, raw counts.
    gene_lengths
        Gene -> length in bases (effective or exonic); genes without one are left out of the million.

    Raises
    ------
    OhmicsError
        When fewer than half of the counts have a length, or a length is not above 0.

    Notes
    -----
    Wagner, Kin and Lynch 2012, doi 10.1007/s12064-012-0162-3.

    Examples
    --------
    >>> counts = pd.DataFrame({"A": [10.0], "B": [10.0]}, index=["s"])
    >>> tpm_from_counts(counts, {"A": 1000, "B": 3000}).round().loc["s"].tolist()
    [750000.0, 250000.0]
    """
    known = [gene for gene in counts.columns if gene in gene_lengths]
    lengths = np.array([float(gene_lengths[gene]) for gene in known])
    wrong = [gene for gene, length in zip(known, lengths, strict=True) if not length > 0]
    if wrong:
        raise OhmicsError(f"gene lengths are not above 0: {listing(wrong)}")
    total = float(counts.to_numpy(dtype=np.float64).sum())
    share = float(counts[known].to_numpy(dtype=np.float64).sum()) / total if total else 0.0
    if share < 0.5:
        raise OhmicsError(f"gene lengths cover {share:.0%} of the counts, at least 50% are needed for TPM")
    return _per_million(counts[known].div(lengths, axis=1))


def cpm(counts: pd.DataFrame) -> pd.DataFrame:
    """Return counts per million, samples × genes."""
    return _per_million(counts)


def cyt(tpm: pd.DataFrame) -> pd.Series:
    """Return the cytolytic activity of each sample: the geometric mean of GZMA and PRF1.

    Parameters
    ----------
    tpm
        Samples × genes in TPM (for ``cyt_cpm``: in CPM, whose values are others and carry another name).

    Returns
    -------
    pandas.Series
        At least 0.01, in the unit given.

    Raises
    ------
    OhmicsError
        When GZMA or PRF1 is missing.

    Notes
    -----
    Rooney et al. 2015, doi 10.1016/j.cell.2014.12.033.

    Examples
    --------
    >>> round(float(cyt(pd.DataFrame({"GZMA": [9.99], "PRF1": [39.99]}, index=["s"])).loc["s"]), 6)
    20.0
    """
    _need(tpm, CYT_GENES, "CYT")
    values = tpm[list(CYT_GENES)].to_numpy(dtype=np.float64) + CYT_OFFSET
    return pd.Series(np.sqrt(values.prod(axis=1)), index=tpm.index, name="cyt")


def impres(tpm: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> pd.Series:
    """Return how many of the gene pairs hold: the first gene above the second.

    Parameters
    ----------
    tpm
        Samples × genes, comparable between genes (TPM, or its logarithm).
    pairs
        The 15 pairs (higher, lower).

    Returns
    -------
    pandas.Series
        Whole numbers from 0 to the number of pairs; a tie does not hold.

    Raises
    ------
    OhmicsError
        When a gene of a pair is missing: a count over fewer pairs is not comparable.

    Notes
    -----
    Auslander et al. 2018, doi 10.1038/s41591-018-0157-9; replication disputed (PMID 31806908).
    """
    _need(tpm, sorted({gene for pair in pairs for gene in pair}), "IMPRES")
    holds = [tpm[higher].to_numpy() > tpm[lower].to_numpy() for higher, lower in pairs]
    return pd.Series(np.sum(holds, axis=0).astype(np.float64), index=tpm.index, name="impres")


def gep18(tpm: pd.DataFrame, weights: Mapping[str, float], housekeeping: Collection[str]) -> pd.Series:
    """Return the T-cell-inflamed gene expression profile: a weighted sum of housekeeping-normalised genes.

    Parameters
    ----------
    tpm
        Samples × genes in TPM.
    weights
        The 18 genes' published weights.
    housekeeping
        The 11 housekeeping genes, whose mean log10 (TPM + 1) is subtracted from each gene's.

    Raises
    ------
    OhmicsError
        Without weights, or when one of the 18 genes, or more than half of the housekeeping genes, are missing.

    Notes
    -----
    Ayers et al. 2017, doi 10.1172/JCI91190; weights: Cristescu et al. 2018, doi 10.1126/science.aar3593, table S2.
    """
    if not weights:
        raise OhmicsError("GEP-18 is a weighted sum, and no weights are given; score its gene list instead")
    _need(tpm, list(weights), "GEP-18")
    house = [gene for gene in housekeeping if gene in tpm]
    if 2 * len(house) < len(housekeeping):
        absent = [gene for gene in housekeeping if gene not in tpm]
        raise OhmicsError(f"GEP-18 lacks {len(absent)} of {len(housekeeping)} housekeeping genes: {listing(absent)}")
    logged = np.log10(tpm[[*weights, *house]].to_numpy(dtype=np.float64) + 1)
    normalised = logged[:, : len(weights)] - logged[:, len(weights) :].mean(axis=1, keepdims=True)
    return pd.Series(normalised @ np.array(list(weights.values())), index=tpm.index, name="gep18")


def ratio(
    log_expression: pd.DataFrame,
    above: Collection[str],
    below: Collection[str],
    *,
    below_expression: pd.DataFrame | None = None,
    reference: pd.DataFrame | None = None,
) -> pd.Series:
    """Return the log ratio of two lists: mean z of ``above`` less mean z of ``below``.

    A raw quotient of two averages of logarithms has no meaning, so the difference of standardised means stands for
    the published ratio. Genes of both lists are left out of both: they would argue for either side.

    Parameters
    ----------
    log_expression
        Samples × genes, log-normalised; where ``above`` is read (for the chronic-IFN ratio: malignant cells).
    above, below
        Genes of the two lists.
    below_expression
        Where ``below`` is read (immune cells of the same samples); None: in the same expression.
    reference
        ``mean`` and ``sd`` of each gene (index). None: over the samples given, so give the whole cohort.

    Raises
    ------
    OhmicsError
        When the samples differ, either list has fewer than half of its genes, or, without a reference, there are
        fewer than 3 samples.
    """
    other = log_expression if below_expression is None else below_expression
    if not other.index.equals(log_expression.index):
        raise OhmicsError("the two sides of a ratio are of different samples; give the same samples in the same order")
    if reference is None and len(log_expression) < MIN_RATIO_SAMPLES:
        raise OhmicsError(f"{len(log_expression)} samples; at least {MIN_RATIO_SAMPLES} are needed without a reference")
    shared = set(above) & set(below)
    upper = _mean_z(log_expression, sorted(set(above) - shared), reference, "above")
    lower = _mean_z(other, sorted(set(below) - shared), reference, "below")
    return pd.Series(upper - lower, index=log_expression.index, name="ratio")


def chronic_ifn_ratio(
    log_expression: pd.DataFrame,
    *,
    isg_rs: Collection[str],
    ifng_gs: Collection[str],
    immune: pd.DataFrame | None = None,
    reference: pd.DataFrame | None = None,
) -> pd.Series:
    """Return interferon-stimulated resistance genes of the tumour over IFN-gamma genes of immune cells.

    Parameters
    ----------
    log_expression
        Samples × genes, log-normalised: malignant cells (pseudobulk), or bulk, where the cell of origin of either
        list cannot be told.
    isg_rs, ifng_gs
        Genes; of the catalogue: ISG.RS of Benci 2019 and, for the list that is not public, the 6 genes of Ayers 2017.
    immune
        Immune cells of the same samples; None: ``log_expression``.
    reference
        See `ratio`.

    Returns
    -------
    pandas.Series
        Sd over the samples; above 0: chronic interferon outweighs.

    Notes
    -----
    Benci et al. 2019, doi 10.1016/j.cell.2019.07.019.
    """
    found = ratio(log_expression, isg_rs, ifng_gs, below_expression=immune, reference=reference)
    return found.rename("chronic_ifn_ratio")


def _per_million(values: pd.DataFrame) -> pd.DataFrame:
    totals = values.sum(axis=1).to_numpy(dtype=np.float64)[:, None]
    scale = np.divide(MILLION, totals, out=np.zeros_like(totals), where=totals > 0)
    return pd.DataFrame(values.to_numpy(dtype=np.float64) * scale, index=values.index, columns=values.columns)


def _need(values: pd.DataFrame, genes: Collection[str], name: str) -> None:
    absent = [gene for gene in genes if gene not in values]
    if absent:
        raise OhmicsError(f"{name} needs {len(genes)} genes; the data lack {listing(absent, most=20)}")


def _mean_z(values: pd.DataFrame, genes: list[str], reference: pd.DataFrame | None, side: str) -> Any:
    present = [gene for gene in genes if gene in values and (reference is None or gene in reference.index)]
    if not genes or len(present) < MIN_SIDE * len(genes):
        raise OhmicsError(f"{len(present)} of {len(genes)} genes {side} the line are in the data; half are needed")
    taken = values[present].to_numpy(dtype=np.float64)
    if reference is None:
        mean, sd = taken.mean(axis=0), taken.std(axis=0, ddof=1)
    else:
        mean, sd = (reference.loc[present, name].to_numpy(dtype=np.float64) for name in ("mean", "sd"))
    varies = sd > 0
    if not varies.any():
        raise OhmicsError(f"none of the {len(present)} genes {side} the line varies")
    return ((taken[:, varies] - mean[varies]) / sd[varies]).mean(axis=1)
