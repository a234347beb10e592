"""Scores of bulk samples and the content of cells that carry them come in; scores beyond content go out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics.errors import OhmicsError, listing
from ohmics.tables import skipped

T_CELL_GENES = ("CD3D", "CD3E", "CD3G", "CD2", "TRAC")
"""Expressed by T cells whatever their state."""
NOT_TUMOUR_GENES = (
    "PTPRC", "CD53", "CORO1A", "LAPTM5",  # leukocytes
    "COL1A1", "COL1A2", "COL3A1", "DCN", "LUM",  # fibroblasts
    "PECAM1", "VWF", "CDH5",  # endothelium
)  # fmt: skip
"""Genes of the cells that dilute a solid tumour; the idea is that of ESTIMATE (doi 10.1038/ncomms3612)."""
SHEET = "(sheet)"
"""Stands for a gene in CONTENT where purity is the sheet's column."""
LOWEST_PURITY = 0.01
MIN_CONTENT_GENES = 2
MIN_SAMPLES = 6
ESTIMATED = (
    "purity is estimated: minus the mean z of leukocyte, fibroblast and endothelial genes; it has no absolute scale"
)


@dataclass(frozen=True, kw_only=True)
class BeyondContent:
    """Scores with what content explains taken out.

    ``beyond``: samples × lists, in the unit of the score, at the mean content of the fitted samples; missing where
    nothing could be fitted. ``coefficients``: one row a list (gene_list, slope, standard_error, r_squared, n).
    ``skipped``: rows of SKIPPED.
    """

    beyond: pd.DataFrame
    coefficients: pd.DataFrame
    skipped: list[dict[str, str]] = field(default_factory=list)


def content_score(
    log_expression: pd.DataFrame, genes: Collection[str] = T_CELL_GENES, *, exclude: Collection[str] = ()
) -> pd.Series:
    """Return how much of a cell type each bulk sample holds: the mean log expression of its genes.

    Parameters
    ----------
    log_expression
        Samples × genes, log2 (CPM + 1).
    genes
        Genes of the cell type that do not follow its state; CD3D, CD3E, CD3G, CD2 and TRAC by default.
    exclude
        Genes of the list that is to be read beyond content: content must not explain a score by its own genes.

    Returns
    -------
    pandas.Series
        Mean log2 (CPM + 1), higher for more such cells; a relative measure, no fraction.

    Raises
    ------
    OhmicsError
        When fewer than 2 genes are left in the data.

    Examples
    --------
    >>> logged = pd.DataFrame({"CD3D": [1.0, 3.0], "CD2": [3.0, 5.0]}, index=["a", "b"])
    >>> content_score(logged).tolist()
    [2.0, 4.0]
    """
    left = [gene for gene in genes if gene not in set(exclude)]
    present = [gene for gene in left if gene in log_expression]
    if len(present) < MIN_CONTENT_GENES:
        raise OhmicsError(
            f"{len(present)} of {len(left)} content genes are in the data ({listing(left)}), "
            f"at least {MIN_CONTENT_GENES} are needed"
        )
    return log_expression[present].mean(axis=1).rename("content")


def content_scores(
    log_expression: pd.DataFrame, gene_lists: Mapping[str, Any], genes: Collection[str] = T_CELL_GENES
) -> pd.DataFrame:
    """Return the content for each list, samples × lists, without the list's own genes; missing where none is left."""
    found: dict[str, Any] = {}
    for key, value in gene_lists.items():
        own = [gene for side in value.values() for gene in side] if isinstance(value, Mapping) else list(value)
        try:
            found[key] = content_score(log_expression, genes, exclude=own)
        except OhmicsError:
            # `beyond_content` names the list whose content is missing.
            found[key] = pd.Series(np.nan, index=log_expression.index)
    return pd.DataFrame(found, index=log_expression.index)


