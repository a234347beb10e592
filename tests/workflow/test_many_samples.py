"""A cohort of 1,000 samples is planned: no command grows with it, and only one stage holds all of its counts."""

import re
from pathlib import Path

import pandas as pd
import pytest
from workflow_calls import call

from ohmics.memory import NEEDS

RULES = Path(__file__).resolve().parents[2] / "workflow" / "rules"
CONFIG = """\
project: many samples
outdir: results
input: {samples: samples.tsv, modality: single_cell}
contrasts: [{variable: timepoint, test: relapse, reference: pre, pair_by: patient}]
"""


def longest_commands(folder: Path, n_patients: int) -> dict[str, int]:
    """Return the longest command of each rule in the plan of a cohort of twice as many samples."""
    (folder / "counts").mkdir(parents=True)
    rows = []
    for patient in range(n_patients):
        for timepoint in ("pre", "relapse"):
            sample = f"P{patient:04d}_{timepoint}"
            (folder / "counts" / f"{sample}.h5").write_bytes(b"a plan reads none of it")
            rows.append([sample, f"P{patient:04d}", timepoint, f"counts/{sample}.h5", "car_t", "CD19"])
    columns = ["sample", "patient", "timepoint", "path", "therapy", "target_antigen"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "samples.tsv", sep="\t", index=False)
    (folder / "config.yaml").write_text(CONFIG)
    said = call(folder, "run", "config.yaml", "-n", "-p", "--cores", "1")
    lengths: dict[str, int] = {}
    for command in re.findall(r"^Shell command: (.*ohmics .*)$", said.stdout + said.stderr, re.M):
        rule = re.search(r">\S*/logs/(\w+)", command)[1]
        lengths[rule] = max(lengths.get(rule, 0), len(command))
    return lengths


@pytest.mark.slow
def test_no_command_grows_with_the_cohort(tmp_path: Path) -> None:
    few, many = longest_commands(tmp_path / "a", 4), longest_commands(tmp_path / "b", 500)
    assert {"qc", "embed", "calls", "score", "states", "gather_scores", "manifest"} <= set(few)
    assert min(few.values()) > 20
    assert few == many


def test_only_embed_takes_memory_for_all_counts_at_once() -> None:
    assert [stage for stage, need in NEEDS.items() if need.every] == ["embed"]


def test_no_command_names_a_file_of_every_sample() -> None:
    named = []
    for path in RULES.glob("*.smk"):
        for rule, body in re.findall(r"^rule (\w+):\n(.*?)(?=^\S|\Z)", path.read_text(), flags=re.M | re.S):
            inputs = body.split("    output:")[0]
            of_samples = re.findall(r"(\w+)=(?:expand\(\s*)f\"\{OUT\}/samples/", inputs)
            shell = body.split("    shell:")[1]
            named += [(rule, name) for name in of_samples if f"{{input.{name}" in shell]
    assert not named
