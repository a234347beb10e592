"""Every file, list, antigen, cell type and lineage of resources/ keeps the rules, and each rule can fail."""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ohmics import model
from ohmics.catalog import Catalog, catalog, line_keys
from ohmics.errors import OhmicsError
from ohmics.shipped import shipped

RESOURCES = shipped("resources")
FILES = sorted((RESOURCES / "mechanisms").rglob("*.yaml"))
LIST_KEYS = {"name", "direction", "kind", "genes", "source", "pmid", "licence", "checked", "checked_at", "note"}


@pytest.fixture(scope="module")
def shipped_catalog() -> Catalog:
    return catalog()


@pytest.fixture(scope="module")
def symbols() -> set[str]:
    found: set[str] = set()
    for name in ("genes.tsv", "genes_extra.tsv"):
        with (RESOURCES / name).open(newline="", encoding="utf-8") as handle:
            found |= {row["symbol"] for row in csv.DictReader(handle, delimiter="\t")}
    return found


def parsed(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def tsv(name: str) -> list[dict[str, str]]:
    with (RESOURCES / name).open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def test_the_catalogue_is_complete(shipped_catalog: Catalog) -> None:
    assert len(FILES) == len(shipped_catalog.mechanisms) == 78
    assert len(shipped_catalog.lists) == 167
    assert len(shipped_catalog.large_sets) == 92
    assert len(shipped_catalog.antigens) == 55
    assert len(shipped_catalog.markers) == 53
    assert len(shipped_catalog.lineages) == 13
    assert len(shipped_catalog.effect_directions) == 43
    assert shipped_catalog.notes == ()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file(path: Path, symbols: set[str], shipped_catalog: Catalog) -> None:
    raw = parsed(path)
    assert raw["id"] == path.stem
    assert raw["compartment"] == path.parent.name
    for key in ("name", "claim", "visible", "not_visible", "observed_at"):
        assert raw[key].strip(), key
    assert raw["note"]["score_on"]
    assert raw["note"]["measurement"]
    assert set(raw["reviews"]) <= {"S1", "S2", "S3", "S4", "S5"}
    assert raw["reviews"]
    assert raw["expected"]
    assert raw["lines_against"], "a mechanism without a rival explanation"
    for entry in raw["gene_lists"]:
        assert set(entry) == LIST_KEYS, entry["name"]
        assert entry["source"], entry["name"]
        assert entry["licence"], entry["name"]
        assert entry["checked"] in ("opened", "memory"), entry["name"]
        assert bool(entry["checked_at"]) == (entry["checked"] == "opened"), entry["name"]
        assert entry["pmid"] == "" or entry["pmid"].isdigit(), entry["name"]
        assert set(entry["genes"]) <= symbols, entry["name"]
    if raw["tier"] != "not_assessable":
        assert raw["confounders"]
    mechanism = shipped_catalog.mechanisms[raw["id"]]
    assert set(line_keys(mechanism)) <= set(shipped_catalog.gene_lists)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_key_stands_twice(path: Path) -> None:
    stack: list[yaml.Node] = [yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)]
    while stack:
        node = stack.pop()
        if isinstance(node, yaml.SequenceNode):
            stack += node.value
        elif isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            assert len(keys) == len(set(keys)), keys
            stack += [value for _, value in node.value]


def test_primary_lines_point_where_resistance_goes(shipped_catalog: Catalog) -> None:
    """A list marked down falls, a list marked up rises, a signature rises: nothing else makes sense."""
    for entry in shipped_catalog.mechanisms.values():
        line = entry.primary_line
        if line is None or line.nature != "expression":
            continue
        if line.gene_list == model.SIGNATURE:
            assert line.direction == "up", entry.id
        else:
            assert line.direction == shipped_catalog.lists[f"{entry.id}/{line.gene_list}"].direction, entry.id


