"""What every scoring method of the registry owes its caller; a new one is held to it by its line in the registry."""

import math

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from ohmics.errors import OhmicsError
from ohmics.score import score
from ohmics.score.methods import METHODS

GENES = [f"G{g:03d}" for g in range(150)]
LISTS = {"a": GENES[:9], "b": {"up": GENES[20:32], "down": GENES[40:46]}, "one": [GENES[5]]}
RANKED = [name for name, method in METHODS.items() if method.takes == "ranks"]


def cells(seed=0, n=24):
    random = np.random.default_rng(seed)
    counts = random.poisson(random.gamma(0.6, 2, size=150), size=(n, 150))
    return pd.DataFrame(counts, index=[f"c{i}" for i in range(n)], columns=GENES)


def reference():
    logged = np.log1p(cells(99, 200).pipe(lambda c: c.div(c.sum(axis=1), axis=0)) * 1e4)
    return pd.DataFrame({"mean": logged.mean(), "sd": logged.std()})


def run(data, method, lists=None, **more):
    return score(data, LISTS if lists is None else lists, method=method, reference=reference(), **more)


@pytest.mark.parametrize("method", METHODS)
def test_the_record_says_what_a_reader_needs(method):
    record = METHODS[method]
    assert record.doi.startswith("10.")
    for said in (record.definition, record.unit, record.sign):
        assert len(said) > 5, said
    assert "up minus down" in record.sign
    low, high = record.value_range
    assert low < high
    assert record.signed_range[0] <= low
    assert record.signed_range[1] >= high or math.isinf(high)
    assert bool(record.peer) or not record.peer_reads_data


@pytest.mark.parametrize("method", METHODS)
def test_signed_lists_are_up_minus_down_and_one_pass_serves_all_lists(method):
    both = LISTS["b"]
    lists = {"signed": both, "up": both["up"], "down": both["down"], "only": {"down": both["down"]}, "a": LISTS["a"]}
    answer = run(cells(), method, lists=lists)
    np.testing.assert_allclose(answer["signed"], answer["up"] - answer["down"], atol=1e-12)
    np.testing.assert_allclose(answer["only"], -answer["down"], atol=1e-12)
    assert (answer["signed"] < 0).any()
    alone = run(cells(), method, lists={"a": LISTS["a"]})
    np.testing.assert_array_equal(alone["a"], answer["a"])
    assert answer["signed"].between(*METHODS[method].signed_range).all()


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_names_of_cells_and_lists_change_nothing(method, seed):
    data = cells(seed)
    renamed = data.set_axis([f"other{i}" for i in range(len(data))], axis=0)
    lists = {f"new/{name}": genes for name, genes in LISTS.items()}
    np.testing.assert_array_equal(run(renamed, method, lists=lists).to_numpy(), run(data, method).to_numpy())


@pytest.mark.parametrize("method", RANKED)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.sampled_from([2, 3, 10, 7000]))
def test_a_constant_depth_factor_changes_no_rank_method(method, seed, factor):
    data = cells(seed)
    np.testing.assert_array_equal(run(data * factor, method), run(data, method))
    np.testing.assert_allclose(run(np.log1p(data), method, input="log"), run(data, method), rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_a_cell_without_counts_scores_or_is_missing_but_never_harms_the_others(method):
    data = cells()
    if METHODS[method].needs_cohort:
        pytest.skip("its scores depend on all observations")
    with_empty = pd.concat([data, pd.DataFrame(0, index=["empty"], columns=GENES)])
    np.testing.assert_array_equal(run(with_empty, method).iloc[:-1], run(data, method))
    assert run(with_empty, method).iloc[-1].notna().all()


@pytest.mark.parametrize("method", METHODS)
def test_the_observations_given_decide_a_score_only_where_the_record_says_so(method):
    data = cells()
    part, whole = run(data.iloc[:9], method), run(data, method).iloc[:9]
    assert np.allclose(part, whole, rtol=1e-12) != METHODS[method].needs_cohort


@pytest.mark.parametrize("method", [name for name, record in METHODS.items() if record.needs_reference])
def test_a_method_that_needs_a_reference_follows_it(method):
    other = reference()
    other["mean"] = other["mean"].to_numpy()[np.random.default_rng(0).permutation(150)]
    own = score(cells(), LISTS, method=method)
    assert own.attrs["reference"] == "made of the observations given"
    assert not np.allclose(score(cells(), LISTS, method=method, reference=other), run(cells(), method))


@pytest.mark.parametrize("method", METHODS)
def test_single_cells_are_refused_by_bulk_methods_and_by_no_other(method):
    data = cells()
    adata = AnnData(sparse.csr_matrix(data), obs=data[[]], var=data.T[[]], uns={"ohmics": {"modality": "single_cell"}})
    if METHODS[method].per_cell:
        assert run(adata, method).notna().all(axis=None)
    else:
        with pytest.raises(OhmicsError, match="scores bulk samples, not single cells"):
            run(adata, method)


@pytest.mark.parametrize("method", [name for name, record in METHODS.items() if record.peer])
def test_compat_differs_from_the_default_and_reads_no_reference(method):
    data = cells()
    peer = run(data, method, compat=True)
    np.testing.assert_array_equal(peer, score(data, LISTS, method=method, compat=True))
    np.testing.assert_array_equal(peer, score(data, LISTS, method=method, compat=True, chunk=5))
    assert not np.allclose(peer, run(data, method))
    if METHODS[method].takes == "ranks":  # sorted and counted ranks are the same
        np.testing.assert_array_equal(run(np.log1p(data), method, input="log", compat=True), peer)


def test_the_contract_can_fail():
    """A kernel that ranks ties by their order breaks the order contract that all methods keep."""
    data = cells().clip(upper=1)
    shuffled = data.iloc[:, ::-1]
    first, second = (run(part, "aucell", compat=True)["a"] for part in (data, shuffled))
    assert not np.allclose(first, second)
    np.testing.assert_allclose(run(data, "aucell")["a"], run(shuffled, "aucell")["a"])
