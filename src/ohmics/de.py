"""Raw counts (bulk samples, or pseudobulk sums of a cell type) and a contrast come in; the DE table goes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import anndata as ad
import numpy as np
import pandas as pd

from ohmics._deseq2 import deseq2_table
from ohmics.errors import Faults, OhmicsError, did_you_mean, listing
from ohmics.model import Contrast
from ohmics.normalize import Counts, counts_frame, filter_by_expr, log_cpm, tmm_factors
from ohmics.stats.design import Design, by_sample, design_matrix, select_samples, text_of
from ohmics.stats.ebayes import AnyPrior, Moderated, moderate
from ohmics.stats.gene_priors import gene_priors
from ohmics.stats.linear import Effects, fit_effects
from ohmics.stats.multiple import benjamini_hochberg
from ohmics.stats.voom import Voom, voom, voom_with_block, voom_with_quality
from ohmics.tables import DE, SKIPPED, skipped

METHODS = ("voom", "pydeseq2")
WEIGHTS = ("genes", "samples")
STAGE = "de"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeModel:
    """How genes are tested; all but ``min_lfc`` concern voom only.

    Parameters
    ----------
    weights
        ``genes``: voom's precisions; ``samples``: these times a quality weight a sample.
    trend
        Whether the prior variance follows mean expression.
    robust
        Whether genes of outlying variance get fewer prior degrees of freedom.
    min_lfc
        p is that of a |log2 fold change| no larger than this; 0: that of no change.
    """

    weights: str = "genes"
    trend: bool = False
    robust: bool = False
    min_lfc: float = 0.0

    def __post_init__(self) -> None:
        faults = Faults()
        if self.weights not in WEIGHTS:
            faults.add(f"weights `{self.weights}`", where="differential expression", legal=", ".join(WEIGHTS))
        if not 0 <= self.min_lfc < np.inf:
            faults.add(f"min_lfc {self.min_lfc:g}", where="differential expression", legal="0 or more")
        faults.raise_if_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionFit:
    """The fitted model of one contrast: who took part, voom's values and weights, effects and statistics."""

    design: Design
    voom: Voom
    effects: Effects
    moderated: Moderated


def differential_expression(
    counts: Counts,
    samples: pd.DataFrame,
    *,
    contrast: Contrast,
    method: str = "voom",
    cell_type: str = "bulk",
    model: DeModel | None = None,
) -> pd.DataFrame:
    """Test every gene of a contrast: filterByExpr, then voom with a blocked linear model, or DESeq2's model.

    Parameters
    ----------
    counts
        Samples × genes, raw counts (AnnData or DataFrame).
    samples
        SAMPLES, or a frame indexed by sample; samples without counts are left out, and said.
    contrast
        What is compared. ``pair_by`` columns are additive fixed factors; ``random_by`` is one random effect
        (voom, correlation within blocks, voom with it, correlation again).
    method
        ``voom``: TMM, voom, (blocked or correlated) linear model, moderated t. ``pydeseq2``: DESeq2's negative
        binomial model by PyDESeq2, which needs the extra ``pydeseq2`` and has no random effect.
    cell_type
        What the column of that name says.
    model
        Weights of samples, trend, robust and the smallest change tested (`DeModel`).

    Returns
    -------
    DE table in the genes' order, only genes with enough counts. ``log2_fc`` is test minus reference (continuous
    variable: per unit), with its 95 % interval; ``q`` is Benjamini-Hochberg over the tested genes. ``t`` is the
    moderated t, for pydeseq2 the Wald statistic. ``p`` is empty where DESeq2 finds an outlying count.
    ``.attrs["design"]`` says in one sentence who took part and who was left out.

    Raises
    ------
    OhmicsError
        For an unknown method, samples that do not match, or a comparison that cannot be estimated.

    References
    ----------
    Law 2014, doi:10.1186/gb-2014-15-2-r29; Smyth 2004, doi:10.2202/1544-6115.1027.
    """
    if method not in METHODS:
        raise OhmicsError(
            f"differential expression has no method `{method}`; legal: {', '.join(METHODS)}; "
            f"{did_you_mean(method, METHODS)}".rstrip("; ")
        )
    chosen = model or DeModel()
    found, message = (_by_voom if method == "voom" else _by_deseq2)(counts, samples, contrast, chosen)
    frame = DE.conform(
        found.assign(
            contrast=contrast.label,
            cell_type=cell_type,
            gene=found.index.to_numpy(dtype=object),
            method=method,
            q=benjamini_hochberg(found["p"].to_numpy(dtype=np.float64)),
            min_lfc=chosen.min_lfc,
        ).reset_index(drop=True)
    )
    frame.attrs["design"] = message
    return frame