def test_every_mechanism_that_expression_shows_has_one_primary_line(shipped_catalog: Catalog) -> None:
    lines = shipped_catalog.primary_lines()
    assert lines["mechanism"].is_unique
    without = {m.id for m in shipped_catalog.mechanisms.values()} - set(lines["mechanism"])
    assert without == {
        "anti_car_immunogenicity", "gut_microbiome", "host_germline_factors", "neoantigen_loss_low_tmb",
        "t_cell_epigenetic_fixation", "trogocytosis",
    }  # fmt: skip
    assert all(shipped_catalog.mechanisms[name].not_assessable_reason for name in without)


def test_primary_lines_and_rivals_measure_different_things(shipped_catalog: Catalog) -> None:
    """A rival that reads the primary line's own list on the same cells in the same direction could never differ."""
    for entry in shipped_catalog.mechanisms.values():
        line = entry.primary_line
        for rival in entry.lines_against:
            if line is None or line.nature != "expression" or rival.nature != "expression":
                continue
            same_list = (rival.mechanism or entry.id, rival.gene_list) == (entry.id, line.gene_list)
            assert not (same_list and rival.cell_type == line.cell_type), entry.id


def test_tumour_programmes_stay_off_immune_contaminated_bulk(shipped_catalog: Catalog) -> None:
    in_bulk = {m.id for m in shipped_catalog.mechanisms.values() if m.compartment == "tumour" and "bulk" in m.score_on}
    assert in_bulk == {"ipres", "cancer_testis_antigen"}
    assert "bulk" not in shipped_catalog.mechanisms["tcell_exhaustion_terminal"].score_on


@pytest.mark.parametrize("row", tsv("cell_markers.tsv"), ids=lambda row: row["cell_type"])
def test_cell_type(row: dict[str, str], symbols: set[str], shipped_catalog: Catalog) -> None:
    positive, negative = set(row["positive"].split(";")), set(filter(None, row["negative"].split(";")))
    assert positive <= symbols
    assert negative <= symbols
    assert not positive & negative
    assert row["source"]
    assert row["cell_type"] in shipped_catalog.descendants(row["parent"] or row["cell_type"])
    top = shipped_catalog.ancestors(row["cell_type"])[-1:] or (row["cell_type"],)
    assert top[0] not in shipped_catalog.markers or not shipped_catalog.markers[top[0]].parent


@pytest.mark.parametrize("row", tsv("antigens.tsv"), ids=lambda row: row["target_antigen"])
def test_antigen(row: dict[str, str], symbols: set[str], shipped_catalog: Catalog) -> None:
    antigen = shipped_catalog.antigens[row["target_antigen"]]
    assert antigen.genes
    assert set(antigen.genes) <= symbols
    assert set(antigen.alternatives) <= symbols
    assert not set(antigen.genes) & set(antigen.alternatives)
    assert antigen.loss_mechanism


def test_lineages(symbols: set[str], shipped_catalog: Catalog) -> None:
    for panel in shipped_catalog.lineages.values():
        assert set(panel.genes) <= symbols, panel.name
        assert len(panel.genes) == len(set(panel.genes)) >= 5, panel.name
    assert shipped_catalog.lineage_rule["method"]


def test_large_sets_match_their_sources(shipped_catalog: Catalog) -> None:
    rows = {row["name"]: row for row in tsv("gene_lists/large_sets_sources.tsv")}
    assert set(rows) == set(shipped_catalog.large_sets)
    for name, entry in shipped_catalog.large_sets.items():
        assert len(entry.genes) == int(rows[name]["n_genes"]), name
        assert entry.licence, name
        assert not any(" " in gene for gene in entry.genes), name


def test_effect_directions_name_mechanisms(shipped_catalog: Catalog) -> None:
    for entry in shipped_catalog.effect_directions:
        assert set(entry["mechanisms"]) <= set(shipped_catalog.mechanisms), entry["paper"]


def test_genes_extra_adds_what_genes_lacks() -> None:
    extra = {row["symbol"]: row for row in tsv("genes_extra.tsv")}
    assert set(extra) == {"CCL3L3", "CCL4L1", "LINC00473"}
    theirs = {identifier for row in tsv("genes.tsv") for identifier in row["ensembl_ids"].split("|")}
    assert not {row["ensembl_ids"] for row in extra.values()} & (theirs - {""})
    assert not set(extra) & {row["symbol"] for row in tsv("genes.tsv")}


