"""Figures as files: each figure of the pages once, under its own name, in three formats; nothing else is touched."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from ohmics.cli import figures as verb
from ohmics.errors import OhmicsError
from ohmics.io import read_table
from ohmics.plots import style
from ohmics.report import ReportInputs, select
from ohmics.report.figure_list import KINDS, Listed, figures_of, index
from ohmics.report.signature_figures import composition_view
from ohmics.tables import FIGURES, check


@pytest.fixture(scope="module")
def small(make: Callable[..., ReportInputs]) -> ReportInputs:
    return make(n_patients=3, n_cells=300, n_mechanisms=6)


@pytest.fixture(scope="module")
def drawn(small: ReportInputs) -> list[Listed]:
    return list(figures_of(small))


def _run(out: Path) -> int:
    return verb.run(argparse.Namespace(settings={}, results=Path("results"), out=out))


@pytest.fixture
def one_figure(drawn: list[Listed], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "load_inputs", lambda results, *, catalog: None)
    monkeypatch.setattr(verb, "figures_of", lambda inputs: drawn[1:2])


def test_each_figure_is_listed_once_with_its_tables_and_finding(drawn: list[Listed]) -> None:
    frame = index(drawn)
    check(frame, FIGURES)
    assert frame["name"].str.lower().is_unique
    assert frame["name"].map(lambda name: re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name) is not None).all()
    assert {"timeline", "distributions", "umap-cell_type", "heat-relapse_vs_pre"} <= set(frame["name"])
    assert (frame["finding"].str.len() > 0).all()
    assert set(frame["shows"]) <= {kind.shows for kind in KINDS.values()}
    assert set(frame.loc[frame["name"].str.startswith("forest"), "contrast"]) == {"relapse_vs_pre"}


def test_names_of_hostile_patients_and_contrasts_are_safe_file_names(make: Callable[..., ReportInputs]) -> None:
    inputs = make(n_patients=3, n_cells=100, n_mechanisms=3)
    hostile = "../<a> & b " * 20
    inputs.config["contrasts"][0]["name"] = hostile
    for name in ("effects", "evidence", "pairs", "de", "composition", "enrichment"):
        frame = getattr(inputs, name)
        if frame is not None:
            frame["contrast"] = hostile
    names = [one.name for one in figures_of(inputs)]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name) for name in names)
    assert len({name.lower() for name in names}) == len(names)


def test_groups_of_types_are_not_stacked_on_the_types_they_hold(small: ReportInputs) -> None:
    assert small.composition is not None
    extra = small.composition.groupby("subject", as_index=False).first()
    groups = [
        extra.assign(cell_type=name, fraction_pre=0.6, fraction_post=0.7)
        for name in ("malignant", "T cell (with subtypes)")
    ]
    both = pd.concat([small.composition, *groups], ignore_index=True)
    inputs = replace(small, composition=both)
    view = composition_view(inputs, select.contrasts(inputs)[0], select.colours(inputs))
    assert view is not None
    assert view.figure is not None
    bars = [box for box in view.figure.axes[0].patches if isinstance(box, Rectangle)]
    assert max(box.get_x() + box.get_width() for box in bars) <= 1.0 + 1e-9
    legend = view.figure.axes[0].get_legend()
    assert legend is not None
    assert not {"malignant", "T cell (with subtypes)"} & {text.get_text() for text in legend.get_texts()}


@pytest.mark.usefixtures("one_figure")
def test_every_figure_is_written_in_three_formats_with_the_same_bytes_each_time(tmp_path: Path) -> None:
    assert _run(tmp_path / "one") == 0
    assert _run(tmp_path / "two") == 0
    names = read_table(tmp_path / "one" / "figures.tsv", FIGURES)["name"].tolist()
    assert names == ["timeline"]
    files = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert set(files) == {"figures.tsv", *(f"{name}.{ending}" for name in names for ending in ("pdf", "svg", "png"))}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}


@pytest.mark.usefixtures("one_figure")
def test_figures_of_an_earlier_run_go_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    _run(tmp_path)
    frame = read_table(tmp_path / "figures.tsv", FIGURES)
    earlier = pd.concat([frame, frame.head(1).assign(name="old"), frame.head(1).assign(name="../mine")])
    earlier.to_csv(tmp_path / "figures.tsv", sep="\t", index=False)
    for name in ("old.svg", "mine.svg", "notes.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path.parent / "mine.svg").write_text("x")
    _run(tmp_path)
    assert not (tmp_path / "old.svg").exists()
    assert (tmp_path / "mine.svg").exists()
    assert (tmp_path / "notes.txt").exists()
    assert (tmp_path.parent / "mine.svg").exists()


def test_a_figure_of_unknown_kind_is_named(small: ReportInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ohmics.report.figure_list.KINDS", {"timeline": KINDS["timeline"]})
    with pytest.raises(OhmicsError, match="is of no known kind"):
        list(figures_of(small))


def test_one_patient_one_timepoint_one_cell_type_have_one_colour_in_all_figures(
    small: ReportInputs, drawn: list[Listed]
) -> None:
    known = select.colours(small)
    assert set(known.samples.values()) <= set(known.timepoints.values())
    assert not set(known.patients.values()) & set(known.timepoints.values())
    shown = {one.name: one.figure for one in drawn}
    for name, levels in (
        ("umap-cell_type", known.cell_types), ("umap-patient", known.patients), ("umap-timepoint", known.timepoints),
        ("composition-relapse_vs_pre", known.cell_types),
    ):  # fmt: skip
        legend = shown[name].axes[0].get_legend()
        assert legend is not None
        for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True):
            level = re.sub(r"^\d+  ", "", text.get_text())
            colour = handle.get_facecolor() if hasattr(handle, "get_facecolor") else handle.get_color()
            assert style.to_hex(colour).upper() == levels[level].upper(), (name, level)
