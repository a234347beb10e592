"""The Snakemake workflow catalogue finds what it shows: its settings, the Snakefile, the rules, the config's readme."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]


def test_the_settings_have_the_keys_the_catalogue_reads() -> None:
    given = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))
    usage = given["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    deployment = usage["software-stack-deployment"]
    assert all(isinstance(value, bool) for value in deployment.values())
    assert {"conda", "apptainer", "apptainer+conda"} <= set(deployment)
    # No rule has an environment or container of its own, so none may be promised.
    rules = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    promised = deployment["conda"] or deployment["apptainer"] or deployment["apptainer+conda"]
    assert promised == bool(re.search(r"^    (conda|container):", rules, flags=re.M))
    assert usage["report"] == ("report(" in rules)


def test_the_files_it_names_and_the_catalogue_looks_for_are_there() -> None:
    described = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))
    named = re.findall(r"[\w/]+\.(?:md|yaml)\b", described["usage"]["mandatory-flags"]["desc"])
    assert "config/config.yaml" in named
    for name in (*named, "README.md", "Snakefile", "workflow/Snakefile", "config/README.md"):
        assert (ROOT / name).is_file(), name
    readme = (ROOT / "README.md").read_text(encoding="utf-8").lower()
    assert "snakemake" in readme and "workflow" in readme


def test_the_snakefile_of_the_standard_layout_is_the_one_above_it() -> None:
    place = ROOT / "workflow" / "Snakefile"
    included = re.findall(r'^include: "(.*)"$', place.read_text(encoding="utf-8"), flags=re.M)
    assert [(place.parent / name).resolve() for name in included] == [ROOT / "Snakefile"]
