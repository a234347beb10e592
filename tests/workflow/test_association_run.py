"""Outcomes in a config add one rule, whose tables reach evidence and report; without outcomes nothing of it is made."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from workflow_calls import call

from ohmics.io import read_table
from ohmics.tables import ASSOCIATION, SKIPPED


def rules_to_run(folder: Path) -> set[str]:
    """The rules a dry run names in its table of jobs."""
    done = call(folder, "run", "config.yaml", "-n", "--quiet", "host")
    return set(re.findall(r"^(\w+) +\d+$", done.stdout + done.stderr, flags=re.M)) - {"total", "all"}


def with_outcome(folder: Path, **outcome: object) -> None:
    """Give every patient of a written cohort a response, and name it in the config."""
    sheet = pd.read_csv(folder / "samples.tsv", sep="\t", keep_default_na=False)
    order = {name: number for number, name in enumerate(dict.fromkeys(sheet["patient"]))}
    sheet["clinical"] = ["CR" if order[name] % 2 else "PD" for name in sheet["patient"]]
    sheet.to_csv(folder / "samples.tsv", sep="\t", index=False)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    contrast = config["contrasts"][0]
    name = contrast.get("name") or f"{contrast['test']}_vs_{contrast['reference']}"
    config["outcomes"] = [
        {"name": "clinical", "column": "clinical", "positive": ["CR"], "score": "change", "contrast": name, **outcome}
    ]
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


@pytest.mark.slow
def test_outcomes_add_one_rule(toy_bulk: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bulk"
    shutil.copytree(toy_bulk, folder)
    before = rules_to_run(folder)
    assert "associate" not in before
    with_outcome(folder)
    assert rules_to_run(folder) == before | {"associate"}


@pytest.mark.slow
def test_too_few_patients_are_refused_in_table_and_report(finished_bulk: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bulk"
    shutil.copytree(finished_bulk, folder)
    with_outcome(folder)
    call(folder, "run", "config.yaml", "--cores", "2")
    tables = folder / "results" / "tables"
    assert read_table(tables / "association.tsv", ASSOCIATION).empty
    skipped = read_table(tables / "skipped.tsv", SKIPPED).query("stage == 'association'")
    assert skipped["reason"].str.startswith("not assessable: ").all()
    assert len(skipped) >= 1
    page = (folder / "results" / "reports" / "signatures.html").read_text(encoding="utf-8")
    assert 'id="association"' in page
    assert "at least 10 of each are needed" in page
    assert "every one as its schema says" in call(folder, "verify", "results").stdout
