"""Pages of the repository: every link within leads somewhere, every command named exists, every page can be reached."""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("sphinx", reason="the pages are made by the extra `docs`")

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
WRITTEN = sorted(path for path in DOCS.rglob("*.md") if not {"_build", "generated"} & set(path.relative_to(DOCS).parts))
PAGES = [*WRITTEN, *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
         *(ROOT / name for name in ("config/README.md", "resources/README.md"))]  # fmt: skip
# Options snakemake knows; `ohmics run` hands them on.
PASSED_ON = {"run", "demo"}
_LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^(`{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_COMMAND = re.compile(r"(?:^|[`|;&(] *|&& *|exec \S+ +)ohmics +([a-z][a-z-]*)([^`\n]*)", re.MULTILINE)


def extension(name: str) -> ModuleType:
    """Import one of the modules Sphinx reads from ``docs/_ext``."""
    folder = str(DOCS / "_ext")
    if folder not in sys.path:
        sys.path.append(folder)
    return import_module(name)


@cache
def generated() -> dict[str, str]:
    texts: dict[str, str] = extension("ohmics_pages").texts()
    return texts


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MyST make them, and those given by hand."""
    plain = _FENCE.sub("", text)
    words = [re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", head).lower() for head in _HEADING.findall(plain)]
    made = {re.sub(r"[^\w\- ]", "", head).replace(" ", "-") for head in words}
    return made | set(re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE))


def broken(page: Path, text: str) -> list[str]:
    """Return the relative links of a page that lead nowhere."""
    faults = []
    for target in _LINK.findall(_FENCE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = Path(os.path.normpath(page.parent / file)) if file else page
        inside = found.relative_to(DOCS).as_posix() if found.is_relative_to(DOCS) else ""
        if not file:
            there: str | None = text
        elif inside.startswith("generated/"):
            there = generated().get(inside)
        else:
            there = found.read_text(encoding="utf-8", errors="replace") if found.is_file() else None
            there = "" if there is None and found.is_dir() else there
        if there is None:
            faults.append(f"{name_of(page)}: {target} is no file")
        elif anchor and anchor not in anchors(there):
            faults.append(f"{name_of(page)}: {target} has no such heading")
    return faults


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_within_leads_somewhere(page: Path) -> None:
    assert broken(page, page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[a](nowhere.md)", "nowhere.md is no file"),
        ("[a](generated/nowhere.md)", "generated/nowhere.md is no file"),
        ("[](verdicts.md#no-such-part)", "has no such heading"),
        ("# One\n\n[a](#two)", "has no such heading"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(text: str, fault: str) -> None:
    assert [line.endswith(fault) for line in broken(DOCS / "index.md", text)] == [True]


def test_links_that_lead_somewhere_are_not_blamed() -> None:
    text = "# One and `two`\n\n[a](#one-and-two) [b](verdicts.md) [](generated/tables.md) [d](https://example.org/x.md)"
    assert broken(DOCS / "index.md", f"{text}\n\n```\n[c](nowhere.md)\n```\n") == []


def commands(text: str) -> list[tuple[str, str]]:
    return [(verb, rest) for verb, rest in _COMMAND.findall(text)]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_named_exists_and_knows_its_options(page: Path) -> None:
    pages = extension("command_pages")
    for verb, rest in commands(page.read_text(encoding="utf-8")):
        assert verb in pages.VERBS, f"{name_of(page)}: ohmics {verb}"
        if verb in PASSED_ON:
            continue
        known = set(re.findall(r"--[a-z][a-z-]*", pages._section(verb))) | {"--help"}
        named = set(re.findall(r"(?<!\S)--[a-z][a-z-]*", rest.split("#")[0]))
        assert named <= known, f"{name_of(page)}: ohmics {verb} {rest}"


def test_commands_are_seen_in_every_way_they_are_written() -> None:
    fenced = "```\nohmics score in.h5 --out x\napptainer exec a.sif ohmics check c\n```"
    text = f"`ohmics run x`, `ohmics verify results`\n\n{fenced}"
    assert [verb for verb, _ in commands(text)] == ["run", "verify", "score", "check"]
    assert commands("what ohmics calls a loss") == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)`", page.read_text(encoding="utf-8")))
    assert named <= targets


def test_every_page_can_be_reached_from_the_index() -> None:
    listed: set[str] = set()
    for block in re.findall(r"```\{toctree\}\n(.*?)```", (DOCS / "index.md").read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            if line and not line.startswith(":"):
                found = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.glob(f"{line}.md")}
                assert found or line in {name.rpartition(".")[0] for name in generated()}, line
                listed |= found | {line}
    assert [
        name_of(page) for page in WRITTEN if page.relative_to(DOCS).with_suffix("").as_posix() not in listed | {"index"}
    ] == []


def test_every_public_name_has_a_page() -> None:
    api = extension("api_pages")
    assert api.undocumented() == []
    assert {name.removesuffix("-class") for name in api.pages()} >= set(
        dict.fromkeys(name for _, _, names in api.groups() for name in names)
    )


def test_generated_pages_hold_no_path_of_this_machine() -> None:
    assert [name for name, text in generated().items() if str(ROOT) in text or str(Path.home()) + "/" in text] == []


def test_each_measurement_of_the_calibration_table_has_its_page() -> None:
    table = (DOCS / "calibration.tsv").read_text(encoding="utf-8").splitlines()
    sources = {line.split("\t")[table[0].split("\t").index("source")] for line in table[1:]}
    assert {f"generated/calibration/{source.removesuffix('.json')}.md" for source in sources} <= set(generated())
