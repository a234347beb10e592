"""What significant lists share, running sums, and collections of a user's own."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from ohmics.cli.gene_sets import read_collections
from ohmics.enrich import Settings, run_methods
from ohmics.model import Contrast
from ohmics.tables import ENRICHMENT, RUNNING_SUMS, SET_OVERLAP, check

PAIRED = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient")
LISTS = {
    "m/first": [f"g{i}" for i in range(10)],
    "m/second": [f"g{i}" for i in range(2, 12)],
    "n/apart": [f"g{i}" for i in range(40, 50)],
    "n/quiet": [f"g{i}" for i in range(100, 110)],
}
SIGNED = {"up": [f"g{i}" for i in range(5)], "down": [f"g{i}" for i in range(110, 115)]}


@pytest.fixture(scope="module")
def tested():
    """8 pairs in which g0 to g11 and g40 to g49 rise four-fold; the lists, and a collection beside them."""
    random = np.random.default_rng(4)
    rows = [(f"P{i}", side) for i in range(8) for side in ("pre", "relapse")]
    sheet = pd.DataFrame(rows, columns=["patient", "timepoint"])
    sheet.insert(0, "sample", sheet["patient"] + "_" + sheet["timepoint"])
    mean = np.tile(random.uniform(80, 500, 150), (16, 1))
    late = (sheet["timepoint"] == "relapse").to_numpy()
    mean[np.ix_(late, [*range(12), *range(40, 50)])] *= 4
    counts = random.negative_binomial(30, 30 / (30 + mean)).astype(float)
    obs = pd.DataFrame({"sample": sheet["sample"], "cell_type": "bulk"}).set_index("sample", drop=False)
    data = ad.AnnData(counts, obs=obs.rename_axis(None), var=pd.DataFrame(index=[f"g{i}" for i in range(150)]))
    collection = {"HALL_UP": LISTS["m/first"], "HALL_QUIET": LISTS["n/quiet"], "m/first": LISTS["n/quiet"]}
    return run_methods(
        data, sheet, [PAIRED], gene_lists={"bulk": {**LISTS, "signed": SIGNED}}, collections={"hallmark": collection},
        settings=Settings(prerank=False),
    )  # fmt: skip


def test_tables_are_whole(tested) -> None:
    check(tested.enrichment, ENRICHMENT)
    check(tested.overlap, SET_OVERLAP)
    check(tested.running_sums, RUNNING_SUMS)
    assert set(tested.enrichment["method"]) == {"flip", "camera"}


def test_lists_that_share_genes_are_one_finding(tested) -> None:
    finding = tested.enrichment.set_index(["method", "gene_list"])["finding"]
    assert finding["flip", "m/first"] == finding["flip", "m/second"] == finding["camera", "m/first"]
    assert finding["flip", "n/apart"] == "n/apart"
    assert pd.isna(finding["flip", "n/quiet"])
    rows = tested.overlap
    pair = rows[rows["gene_list"].isin(["m/first", "m/second"]) & rows["other"].isin(["m/first", "m/second"])].iloc[0]
    assert (pair["shared"], pair["size"]) == (8, 10)
    assert pair["jaccard"] == pytest.approx(8 / 12)
    assert pair["overlap_coefficient"] == pytest.approx(0.8)
    assert not set(rows["gene_list"]) & {"n/quiet", "n/apart"}


def test_a_collection_is_a_family_by_itself_corrected_by_benjamini_hochberg(tested) -> None:
    table = tested.enrichment
    own = table[table["family"].str.contains("collection hallmark")]
    assert set(own["gene_list"]) == {"HALL_UP", "HALL_QUIET"}
    flip = own[own["method"] == "flip"].set_index("gene_list")
    smallest = flip["p"].min()
    assert flip["q"].min() == pytest.approx(2 * smallest)
    # A name that is a list of the run already is that list, not the collection's.
    assert not table.loc[table["gene_list"] == "m/first", "family"].str.contains("collection").any()


def test_running_sums_peak_at_the_enrichment_score(tested) -> None:
    scores = tested.enrichment[tested.enrichment["method"] == "flip"].set_index("gene_list")["es"]
    points = tested.running_sums
    assert set(points["method"]) == {"flip"}
    first = points[points["gene_list"] == "m/first"]
    assert first["after"].max() == pytest.approx(scores["m/first"])
    assert len(first) == 10
    signed = points[points["gene_list"] == "signed"]
    assert set(signed["part"]) == {"up", "down"}


def test_a_collection_is_read_with_other_names_for_genes(tmp_path) -> None:
    path = tmp_path / "h.gmt"
    path.write_text("SET_A\tlink\tCD3E\tPD-1\n", encoding="utf-8")
    found = read_collections([("hallmark", path)], {"CD3E", "PDCD1"})
    assert found == {"hallmark": {"SET_A": ["CD3E", "PDCD1"]}}