def content_table(
    log_expression: pd.DataFrame, technical_sd: pd.DataFrame, samples: pd.DataFrame
) -> tuple[pd.DataFrame, list[str]]:
    """Return CONTENT: T-cell content and purity of every bulk sample, gene by gene, and what there is to say.

    Parameters
    ----------
    log_expression
        Samples × genes, log2 (CPM + 1), the whole cohort.
    technical_sd
        The same shape: sd that counting reads alone gives each value.
    samples
        SAMPLES indexed by sample. A complete column ``purity`` (fraction, above 0 to 1) is used, as log2: twice the
        tumour cells are twice the transcripts. Else purity is estimated (see `purity_of`).

    Raises
    ------
    OhmicsError
        When the column ``purity`` holds values outside 0 to 1.
    """
    notes: list[str] = []
    parts = [_long(log_expression, technical_sd, T_CELL_GENES, "t_cell", "mean log2 (CPM + 1) of genes of all T cells")]
    try:
        purity, source = purity_of(samples, log_expression)
    except OhmicsError as error:
        if "outside 0 to 1" in str(error):
            raise
        notes.append(str(error))
        return pd.concat(parts, ignore_index=True), notes
    if source == ESTIMATED:
        spread = log_expression.std(axis=0, ddof=1)
        genes = [gene for gene in NOT_TUMOUR_GENES if gene in log_expression and spread[gene] > 0]
        scaled = -(log_expression[genes] - log_expression[genes].mean(axis=0)) / spread[genes]
        parts.append(_long(scaled, technical_sd[genes] / spread[genes], genes, "purity", source))
    else:
        values = np.log2(purity.clip(lower=LOWEST_PURITY))
        parts.append(
            pd.DataFrame({
                "sample": values.index, "content": "purity", "gene": SHEET, "value": values.to_numpy(),
                "technical_sd": 0.0, "source": source,
            })
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True), notes


