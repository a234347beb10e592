"""Another workflow uses this one by Snakemake's module directive, under names of its own and beside its own config."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from workflow_calls import call

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = """
configfile: "lab.yaml"


rule lab_done:
    default_target: True
    input:
        "cohort/results/tables/qc.tsv",
    output:
        f"{config['lab']}.txt",
    shell:
        "wc -l {input} > {output}"


module resistance:
    snakefile:
        "SNAKEFILE"
    config:
        {"ohmics_config": "cohort/config.yaml"}


use rule * from resistance as resistance_*
"""


def snakemake(folder: Path, *words: str) -> subprocess.CompletedProcess:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", *words],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_foreign_workflow_uses_the_rules(tmp_path: Path) -> None:
    call(tmp_path, "demo", "--only", "bulk", "--small", "--write-only", "--out", "d")
    (tmp_path / "d" / "bulk").rename(tmp_path / "cohort")
    config = (tmp_path / "cohort" / "config.yaml").read_text(encoding="utf-8")
    # The results folder is relative to where the workflow runs, every other path to the config.
    config = config.replace("outdir: results", "outdir: cohort/results")
    (tmp_path / "cohort" / "config.yaml").write_text(config, encoding="utf-8")
    (tmp_path / "lab.yaml").write_text("lab: ours\n", encoding="utf-8")
    (tmp_path / "Snakefile").write_text(FOREIGN.replace("SNAKEFILE", str(ROOT / "Snakefile")), encoding="utf-8")
    done = snakemake(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "resistance_qc" in done.stderr
    assert (tmp_path / "ours.txt").read_text(encoding="utf-8").strip()
    planned = snakemake(tmp_path, "-n", "resistance_all")
    assert planned.returncode == 0, planned.stderr
    assert "resistance_evidence" in planned.stdout + planned.stderr


PREFIXED = """
rule lab_done:
    default_target: True
    input:
        "lab/results/tables/qc.tsv",
    output:
        "done.txt",
    shell:
        "cp {input} {output}"


module resistance:
    snakefile:
        "SNAKEFILE"
    config:
        {"ohmics_config": "cohort/config.yaml"}
    prefix:
        "lab"


use rule * from resistance as resistance_*


use rule qc from resistance as resistance_qc with:
    message:
        "the lab's own words"
"""


@pytest.mark.slow
def test_a_foreign_workflow_puts_results_under_a_prefix_and_changes_a_rule(tmp_path: Path) -> None:
    call(tmp_path, "demo", "--only", "bulk", "--small", "--write-only", "--out", "d")
    (tmp_path / "d" / "bulk").rename(tmp_path / "cohort")
    snakefile = ROOT / "workflow" / "Snakefile"
    (tmp_path / "Snakefile").write_text(PREFIXED.replace("SNAKEFILE", str(snakefile)), encoding="utf-8")
    done = snakemake(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "the lab's own words" in done.stderr
    assert (tmp_path / "done.txt").read_bytes() == (tmp_path / "lab" / "results" / "tables" / "qc.tsv").read_bytes()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {".snakemake", "Snakefile", "cohort", "d", "done.txt", "lab"}, "nothing beside the prefix"
