"""The 43 Pre and On pairs of Riaz 2017: the same genes, fold changes and p values as limma-voom in R."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from ohmics.de import differential_expression
from ohmics.model import Contrast

DATA = os.environ.get("OHMICS_DATA")
pytestmark = pytest.mark.skipif(DATA is None, reason="OHMICS_DATA, the folder of real data, is not set")
GOLDEN = Path(__file__).parents[1] / "golden" / "tables"
CONTRAST = Contrast(variable="timepoint", test="On", reference="Pre", pair_by="patient")


def test_riaz2017_agrees_with_limma_voom() -> None:
    folder = Path(str(DATA)) / "riaz2017"
    counts = pd.read_csv(folder / "GSE91061_counts_entrez.csv.gz", index_col=0).T
    samples = pd.read_csv(folder / "samples.tsv", sep="\t", keep_default_na=False, na_values=[""])
    answer = differential_expression(counts, samples, contrast=CONTRAST)
    golden = pd.read_csv(GOLDEN / "riaz2017_de.tsv.gz", sep="\t", dtype={"gene": str})
    assert "43 pairs of 43 patients (86 samples)" in answer.attrs["design"]
    assert len(answer) == 16_180
    assert answer["gene"].tolist() == golden["gene"].tolist()
    assert np.corrcoef(answer["log2_fc"], golden["log2_fc"])[0, 1] > 0.999999
    assert spearmanr(answer["p"], golden["p"])[0] > 0.999999
    np.testing.assert_allclose(answer["p"], golden["p"], rtol=1e-5)
    assert int((answer["q"] < 0.2).sum()) == 173
    assert int((answer["q"] < 0.1).sum()) == 10
