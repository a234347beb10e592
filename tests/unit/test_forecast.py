"""What a job and a run are expected to take, held to what was measured."""

import json
from pathlib import Path

import pytest

from ohmics.forecast import Forecast, forecast, forecast_bulk
from ohmics.memory import NEEDS, expected_mib

ROOT = Path(__file__).resolve().parents[2]
RECORDS = json.loads((ROOT / "benchmarks" / "scale.json").read_text(encoding="utf-8"))
BULK = json.loads((ROOT / "benchmarks" / "scale_bulk.json").read_text(encoding="utf-8"))
ASKED = [row for row in RECORDS if row.get("requested_gib")]
TOTALS = [row for row in RECORDS if row["stage"] == "total"]
LITTLE = 0.75
"""GiB below which nobody minds that a job asks for more than it takes."""


def test_enough_was_measured() -> None:
    assert TOTALS
    assert len(ASKED) > 25 * len(TOTALS)


@pytest.mark.parametrize("row", ASKED, ids=lambda row: f"{row['stage']}-{row['cells']}")
def test_a_job_asked_for_what_it_took_and_no_more_than_three_times_that(row: dict) -> None:
    assert row["peak_gib"] <= row["requested_gib"]
    assert row["requested_gib"] <= max(3 * row["peak_gib"], LITTLE) + 0.4, "0.4 is for the snakemake that starts it"


def hold(expected: Forecast, row: dict) -> None:
    """Demand that no more was taken than predicted, and at least a third of it."""
    for predicted, measured in (
        (expected.memory_gib, row["peak_gib"]),
        (expected.disk_gib, row["disk_gib"]),
        (expected.processor_hours, row["processor_seconds"] / 3600),
    ):
        assert measured <= 1.1 * predicted
        assert predicted <= 3 * measured


@pytest.mark.parametrize("row", TOTALS, ids=lambda row: str(row["cells"]))
def test_a_run_took_what_was_predicted_and_at_least_a_third_of_it(row: dict) -> None:
    samples = row["samples"]
    size = row["input_gib"] * 2**30 / samples
    hold(forecast([row["cells"] // samples] * samples, [size] * samples), row)


@pytest.mark.parametrize("row", BULK, ids=lambda row: str(row["samples"]))
def test_a_bulk_run_took_what_was_predicted_and_at_least_a_third_of_it(row: dict) -> None:
    hold(forecast_bulk(row["samples"], row["input_gib"] * 2**30), row)


def test_bulk_was_measured_from_few_to_many_samples() -> None:
    samples = [row["samples"] for row in BULK]
    assert len(samples) >= 3
    assert max(samples) >= 10 * min(samples)


def test_memory_follows_the_largest_sample_and_not_their_number() -> None:
    for stage in NEEDS:
        one, many = (expected_mib(stage, counts=[40.0] * n, tables=1.0) for n in (1, 500))
        # Of very many files only the first cells are looked at before a run.
        assert (one == many) == (stage not in ("embed", "samples")), stage
        assert (many > one) == (stage == "embed")
        assert expected_mib(stage, counts=[80.0], tables=1.0) >= one


def test_embed_follows_the_cells_and_the_variable_genes() -> None:
    few, many = (expected_mib("embed", counts=[40.0] * 8, tables=0.0, n_top_genes=n) for n in (1000, 4000))
    fixed = expected_mib("embed", counts=[], tables=0.0)
    assert (many - fixed) / (few - fixed) > 1.2


def test_the_sentence_names_cells_memory_time_disk_and_what_it_rests_on() -> None:
    small, large = forecast([1000] * 8, [2.5e6] * 8), forecast([15_625] * 64, [4e7] * 64)
    assert "8,000 cells in 8 samples" in small.sentence()
    assert "minutes on 2 idle cores" in small.sentence()
    for words in ("prediction for 1,000,000 cells in 64 samples", "`embed`", "GiB of memory", "hours", "docs/scale.md"):
        assert words in large.sentence()


def test_the_sentence_of_bulk_counts_samples() -> None:
    told = forecast_bulk(24, 3e6).sentence()
    assert told.startswith("prediction for 24 bulk samples: the largest job (`")
    assert "cells" not in told


def test_a_umap_and_a_correction_take_time() -> None:
    full, plain = (forecast([5000] * 4, [1e7] * 4, umap=both, harmony=both).hours for both in (True, False))
    assert full > plain
