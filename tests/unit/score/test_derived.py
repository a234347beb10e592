"""Derived scores against numbers worked out by hand, and the reasons for which they are not given."""

from __future__ import annotations

import math

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import ohmics as om
from ohmics.errors import OhmicsError
from ohmics.intake.resources import gep18_weights, impres_pairs
from ohmics.score import derived


def test_cyt_is_the_geometric_mean_of_two_genes_in_tpm() -> None:
    tpm = pd.DataFrame({"GZMA": [15.99, 0.0], "PRF1": [3.99, 0.0], "CD3D": [7.0, 1.0]}, index=["a", "b"])
    found = om.derived_score(tpm, "cyt", units="tpm")
    # sqrt((15.99 + 0.01) (3.99 + 0.01)) = sqrt(64); without either gene the offset remains.
    assert found.to_dict() == pytest.approx({"a": 8.0, "b": 0.01})
    assert found.attrs["unit"] == "TPM"
    assert found.attrs["skipped"] == []


def test_cyt_of_counts_needs_gene_lengths_and_cpm_has_another_name() -> None:
    counts = pd.DataFrame({"GZMA": [30], "PRF1": [20], "ACTB": [50]}, index=["a"])
    refused = om.derived_score(counts, "cyt")
    assert refused.isna().all()
    reason = refused.attrs["skipped"][0]["reason"]
    assert "it needs TPM" in reason
    assert "raw counts without gene lengths" in reason
    assert "cyt_cpm needs counts only" in reason
    # Rates 30/1000, 20/2000, 50/5000 = 0.03, 0.01, 0.01: TPM 600,000, 200,000, 200,000.
    given = om.derived_score(counts, "cyt", gene_lengths={"GZMA": 1000, "PRF1": 2000, "ACTB": 5000})
    assert given["a"] == pytest.approx(math.sqrt(600_000.01 * 200_000.01))
    # CPM 300,000 and 200,000.
    other = om.derived_score(counts, "cyt_cpm")
    assert other.name == "cyt_cpm"
    assert other["a"] == pytest.approx(math.sqrt(300_000.01 * 200_000.01))


def test_lengths_of_few_genes_make_no_tpm() -> None:
    counts = pd.DataFrame({"GZMA": [30], "PRF1": [20], "ACTB": [950]}, index=["a"])
    refused = om.derived_score(counts, "cyt", gene_lengths={"GZMA": 1000, "PRF1": 2000})
    assert "gene lengths cover 5% of the counts" in refused.attrs["skipped"][0]["reason"]
    with pytest.raises(OhmicsError, match="gene lengths are not above 0: GZMA"):
        derived.tpm_from_counts(counts, {"GZMA": 0, "PRF1": 2000, "ACTB": 500})


def test_impres_counts_the_pairs_that_hold() -> None:
    pairs = impres_pairs()
    assert len(set(pairs)) == 15
    genes = sorted({gene for pair in pairs for gene in pair})
    assert len(genes) == 15
    everything = pd.DataFrame(1.0, index=["tied", "cd40", "pd1"], columns=genes)
    # CD40 stands first in the pairs with CD274, CD28, CD80 and PDCD1, and never second.
    everything.loc["cd40", "CD40"] = 2.0
    # PDCD1 stands first against TNFSF4 only (CD27 and CD40 are first against it).
    everything.loc["pd1", "PDCD1"] = 2.0
    found = om.derived_score(everything, "impres", units="tpm")
    assert found.to_dict() == {"tied": 0.0, "cd40": 4.0, "pd1": 1.0}


def test_impres_over_fewer_pairs_is_not_given() -> None:
    genes = sorted({gene for pair in impres_pairs() for gene in pair} - {"VSIR"})
    refused = om.derived_score(pd.DataFrame(1.0, index=["a"], columns=genes), "impres", units="tpm")
    assert refused.attrs["skipped"][0]["reason"] == "IMPRES needs 15 genes; the data lack VSIR"


def test_gep18_is_the_weighted_sum_of_housekeeping_normalised_genes() -> None:
    weights, house = gep18_weights()
    assert len(weights) == 18
    assert len(house) == 11
    assert set(weights) == set(om.catalog().lists["low_ifng_tcell_inflamed/ayers_gep18_tis"].genes)
    # Housekeeping at 99 TPM: log10(100) = 2. STAT1 at 999 (3), all others at 99 (2): only STAT1 is left, once.
    tpm = pd.DataFrame(99.0, index=["a"], columns=[*weights, *house])
    tpm["STAT1"] = 999.0
    found = om.derived_score(tpm, "gep18", units="tpm")
    assert found["a"] == pytest.approx(0.250229)
    without = om.derived_score(tpm.drop(columns="STAT1"), "gep18", units="tpm")
    assert without.attrs["skipped"][0]["reason"] == "GEP-18 needs 18 genes; the data lack STAT1"
    with pytest.raises(OhmicsError, match="no weights are given"):
        derived.gep18(tpm, {}, house)