def _by_voom(counts: Counts, samples: pd.DataFrame, contrast: Contrast, model: DeModel) -> tuple[pd.DataFrame, str]:
    fit = fit_expression(counts, samples, contrast, model=model)
    moderated, logs = fit.moderated, fit.voom.log_cpm
    found = pd.DataFrame(
        {
            "log2_fc": moderated.coefficient,
            "low": moderated.low,
            "high": moderated.high,
            "t": moderated.t,
            "p": moderated.p,
            "mean_log_cpm": logs.to_numpy().mean(axis=0),
        },
        index=logs.columns,
    )
    quality = fit.voom.quality
    if quality is None:
        return found, fit.design.message
    least = int(np.argmin(quality))
    return found, (
        f"{fit.design.message}; sample weights {quality.min():.2f} to {quality.max():.2f}, "
        f"the least for {fit.design.samples[least]}"
    )


def _by_deseq2(counts: Counts, samples: pd.DataFrame, contrast: Contrast, model: DeModel) -> tuple[pd.DataFrame, str]:
    frame, design = chosen_counts(counts, samples, contrast)
    kept = tested_counts(frame, design)
    found = deseq2_table(kept, design, min_change=model.min_lfc)
    logs = log_cpm(kept, factors=tmm_factors(kept), prior_count=None).to_numpy()
    notes = "".join(f"; PyDESeq2 says: {note}" for note in found.attrs["notes"])
    return found.assign(mean_log_cpm=logs.mean(axis=0)), design.message + notes


def fit_expression(
    counts: Counts, samples: pd.DataFrame, contrast: Contrast, *, model: DeModel | None = None
) -> ExpressionFit:
    """Return the voom fit of a contrast, for tests of genes and of gene sets.

    Parameters
    ----------
    counts, samples, contrast, model
        As in `differential_expression`.
    """
    chosen = model or DeModel()
    frame, design = chosen_counts(counts, samples, contrast)
    kept = tested_counts(frame, design)
    factors = tmm_factors(kept)
    matrix = design.matrix.to_numpy()
    quality = chosen.weights == "samples"
    if design.random:
        blocks = design.blocks.to_numpy(dtype=object)
        result = voom_with_block(kept, matrix, factors=factors, blocks=blocks, quality=quality)
    else:
        result = (voom_with_quality if quality else voom)(kept, matrix, factors=factors)
    values = result.log_cpm.to_numpy()
    effects = fit_effects(values, matrix, weights=result.weights, correlation=result.correlation)
    prior: AnyPrior | None = None
    if chosen.trend or chosen.robust:
        expression = values.mean(axis=0) if chosen.trend else None
        prior = gene_priors(effects.variance, effects.df, expression=expression, robust=chosen.robust)
    moderated = moderate(effects, prior=prior, min_change=chosen.min_lfc)
    return ExpressionFit(design=design, voom=result, effects=effects, moderated=moderated)


