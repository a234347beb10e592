"""Every rule keeps the house's promises: log, benchmark, threads, memory, settings and code as parameters."""

import re
from pathlib import Path

import pytest

from ohmics.cli import VERBS

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))
RULES = {
    f"{path.stem}.{name}": body
    for path in FILES
    for name, body in re.findall(r"^rule (\w+):\n(.*?)(?=^\S|\Z)", path.read_text(), flags=re.M | re.S)
}


def test_the_snakefile_is_short_and_includes_every_rule_file() -> None:
    text = (ROOT / "Snakefile").read_text()
    assert len(text.splitlines()) <= 40
    assert {Path(name).name for name in re.findall(r'include: "(.*?)"', text)} == {path.name for path in FILES}


def test_rules_were_found() -> None:
    assert len(RULES) >= 20


@pytest.mark.parametrize("name", RULES)
def test_a_rule_declares_what_a_cluster_and_a_reader_need(name: str) -> None:
    for directive in ("input", "output", "log", "benchmark", "params", "resources", "threads", "message", "shell"):
        assert re.search(rf"^    {directive}:", RULES[name], flags=re.M), directive
    assert "mem_mb=PLAN.memory(" in RULES[name]
    assert "code=PLAN.digest(" in RULES[name]


@pytest.mark.parametrize("name", RULES)
def test_a_rule_calls_the_command_line_and_nothing_else(name: str) -> None:
    shell = RULES[name].split("shell:")[1]
    verbs = re.findall(r"ohmics ([\w-]+) ", shell)
    assert verbs
    assert set(verbs) <= set(VERBS)
    assert "{log:q}" in shell
    unquoted = re.search(r"\{(input|output|params\.settings|wildcards)[^}:]*\}", shell)
    assert not unquoted, "a path or setting is not quoted"
