"""The bulk call: the antigen beside its lineage panel, whatever the tumour's share; null and planted truth."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from ohmics.calls.bulk_antigen import call_bulk_antigen
from ohmics.calls.bulk_patients import call_bulk_antigens
from ohmics.errors import OhmicsError
from ohmics.tables import ANTIGEN, PAIRS, SAMPLES, check

PANEL = tuple(f"B{number}" for number in range(12))
GENES = ("CD19", *PANEL, *(f"G{number}" for number in range(200)))


def sample(random, *, purity=0.5, kept=1.0, own=None, depth=1.0, spread=0.2):
    """Draw counts: CD19 and the panel come of the tumour alone; each gene moves by itself with a log sd."""
    level = np.concatenate([[300.0], np.full(12, 400.0), np.full(200, 500.0)]) if own is None else own
    level = level * np.exp(random.normal(0, spread, len(level)))
    level[:13] *= purity / 0.5
    level[0] *= kept
    return pd.Series(random.poisson(level * depth).astype(float), index=list(GENES))


def called(random, **after):
    level = np.concatenate([[300.0], 400 * np.exp(random.normal(0, 0.5, 12)), np.full(200, 500.0)])
    pre = sample(random, own=level, spread=0.0)
    return call_bulk_antigen(pre, sample(random, own=level, **after), antigen="CD19", panel=PANEL, panel_name="B")


def test_less_tumour_is_no_loss():
    calls = [called(np.random.default_rng(seed), purity=0.1, depth=0.5)["call"] for seed in range(60)]
    assert calls.count("lost") == 0
    # 99.9 % limit of 5 % over 60.
    assert calls.count("reduced") <= 9
    assert calls.count("retained") > 30


def test_a_loss_is_found_at_any_share_of_tumour():
    for purity in (0.2, 0.5, 0.9):
        row = called(np.random.default_rng(1), purity=purity, kept=0.0)
        assert row["call"] == "lost", row["reason"]
        assert row["remaining_high"] < 0.2
    row = called(np.random.default_rng(2), kept=0.35)
    assert row["call"] == "reduced"
    assert row["remaining_low"] < 0.35 < row["remaining_high"]
    assert "tumour's share" in row["reason"]


def test_what_cannot_be_seen_is_not_assessable():
    random = np.random.default_rng(3)
    pre, post = sample(random), sample(random)
    assert call_bulk_antigen(pre * 0 + 1, pre * 0 + 100, antigen="CD19", panel=PANEL)["call"] == "not_assessable"
    row = call_bulk_antigen(pre, post, antigen="CD19", panel=PANEL[:3], panel_name="B")
    assert row["call"] == "not_assessable"
    assert "3 genes of the B panel" in row["reason"]
    rare = pre.copy()
    rare["CD19"] = 3
    assert "too little CD19 before" in call_bulk_antigen(rare, post, antigen="CD19", panel=PANEL)["reason"]
    gone = sample(random, purity=0.01)
    assert "expected had nothing changed" in call_bulk_antigen(pre, gone, antigen="CD19", panel=PANEL)["reason"]


def test_tpm_are_taken_when_said_so_and_logarithms_never():
    random = np.random.default_rng(4)
    pre, post = sample(random), sample(random, kept=0.0)
    tpm = [1e6 * values / values.sum() for values in (pre, post)]
    row = call_bulk_antigen(*tpm, antigen="CD19", panel=PANEL, scale="tpm")
    assert row["call"] == "lost"
    assert "TPM hold no number of reads" in row["reason"]
    with pytest.raises(OhmicsError, match='scale="tpm"'):
        call_bulk_antigen(*tpm, antigen="CD19", panel=PANEL)
    with pytest.raises(OhmicsError, match="microarray and log values are refused"):
        call_bulk_antigen(np.log2(pre + 1), np.log2(post + 1), antigen="CD19", panel=PANEL)
    with pytest.raises(OhmicsError, match="no gene CD91"):
        call_bulk_antigen(pre, post, antigen="CD91", panel=PANEL)


def test_a_cohort_is_called_patient_by_patient(known):
    random = np.random.default_rng(5)
    panel = list(known.lineages["b_lymphoid"].genes)
    genes = [*panel, "CD38", *(f"G{number}" for number in range(100))]
    level = np.where(np.isin(genes, panel), 400.0, 300.0)
    rows = []
    for kept in (1.0, 0.0):
        own = level * np.exp(random.normal(0, 0.3, len(genes)))
        rows.append(random.poisson(own))
        own[genes.index("CD19")] *= kept
        rows.append(random.poisson(0.6 * own))
    names = ["P1_pre", "P1_post", "P2_pre", "P2_post"]
    counts = AnnData(sparse.csr_matrix(np.array(rows, dtype=np.float32)), obs=pd.DataFrame(index=names),
                     var=pd.DataFrame(index=genes))  # fmt: skip
    sheet = SAMPLES.conform(
        [{"sample": name, "patient": name[:2], "timepoint": name[3:], "modality": "bulk", "path": "x",
          "target_antigen": "CD19", "purity": 0.6} for name in names]
    )  # fmt: skip
    pairs = PAIRS.conform(
        [{"contrast": "c", "subject": p, "block": p, "test_samples": f"{p}_post", "reference_samples": f"{p}_pre",
          "complete": True} for p in ("P1", "P2")]
    )  # fmt: skip
    calls = call_bulk_antigens(counts, sheet, pairs, catalog=known)
    check(calls.antigen, ANTIGEN)
    targets = calls.antigen[calls.antigen["role"] == "target"].set_index("patient")
    assert targets["call"].to_dict() == {"P1": "retained", "P2": "lost"}
    assert "purity of 0.6 before" in targets.loc["P1", "reason"]
    others = calls.antigen[calls.antigen["role"] == "alternative"]
    assert others["reason"].str.contains("no recommendation").all()
    assert calls.skipped["reason"].str.contains("no lineage panel holds the antigen|hold no gene").all()
    assert calls.presentation.empty


def test_a_pair_of_two_chemistries_is_inconclusive_whatever_the_p(known):
    random = np.random.default_rng(6)
    panel = list(known.lineages["b_lymphoid"].genes)
    genes = [*panel, *(f"G{number}" for number in range(100))]
    own = np.where(np.isin(genes, panel), 400.0, 300.0)
    after = np.where(np.array(genes) == "CD19", 0.0, own)
    names = ["P1_pre", "P1_post"]
    counts = AnnData(sparse.csr_matrix(np.array([random.poisson(own), random.poisson(after)], dtype=np.float32)),
                     obs=pd.DataFrame(index=names), var=pd.DataFrame(index=genes))  # fmt: skip
    pairs = PAIRS.conform([{"contrast": "c", "subject": "P1", "block": "P1", "test_samples": "P1_post",
                            "reference_samples": "P1_pre", "complete": True}])  # fmt: skip

    def target(*chemistries):
        sheet = SAMPLES.conform(
            [{"sample": name, "patient": "P1", "timepoint": name[3:], "modality": "bulk", "path": "x",
              "target_antigen": "CD19", "chemistry": kit} for name, kit in zip(names, chemistries, strict=True)]
        )  # fmt: skip
        return call_bulk_antigens(counts, sheet, pairs, catalog=known).antigen.query("role == 'target'").iloc[0]

    assert target("polyA", "polyA")["call"] == "lost"
    assert target("polyA", None)["call"] == "lost"
    row = target("polyA", "exome capture")
    assert row["call"] == "inconclusive"
    assert row["p"] < 0.001
    assert "Inconclusive whatever the p: the chemistries differ (polyA before, exome capture after)" in row["reason"]
    assert "Lost:" not in row["reason"]
    counts.X[1, genes.index("CD22")] = 0
    counts.X[0, :] = 0
    counts.X[0, len(panel)] = 900
    row = target("polyA", "exome capture")
    assert row["call"] == "not_assessable"
    assert "The samples differ in chemistry (polyA before, exome capture after)." in row["reason"]