def _long(
    values: pd.DataFrame, technical_sd: pd.DataFrame, genes: Collection[str], kind: str, source: str
) -> pd.DataFrame:
    present = [gene for gene in genes if gene in values]
    frames = [
        pd.DataFrame({
            "sample": values.index, "content": kind, "gene": gene, "value": values[gene].to_numpy(),
            "technical_sd": technical_sd[gene].to_numpy(), "source": source,
        })
        for gene in present
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def purity_of(samples: pd.DataFrame, log_expression: pd.DataFrame) -> tuple[pd.Series, str]:
    """Return the tumour purity of each sample and where it comes from.

    Parameters
    ----------
    samples
        SAMPLES indexed by sample; its column ``purity`` (0 to 1) is used when it is complete.
    log_expression
        Samples × genes, log2 (CPM + 1), the whole cohort: without a complete column purity is estimated from it.

    Returns
    -------
    purity, source : Series, str
        ``source`` is a sentence. The estimate orders samples and has no absolute scale. It holds for solid tumours:
        leukaemia and lymphoma express the leukocyte genes themselves, so give them a column.

    Raises
    ------
    OhmicsError
        When the column holds values outside 0 to 1, or fewer than 6 of the 12 genes vary in the data.

    Notes
    -----
    Yoshihara et al. 2013, doi 10.1038/ncomms3612, for the idea.
    """
    if "purity" in samples:
        given = pd.to_numeric(samples["purity"].reindex(log_expression.index), errors="coerce")
        outside = given[(given < 0) | (given > 1)]
        if len(outside):
            raise OhmicsError(f"column `purity` is outside 0 to 1 in {listing(outside.index)}; legal: a fraction")
        if given.notna().all():
            return given.astype(np.float64).rename("purity"), "purity is the sheet's column"
    present = [gene for gene in NOT_TUMOUR_GENES if gene in log_expression]
    values = log_expression[present]
    spread = values.std(axis=0, ddof=1)
    varying = spread[spread > 0].index
    if len(varying) < len(NOT_TUMOUR_GENES) / 2:
        raise OhmicsError(
            f"purity cannot be estimated: {len(varying)} of {len(NOT_TUMOUR_GENES)} genes vary in the data; "
            "add a column `purity` to the sheet"
        )
    scaled = (values[varying] - values[varying].mean(axis=0)) / spread[varying]
    return (-scaled.mean(axis=1)).rename("purity"), ESTIMATED


def beyond_content(
    scores: pd.DataFrame,
    content_score: pd.Series | pd.DataFrame,
    *,
    fit_on: pd.Series | None = None,
    min_samples: int = MIN_SAMPLES,
) -> BeyondContent:
    """Return scores beyond content: a T-cell programme beyond T-cell content, a tumour programme beyond purity.

    A bulk score rises when its cells become more. The slope of the score on content is fitted once, on the samples
    before treatment, and applied to all: ``beyond = score - slope × (content - mean content of the fitted)``.

    Parameters
    ----------
    scores
        Samples × lists.
    content_score
        One value a sample (purity), or samples × lists where each list has its own (see `content_scores`).
    fit_on
        Boolean a sample: those before treatment, one a patient. None: all samples, which takes away part of a change
        that goes along with content, so give it when there are enough.
    min_samples
        Fewer samples to fit on give no score beyond content.

    Returns
    -------
    BeyondContent
        A list that was not fitted is missing throughout, with the reason in ``skipped``: its change cannot be told
        from composition.

    Raises
    ------
    OhmicsError
        When content or ``fit_on`` lacks a sample, or content lacks a list.
    """
    content = _content(scores, content_score)
    chosen = _chosen(scores, fit_on)
    beyond = pd.DataFrame(np.nan, index=scores.index, columns=scores.columns)
    rows: list[dict[str, Any]] = []
    told: list[dict[str, str]] = []
    for key in scores.columns:
        score, level = scores[key].to_numpy(dtype=np.float64), content[key].to_numpy(dtype=np.float64)
        usable = chosen & np.isfinite(score) & np.isfinite(level)
        why = _why_not(level, usable, min_samples)
        if why:
            told.append(skipped("content", f"confounded by composition: {why}", item=str(key)))
            continue
        middle, slope, error, share = _line(level[usable], score[usable])
        beyond[key] = score - slope * (level - middle)
        rows.append({
            "gene_list": key, "slope": slope, "standard_error": error, "r_squared": share, "n": int(usable.sum())
        })  # fmt: skip
    columns = ["gene_list", "slope", "standard_error", "r_squared", "n"]
    return BeyondContent(beyond=beyond, coefficients=pd.DataFrame(rows, columns=columns), skipped=told)


def _content(scores: pd.DataFrame, given: pd.Series | pd.DataFrame) -> pd.DataFrame:
    absent = [name for name in scores.index if name not in given.index]
    if absent:
        raise OhmicsError(f"content lacks {len(absent)} samples: {listing(absent)}")
    if isinstance(given, pd.Series):
        return pd.DataFrame(dict.fromkeys(scores.columns, given.reindex(scores.index)), index=scores.index)
    lacking = [key for key in scores.columns if key not in given]
    if lacking:
        raise OhmicsError(f"content lacks {len(lacking)} lists: {listing(lacking)}")
    return given.reindex(scores.index)


def _chosen(scores: pd.DataFrame, fit_on: pd.Series | None) -> npt.NDArray[np.bool_]:
    if fit_on is None:
        return np.ones(len(scores), dtype=bool)
    absent = [name for name in scores.index if name not in fit_on.index]
    if absent:
        raise OhmicsError(f"fit_on lacks {len(absent)} samples: {listing(absent)}")
    return fit_on.reindex(scores.index).to_numpy(dtype=bool)


def _why_not(level: npt.NDArray[Any], usable: npt.NDArray[np.bool_], min_samples: int) -> str:
    if not np.isfinite(level).any():
        return "no gene tells the content without the list's own genes"
    if usable.sum() < min_samples:
        return f"{int(usable.sum())} samples before treatment have score and content, {min_samples} are needed"
    if not np.ptp(level[usable]) > 0:
        return "content does not vary between the samples before treatment"
    return ""


def _line(level: npt.NDArray[Any], score: npt.NDArray[Any]) -> tuple[float, float, float, float]:
    """Return mean content, slope, its standard error and the share of variance explained."""
    x, y = level - level.mean(), score - score.mean()
    slope = float(x @ y / (x @ x))
    left = y - slope * x
    error = float(np.sqrt(left @ left / max(len(x) - 2, 1) / (x @ x)))
    share = 1.0 - float(left @ left / (y @ y)) if y @ y > 0 else 0.0
    return float(level.mean()), slope, error, share