def test_sources_name_every_file_with_its_digest() -> None:
    entries = {entry["file"]: entry for entry in yaml.safe_load((RESOURCES / "SOURCES.yaml").read_text("utf-8"))}
    there = {path.relative_to(RESOURCES).as_posix() for path in RESOURCES.rglob("*") if path.is_file()}
    assert set(entries) == there - {"SOURCES.yaml"}
    stale = [
        name
        for name, entry in entries.items()
        if hashlib.sha256((RESOURCES / name).read_bytes()).hexdigest() != entry["sha256"]
    ]
    assert not stale, "after an edit on purpose: python tools/refresh_sources.py"
    assert all(entry["citation"] and entry["licence"] for entry in entries.values())


def test_the_example_of_the_readme_is_a_mechanism(tmp_path: Path) -> None:
    text = (RESOURCES / "README.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n")[1].split("```")[0]
    path = tmp_path / "my_mechanism.yaml"
    path.write_text(example, encoding="utf-8")
    both = catalog(path)
    assert both.gene_lists["my_mechanism/mine"] == ["AXL", "NGFR", "SOX9"]
    assert both.notes == ()


def test_the_readme_names_every_field() -> None:
    text = (RESOURCES / "README.md").read_text(encoding="utf-8")
    used = {key for path in FILES for key in parsed(path)}
    assert {key for key in used if f"`{key}`" not in text} == set()


