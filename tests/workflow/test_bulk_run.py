"""The whole bulk workflow on a toy cohort: it finishes, tables fit their schemas, edits rerun what depends on them."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml
from workflow_calls import call

from ohmics.io import read_table
from ohmics.tables import EVIDENCE, SKIPPED


def rules_to_run(folder: Path) -> set[str]:
    """The rules a dry run names in its table of jobs."""
    done = call(folder, "run", "config.yaml", "-n", "--quiet", "host")
    named = re.findall(r"^(\w+) +\d+$", done.stdout + done.stderr, flags=re.M)
    return set(named) - {"total", "all"}


@pytest.fixture
def copy(finished_bulk: Path, tmp_path: Path) -> Iterator[Path]:
    """The finished run in its own place (its paths are part of what it was made of), put back afterwards."""
    kept = tmp_path / "kept"
    shutil.copytree(finished_bulk, kept)
    yield finished_bulk
    shutil.rmtree(finished_bulk)
    shutil.copytree(kept, finished_bulk)


@pytest.mark.slow
def test_the_run_leaves_both_reports_and_tables_that_fit_their_schemas(finished_bulk: Path) -> None:
    results = finished_bulk / "results"
    assert (results / "reports" / "qc.html").stat().st_size > 20_000
    assert (results / "reports" / "signatures.html").stat().st_size > 20_000
    assert "tables, every one as its schema says" in call(finished_bulk, "verify", "results").stdout
    evidence = read_table(results / "tables" / "evidence.tsv", EVIDENCE)
    assert {"supported", "open", "not_assessable"} <= set(evidence["verdict"])
    assert len(read_table(results / "tables" / "skipped.tsv", SKIPPED))


@pytest.mark.slow
def test_a_finished_run_has_nothing_to_do(copy: Path) -> None:
    assert rules_to_run(copy) == set()


@pytest.mark.slow
def test_an_edit_of_the_config_reruns_what_reads_it(copy: Path) -> None:
    path = copy / "config.yaml"
    config = yaml.safe_load(path.read_text())
    config["gene_sets"] = {"n_draws": 999}
    path.write_text(yaml.safe_dump(config))
    planned = rules_to_run(copy)
    assert "gene_sets" in planned
    assert not planned & {"samples", "qc", "score", "compare", "de", "targets"}


@pytest.mark.slow
def test_a_title_reruns_the_pages_alone(copy: Path) -> None:
    path = copy / "config.yaml"
    path.write_text(path.read_text().replace("project: ", "project: Renamed, "))
    assert rules_to_run(copy) == {
        "config_used", "report_qc", "report_signatures", "report_patients", "figures", "export_tables", "export_texts",
        "export_h5ad", "export_crate", "manifest",
    }  # fmt: skip


@pytest.mark.slow
def test_the_same_seed_gives_the_same_tables_and_pages(copy: Path, tmp_path: Path) -> None:
    shutil.rmtree(copy / "results")
    call(copy, "run", "config.yaml", "--cores", "1")
    before = tmp_path / "kept" / "results"
    names = [
        path.relative_to(before)
        for folder in ("tables", "reports", "figures", "export")
        for path in sorted((before / folder).rglob("*"))
        if path.is_file()
    ]
    assert len(names) >= 100
    for name in names:
        assert (before / name).read_bytes() == (copy / "results" / name).read_bytes(), name


@pytest.mark.slow
def test_planted_changes_are_found_and_unplanted_ones_are_not(finished_bulk: Path) -> None:
    from ohmics import toy

    truth = pd.read_csv(finished_bulk / "truth.tsv", sep="\t", keep_default_na=False, na_values=[""])
    found = toy.planted_and_found(truth, read_table(finished_bulk / "results/tables/evidence.tsv", EVIDENCE))
    cohort = found[found["level"] == "cohort"]
    unchanged = cohort[~truth.loc[cohort.index, "change"].astype(bool)]
    assert set(unchanged["result"]) <= {"found", "not called"}
    assert (cohort["result"] == "found").any()


MECHANISM = """\
id: my_mechanism
name: My mechanism
claim: {claim}
therapies: [ici]
compartment: stroma
tier: core
measurement: [score]
score_on: [bulk]
primary_line: {{nature: expression, gene_list: mine, method: ucell, cell_type: bulk, direction: up}}
lines_against:
  - {{nature: composition, cell_type: T cell, direction: up, note: T-cell transcripts.}}
gene_lists:
  - {{name: mine, direction: up, genes: [AXL, NGFR, SOX9, TNC, FN1], source: A list of mine}}
"""


@pytest.mark.slow
def test_a_users_mechanism_is_weighed_and_its_edit_reruns_what_reads_it(copy: Path) -> None:
    (copy / "mine").mkdir()
    mechanism = copy / "mine" / "my_mechanism.yaml"
    mechanism.write_text(MECHANISM.format(claim="One claim."))
    with (copy / "config.yaml").open("a") as config:
        config.write("catalog_paths: [mine]\n")
    call(copy, "run", "config.yaml", "--cores", "2")
    evidence = read_table(copy / "results" / "tables" / "evidence.tsv", EVIDENCE)
    assert (
        evidence.query("mechanism == 'my_mechanism' and level == 'cohort'")["verdict"].isin(["open", "supported"]).all()
    )
    mechanism.write_text(MECHANISM.format(claim="Another claim."))
    planned = rules_to_run(copy)
    assert {"lists", "score", "compare", "gene_sets", "evidence", "report_signatures"} <= planned
    assert not planned & {"samples", "qc", "pairs", "de", "config_used"}
