"""Counts with fractions: what can be done with them is done as with whole ones, the rest is left out with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

from ohmics.cli import main
from ohmics.cli._fractions import WholeCells, fractional_samples, holds_fractions, not_called, whole_pairs
from ohmics.cli._score_estimated import Wish, log_normalised, score_estimated
from ohmics.intake.config import Config, InputConfig
from ohmics.io import read_table, write_h5ad, write_table
from ohmics.pseudobulk import pseudobulk_groups
from ohmics.reference import gene_reference
from ohmics.score.run import score
from ohmics.score.samples import score_samples
from ohmics.tables import ANTIGEN, PAIRS, QC, SAMPLES, SKIPPED
from ohmics.toy import bulk, single_cell

KEY = ["sample", "cell_type", "gene_list", "method"]


def told(adata: AnnData, share: float) -> AnnData:
    adata.uns["ohmics"] = {**dict(adata.uns.get("ohmics", {})), "intake": {"scale": {"share_non_integer": share}}}
    return adata


@pytest.fixture(scope="module")
def cells() -> AnnData:
    cohort = single_cell(n_patients=1, n_cells=200, n_genes=2500, seed=4)
    adata = next(iter(cohort.adatas.values())).copy()
    truth = cohort.truth_cells.set_index(["sample", "barcode"]).loc[adata.obs["sample"].iloc[0]].loc[adata.obs_names]
    adata.obs["cell_type"] = truth["true_type"].astype(str).to_numpy()
    return adata


@pytest.fixture(scope="module")
def samples() -> AnnData:
    return bulk(n_patients=2, n_genes=2500, seed=4).counts


def lists_of(adata: AnnData) -> dict[str, list[str]]:
    genes = [name for name in adata.var_names if "CAR" not in name]
    return {"m/first": genes[5:25], "m/other": genes[100:112], "m/absent": ["NOSUCHGENE1", "NOSUCHGENE2"]}


def wish(adata: AnnData, score_on: dict[str, list[str]], methods: tuple[str, ...], *, reference: pd.DataFrame) -> Wish:
    return Wish(
        reference=reference, methods=methods, score_on=score_on, descendants={}, aliases={}, min_cells=20,
        min_coverage=0.5, n_null=20, max_rank=None, seed=0,
    )  # fmt: skip


def test_of_whole_counts_cells_get_the_same_raw_scores(cells: AnnData) -> None:
    types = cells.obs["cell_type"].value_counts().index[:2].tolist()
    lists = lists_of(cells)
    score_on = {key: list(types) for key in lists}
    reference, methods = gene_reference([cells]), ("ucell", "mean_z", "singscore")
    wanted = score_samples(
        [cells], lists, methods=methods, reference=reference, score_on=score_on, descendants={}, n_null=20,
        depth=("raw",), targets=None, min_cells=20,
    )  # fmt: skip
    found = score_estimated(cells, lists, wish(cells, score_on, methods, reference=reference))
    # Singscore is of the cells' sum, whose spread needs its counts drawn again.
    of_sum = found["method"] == "singscore"
    assert found.loc[of_sum, "technical_sd"].isna().all()
    wanted = wanted.reset_index(drop=True)
    wanted.loc[of_sum, "technical_sd"] = np.nan
    pd.testing.assert_frame_equal(found, wanted)
    said = [row for row in found.attrs["skipped"] if "thinned" in row["reason"]]
    assert sorted(row["cell_type"] for row in said) == sorted(types)
    assert {row["stage"] for row in said} == {"score"}
    assert found.attrs["coverage"] == wanted.attrs["coverage"]
    assert any(row["item"] == "m/absent" for row in found.attrs["skipped"])


def test_of_whole_counts_bulk_samples_get_the_same_raw_scores_but_no_halves(samples: AnnData) -> None:
    lists = lists_of(samples)
    score_on = {key: ["bulk"] for key in lists}
    reference, methods = gene_reference([samples]), ("ucell", "mean_z", "ssgsea", "plage")
    wanted = score_samples(
        [samples], lists, methods=methods, reference=reference, score_on=score_on, descendants={}, n_null=20,
        depth=("raw",),
    )  # fmt: skip
    found = score_estimated(samples, lists, wish(samples, score_on, methods, reference=reference))
    assert wanted["technical_sd"].notna().any()
    assert found["technical_sd"].isna().all()
    columns = [name for name in wanted.columns if name != "technical_sd"]
    pd.testing.assert_frame_equal(found[columns], wanted[columns].reset_index(drop=True))
    assert len([row for row in found.attrs["skipped"] if "thinned" in row["reason"]]) == 1


def test_fractions_are_counts_and_no_logarithms(samples: AnnData) -> None:
    halved = samples.copy()
    halved.X = sp.csr_matrix(samples.X).astype(np.float64) * 1.5
    lists = lists_of(samples)
    given = wish(samples, {key: ["bulk"] for key in lists}, ("ucell", "mean_z"), reference=gene_reference([samples]))
    # 1.5 times all counts of a sample are the same counts per million.
    columns = [*KEY, "score", "null_z"]
    one, other = score_estimated(samples, lists, given), score_estimated(halved, lists, given)
    pd.testing.assert_frame_equal(one[columns], other[columns], rtol=1e-9)


def test_log_normalised_cells_score_as_counts_do(cells: AnnData) -> None:
    lists = {key: genes for key, genes in lists_of(cells).items() if key != "m/absent"}
    wanted = score(cells, lists, method="ucell", input="counts")
    found = score(log_normalised(cells), lists, method="ucell", input="log")
    np.testing.assert_allclose(found.to_numpy(), wanted.to_numpy(), atol=1e-9)


def test_what_intake_saw_decides(cells: AnnData) -> None:
    assert not holds_fractions(cells)
    assert holds_fractions(told(cells.copy(), 0.2))
    halved = cells.copy()
    halved.X = sp.csr_matrix(cells.X) * 0.5
    halved.uns.pop("ohmics", None)
    assert holds_fractions(halved)
    assert not holds_fractions(told(halved, 0.0))


def test_only_what_needs_it_is_rounded(cells: AnnData) -> None:
    estimated = told(cells.copy(), 0.4)
    estimated.X = sp.csr_matrix(cells.X).astype(np.float64) + sp.csr_matrix(cells.X).astype(bool) * 0.3
    both = WholeCells({"whole": cells, "estimated": estimated.copy()})
    assert both["whole"] is cells
    np.testing.assert_array_equal(both["estimated"].X.toarray(), cells.X.toarray())
    assert list(both) == ["whole", "estimated"]


def test_sums_of_cells_keep_fractions(cells: AnnData) -> None:
    whole = pseudobulk_groups(cells, ["B-ALL blast"])
    assert whole.X.dtype == np.int64
    more = cells.copy()
    more.X = sp.csr_matrix(cells.X).astype(np.float64) * 1.25
    summed = pseudobulk_groups(more, ["B-ALL blast"])
    np.testing.assert_allclose(summed.X.toarray(), whole.X.toarray() * 1.25)


def test_pairs_and_patients(tmp_path: Path) -> None:
    sheet = pd.DataFrame({"sample": ["a", "b", "c", "d", "e"], "patient": ["P1", "P1", "P2", "P2", "P2"]})
    pairs = PAIRS.conform(
        [
            {
                "contrast": "x",
                "subject": "P1",
                "block": "P1",
                "reference_samples": "a",
                "test_samples": "b",
                "complete": True,
            },
            {
                "contrast": "x",
                "subject": "P2",
                "block": "P2",
                "reference_samples": "c",
                "test_samples": "d|e",
                "complete": True,
            },
        ]
    )
    assert whole_pairs(pairs, []) is pairs
    left = whole_pairs(pairs, ["a", "d"])
    assert left[["reference_samples", "test_samples"]].to_numpy().tolist() == [["c", "e"]]
    rows = not_called("antigen", sheet, pairs, ["a", "d"], cell_type="malignant")
    assert [(row["subject"], row["reason"].rsplit(" ", 1)[1]) for row in rows] == [("P1", "(a)"), ("P2", "(d)")]


def test_the_share_is_read_from_the_file(tmp_path: Path) -> None:
    for name, share in (("a", 0.5), ("b", 0.0)):
        adata = AnnData(
            sp.csr_matrix(np.ones((2, 2))), uns={"ohmics": {"intake": {"scale": {"share_non_integer": share}}}}
        )
        write_h5ad(adata, tmp_path / name / "counts.h5ad")
    write_h5ad(AnnData(sp.csr_matrix(np.ones((2, 2)))), tmp_path / "c" / "counts.h5ad")
    assert fractional_samples(tmp_path, ["a", "b", "c"]) == ["a"]


def test_bulk_antigens_are_not_assessable_with_one_reason_a_patient(tmp_path: Path) -> None:
    cohort = bulk(n_patients=2, n_genes=2500, seed=4)
    counts = told(cohort.counts.copy(), 0.6)
    counts.X = sp.csr_matrix(counts.X).astype(np.float64) + 0.0
    write_h5ad(counts, tmp_path / "bulk.h5ad")
    write_table(cohort.samples, SAMPLES, tmp_path / "samples.tsv")
    qc = QC.conform(
        [{"sample": name, "verdict": "use", "cells_in": 1, "cells_kept": 1} for name in cohort.samples["sample"]]
    )
    write_table(qc, QC, tmp_path / "qc.tsv")
    patient = str(cohort.samples["patient"].iloc[0])
    one = {"contrast": "c", "subject": patient, "block": patient, "complete": True}
    pair = one | {"reference_samples": f"{patient}_pre", "test_samples": f"{patient}_relapse"}
    write_table(PAIRS.conform([pair]), PAIRS, tmp_path / "pairs.tsv")
    plain = Config(project="x", input=InputConfig(samples="s", modality="bulk")).to_dict()
    words = [f"--{name}={tmp_path / name}.tsv" for name in ("samples", "qc", "pairs")]
    words += [f"--out-{name}={tmp_path / 'out' / name}.tsv" for name in ("antigen", "skipped")]
    chosen = json.dumps({name: plain[name] for name in ("catalog_paths", "antigen")})
    assert main(["bulk-antigen", "--settings", chosen, *words, f"--counts={tmp_path / 'bulk.h5ad'}"]) == 0
    assert read_table(tmp_path / "out" / "antigen.tsv", ANTIGEN).empty
    (row,) = read_table(tmp_path / "out" / "skipped.tsv", SKIPPED).to_dict("records")
    assert (row["stage"], row["subject"]) == ("antigen", patient)
    assert row["reason"].startswith("not assessable: counts with fractions")