# One mutation a rule: the change to a parsed mechanism file, and the sentence that must name it.
def _set(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(raw: dict[str, Any]) -> None:
        for part in path[:-1]:
            raw = raw[part]  # type: ignore[index]  # a path into nested mappings and lists
        raw[path[-1]] = to  # type: ignore[index]

    return change


def _drop(*path: str | int) -> Callable[[dict[str, Any]], None]:
    def change(raw: dict[str, Any]) -> None:
        for part in path[:-1]:
            raw = raw[part]  # type: ignore[index]  # a path into nested mappings and lists
        del raw[path[-1]]  # type: ignore[arg-type]

    return change


def _twice(raw: dict[str, Any]) -> None:
    raw["gene_lists"].append(dict(raw["gene_lists"][0]))


TEX, CD19, NONE = "t_cell/tcell_exhaustion_terminal", "tumour/cd19_loss", "tumour/trogocytosis"
MUTATIONS = [
    (TEX, _set("claimm", to="x"), "unknown key `claimm`; did you mean `claim`?"),
    (TEX, _set("primary_line", "celltype", to="CD8 T"), "primary_line: unknown key `celltype`"),
    (TEX, _set("gene_lists", 0, "license", to="MIT"), "unknown key `license`; did you mean `licence`?"),
    (TEX, _set("recommended", "upp", to="x"), "recommended: unknown key `upp`"),
    (TEX, _drop("claim"), "`claim` is missing"),
    (TEX, _drop("lines_against", 0, "note"), "`note` is missing"),
    (TEX, _set("name", to=3), "`name` is no text: 3"),
    (TEX, _set("score_on", to="CD8 T"), "`score_on` is no list of texts"),
    (TEX, _set("expected", to=["up"]), "`expected` is no mapping of texts"),
    (TEX, _set("further_lines", to="CD8 Tex"), "`further_lines` is no list of mappings"),
    (TEX, _set("primary_line", to="x"), "`primary_line` is no mapping"),
    (TEX, _set("id", to="Terminal exhaustion"), "`Terminal exhaustion` is no id"),
    (TEX, _set("id", to="cd19_loss"), "the id `cd19_loss` is taken by mechanisms/t_cell"),
    (TEX, _set("therapies", to=["cart"]), "`cart` is no value of `therapies`; legal: car_t, ici"),
    (TEX, _set("therapies", to=[]), "`therapies` is empty"),
    (TEX, _set("compartment", to="tumor"), "`tumor` is no value of `compartment`"),
    (TEX, _set("tier", to="cor"), "`cor` is no value of `tier`"),
    (TEX, _set("measurement", to=["scores"]), "`scores` is no value of `measurement`"),
    (TEX, _set("gene_lists", 0, "direction", to="higher"), "`higher` is no value of `direction`"),
    (TEX, _set("primary_line", "nature", to="expresion"), "`expresion` is no value of `nature`"),
    (TEX, _set("score_on", to=["CD8 Tcell", "CD8 T"]), "`CD8 Tcell` in `score_on` is no cell type"),
    (TEX, _set("further_lines", 0, "cell_type", to="Tex"), "`Tex` in `further_lines` is no cell type"),
    (TEX, _set("gene_lists", 0, "name", to="signature"), "`signature` is no name for a list"),
    (TEX, _set("gene_lists", 0, "genes", to=[]), "the list holds no gene"),
    (TEX, _set("gene_lists", 0, "genes", to=["TOX", "TOX"]), "`genes` names TOX more than once"),
    (TEX, _set("gene_lists", 0, "genes", to=["TOX", "PD1"]), "unknown genes: PD1"),
    (TEX, _twice, "list names stand twice: tex_consensus_2of3"),
    (TEX, _set("recommended", "up", to="tex_consensus"), "recommended up: no list `tex_consensus`"),
    (TEX, _set("recommended", "down", to="tex_consensus_2of3"), "the list `tex_consensus_2of3` has direction up"),
    (TEX, _set("large_sets", to=["GUO2018"]), "no large set `GUO2018`"),
    (TEX, _drop("primary_line"), "the primary line is missing"),
    (TEX, _set("score_on", to=[]), "`score_on` is empty"),
    (TEX, _set("lines_against", to=[]), "no line against"),
    (TEX, _set("primary_line", "gene_list", to="tex"), "`tcell_exhaustion_terminal` has no list `tex`"),
    (TEX, _set("primary_line", "gene_list", to="signature"), "`tcell_exhaustion_terminal` has no signature"),
    (TEX, _set("primary_line", "direction", to="down"), "has direction up, the line says down"),
    (TEX, _set("primary_line", "cell_type", to="NK"), "primary_line: `NK` is not in `score_on`"),
    (TEX, _set("primary_line", "method", to=""), "`method` is missing"),
    (TEX, _set("primary_line", "margin", to=0), "`margin` is 0; legal: a number above 0"),
    (TEX, _set("primary_line", "antigen", to="CD19"), "only a call of an antigen reads `antigen`"),
    (TEX, _set("measurement", to=["composition"]), "nature expression is not in `measurement`"),
    (TEX, _set("lines_against", 0, "mechanism", to="car_tonic"), "no mechanism `car_tonic`"),
    (TEX, _set("lines_against", 0, "gene_list", to="ap1"), "`car_tonic_signalling` has no list `ap1`"),
    (TEX, _set("lines_against", 0, "note", to=""), "a line has an empty `note`"),
    (TEX, _set("further_lines", 0, "gene_list", to="x"), "nature composition reads no gene list"),
    (TEX, _set("not_assessable_reason", to="x"), "`not_assessable_reason` is given for a mechanism that"),
    (CD19, _set("primary_line", "gene_list", to="cd19"), "nature call reads no gene list"),
    (CD19, _set("primary_line", "method", to="antigens"), "`antigens` is no call"),
    (CD19, _set("primary_line", "antigen", to="CD-19"), "`CD-19` is no antigen"),
    (NONE, _drop("not_assessable_reason"), "`not_assessable_reason` is missing"),
    (NONE, _set("primary_line", to={"nature": "external", "cell_type": "bulk", "direction": "up"}),
     "a mechanism that is not assessable has a primary line"),
]  # fmt: skip


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(RESOURCES, tmp_path_factory.mktemp("copy") / "resources"))


def refusal(resources: Path) -> str:
    with pytest.raises(OhmicsError) as caught:
        catalog(resources=resources)
    return str(caught.value)


