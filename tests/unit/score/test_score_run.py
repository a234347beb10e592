"""What every scoring method owes its caller, walked over the registry."""

import os
import subprocess
import sys

import numba
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from ohmics.errors import OhmicsError
from ohmics.score import score
from ohmics.score.methods import METHODS, get_method
from ohmics.tables import COVERAGE, SKIPPED

GENES = [f"G{g}" for g in range(120)]
LISTS = {"m/a": GENES[:7], "m/b": {"up": GENES[20:31], "down": GENES[40:44]}, "one": ["G5"]}


def cells(seed=0, n=30):
    random = np.random.default_rng(seed)
    counts = random.poisson(random.gamma(0.6, 2, size=120), size=(n, 120))
    return pd.DataFrame(counts, index=[f"c{i}" for i in range(n)], columns=GENES)


def cohort():
    logged = np.log1p(cells(99, 200).pipe(lambda c: c.div(c.sum(axis=1), axis=0)) * 1e4)
    return pd.DataFrame({"mean": logged.mean(), "sd": logged.std()})


def run(data, method, **more):
    return score(data, more.pop("lists", LISTS), method=method, reference=cohort(), **more)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_order_of_cells_genes_and_lists_never_matters(method, seed):
    random = np.random.default_rng(seed)
    data = cells(seed)
    truth = run(data, method)
    shuffled = data.iloc[random.permutation(len(data)), random.permutation(len(GENES))]
    lists = {
        name: {s: list(random.permutation(g)) for s, g in given_.items()}
        if isinstance(given_, dict)
        else list(random.permutation(given_))
        for name, given_ in reversed(LISTS.items())
    }
    result = run(shuffled, method, lists=lists)
    # A first component is told from the second to rounding over their distance, which random data make small at times.
    rtol, atol = (1e-6, 1e-8) if method == "plage" else (1e-10, 1e-12)
    np.testing.assert_allclose(result.loc[truth.index, truth.columns], truth, rtol=rtol, atol=atol)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6), chunk=st.integers(4, 40))
def test_dense_is_sparse_and_one_chunk_is_many_to_the_bit(method, seed, chunk):
    data = cells(seed)
    names = {"obs": pd.DataFrame(index=data.index), "var": pd.DataFrame(index=GENES)}
    truth = run(data, method).to_numpy()
    for matrix in (sparse.csr_matrix(data), sparse.csc_matrix(data), data.to_numpy(dtype=np.float32)):
        adata = AnnData(matrix, **names)
        np.testing.assert_array_equal(run(adata, method).to_numpy(), truth)
        np.testing.assert_array_equal(run(adata, method, chunk=chunk).to_numpy(), truth)
    layered = AnnData(sparse.csr_matrix(data.to_numpy() * 0.5), layers={"counts": sparse.csr_matrix(data)}, **names)
    np.testing.assert_array_equal(run(layered, method, layer="counts").to_numpy(), truth)


@pytest.mark.parametrize("method", METHODS)
def test_scores_lie_in_the_declared_range_and_the_sign_means_what_is_said(method):
    low, high = METHODS[method].value_range
    values = run(cells(), method, lists={"a": GENES[:9]})["a"]
    assert values.between(low, high).all()
    record = METHODS[method]
    more = cells()
    if record.needs_cohort:  # scores are relative to the other observations: half of them are induced
        more = more.astype(float)
        more.iloc[:15, :9] *= 4
        induced = run(more, method, lists={"a": GENES[:9]}, input="log")["a"]
        assert induced.iloc[:15].mean() > induced.iloc[15:].mean() + 0.1
    else:
        more[GENES[:9]] *= 4
        assert (run(more, method, lists={"a": GENES[:9]})["a"] >= values - 1e-12).all()
    assert record.doi
    assert record.definition
    assert record.sign
    assert record.unit
    assert record.name == method


@pytest.mark.parametrize("method", METHODS)
def test_absent_genes_are_dropped_and_reported(method):
    with_absent = run(cells(), method, lists={"a": [*GENES[:7], "ABSENT1", "ABSENT2", "G0"], "none": ["ABSENT1"]})
    np.testing.assert_allclose(with_absent["a"], run(cells(), method)["m/a"])
    assert with_absent["none"].isna().all()
    coverage = COVERAGE.conform([{**row, "sample": "s"} for row in with_absent.attrs["coverage"]]).set_index(
        "gene_list"
    )
    assert coverage.loc["a", ["n_genes", "n_present", "missing"]].tolist() == [9, 7, "ABSENT1|ABSENT2"]
    skipped = SKIPPED.conform(with_absent.attrs["skipped"])
    assert skipped["item"].tolist() == ["none"]
    assert skipped["reason"][0] == "its only gene is missing: ABSENT1"


def test_a_list_of_other_ids_says_so_wherever_it_is_refused():
    data = cells()
    ids = [f"ENSG{number:011d}" for number in range(12)]
    answer = score(data.rename(columns=dict(zip(GENES, [f"GENE{g}" for g in range(120)], strict=True))), {"ids": ids})
    assert answer["ids"].isna().all()
    reason = answer.attrs["skipped"][0]["reason"]
    assert reason.startswith("all 12 genes are missing; the data use gene symbols, the list Ensembl ids: ENSG")