def test_a_ratio_is_the_difference_of_mean_z_without_shared_genes() -> None:
    logged = pd.DataFrame({"A": [1.0, 2.0, 3.0], "B": [2.0, 4.0, 6.0], "C": [3.0, 2.0, 1.0], "S": [9.0, 0.0, 0.0]})
    # z of A and B: -1, 0, 1; of C: 1, 0, -1; S is on both sides and counts on neither.
    found = derived.chronic_ifn_ratio(logged, isg_rs=["A", "B", "S"], ifng_gs=["C", "S"])
    assert found.tolist() == pytest.approx([-2.0, 0.0, 2.0])
    immune = pd.DataFrame({"C": [1.0, 2.0, 3.0]})
    apart = derived.chronic_ifn_ratio(logged, isg_rs=["A", "B"], ifng_gs=["C"], immune=immune)
    assert apart.tolist() == pytest.approx([0.0, 0.0, 0.0])
    reference = pd.DataFrame({"mean": [0.0, 0.0, 0.0], "sd": [1.0, 2.0, 1.0]}, index=["A", "B", "C"])
    fixed = derived.chronic_ifn_ratio(logged.head(1), isg_rs=["A", "B"], ifng_gs=["C"], reference=reference)
    assert fixed.tolist() == pytest.approx([1.0 - 3.0])


@pytest.mark.parametrize("name", ["chronic_ifn_ratio", "ims_ratio"])
def test_ratios_of_the_catalogue_rise_with_the_list_above_the_line(name: str) -> None:
    upper, lower = (om.catalog().lists[key].genes for key in derived.RATIOS[name])
    genes = sorted({*upper, *lower, *(f"G{number}" for number in range(300))})
    counts = np.random.default_rng(1).poisson(200.0, size=(8, len(genes))).astype(float)
    raised = [genes.index(gene) for gene in upper if gene not in lower]
    counts[4:, raised] *= 3
    adata = ad.AnnData(np.round(counts), var=pd.DataFrame(index=genes))
    found = om.derived_score(adata, name)
    assert found.iloc[4:].min() > found.iloc[:4].max() + 1
    assert om.derived_score(adata[:2].copy(), name).attrs["skipped"][0]["reason"].startswith("2 samples; at least 3")


def test_every_ratio_of_the_catalogue_has_a_definition() -> None:
    everything = om.catalog()
    ratios = {key for key, entry in everything.mechanisms.items() if "ratio" in entry.measurement}
    signed = {key for key in ratios if f"{key}/signature" in everything.gene_lists}
    derived_here = {upper.split("/")[0] for upper, _ in derived.RATIOS.values()}
    assert ratios - signed - derived_here == set()


def test_a_signed_list_is_up_minus_down_and_not_clipped() -> None:
    logged = pd.DataFrame({"A": [0.0, 1.0, 2.0], "B": [2.5, 1.5, 0.5], "C": [0.1, 0.2, 0.6]}, index=list("xyz"))
    found = om.score(
        logged, {"s": {"up": ["A"], "down": ["B"]}, "one": ["A"], "fall": {"down": ["B"]}}, method="mean_z"
    )
    # z of A: -1, 0, 1; of B: 1, 0, -1.
    assert found["s"].tolist() == pytest.approx([-2.0, 0.0, 2.0])
    assert found["one"].tolist() == pytest.approx([-1.0, 0.0, 1.0])
    assert found["fall"].tolist() == pytest.approx([-1.0, 0.0, 1.0])


def test_every_derived_score_says_what_it_is() -> None:
    for method in derived.DERIVED.values():
        assert method.doi.startswith("10.")
        assert method.definition
        assert method.sign
        assert method.value_range[0] < method.value_range[1]


def test_wrong_names_and_units_are_refused() -> None:
    tpm = pd.DataFrame({"GZMA": [1.5], "PRF1": [2.0]}, index=["a"])
    with pytest.raises(OhmicsError, match=r"unknown derived score `cit`.*did you mean `cyt`"):
        om.derived_score(tpm, "cit")
    with pytest.raises(OhmicsError, match="counts hold fractions"):
        om.derived_score(tpm, "cyt", units="counts")
    with pytest.raises(OhmicsError, match="missing, infinite or negative"):
        om.derived_score(-tpm, "cyt", units="tpm")
    unknown = om.derived_score(tpm * 1000 + 0.5, "chronic_ifn_ratio")
    assert "the unit of these is unknown" in unknown.attrs["skipped"][0]["reason"]
