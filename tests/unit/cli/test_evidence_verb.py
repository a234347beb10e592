"""`ohmics evidence` on tables in a folder: each further table may be given or not."""

import json
from pathlib import Path

import pytest

from ohmics.cli import main
from ohmics.cli.evidence import FURTHER
from ohmics.io import read_table, write_table
from ohmics.tables import (
    ANTIGEN,
    ANTIGEN_PRESENTATION,
    ASSOCIATION,
    CAR,
    COMPOSITION,
    EFFECTS,
    ENRICHMENT,
    EVIDENCE,
    LINEAGE,
    MALIGNANT,
    PAIRS,
    QC,
    SAMPLES,
    SKIPPED,
)

PATIENTS = ("P1", "P2", "P3")
CALL = {"patient": "P1", "antigen": "CD19", "pre_sample": "P1_pre", "post_sample": "P1_relapse", "reason": "r."}
ROWS = {
    "antigen": (ANTIGEN, [{**CALL, "call": "lost"}]),
    "presentation": (ANTIGEN_PRESENTATION, [{**CALL, "antigen": "B2M", "call": "retained"}]),
    "lineage": (
        LINEAGE,
        [{"patient": "P1", "pre_sample": "P1_pre", "post_sample": "P1_relapse", "call": "no_switch", "reason": "r."}],
    ),
    "car": (
        CAR,
        [
            {"sample": f"P1_{t}", "estimate": s, "low": s - 0.05, "high": s + 0.05, "call": "detected", "reason": "r."}
            for t, s in (("pre", 0.5), ("relapse", 0.1))
        ],
    ),
    "malignant": (MALIGNANT, [{"sample": "P1_pre", "cluster": "1", "call": "undetermined"}]),
    "association": (ASSOCIATION, []),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    samples = [
        {"sample": f"{p}_{t}", "patient": p, "timepoint": t, "modality": "single_cell", "path": f"{p}{t}",
         "therapy": "car_t", "target_antigen": "CD19"}
        for p in PATIENTS for t in ("pre", "relapse")
    ]  # fmt: skip
    pairs = [
        {"contrast": "c", "subject": p, "block": p, "test_samples": f"{p}_relapse", "reference_samples": f"{p}_pre",
         "complete": True}
        for p in PATIENTS
    ]  # fmt: skip
    qc = [{"sample": one["sample"], "verdict": "use"} for one in samples]
    for name, table, rows in (
        ("samples", SAMPLES, samples), ("pairs", PAIRS, pairs), ("qc", QC, qc), ("effects", EFFECTS, []),
        ("enrichment", ENRICHMENT, []), ("composition", COMPOSITION, []), ("skipped", SKIPPED, []),
        *((name, table, rows) for name, (table, rows) in ROWS.items()),
    ):  # fmt: skip
        write_table(table.conform(rows) if rows else table.empty(), table, tmp_path / f"{name}.tsv")
    return tmp_path


def weighed(folder: Path, *further: str):
    words = ["evidence", "--settings", json.dumps({"score_tiers": ["core", "additional"], "catalog_paths": []})]
    for name in ("samples", "pairs", "qc", "effects", "enrichment", "composition", "skipped", *further):
        words += [f"--{name}", str(folder / f"{name}.tsv")]
    assert main([*words, "--out", str(folder / "evidence.tsv")]) == 0
    return read_table(folder / "evidence.tsv", EVIDENCE).query("level == 'cohort'").set_index("mechanism")


def test_every_further_table_has_a_row_here() -> None:
    assert set(ROWS) == set(FURTHER)


def test_without_further_tables_calls_are_absent_and_with_them_they_decide(folder: Path) -> None:
    called = ["cd19_loss", "lineage_switch", "poor_expansion_persistence"]
    assert set(weighed(folder).loc[called, "sub_reason"]) == {"no_call"}
    everything = weighed(folder, *FURTHER)
    assert set(everything.loc[called, "sub_reason"]) == {"called_per_patient"}
    assert everything.loc["ifng_pathway_loss", "sub_reason"] == "malignant_undetermined"


@pytest.mark.parametrize("name", FURTHER)
def test_each_further_table_may_stand_alone(folder: Path, name: str) -> None:
    assert len(weighed(folder, name)) > 50