def chosen_counts(counts: Counts, samples: pd.DataFrame, contrast: Contrast) -> tuple[pd.DataFrame, Design]:
    """Return the counts of the samples that take part, in the design's order, and the design."""
    frame = counts_frame(counts)
    sheet = by_sample(samples)
    known = sheet.index.isin(frame.index)
    if not known.any():
        raise OhmicsError(
            f"no sample of the sheet has counts; the sheet has {listing(sheet.index, most=3)}, "
            f"the counts {listing(frame.index, most=3)}"
        )
    design = design_matrix(sheet[known], contrast)
    return frame.loc[design.samples], design


def tested_counts(counts: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Return the genes with enough counts in the contrast's groups."""
    kept = filter_by_expr(counts, design.groups)
    if not kept.any():
        raise OhmicsError(
            f"none of {counts.shape[1]} genes has enough counts: the median library holds "
            f"{np.median(counts.to_numpy().sum(axis=1)):.0f} counts; leave shallow samples out"
        )
    return counts.loc[:, kept.to_numpy()]


def run(
    pseudobulk: ad.AnnData,
    samples: pd.DataFrame,
    contrasts: Sequence[Contrast],
    *,
    min_cells: int = 10,
    min_pairs: int = 3,
    methods: Sequence[str] = ("voom",),
    model: DeModel | None = None,
    threads: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test every cell type in every contrast.

    Parameters
    ----------
    pseudobulk
        Sums of raw counts, rows sample × cell type, ``obs``: sample, cell_type, n_cells (empty for bulk).
    samples
        SAMPLES.
    contrasts
        The contrasts of the run.
    min_cells
        A sample's cell type takes part from this many cells on.
    min_pairs
        Complete pairs (unpaired: units on each side) needed to test a cell type.
    methods, model
        As in `differential_expression`; every method tests every cell type.
    threads
        Cell types tested at once; their number changes no byte of the result.

    Returns
    -------
    DE and SKIPPED; a cell type that could not be tested has its row, with the numbers, in SKIPPED.
    """
    parts = cell_type_counts(pseudobulk, samples, contrasts, min_cells=min_cells, min_pairs=min_pairs, stage=STAGE)

    def tested(part: CellTypeCounts | dict[str, str]) -> list[pd.DataFrame | dict[str, str]]:
        return [part] if isinstance(part, dict) else [_tested(part, method, model) for method in methods]

    # PyDESeq2 catches warnings for the whole process: with it, cell types are tested one after the other.
    if threads > 1 and "pydeseq2" not in methods:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(tested, parts))
    else:
        found = [tested(part) for part in parts]
    tables = [one for some in found for one in some if isinstance(one, pd.DataFrame)]
    left_out = [one for some in found for one in some if isinstance(one, dict)]
    frame = DE.conform(pd.concat(tables, ignore_index=True)) if tables else DE.empty()
    frame.attrs["designs"] = [str(table.attrs["design"]) for table in tables]
    return frame, SKIPPED.conform(left_out)


def _tested(part: CellTypeCounts, method: str, model: DeModel | None) -> pd.DataFrame | dict[str, str]:
    """Return DE of one cell type and method, or the row of SKIPPED that says why there is none."""
    try:
        return differential_expression(
            part.counts, part.samples, contrast=part.contrast, method=method, cell_type=part.cell_type, model=model
        )
    except OhmicsError as error:
        where = {"contrast": part.contrast.label, "cell_type": part.cell_type}
        return skipped(STAGE, str(error), **where, item="" if method == "voom" else method)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellTypeCounts:
    """Counts (samples × genes) and sheet of one cell type in one contrast, one sample a block and side."""

    contrast: Contrast
    cell_type: str
    counts: pd.DataFrame
    samples: pd.DataFrame


def cell_type_counts(
    pseudobulk: ad.AnnData,
    samples: pd.DataFrame,
    contrasts: Sequence[Contrast],
    *,
    min_cells: int,
    min_pairs: int,
    stage: str,
) -> Iterator[CellTypeCounts | dict[str, str]]:
    """Yield what can be tested, and a SKIPPED row for what cannot, contrast by contrast, cell type by cell type.

    Several single-cell samples of a block and side are summed: the patient is the unit. Bulk samples are
    not: there the first in sheet order stands for the side (`ohmics.stats.design.design_matrix`).
    """
    sheet = by_sample(samples)
    obs = pseudobulk.obs
    row_type = obs["cell_type"].astype(str).to_numpy()
    row_sample = obs["sample"].astype(str).to_numpy()
    n_cells = (
        pd.to_numeric(obs["n_cells"]).to_numpy(dtype=np.float64) if "n_cells" in obs else np.full(len(obs), np.nan)
    )
    for contrast in contrasts:
        try:
            chosen = select_samples(sheet, contrast)
        except OhmicsError as error:
            yield skipped(stage, str(error), contrast=contrast.label)
            continue
        for cell_type in sorted(set(row_type)):
            bulk = cell_type == "bulk"
            here = (row_type == cell_type) & np.isin(row_sample, chosen.index.to_numpy(dtype=object).astype(str))
            enough = here & (bulk | (n_cells >= min_cells))
            rows = np.flatnonzero(enough)
            reason = _too_few(chosen.loc[row_sample[rows]], contrast, min_pairs)
            if reason:
                short = int(here.sum() - enough.sum())
                if short:
                    reason += f"; {short} further samples have fewer than {min_cells} cells of this type"
                yield skipped(stage, reason, contrast=contrast.label, cell_type=cell_type)
                continue
            part = pseudobulk[rows].copy()
            part.obs_names = row_sample[rows]
            counts = counts_frame(part)
            order = [name for name in chosen.index if name in counts.index]
            counts, ordered = counts.loc[order], chosen.loc[order]
            if not bulk and not contrast.random_by and contrast.test is not None:
                counts, ordered = _summed(counts, ordered, contrast)
            yield CellTypeCounts(contrast=contrast, cell_type=cell_type, counts=counts, samples=ordered)


def _side_keys(sheet: pd.DataFrame, contrast: Contrast) -> pd.DataFrame:
    names = contrast.blocks or (contrast.unit,)
    return pd.DataFrame({name: text_of(sheet[name]) for name in dict.fromkeys([*names, contrast.variable])})


def _summed(counts: pd.DataFrame, sheet: pd.DataFrame, contrast: Contrast) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Add up the samples of one block and side under the name of the first."""
    keys = _side_keys(sheet, contrast).agg("\x1f".join, axis=1)
    first = ~keys.duplicated()
    names = pd.Series(sheet.index[first], index=keys[first])
    total = counts.groupby(keys.map(names).to_numpy(), sort=False).sum()
    return total.loc[list(sheet.index[first])], sheet[first]


def _too_few(sheet: pd.DataFrame, contrast: Contrast, needed: int) -> str:
    """Say why there are too few units, or nothing when there are enough."""
    if contrast.test is None:
        n = sheet[contrast.unit].nunique()
        return "" if n >= needed else f"{n} {contrast.unit}s with this cell type, {needed} are needed"
    side = text_of(sheet[contrast.variable])
    if contrast.blocks:
        sides = {}
        for value in (str(contrast.test), str(contrast.reference)):
            keys = _side_keys(sheet[side == value], contrast)[list(contrast.blocks)]
            sides[value] = set(keys.itertuples(index=False, name=None))
        blocks = set.intersection(*sides.values())
        every = _side_keys(sheet, contrast)[list(contrast.blocks)]
        whole = np.array([key in blocks for key in every.itertuples(index=False, name=None)], dtype=bool)
        n = sheet.loc[whole, contrast.unit].nunique()
        return "" if n >= needed else f"{n} {contrast.unit}s with a complete pair, {needed} are needed"
    units = {
        value: sheet[side == value][contrast.unit].nunique() for value in (str(contrast.test), str(contrast.reference))
    }
    if min(units.values()) >= needed:
        return ""
    found = " and ".join(f"{n} {contrast.unit}s with `{value}`" for value, n in units.items())
    return f"{found}, {needed} on each side are needed"
