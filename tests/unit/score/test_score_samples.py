"""Scores per sample and cell type: groups, depths, coverage, nulls, and what is skipped."""

import tracemalloc

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse, stats

from ohmics.errors import OhmicsError
from ohmics.score import expression, groups, score, score_samples
from ohmics.score.methods import METHODS
from ohmics.score.thin import thin
from ohmics.tables import COVERAGE, SCORES, SKIPPED, check

GENES = [f"G{g:03d}" for g in range(400)]
LISTS = {"m1/a": GENES[:15], "m1/b": {"up": GENES[20:35], "down": GENES[50:58]}, "m2/c": [*GENES[100:110], "ABSENT"]}
DESCENDANTS = {"T cell": {"T cell", "CD8 T", "CD4 T"}}


def sample(name="s1", n=120, depth=600.0, seed=0, **columns):
    random = np.random.default_rng([seed, *name.encode()])
    rates = np.random.default_rng(7).gamma(0.7, 1, size=400)
    cells = random.poisson(rates / rates.sum() * depth * random.gamma(8, 1 / 8, size=(n, 1)))
    kinds = np.resize(["CD8 T", "CD4 T", "B cell", "CD8 T"], n)
    obs = pd.DataFrame({"sample": name, "cell_type": kinds, **columns}, index=[f"c{i}" for i in range(n)])
    return AnnData(sparse.csr_matrix(cells.astype(np.float32)), obs=obs, var=pd.DataFrame(index=GENES))


def reference():
    parts = [sample(f"r{i}", seed=9).to_df() for i in range(3)]
    whole = pd.concat(parts)
    logged = np.log1p(whole.div(whole.sum(axis=1), axis=0) * 1e4)
    return pd.DataFrame({"mean": logged.mean(), "sd": logged.std(), "n_cells": 360})


def of(frame, **where):
    chosen = frame
    for name, value in where.items():
        chosen = chosen[chosen[name] == value]
    return chosen


@pytest.mark.parametrize("method", ["ucell", "mean_z"])
def test_a_score_is_the_mean_over_the_types_cells_and_its_sd_the_standard_error(method):
    adata = sample()
    scores = score_samples(adata, LISTS, depth=("raw",), reference=reference(), n_null=0)
    check(scores, SCORES)
    cells = score(adata, LISTS, method=method, reference=reference())
    for kind in ("CD8 T", "CD4 T", "B cell"):
        part = cells[adata.obs["cell_type"] == kind]
        rows = of(scores, method=method, cell_type=kind).set_index("gene_list")
        np.testing.assert_allclose(rows["score"][list(LISTS)], part.mean(), rtol=1e-10)
        np.testing.assert_allclose(rows["technical_sd"][list(LISTS)], part.std() / np.sqrt(len(part)), rtol=1e-9)
        assert (rows["n_cells"] == len(part)).all()
    assert set(of(scores, gene_list="m2/c")["coverage"]) == {10 / 11}
    assert set(scores["mechanism"]) == {"m1", "m2"}


def test_thinned_rows_are_scores_of_the_thinned_cells_one_for_each_target():
    adata = sample()
    targets = pd.DataFrame(
        {"contrast": list("abb"), "sample": "s1", "cell_type": "CD8 T", "thinned_to": [300.0, 300.0, 200.0]}
    )
    scores = score_samples(adata, LISTS, reference=reference(), targets=targets, n_null=0, seed=4)
    thinned = of(scores, depth="thinned")
    assert set(zip(thinned["cell_type"], thinned["thinned_to"], strict=True)) == {("CD8 T", 300.0), ("CD8 T", 200.0)}
    for target in (300.0, 200.0):
        cells = thin(adata[adata.obs["cell_type"] == "CD8 T"].copy(), target, seed=4)
        assert np.median(np.asarray(cells.X.sum(axis=1))) == pytest.approx(target, rel=0.1)
        rows = of(thinned, thinned_to=target, method="ucell").set_index("gene_list")
        np.testing.assert_allclose(rows["score"][list(LISTS)], score(cells, LISTS).mean(), rtol=1e-10)


def test_without_targets_the_lowest_median_of_the_samples_given_is_the_depth():
    deep, shallow = sample("deep", depth=900), sample("shallow", depth=400)
    scores = score_samples([deep, shallow], LISTS, reference=reference(), n_null=0)
    kind = shallow[shallow.obs["cell_type"] == "CD8 T"]
    lowest = float(np.median(np.asarray(kind.X.sum(axis=1))))
    rows = of(scores, depth="thinned", cell_type="CD8 T")
    assert set(rows["thinned_to"]) == {lowest}
    assert set(rows["sample"]) == {"deep", "shallow"}
    raw = of(scores, depth="raw", sample="shallow", cell_type="CD8 T").set_index(["gene_list", "method"])["score"]
    same = of(rows, sample="shallow").set_index(["gene_list", "method"])["score"]
    pd.testing.assert_series_equal(raw, same)


