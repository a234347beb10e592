"""CAR+ cells: the planted fraction, ambient RNA, masking, and what cannot be told."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from ohmics.calls import CarRules, call_car, call_cars, transgene_features
from ohmics.calls.car import COLUMNS, USUAL_NAMES
from ohmics.errors import OhmicsError
from ohmics.tables import CAR, SKIPPED, check

VECTOR = "FMC63-CAR"


@pytest.fixture(scope="module")
def truth(cohort):
    return cohort.truth_cells.set_index(["sample", "barcode"])


def drawn(rng, *, share=0.3, rate=1.5, ambient=0.05, n_t=400, n_myeloid=200, n_blasts=300, masked=0.0, depth=1.0):
    """Return a sample of T cells, monocytes and blasts with a planted share of CAR+ T cells."""
    kinds = np.repeat(["CD8 T", "CD14 monocyte", "B-ALL blast"], [n_t, n_myeloid, n_blasts])
    carries = (kinds == "CD8 T") & (rng.random(len(kinds)) < share)
    carries |= (kinds == "B-ALL blast") & (rng.random(len(kinds)) < masked)
    size = depth * np.exp(rng.normal(0, 0.3, len(kinds)))
    own = np.where(carries, rate * size * rng.gamma(2.5, 0.4, len(kinds)), 0.0)
    vector = rng.poisson(own + depth * ambient)
    genes = rng.poisson(np.outer(size, np.full(40, 30.0)))
    cd3 = np.where(kinds == "CD8 T", rng.poisson(5, len(kinds)), 0)
    counts = sparse.csr_matrix(np.column_stack([vector, cd3, genes]).astype(np.float32))
    var = pd.DataFrame(
        {"feature_type": ["transgene", *["gene"] * 41]}, index=["CAR_x", "CD3D", *[f"G{i}" for i in range(40)]]
    )
    obs = pd.DataFrame(
        {"cell_type": kinds, "malignant": kinds == "B-ALL blast", "carries": carries},
        index=[f"c{i}" for i in range(len(kinds))],
    )
    return AnnData(counts, obs=obs, var=var)


def test_the_planted_share_is_inside_the_interval_in_most_samples(known):
    inside, widths = 0, []
    for seed in range(20):
        adata = drawn(np.random.default_rng(seed), rate=3.0)
        row = call_car(adata, ["CAR_x"], catalog=known, sample="s").row
        assert row["call"] == "detected"
        true = adata.obs["carries"][adata.obs["cell_type"] == "CD8 T"].mean()
        inside += row["low"] <= true <= row["high"]
        widths.append(row["high"] - row["low"])
    assert inside >= 17
    assert np.median(widths) < 0.35


def test_called_cells_are_right_and_cells_without_a_count_stay_open(cohort, truth, known):
    called = call_cars(cohort.adatas, catalog=known)
    joined = called.cells.merge(truth["car"].reset_index(), on=["sample", "barcode"])
    positive = joined["car_positive"].fillna(False).to_numpy(dtype=bool)
    assert joined["car"][positive].mean() > 0.9
    share = joined.groupby("sample")["car"].mean()
    rows = called.car.set_index("sample")
    assert ((rows["low"] <= share + 0.02) & (share - 0.02 <= rows["high"])).mean() >= 0.8
    unseen = joined[joined["n_transgene"] == 0]
    assert not unseen["car_positive"].fillna(False).any()
    assert unseen["car_positive"].isna().any()
    check(called.car, CAR)
    assert CAR.names == COLUMNS


def test_ambient_transgene_alone_is_not_detected(known):
    calls = [
        call_car(drawn(np.random.default_rng(seed), share=0.0, ambient=0.2), ["CAR_x"], catalog=known)
        for seed in range(15)
    ]
    assert sum(one.row["call"] != "not_detected" for one in calls) <= 1
    assert all(one.cells["car_positive"].isna().all() for one in calls if one.row["call"] == "not_detected")
    assert "cannot be excluded" in calls[0].row["reason"]


def test_the_transgene_in_tumour_cells_is_a_masking_candidate(known):
    rng = np.random.default_rng(1)
    masked = call_car(drawn(rng, masked=0.1), ["CAR_x"], catalog=known).row
    assert masked["call"] == "masking_candidate"
    assert "doublets are the alternative" in masked["reason"]
    assert masked["estimate"] > 0.1
    for seed in range(10):
        plain = call_car(drawn(np.random.default_rng(seed), ambient=0.15), ["CAR_x"], catalog=known).row
        assert plain["call"] == "detected"


def test_without_background_ambient_is_borrowed_or_unknown_and_the_interval_wider(known):
    rng = np.random.default_rng(2)
    sorted_sample = drawn(rng, share=0.5, ambient=0.1, n_myeloid=5, n_blasts=0)
    unsorted = drawn(rng, share=0.3, ambient=0.1)
    calls = call_cars({"sorted": sorted_sample, "unsorted": unsorted}, catalog=known).car.set_index("sample")
    assert "borrowed from other samples" in calls.loc["sorted", "evidence"]
    assert "normal myeloid and B cells" in calls.loc["unsorted", "evidence"]
    alone = call_car(sorted_sample, ["CAR_x"], catalog=known).row
    assert "unknown" in alone["evidence"]
    assert alone["low"] <= 0.5 <= alone["high"]


def test_what_cannot_be_told_is_said_once(cohort, known):
    without = {name: adata[:, adata.var_names != VECTOR].copy() for name, adata in cohort.adatas.items()}
    calls = call_cars(without, catalog=known)
    assert calls.car.empty
    assert len(calls.skipped) == 1
    assert "no sample holds a transgene feature" in calls.skipped.loc[0, "reason"]
    check(calls.skipped, SKIPPED)
    no_t = drawn(np.random.default_rng(0), n_t=0)
    assert "no sample holds a T cell" in call_cars({"s": no_t}, catalog=known).skipped.loc[0, "reason"]
    few = call_car(drawn(np.random.default_rng(0), n_t=10), ["CAR_x"], catalog=known)
    assert few.row["call"] == "not_assessable"
    assert "10 T cells, fewer than 20" in few.row["reason"]
    assert call_car(no_t, [], catalog=known).row["call"] == "not_assessable"


def test_features_are_found_by_name_mark_and_usual_name():
    names = ["CARD9", "CARS1", "WPRE", "FMC63-CAR", "CAT_scFv", "my_vector", "CD19", "ide-cel"]
    adata = AnnData(np.zeros((1, len(names)), dtype=np.float32), var=pd.DataFrame(index=names))
    assert transgene_features(adata) == ("WPRE", "FMC63-CAR", "CAT_scFv", "ide-cel")
    assert "my_vector" in transgene_features(adata, ["my_vector", "absent"])
    adata.var["feature_type"] = ["gene"] * 5 + ["transgene", "gene", "gene"]
    assert "my_vector" in transgene_features(adata)


def test_no_usual_name_is_a_human_gene(cohort):
    symbols = {name.upper() for name in cohort.adatas["P01_pre"].var_names if name != VECTOR}
    assert not symbols & set(USUAL_NAMES)


def test_faults_are_all_said(known):
    adata = drawn(np.random.default_rng(0))
    del adata.obs["cell_type"]
    with pytest.raises(OhmicsError) as caught:
        call_car(adata, ["CAR_y"], catalog=known, rules=CarRules())
    assert len(caught.value.faults) == 2
    assert "did you mean `CAR_x`?" in str(caught.value)


def test_a_few_counts_never_make_every_cell_car_positive(known):
    # Nearly no transcript: the share may be anything, and cells without a count must stay open.
    calls = call_car(drawn(np.random.default_rng(3), share=1.0, rate=0.06, ambient=0.0), ["CAR_x"], catalog=known)
    assert calls.row["high"] - calls.row["low"] > 0.5
    unseen = calls.cells[calls.cells["n_transgene"] == 0]
    assert unseen["car_positive"].isna().all()


def test_a_share_that_any_number_fits_is_not_given(known):
    adata = drawn(np.random.default_rng(5), share=0.0, ambient=0.0, n_myeloid=0, n_blasts=0, n_t=500)
    counts = adata.X.tolil()
    counts[[3, 50, 120], 0] = 1
    few = AnnData(counts.tocsr(), obs=adata.obs, var=adata.var)
    row = call_car(few, ["CAR_x"], catalog=known, borrowed=1e-4, sample="s").row
    assert row["call"] == "detected"
    assert np.isnan(row["estimate"])
    assert row["high"] - row["low"] >= 0.8
    assert "cannot be told" in row["reason"]
    wide = call_car(few, ["CAR_x"], catalog=known, borrowed=1e-4, sample="s", rules=CarRules(widest=1.1)).row
    assert wide["estimate"] > 0