def test_names_match_exactly_first_and_by_alias_second():
    data = cells()
    truth = score(data, {"a": ["G1", "G2", "G3"]})
    result = score(
        data, {"a": ["OLD1", "G2", "G3"], "b": ["G1", "OLD1", "G2", "G3"]}, aliases={"OLD1": "G1", "G3": "G9"}
    )
    np.testing.assert_array_equal(result["a"], truth["a"])
    assert result.attrs["coverage"][0]["by_alias"] == "OLD1>G1"
    # Two names of one gene count once, and an exact match is never replaced.
    np.testing.assert_array_equal(result["b"], truth["a"])
    assert result.attrs["coverage"][1]["n_genes"] == 3


def test_a_catalogue_is_read_through_its_gene_lists():
    class Catalogue:
        gene_lists = LISTS

    np.testing.assert_array_equal(score(cells(), Catalogue()), score(cells(), LISTS))


def test_transgenes_are_left_out():
    data = cells()
    kinds = pd.DataFrame({"feature_type": ["gene"] * 119 + ["transgene"]}, index=GENES)
    adata = AnnData(sparse.csr_matrix(data), obs=pd.DataFrame(index=data.index), var=kinds)
    for method in METHODS:
        np.testing.assert_allclose(run(adata, method), run(data.iloc[:, :119], method), rtol=1e-12)


def test_the_data_are_not_changed():
    data = cells()
    adata = AnnData(
        sparse.csr_matrix(data.astype(np.float32)), obs=pd.DataFrame(index=data.index), var=pd.DataFrame(index=GENES)
    )
    before = adata.X.copy()
    for method in METHODS:
        run(adata, method)
    assert (before != adata.X).nnz == 0
    assert adata.X.dtype == np.float32
    assert list(adata.obs) == []


@pytest.mark.parametrize(
    ("data", "lists", "more", "said"),
    [
        (cells() - 5, LISTS, {}, "negative"),
        (cells() * np.nan, LISTS, {}, "missing or infinite"),
        (cells().rename(columns={"G1": "G0"}), LISTS, {}, "named twice: G0"),
        (cells() + 0.5, LISTS, {"input": "counts"}, "fractions"),
        (cells(), {"a": "CD3E"}, {}, "genes are str"),
        (cells(), {"a": []}, {}, "the list is empty"),
        (cells(), {"a": {"upp": ["G1"]}}, {}, "unknown side upp"),
        (cells(), ["G1"], {}, "gene lists are list"),
        (cells(), LISTS, {"method": "ucel"}, "did you mean `ucell`?"),
        (cells(), LISTS, {"layer": "counts"}, "a DataFrame has no layers"),
        (cells().to_numpy(), LISTS, {}, "data are ndarray"),
        (cells().astype(str), LISTS, {}, "columns are not numbers"),
    ],
)
def test_wrong_input_is_named(data, lists, more, said):
    with pytest.raises(OhmicsError) as error:
        score(data, lists, **more)
    assert said in str(error.value)


def test_every_fault_of_the_lists_is_named_at_once():
    with pytest.raises(OhmicsError) as error:
        score(cells(), {"a": [], "b": "CD3E", "c": {"x": []}})
    assert len(error.value.faults) >= 3


def test_the_registry_names_each_method_once():
    assert all(get_method(name) is record for name, record in METHODS.items())


_THREADS = """
import sys, numpy as np
from scipy import sparse
from anndata import AnnData
from ohmics.score import score
from ohmics.score.methods import METHODS
from ohmics.score.thin import thin
random = np.random.default_rng(0)
adata = AnnData(sparse.csr_matrix(random.poisson(random.gamma(0.3, 2, size=900), size=(300, 900)).astype(np.float32)))
thinned = thin(adata, 250, seed=1)
lists = {"a": [str(g) for g in range(0, 900, 40)]}
parts = [score(adata, lists, method=m).to_numpy() for m in METHODS if not METHODS[m].needs_cohort]
parts += [score(adata, lists, method=m, compat=True).to_numpy() for m in METHODS if METHODS[m].peer]
parts += [score(adata[:20], lists, method=m).to_numpy() for m in METHODS if METHODS[m].needs_cohort]
sys.stdout.buffer.write(b"".join(p.tobytes() for p in parts) + thinned.X.data.tobytes())
"""


def test_one_thread_is_two_to_the_bit():
    found = [
        subprocess.run(
            [sys.executable, "-c", _THREADS], env={**os.environ, "NUMBA_NUM_THREADS": str(threads)},
            capture_output=True, check=True,
        ).stdout
        for threads in (1, 2)
    ]  # fmt: skip
    assert len(found[0]) > 5000
    assert found[0] == found[1]


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="numba was started with one thread")
@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_one_thread_is_two_for_any_data(method, seed):
    found = []
    before = numba.get_num_threads()
    for threads in (1, 2):
        numba.set_num_threads(threads)
        found.append(run(cells(seed), method).to_numpy())
    numba.set_num_threads(before)
    np.testing.assert_array_equal(*found)


def test_plage_has_no_score_where_its_sign_cannot_be_told():
    random = np.random.default_rng(0)
    first, other = random.uniform(1, 9, (2, 8))
    data = pd.DataFrame({"A": first, "B": 10 - first, "C": first + other}, index=[f"s{i}" for i in range(8)])
    scores = score(data, {"against": ["A", "B"], "along": ["A", "C"]}, method="plage", input="log")
    assert scores["against"].isna().all()
    assert scores["along"].notna().all()