def test_a_sample_scored_alone_or_in_company_has_the_same_scores():
    targets = pd.DataFrame({"sample": ["a", "b"], "cell_type": "CD8 T", "thinned_to": [300.0, 300.0]})
    common = {"reference": reference(), "targets": targets, "score_on": {key: ["CD8 T"] for key in LISTS}}
    parts = [score_samples(sample(name), LISTS, **common) for name in "ab"]
    both = score_samples([sample("b"), sample("a")], LISTS, **common)
    for part in [*parts, both]:
        part.attrs = {}
    alone = pd.concat(parts).sort_values(list(SCORES.key), na_position="first").reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, both)


def test_types_hold_their_descendants_and_special_types_are_columns():
    adata = sample(
        malignant=np.resize([True, False], 120), car_positive=pd.array(np.resize([None, True, False], 120), "boolean")
    )
    on = {"m1/a": ["T cell", "malignant"], "m1/b": ["car_positive", "bulk"], "m2/c": ["bulk"]}
    scores = score_samples(
        adata, LISTS, depth=("raw",), reference=reference(), score_on=on, descendants=DESCENDANTS, n_null=0
    )
    sizes = dict(zip(scores["cell_type"], scores["n_cells"], strict=True))
    assert sizes == {"T cell": 90, "malignant": 60, "car_positive": 40}
    skipped = SKIPPED.conform(scores.attrs["skipped"])
    assert skipped[["subject", "item"]].to_numpy().tolist() == [["s1", "m2/c"]]
    assert "scored on no cell type" in skipped["reason"][0]


def test_too_few_cells_or_genes_are_skipped_with_the_numbers():
    lists = {"thin": [*GENES[:2], "A", "B", "C"], "ok": GENES[:5], "up_only": {"up": GENES[:5], "down": ["X", "Y"]}}
    scores = score_samples(
        sample(n=60), lists, depth=("raw",), reference=reference(), n_null=0, min_cells=20, min_coverage=0.5
    )
    assert set(scores["gene_list"]) == {"ok"}
    assert set(scores["cell_type"]) == {"CD8 T"}
    reasons = {(row["item"], row["cell_type"]): row["reason"] for row in scores.attrs["skipped"]}
    assert reasons["thin", ""] == "2 of 5 genes (40%) are in the data, at least 50% are needed; missing: A, B, C"
    assert reasons["up_only", ""] == "none of the list's down genes is in the data; missing: X, Y"
    assert reasons["", "B cell"] == "15 cells, at least 20 are needed"
    coverage = COVERAGE.conform(scores.attrs["coverage"])
    assert coverage.set_index("gene_list").loc["thin", "missing"] == "A|B|C"


def test_null_z_of_random_lists_is_standard_normal_and_of_raised_genes_is_not():
    random = np.random.default_rng(3)
    adata = sample(n=400)
    adata.obs["cell_type"] = "CD8 T"
    raised = adata.copy()
    raised.obs["sample"] = "raised"
    dense = adata.X.toarray()
    dense[:, :15] *= 3
    raised.X = sparse.csr_matrix(dense)
    lists = {f"random{i}": list(random.choice(GENES, 15, replace=False)) for i in range(60)}
    scores = score_samples([adata, raised], {**lists, "raised": GENES[:15]}, reference=reference(), n_null=200)
    for method in ("ucell", "mean_z"):
        z = of(scores, method=method, depth="raw").set_index(["sample", "gene_list"])["null_z"]
        assert abs(z["s1"][list(lists)].mean()) < 0.4
        assert 0.6 < z["s1"][list(lists)].std() < 1.5
        assert z["raised", "raised"] > 4 > abs(z["s1", "raised"])
    assert of(scores, depth="thinned")["null_z"].isna().all()


