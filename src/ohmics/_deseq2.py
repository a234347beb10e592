"""Counts (samples × genes) and a design come in; PyDESeq2's estimates of the asked coefficient go out.

PyDESeq2 is an optional part (extra ``pydeseq2``): it is imported when first asked for.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from importlib.util import find_spec

import numpy as np
import pandas as pd

from ohmics.errors import OhmicsError
from ohmics.stats.design import Design

PACKAGE = "pydeseq2"
_NORMAL_95 = 1.959963984540054


def deseq2_table(counts: pd.DataFrame, design: Design, *, min_change: float = 0.0) -> pd.DataFrame:
    """Return DESeq2's log2 fold change, interval, statistic and p of every gene.

    Parameters
    ----------
    counts
        Samples × genes, raw counts, the design's samples in its order, after `ohmics.normalize.filter_by_expr`.
    design
        The model; its last column is asked about. Blocks are fixed factors.
    min_change
        p is that of a |log2 fold change| no larger than this (DESeq2's ``greaterAbs``); 0: that of no change.

    Returns
    -------
    Frame indexed by gene: log2_fc, low, high (95 %, Wald), t (Wald statistic), p (empty where DESeq2 finds one
    count an outlier by Cook's distance), log2 scale throughout. Independent filtering is off: the genes were chosen
    before, the same for every method. ``.attrs["notes"]`` holds what PyDESeq2 warned of, each sentence once.

    Raises
    ------
    OhmicsError
        When PyDESeq2 is not installed, or the design has a random effect, which DESeq2's model lacks.

    References
    ----------
    Muzellec 2023, doi:10.1093/bioinformatics/btad547; Love 2014, doi:10.1186/s13059-014-0550-8.
    """
    if find_spec(PACKAGE) is None:
        raise OhmicsError(
            "method pydeseq2 needs the package pydeseq2, which is not installed: pip install 'ohmics[pydeseq2]'"
        )
    if design.random:
        raise OhmicsError("method pydeseq2 has no random effect; use pair_by, or method voom")
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.default_inference import DefaultInference
    from pydeseq2.ds import DeseqStats

    columns = {name: f"x{place}" for place, name in enumerate(design.matrix.columns)}
    matrix = design.matrix.rename(columns=columns)
    contrast = np.zeros(matrix.shape[1])
    contrast[-1] = 1.0
    inference = DefaultInference(n_cpus=1)
    whole = pd.DataFrame(np.rint(counts.to_numpy()).astype(np.int64), index=counts.index, columns=counts.columns)
    # Its warnings are handed on in words, since they may concern the result, whatever the caller's filters are.
    with warnings.catch_warnings(record=True) as raised, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        data = DeseqDataSet(
            counts=whole, metadata=matrix, design=matrix, refit_cooks=True, inference=inference, quiet=True
        )
        data.deseq2()
        found = DeseqStats(
            data, contrast=contrast, independent_filter=False, cooks_filter=True, quiet=True, inference=inference,
            lfc_null=min_change, alt_hypothesis="greaterAbs" if min_change > 0 else None,
        )  # fmt: skip
        found.summary()
    result = found.results_df.reindex(counts.columns)
    change, error = result["log2FoldChange"], result["lfcSE"]
    table = pd.DataFrame(
        {
            "log2_fc": change,
            "low": change - _NORMAL_95 * error,
            "high": change + _NORMAL_95 * error,
            "t": result["stat"],
            "p": result["pvalue"],
        }
    )
    said = (
        " ".join(str(one.message).split()) for one in raised if issubclass(one.category, (UserWarning, RuntimeWarning))
    )
    table.attrs["notes"] = list(dict.fromkeys(said))
    return table
