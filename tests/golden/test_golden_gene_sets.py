"""camera and fry against limma, and the enrichment score against gseapy, on the simulated cohort."""

from __future__ import annotations

from pathlib import Path

import gseapy
import numpy as np
import pandas as pd
import pytest

from ohmics.de import ExpressionFit, fit_expression
from ohmics.model import Contrast
from ohmics.stats.camera import camera, fry
from ohmics.stats.genesets import leading_edge, locate, running_sums

TABLES = Path(__file__).parent / "tables"
UP = [f"gene{i:03d}" for i in range(1, 21)]
DOWN = [f"gene{i:03d}" for i in range(41, 51)]
SETS: dict[str, list[str] | dict[str, list[str]]] = {
    "up": UP,
    "correlated": [f"gene{i:03d}" for i in range(21, 41)],
    "down": DOWN,
    "none": [f"gene{i:03d}" for i in range(55, 296, 12)],
    "both": {"up": UP, "down": DOWN},
}
CONTRASTS = {
    "paired": Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient"),
    "groups": Contrast(variable="timepoint", test="relapse", reference="pre", covariates=["age"], unit="tube"),
}


@pytest.fixture(scope="module", params=sorted(CONTRASTS))
def fitted(request: pytest.FixtureRequest) -> tuple[str, ExpressionFit]:
    counts = pd.read_csv(TABLES / "simulated_counts.tsv", sep="\t").set_index("gene").T
    samples = pd.read_csv(TABLES / "simulated_samples.tsv", sep="\t").assign(tube=lambda frame: frame["sample"])
    return request.param, fit_expression(counts, samples, CONTRASTS[request.param])


def test_camera_is_limma_s(fitted: tuple[str, ExpressionFit]) -> None:
    name, fit = fitted
    golden = pd.read_csv(TABLES / f"simulated_{name}_camera.tsv", sep="\t")
    members = locate({key: SETS[key] for key in golden["set"]}, list(fit.voom.log_cpm.columns))
    assert list(members.sizes) == list(golden["n"])
    estimated = camera(fit.effects, members)
    np.testing.assert_allclose(estimated.correlation, golden["correlation"], atol=1e-8)
    np.testing.assert_allclose(estimated.p, golden["p_estimated"], rtol=1e-7)
    assert [t > 0 for t in estimated.t] == [word == "Up" for word in golden["direction"]]
    np.testing.assert_allclose(camera(fit.effects, members, correlation=0.01).p, golden["p_fixed"], rtol=1e-6)


def test_fry_is_limma_s_for_signed_lists_too(fitted: tuple[str, ExpressionFit]) -> None:
    name, fit = fitted
    golden = pd.read_csv(TABLES / f"simulated_{name}_fry.tsv", sep="\t")
    members = locate({key: SETS[key] for key in golden["set"]}, list(fit.voom.log_cpm.columns))
    tested = fry(fit.effects, members)
    np.testing.assert_allclose(tested.p, golden["p"], rtol=1e-7)
    assert [t > 0 for t in tested.t] == [word == "Up" for word in golden["direction"]]


def test_enrichment_score_and_leading_edge_are_gseapy_s(fitted: tuple[str, ExpressionFit]) -> None:
    _, fit = fitted
    genes = list(fit.voom.log_cpm.columns)
    plain = {key: genes_of for key, genes_of in SETS.items() if isinstance(genes_of, list)}
    t = fit.moderated.t
    theirs = gseapy.prerank(
        pd.Series(t, index=genes), plain, outdir=None, no_plot=True, verbose=False, min_size=1, threads=1,
        method="multilevel", seed=0,
    ).res2d.set_index("Term").loc[list(plain)]  # fmt: skip
    members = locate(plain, genes)
    ours = running_sums(t[None, :], members).es[0]
    np.testing.assert_allclose(ours, theirs["ES"].astype(float), atol=1e-12)
    edges = leading_edge(t, members, direction=ours)
    for edge, expected in zip(edges, theirs["Lead_genes"], strict=True):
        assert {genes[i] for i in edge} == set(expected.split(";"))