def test_bulk_samples_are_scored_with_the_spread_of_half_splits():
    random = np.random.default_rng(5)
    rates = random.gamma(0.7, 1, size=400)
    rates /= rates.sum()

    def cohort(depth, n):
        counts = random.poisson(rates * depth, size=(n, 400))
        return AnnData(
            sparse.csr_matrix(counts), obs=pd.DataFrame(index=[f"b{i}" for i in range(n)]),
            var=pd.DataFrame(index=GENES), uns={"ohmics": {"modality": "bulk"}},
        )  # fmt: skip

    lists = {"l": GENES[:15], "m": GENES[30:40]}
    scores = score_samples(cohort(1_000_000, 40), lists, score_on={"l": ["bulk"], "m": ["T cell"]}, n_null=0)
    check(scores, SCORES)
    assert set(scores["cell_type"]) == {"bulk"}
    assert set(scores["n_cells"]) == {1}
    assert set(scores["gene_list"]) == {"l"}
    for method in ("ucell", "mean_z"):
        rows = of(scores, method=method, depth="raw")
        # The samples differ by sequencing only, so their sd is what the half splits estimate.
        assert rows["technical_sd"].mean() == pytest.approx(rows["score"].std(), rel=0.35)
    thinned = of(scores, depth="thinned")
    assert len(set(thinned["thinned_to"])) == 1
    assert {row["item"] for row in scores.attrs["skipped"]} == {"m"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"methods": ("ucel",)}, "did you mean `ucell`?"),
        ({"depth": ("thined",)}, "did you mean `thinned`?"),
        ({"score_on": {"m1/x": ["T cell"]}}, "score_on names no gene list `m1/x`"),
        ({"targets": pd.DataFrame({"sample": ["s1"]})}, "targets lack column `cell_type`"),
        ({"by": "kind"}, "obs has no column `kind`"),
    ],
)
def test_wrong_input_is_named(change, said):
    with pytest.raises(OhmicsError) as error:
        score_samples(sample(), LISTS, reference=reference(), **change)
    assert said in str(error.value)


def test_a_sample_given_twice_and_fractions_are_refused():
    with pytest.raises(OhmicsError, match="is in two of the AnnData"):
        score_samples([sample(), sample()], LISTS)
    scaled = sample()
    scaled.X = scaled.X * 0.5
    with pytest.raises(OhmicsError, match="fractions"):
        score_samples(scaled, LISTS)


def test_without_a_reference_the_observations_given_are_the_cohort():
    adatas = [sample(name) for name in "abc"]
    scores = score_samples(adatas, {"l": GENES[:10]}, depth=("raw",), n_null=0, methods=("mean_z",))
    weighted = np.average(scores["score"], weights=scores["n_cells"].astype(float))
    assert weighted == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("method", [name for name, one in METHODS.items() if not one.needs_cohort])
def test_blocks_of_any_size_and_data_on_disk_give_the_same_bytes(tmp_path, monkeypatch, method):
    adata = sample("s", n=90)
    chosen = {"methods": (method,), "reference": reference(), "n_null": 20}
    whole = score_samples(adata, LISTS, **chosen)
    assert set(whole["depth"]) == {"raw", "thinned"}
    assert whole["null_z"].notna().any()
    adata.write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    monkeypatch.setattr(groups, "CHUNK", 13)
    monkeypatch.setattr(expression, "CHUNK", 13)
    for given in (adata, backed):
        pd.testing.assert_frame_equal(score_samples(given, LISTS, **chosen), whole, check_exact=True)
    backed.file.close()


def test_a_list_of_other_ids_says_so():
    names = [f"GENE{g}" for g in range(400)]
    adata = sample("s")
    adata.var_names = names
    lists = {"ids": [f"ENSG{number:011d}" for number in range(9)], "own": names[:9]}
    scores = score_samples(adata, lists, n_null=0)
    reasons = {row["item"]: row["reason"] for row in scores.attrs["skipped"]}
    assert reasons["ids"].startswith("all 9 genes are missing; the data use gene symbols, the list Ensembl ids")


def test_scores_say_how_closely_they_follow_depth():
    adata = sample("s", n=90)
    scores = score_samples(adata, LISTS, methods=("ucell", "singscore"), depth=("raw",), n_null=0)
    cells = adata[adata.obs["cell_type"] == "CD8 T"]
    totals = np.asarray(cells.X.sum(axis=1)).ravel()
    rows = scores[scores["cell_type"] == "CD8 T"].set_index(["method", "gene_list"])["depth_spearman"]
    alone = score(cells, LISTS, method="ucell")
    for name in LISTS:
        assert rows["ucell", name] == pytest.approx(stats.spearmanr(alone[name], totals).statistic)
        assert np.isnan(rows["singscore", name])  # one value, the sum of the cells


def test_memory_beyond_the_matrix_does_not_grow_with_cells(monkeypatch):
    monkeypatch.setattr(groups, "CHUNK", 75)
    monkeypatch.setattr(expression, "CHUNK", 75)
    monkeypatch.setattr(groups, "LOOKED_AT", 100)
    peaks, sizes = [], []
    for n in (300, 1800):
        adata = sample("s", n=n)
        score_samples(adata, LISTS, n_null=0, reference=reference())
        tracemalloc.start()
        score_samples(adata, LISTS, n_null=0, reference=reference())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        sizes.append(adata.X.data.nbytes + adata.X.indices.nbytes)
    # Positions, totals and labels of the cells grow, their values are never copied.
    assert peaks[1] - peaks[0] < 0.25 * (sizes[1] - sizes[0])
