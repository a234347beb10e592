"""Real pairs (Riaz 2017, CARTEx): the same genes, fold changes, p values and gene-set tests as limma in R."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from ohmics.de import differential_expression, fit_expression
from ohmics.model import Contrast
from ohmics.stats.camera import camera, fry
from ohmics.stats.genesets import locate

DATA = os.environ.get("OHMICS_DATA")
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(DATA is None, reason="OHMICS_DATA, the folder of real data, is not set"),
]
GOLDEN = Path(__file__).parents[1] / "golden" / "tables"
CONTRAST = Contrast(variable="timepoint", test="On", reference="Pre", pair_by="patient")
CARTEX = Contrast(variable="CAR", test="HA", reference="CD19", pair_by=["donor", "day"], unit="donor")


def positions(golden: pd.DataFrame) -> dict[str, list[str]]:
    """The gene sets that tests/golden/r builds from the order of the tested genes."""
    sets = {f"every101_{n}": list(golden["gene"].iloc[6::101].iloc[:n]) for n in (10, 30, 100)}
    return {**sets, "top60": list(golden.sort_values("p", kind="stable")["gene"].iloc[:60])}


def held_to_limma(counts: pd.DataFrame, samples: pd.DataFrame, contrast: Contrast, name: str) -> None:
    golden = pd.read_csv(GOLDEN / f"{name}_de.tsv.gz", sep="\t", dtype={"gene": str})
    fit = fit_expression(counts, samples, contrast)
    expected = pd.read_csv(GOLDEN / f"{name}_sets.tsv", sep="\t")
    members = locate(positions(golden), list(fit.voom.log_cpm.columns))
    assert list(members.sizes) == list(expected["n"])
    tested = camera(fit.effects, members)
    np.testing.assert_allclose(tested.correlation, expected["correlation"], atol=1e-6)
    np.testing.assert_allclose(tested.p, expected["p_camera"], rtol=1e-5)
    np.testing.assert_allclose(fry(fit.effects, members).p, expected["p_fry"], rtol=1e-5)


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
    held_to_limma(counts, samples, CONTRAST, "riaz2017")


def test_cartex_agrees_with_limma_voom_and_shows_exhaustion() -> None:
    folder = Path(str(DATA)) / "cartex"
    counts = pd.read_csv(folder / "counts_ensembl.csv.gz", index_col=0).T
    samples = pd.read_csv(folder / "samples.csv", index_col=0, keep_default_na=False)
    samples = samples.rename(columns={"Donor": "donor", "Timepoint": "day"})
    answer = differential_expression(counts, samples, contrast=CARTEX)
    golden = pd.read_csv(GOLDEN / "cartex_de.tsv.gz", sep="\t")
    assert answer["gene"].tolist() == golden["gene"].tolist()
    np.testing.assert_allclose(answer["log2_fc"], golden["log2_fc"], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(answer["p"], golden["p"], rtol=1e-4)
    held_to_limma(counts, samples, CARTEX, "cartex")
    by_gene = answer.set_index(answer["gene"].str.split(".").str[0])
    up = {"LAG3": "ENSG00000089692", "ENTPD1": "ENSG00000138185", "LAYN": "ENSG00000204381", "BATF3": "ENSG00000123685"}
    down = {"IL7R": "ENSG00000168685", "SELL": "ENSG00000188404"}
    assert (by_gene.loc[list(up.values()), "low"] > 0).all()
    assert (by_gene.loc[list(down.values()), "high"] < 0).all()
