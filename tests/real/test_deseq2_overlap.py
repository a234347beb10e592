"""CARTEx: PyDESeq2 through ohmics names the genes that DESeq2 in R names first."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ohmics.de import differential_expression
from ohmics.model import Contrast

DATA = os.environ.get("OHMICS_DATA")
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(DATA is None, reason="OHMICS_DATA, the folder of real data, is not set"),
]
GOLDEN = Path(__file__).parents[1] / "golden" / "tables" / "cartex_deseq2.tsv.gz"
CARTEX = Contrast(variable="CAR", test="HA", reference="CD19", pair_by=["donor", "day"], unit="donor")


def test_the_first_500_genes_are_deseq2_s() -> None:
    folder = Path(str(DATA)) / "cartex"
    counts = pd.read_csv(folder / "counts_ensembl.csv.gz", index_col=0).T
    samples = pd.read_csv(folder / "samples.csv", index_col=0, keep_default_na=False)
    samples = samples.rename(columns={"Donor": "donor", "Timepoint": "day"})
    ours = differential_expression(counts, samples, contrast=CARTEX, method="pydeseq2")
    golden = pd.read_csv(GOLDEN, sep="\t")
    first = set(ours.sort_values("p", kind="stable")["gene"].head(500))
    assert len(first & set(golden["gene"].head(500))) >= 475
    both = golden.merge(ours, on="gene", suffixes=("_r", ""))
    assert len(both) == len(golden)
    assert np.corrcoef(both["log2_fc_r"], both["log2_fc"])[0, 1] > 0.999
    voom = differential_expression(counts, samples, contrast=CARTEX)
    shared = len(set(voom.sort_values("p", kind="stable")["gene"].head(500)) & first)
    assert shared >= 300
