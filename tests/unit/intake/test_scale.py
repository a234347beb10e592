"""Raw counts pass, everything else is refused with its evidence; the evidence decides, not the label."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from ohmics.intake.scale import examine, scale_faults


def _what(values: np.ndarray, modality: str = "single_cell") -> list[str]:
    matrix = sp.csr_matrix(values)
    cells = [f"c{number}" for number in range(matrix.shape[0])]
    genes = [f"g{number}" for number in range(matrix.shape[1])]
    faults = scale_faults(examine(matrix), matrix, observations=cells, features=genes, modality=modality, where="x")
    return [fault.what for fault in faults]


@pytest.fixture
def counts() -> np.ndarray:
    return np.random.default_rng(3).poisson(1.5, size=(30, 50)).astype(float)


@pytest.mark.parametrize("modality", ["single_cell", "bulk"])
def test_counts_pass(counts: np.ndarray, modality: str) -> None:
    assert _what(counts, modality) == []


def test_log_values(counts: np.ndarray) -> None:
    logged = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    (what,) = _what(logged)
    assert what.startswith(
        "the values look log-transformed: 100% of the values are no whole numbers and the largest is"
    )


def test_a_few_fractions_do_not_make_counts_logged(counts: np.ndarray) -> None:
    counts[0, 0] = 1.5
    assert _what(counts) == []


def test_fractions_above_the_largest_log_value_are_estimates(counts: np.ndarray) -> None:
    estimated = counts * 40.25
    assert _what(estimated) == []
    assert examine(sp.csr_matrix(estimated)).estimated


@pytest.mark.parametrize("total", [1e4, 1e6])
def test_equal_sums(counts: np.ndarray, total: float) -> None:
    scaled = counts / counts.sum(axis=1, keepdims=True) * total
    (what,) = _what(scaled)
    assert what == f"the values look normalised: all 30 cells sum to {total:,.0f}"


def test_equal_sums_of_whole_numbers_too(counts: np.ndarray) -> None:
    counts[:, 0] += 500 - counts.sum(axis=1)
    (what,) = _what(counts, "bulk")
    assert what == "the values look normalised: all 30 samples sum to 500"


def test_two_samples_may_have_equal_sums() -> None:
    assert _what(np.array([[5.0, 1.0], [1.0, 5.0]]), "bulk") == []


def test_fpkm(counts: np.ndarray) -> None:
    (what,) = _what(counts * 33.3, "bulk")
    assert what.startswith("the values look like FPKM or part of a TPM matrix: 100% of the values are no whole numbers")


@pytest.mark.parametrize(("value", "word"), [(np.nan, "missing"), (np.inf, "infinite"), (-2.0, "negative")])
def test_values_no_count_can_have(counts: np.ndarray, value: float, word: str) -> None:
    counts[4, 7] = value
    (what,) = _what(counts)
    assert what.startswith(f"1 values are {word}")
    assert what.endswith("the first at g7 in c4")


def test_empty_samples_of_bulk_and_empty_single_cell_matrices(counts: np.ndarray) -> None:
    counts[[2, 5]] = 0
    assert _what(counts, "bulk") == ["samples without a single count: c2, c5"]
    assert _what(counts, "single_cell") == []
    assert _what(counts * 0, "single_cell") == ["no cell of 30 has a single count"]


def test_the_evidence_is_measured() -> None:
    scale = examine(sp.csr_matrix(np.array([[1.0, 0, 2.5], [0, 0, 0], [4, 0, 0], [1, 1, 1]])))
    assert (scale.n_values, scale.n_empty, scale.minimum, scale.maximum) == (6, 1, 1.0, 4.0)
    assert scale.share_non_integer == pytest.approx(1 / 6)
    assert scale.median_row_sum == 3.5
    sums = np.array([3.5, 4, 3])
    assert scale.row_sum_cv == pytest.approx(sums.std() / sums.mean())
