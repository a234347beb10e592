"""Charts: compact data that unpack to what was given, the same twice, and points left out by a stated rule."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from ohmics.plots.umap import MOST_POINTS
from ohmics.report import charts, charts_cells, charts_change, charts_genes
from ohmics.report.charts import Drawing, packed, unpacked


def _values(content: dict[str, object], name: str) -> list[object]:
    kept = content["rows"][name]  # type: ignore[index]  # a JSON document
    if isinstance(kept, list):
        return kept
    return [None if code < 0 else kept["levels"][code] for code in kept["codes"]]


def _genes(n: int = 60, *, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    p = np.sort(rng.uniform(size=n) ** 4)
    return pd.DataFrame(
        {
            "gene": [f"GENE{place}" for place in range(n)],
            "log2_fc": rng.normal(size=n),
            "p": p,
            "q": np.minimum(p * 3, 1.0),
            "mean_log_cpm": rng.uniform(2, 10, size=n),
        }
    )


def test_rows_come_back_as_they_were_given() -> None:
    rows = pd.DataFrame(
        {"who": ["a", None, "a", "b", "a", "a"], "x": [1.0, 2.123456789, None, -1e-7, 3e20, 0.0], "one": list("abcdef")}
    )
    content = unpacked(packed([Drawing("all", {"mark": "point"}, only=("who", "a"), find="one")], rows, widest=500))
    assert _values(content, "who") == ["a", None, "a", "b", "a", "a"]
    assert _values(content, "one") == list("abcdef")
    assert _values(content, "x") == [1, 2.1235, None, -1e-7, 3e20, 0]
    assert content["drawings"][0]["only"] == ["who", "a"]
    assert content["drawings"][0]["find"] == "one"


def test_packing_twice_gives_the_same_letters_and_none_that_html_minds() -> None:
    rows = pd.DataFrame({"who": ["</script><b>", '"quoted"', "'&"]})
    texts = {packed([Drawing("", {})], rows, widest=1) for _ in range(2)}
    assert len(texts) == 1
    assert set("<>&\"'").isdisjoint(texts.pop())


def test_a_position_that_is_no_number_is_never_written_as_one() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        packed([Drawing("", {})], pd.DataFrame({"x": [np.inf]}), widest=1)


def test_specification_fetches_nothing_and_is_read_out() -> None:
    import altair as alt

    spec = charts.specification(alt.Chart(alt.NamedData(charts.ROWS)).mark_point(), describe="What it shows.")
    assert spec["description"] == "What it shows."
    assert "http" not in json.dumps(spec)


def test_the_library_is_the_same_twice_and_closes_no_script() -> None:
    text = charts.library()
    assert "</script" not in text.lower()
    assert charts.squeezed(text) == charts.squeezed_library()


def _cells(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "sample": "S1",
            "umap_1": rng.normal(size=n),
            "umap_2": rng.normal(size=n),
            "cell_type": rng.choice(["NK", "B cell"], size=n),
        }
    )


def _map(cells: pd.DataFrame) -> dict[str, object]:
    shades = {"NK": "#000000", "B cell": "#111111", "pDC": "#222222"}
    text = charts_cells.umap_chart(cells, colourings=[("cell_type", "cell type", shades)], describe="Map.")
    return unpacked(text)  # type: ignore[no-any-return]  # a JSON document


def test_map_of_few_cells_shows_all_and_offers_only_groups_that_are_there() -> None:
    content = _map(_cells(300))
    assert len(_values(content, "x")) == 300
    assert [name for name, _ in content["drawings"][0]["levels"]] == ["NK", "B cell"]  # type: ignore[index]


def test_map_of_many_cells_shows_the_stated_number() -> None:
    content = _map(_cells(MOST_POINTS + 500))
    assert len(_values(content, "x")) == MOST_POINTS


def test_cells_without_a_place_are_not_drawn() -> None:
    cells = _cells(20)
    cells.loc[:4, "umap_1"] = np.nan
    assert len(_values(_map(cells), "x")) == 15
    cells["umap_1"] = np.nan
    assert charts_cells.umap_chart(cells, colourings=[("cell_type", "cell type", {})], describe="") == ""


def test_volcano_keeps_the_smallest_p_and_draws_the_rest_the_same_way_each_time() -> None:
    genes = _genes(charts_genes.MOST_GENES + 2_000).sample(frac=1.0, random_state=3)
    shown = charts_genes.foremost(genes)
    assert len(shown) == charts_genes.MOST_GENES
    assert shown["gene"].is_unique
    assert set(genes.nsmallest(2_000, "p")["gene"]) <= set(shown["gene"])
    assert shown["gene"].tolist() == charts_genes.foremost(genes)["gene"].tolist()
    assert f"{charts_genes.MOST_GENES:,} of {len(genes):,}" in charts_genes.shown_words(len(genes))
    assert charts_genes.shown_words(charts_genes.MOST_GENES) == ""


def test_volcano_colours_only_what_passes() -> None:
    content = unpacked(charts_genes.volcano_chart(_genes(), describe="x"))
    told = zip(_values(content, "side"), _values(content, "x"), _values(content, "q"), strict=True)
    for side, change, q in told:
        assert side == ("q not below 0.05" if float(q) >= 0.05 else "higher" if change > 0 else "lower")  # type: ignore[arg-type, operator]


def test_names_on_a_volcano_never_meet() -> None:
    genes = pd.DataFrame({"gene": [f"GENE{n}" for n in range(30)]})
    rng = np.random.default_rng(2)
    points = genes.assign(x=rng.uniform(-1, 1, 30), y=rng.uniform(3, 4, 30))
    points["side"] = np.where(points["x"] > 0, "higher", "lower")
    points.loc[0, "side"] = "q not below 0.05"
    names = charts_genes.named(points)
    written = [place for place, name in enumerate(names) if name]
    assert 1 < len(written) <= 8
    assert 0 not in written
    for one, other in combinations(written, 2):
        # On the narrowest screen a name of six letters is some 40 pixels of 220 wide, a line 14 of 250 high.
        near = abs(points["y"][one] - points["y"][other]) / points["y"].max() * 250 < 14
        same = points["side"][one] == points["side"][other]
        wide = abs(points["x"][one] - points["x"][other]) / 2 * 220 < 30
        assert not (near and same and wide)
    assert charts_genes.named(points.assign(side="q not below 0.05")) == [None] * 30


def test_running_sums_are_told_apart_by_list() -> None:
    points = pd.DataFrame(
        {
            "gene_list": ["a/one", "a/one", "b/two"],
            "part": ["up", "up", "down"],
            "rank": [3, 8, 5],
            "before": [-0.1, 0.2, 0.0],
            "after": [0.4, 0.6, 0.7],
            "n_tested": 10,
            "gene": ["G1", "G2", "G3"],
            "statistic": [3.2, 1.1, -0.4],
        }
    )
    content = unpacked(charts_genes.walk_chart(points, notes={"a/one": "p 0.01, q 0.02"}, describe="Sums."))
    assert [drawing["only"] for drawing in content["drawings"]] == [["list", "a/one"], ["list", "b/two"]]
    named = [gene for gene in _values(content, "gene") if gene is not None]
    assert named == ["G1", "G2", "G3"]
    mine = [y for y, name in zip(_values(content, "y"), _values(content, "list"), strict=True) if name == "a/one"]
    assert mine == [0, -0.1, 0.4, 0.2, 0.6, 0]
    assert "p 0.01" in content["drawings"][0]["spec"]["description"]


def _heat(**changed: object) -> dict[str, object]:
    effects = pd.DataFrame(
        {
            "mechanism": ["m1", "m1"],
            "subject": ["P1", "P2"],
            "effect": [0.4, np.nan],
            "low": [0.1, np.nan],
            "high": [0.7, np.nan],
            "unit": ["score", "score"],
            "n_cells": [20, 30],
            "cell_type": ["NK", "NK"],
        }
    )
    given = {
        "mechanisms": ["m1", "m2"],
        "patients": ["P1", "P2"],
        "labels": {"m1": "Same name", "m2": "Same name"},
        "groups": {"m1": "T cells", "m2": "Tumour"},
        "scale": {"m1": 0.2},
        "verdicts": {("m1", "P1"): "consistent", ("m2", "P1"): "supported"},
        "targets": {("m1", "P1"): "row-1"},
        "unit": "patient",
        "describe": "Heat map.",
        **changed,
    }
    return unpacked(charts_change.heat_chart(effects, **given))  # type: ignore[no-any-return, arg-type]


def test_heat_map_tells_no_change_from_not_assessed_and_leads_to_rows() -> None:
    content = _heat()
    key = list(zip(_values(content, "mechanism"), _values(content, "patient"), strict=True))
    assert len(set(key)) == 4, "mechanisms of one name must not share a row"
    assert [value and float(value) for value in _values(content, "value")] == [2, None, None, None]
    assert _values(content, "sign")[0] == "•"
    assert _values(content, "sign")[1] == "╱"
    assert _values(content, "link") == ["#row-1", None, None, None]
    assert "technical range" in str(_values(content, "change")[0])


def test_heat_map_finding_names_what_moved_in_most() -> None:
    labels = {"m1": "Exhaustion", "m2": "Loss"}
    verdicts = {("m1", "P1"): "consistent", ("m1", "P2"): "opposite", ("m2", "P1"): "consistent", ("m2", "P2"): "open"}
    said = charts_change.heat_finding(verdicts, labels=labels, patients=2, unit="patient")
    assert said == "Beyond the technical range or called, of 2 patients: Exhaustion in 2; Loss in 1."
    none = charts_change.heat_finding({("m1", "P1"): "open"}, labels=labels, patients=1, unit="patient")
    assert none == "No change of a single patient is beyond the technical range."
    assert charts_change.heat_finding({}, labels=labels, patients=0, unit="patient") == ""


def test_forest_speaks_in_sd_where_there_is_one() -> None:
    effects = pd.DataFrame(
        {
            "mechanism": ["m1"],
            "effect": [0.4],
            "low": [0.2],
            "high": [0.6],
            "sd_change": [0.2],
            "interval_level": [0.95],
            "q": [0.01],
            "n_positive": [4],
            "n_units": [5],
            "unit": ["score"],
            "cell_type": ["NK"],
        }
    )
    given = {
        "labels": {"m1": "Exhaustion"},
        "directions": {"m1": "up"},
        "margins": {"m1": 0.5},
        "groups": {"m1": "T cells"},
        "targets": {"m1": "row-1"},
        "unit": "patient",
        "describe": "Forest.",
    }
    content = unpacked(charts_change.forest_chart(effects, **given))
    assert [_values(content, name)[0] for name in ("value", "low", "high")] == [2, 1, 3]
    assert _values(content, "passes") == ["q below 0.05"]
    assert _values(content, "link") == ["#row-1"]
    raw = unpacked(charts_change.forest_chart(effects.assign(sd_change=np.nan), **given))
    assert _values(raw, "value") == [0.4]