@pytest.mark.parametrize(("name", "change", "sentence"), MUTATIONS, ids=[sentence for *_, sentence in MUTATIONS])
def test_rule_can_fail(name: str, change: Callable[[dict[str, Any]], None], sentence: str, copied: Path) -> None:
    path = copied / "mechanisms" / f"{name}.yaml"
    whole = path.read_text(encoding="utf-8")
    raw = yaml.safe_load(whole)
    change(raw)
    try:
        path.write_text(yaml.safe_dump(raw), encoding="utf-8")
        assert sentence in refusal(copied)
    finally:
        path.write_text(whole, encoding="utf-8")


OTHERS = [
    ("mechanisms/tumour/cd19_loss.yaml", "id: [", "[1]", "not YAML"),
    ("mechanisms/tumour/cd19_loss.yaml", None, "- a\n", "the file holds no mapping"),
    ("cell_markers.tsv", "\tlymphoid\t", "\tCD8 T\t", "form a circle"),
    ("cell_markers.tsv", "CD3D;CD3E;CD3G;CD2\t", "CD3D;TCR\t", "unknown genes: TCR"),
    ("cell_markers.tsv", "\npDC\t", "\ncDC2\t", "the cell type `cDC2` stands twice"),
    ("cell_markers.tsv", "positive", "plus", "columns are missing: positive"),
    ("antigens.tsv", "BCMA\tTNFRSF17", "BCMA\tBCMA", "antigens.tsv, BCMA: unknown genes: BCMA"),
    ("antigens.tsv", "BCMA\tTNFRSF17", "BCMA\t", "the antigen `BCMA` has no gene"),
    ("antigens.tsv", "\nCD22\t", "\nCD19\t", "the antigen `CD19` stands twice"),
    ("lineages.yaml", "PAX5, EBF1", "BSAP, EBF1", "lineages.yaml, b_lymphoid: unknown genes: BSAP"),
    ("lineages.yaml", None, "a: b\n", "the file holds no panels"),
    ("effect_directions.yaml", "[car_treg]", "[car_tregs]", "no mechanism `car_tregs`"),
    ("gene_lists/large_sets_sources.tsv", "CARTEX_84", "CARTEX_85", "the set `CARTEX_84` has no row"),
    ("gene_lists/large_sets.gmt", "CARTEX_84\t", "CARTEX_200\t", "the set `CARTEX_200` stands twice"),
    ("genes_extra.tsv", "LINC00473", "LINC473", "unknown genes: LINC00473"),
]


@pytest.mark.parametrize(("name", "old", "new", "sentence"), OTHERS, ids=[sentence for *_, sentence in OTHERS])
def test_rule_of_the_other_files_can_fail(name: str, old: str | None, new: str, sentence: str, copied: Path) -> None:
    path = copied / name
    whole = path.read_text(encoding="utf-8")
    if old == "id: [":
        changed = "id: [\n"
    elif old is None:
        changed = new
    else:
        assert old in whole
        changed = whole.replace(old, new, 1)
    try:
        path.write_text(changed, encoding="utf-8")
        assert sentence in refusal(copied)
    finally:
        path.write_text(whole, encoding="utf-8")


def test_all_faults_are_named_at_once(copied: Path) -> None:
    paths = [copied / "mechanisms" / f"{name}.yaml" for name in (TEX, CD19)]
    wholes = [path.read_text(encoding="utf-8") for path in paths]
    try:
        for path, whole in zip(paths, wholes, strict=True):
            path.write_text(whole.replace("tier: core", "tier: main"), encoding="utf-8")
        with pytest.raises(OhmicsError) as caught:
            catalog(resources=copied)
    finally:
        for path, whole in zip(paths, wholes, strict=True):
            path.write_text(whole, encoding="utf-8")
    assert len(caught.value.faults) == 2
    assert {fault.where for fault in caught.value.faults} == {f"mechanisms/{name}.yaml" for name in (TEX, CD19)}


def test_a_folder_without_resources_is_refused(tmp_path: Path) -> None:
    assert "no mechanism lies in resources/mechanisms" in refusal(tmp_path)
