"""The tables of a run come in, every figure of its pages goes out, each with its name, tables and contrast.

One registry: the pages and the files of figures come from the same functions, so that they cannot differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from ohmics import tables
from ohmics.errors import Fault, OhmicsError
from ohmics.report import select
from ohmics.report.antigen_panel import antigen_panel
from ohmics.report.association_panel import association_panels
from ohmics.report.de_panel import de_panel
from ohmics.report.figures import FigureView
from ohmics.report.inputs import ReportInputs
from ohmics.report.qc_page import qc_figures
from ohmics.report.signature_figures import composition_view, forest_view, heat_view
from ohmics.report.states_panel import states_panel

_LEAD = "fig-"
_MOST_NAME = 100
_MM = 25.4


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of figure: what it shows and the tables it is drawn from."""

    shows: str
    source: str


KINDS: Mapping[str, Kind] = {
    "library": Kind("library size and genes detected of every sample", "tables/qc.tsv"),
    "distributions": Kind("quality of cells before and after filters", "samples/*/cell_qc.parquet|tables/qc.tsv"),
    "timeline": Kind("which samples there are and which are usable", "samples.tsv|tables/qc.tsv"),
    "pca": Kind("bulk samples in two dimensions", "tables/pca.tsv|samples.tsv"),
    "correlation": Kind("how alike bulk samples are", "tables/sample_correlation.parquet"),
    "types": Kind("share of each cell type in each sample", "tables/cell_type_shares.tsv"),
    "umap": Kind("map of the kept cells", "tables/cells.parquet|samples.tsv"),
    "heat": Kind("change per mechanism and patient", "tables/effects.tsv|tables/evidence.tsv"),
    "forest": Kind("change of each mechanism over the cohort", "tables/effects.tsv"),
    "volcano": Kind("change and p of every gene", "tables/de.tsv"),
    "ma": Kind("change of every gene over its mean expression", "tables/de.tsv"),
    "walk": Kind("running sums of gene lists", "tables/running_sums.tsv|tables/enrichment.tsv"),
    "composition": Kind("share of each cell type before and after", "tables/composition.tsv"),
    "exhaustion": Kind("change of terminal exhaustion, raw and beyond activation", "tables/state_effects.tsv"),
    "states": Kind("share of each T-cell state before and after", "tables/state_composition.tsv"),
    "antigen-detection": Kind("detection of the target antigen before and after", "tables/antigen.tsv"),
    "antigen-depth": Kind("detection of the target antigen by depth", "tables/antigen_depth.tsv"),
    "lineage": Kind("lineage of candidate tumour cells before and after", "tables/lineage_cells.parquet"),
    "association": Kind("association of each mechanism with an outcome", "tables/association.tsv"),
    "survival": Kind("survival above and below a declared cut", "tables/survival_curves.tsv"),
}
"""Every kind of figure by the beginning of its identifier on the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A figure of a run: its file name without ending, its view on the page, its kind and its contrast."""

    name: str
    view: FigureView
    kind: Kind
    contrast: str | None

    @property
    def figure(self) -> Figure:
        """The drawing."""
        if self.view.figure is None:
            raise OhmicsError(f"figure {self.name}: its view on the page carries no drawing")
        return self.view.figure


def figures_of(inputs: ReportInputs) -> Iterator[Listed]:
    """Yield every figure of the pages, one after the other, in the order of the pages.

    Parameters
    ----------
    inputs
        Tables of a run, see `ohmics.report.inputs.load_inputs`.

    Yields
    ------
    Listed
        Figures whose tables the run did not make are left out.

    Raises
    ------
    OhmicsError
        When a table lacks a column a figure needs.
    """
    taken: set[str] = set()
    for contrast, view in _views(inputs):
        name = _file_name(view.id, taken)
        yield Listed(name=name, view=view, kind=_kind(view.id), contrast=contrast)


def _views(inputs: ReportInputs) -> Iterator[tuple[str | None, FigureView]]:
    yield from ((None, view) for view in qc_figures(inputs))
    antigens = antigen_panel(inputs)
    yield from ((None, view) for view in (antigens.figures if antigens else ()))
    for contrast in select.contrasts(inputs):
        yield from ((contrast.name, view) for draw in _OF_CONTRAST for view in draw(inputs, contrast))
    for outcome in association_panels(inputs):
        yield from ((None, view) for view in (outcome.forest, *outcome.curves) if view is not None)


def _main(inputs: ReportInputs, contrast: select.ContrastView) -> Iterator[FigureView]:
    for view in (heat_view(inputs, contrast), forest_view(inputs, contrast)):
        if view is not None:
            yield view


def _genes(inputs: ReportInputs, contrast: select.ContrastView) -> Iterator[FigureView]:
    panel = de_panel(inputs, contrast)
    yield from (*panel.volcanoes, *panel.walks)


def _cells(inputs: ReportInputs, contrast: select.ContrastView) -> Iterator[FigureView]:
    panel = states_panel(inputs, contrast)
    found = [composition_view(inputs, contrast, select.colours(inputs))]
    found += [panel.change, panel.fractions] if panel else []
    yield from (view for view in found if view is not None)


_OF_CONTRAST: tuple[Callable[[ReportInputs, select.ContrastView], Iterator[FigureView]], ...] = (_main, _genes, _cells)


def _plain(view_id: str) -> str:
    """Return a page's identifier as a file name: its codes of dashes, blanks and slashes become readable."""
    text = view_id
    for code, sign in (("2d", "-"), ("20", "_"), ("2f", "_")):
        text = text.replace(f"-{code}-", sign)
    return text.removeprefix(_LEAD)


def _kind(view_id: str) -> Kind:
    plain = _plain(view_id)
    for name in sorted(KINDS, key=len, reverse=True):
        if plain == name or plain.startswith(f"{name}-"):
            return KINDS[name]
    raise OhmicsError(Fault(f"figure {view_id} is of no known kind", legal=", ".join(KINDS)))


def _file_name(view_id: str, taken: set[str]) -> str:
    """Return a name that is short enough for a file and differs from all others, also where case is ignored."""
    name = _plain(view_id)
    if len(name) > _MOST_NAME or name.lower() in taken:
        name = f"{name[: _MOST_NAME - 13]}-{hashlib.sha256(view_id.encode()).hexdigest()[:12]}"
    taken.add(name.lower())
    return name


def index(listed: list[Listed]) -> pd.DataFrame:
    """Return FIGURES, one row a figure: what it shows, in words, from which tables, how large."""
    rows = []
    for one in listed:
        width, height = (round(float(side) * _MM, 1) for side in one.figure.get_size_inches())
        rows.append(
            {
                "name": one.name, "shows": one.kind.shows, "contrast": one.contrast, "source": one.kind.source,
                "finding": one.view.alt, "caption": one.view.caption, "width": width, "height": height,
            }
        )  # fmt: skip
    return tables.FIGURES.conform(rows) if rows else tables.FIGURES.empty()
