"""The public names of the package come in; the groups of the API and a page a name go out."""

from __future__ import annotations

import inspect
from importlib import import_module

import ohmics
from ohmics import plots, toy

# Title, one sentence, names. A name without a dot in front stands in `ohmics`, else in the module said.
GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Reading", "The sheet and the matrices.", ("ohmics.read_samples", "ohmics.read")),
    (
        "The catalogue",
        "What is known of mechanisms, and lists of your own.",
        ("ohmics.catalog", "ohmics.Catalog"),
    ),
    ("Quality", "Which cells and samples can be used.", ("ohmics.qc_metrics", "ohmics.filter_cells")),
    (
        "Cells together",
        "Clusters, cell types, and the reference all samples are scored against.",
        ("ohmics.embed", "ohmics.annotate", "ohmics.gene_reference", "ohmics.pseudobulk"),
    ),
    (
        "Scores",
        "How strongly a cell or a sample expresses a gene list.",
        ("ohmics.score", "ohmics.score_samples", "ohmics.derived_score"),
    ),
    (
        "Calls",
        "What one patient's cells show: the tumour, CAR+ cells, antigens, lineage, states of T cells.",
        (
            "ohmics.call_malignant",
            "ohmics.call_car",
            "ohmics.call_antigen",
            "ohmics.call_lineage",
            "ohmics.decompose_exhaustion",
            "ohmics.calls.malignant.MalignantCalls",
            "ohmics.calls.malignant_rules.MalignantRules",
            "ohmics.calls.car.CarCall",
            "ohmics.calls.car.CarRules",
            "ohmics.calls.rules.AntigenRules",
            "ohmics.calls.lineage_cells.LineageRules",
            "ohmics.calls.exhaustion.Exhaustion",
        ),
    ),
    (
        "Comparisons",
        "What changed between times or differs between groups, with the patient as the unit.",
        (
            "ohmics.Contrast",
            "ohmics.compare",
            "ohmics.compare_composition",
            "ohmics.differential_expression",
            "ohmics.de.DeModel",
            "ohmics.enrich",
            "ohmics.test_gene_sets",
        ),
    ),
    ("Outcomes", "Response and survival.", ("ohmics.Outcome", "ohmics.associate")),
    ("Evidence", "What all tables together say of each mechanism.", ("ohmics.weigh_evidence",)),
    (
        "Domain types and faults",
        "What the functions above take and give.",
        (
            "ohmics.OhmicsError",
            "ohmics.errors.Fault",
            "ohmics.model.Mechanism",
            "ohmics.model.GeneList",
            "ohmics.model.PrimaryLine",
            "ohmics.model.EvidenceLine",
            "ohmics.model.Antigen",
            "ohmics.model.CellMarkers",
            "ohmics.model.LineagePanel",
            "ohmics.model.DiseasePanel",
            "ohmics.model.CellState",
            "ohmics.schema.Table",
            "ohmics.schema.Column",
            "ohmics.schema.check",
            "ohmics.score.method.Method",
            "ohmics.score.method.Given",
            "ohmics.score.method.LastRank",
            "ohmics.score.expression.Expression",
            "ohmics.score.sums.Scorer",
        ),
    ),
)
# What is no object with a docstring of its own, and where the API page speaks of it.
TOLD_IN_WORDS = ("__version__", "toy", "plots")


def groups() -> list[tuple[str, str, tuple[str, ...]]]:
    """Return every group, those of toy cohorts and of figures as the packages themselves name them."""
    toys = tuple(f"ohmics.toy.{name}" for name in toy.__all__ if not name.isupper())
    figures = tuple(f"ohmics.plots.{name}" for name in plots.__all__)
    return [
        *GROUPS,
        ("Figures", "A finished table in, a Matplotlib figure out; nothing is computed here.", figures),
        ("Toy cohorts", "Data with planted truth, for trying out, for documents and for tests.", toys),
    ]


def undocumented() -> list[str]:
    """Return the public names that no group holds."""
    held = {name.removeprefix("ohmics.") for _, _, names in groups() for name in names}
    return [name for name in ohmics.__all__ if name not in held and name not in TOLD_IN_WORDS]


def pages() -> dict[str, str]:
    """Return the pages by their name below ``api/``, as reStructuredText: autodoc speaks it."""
    made = {"index": _index()}
    return made | {file_of(name): _page(name) for _, _, names in groups() for name in names}


def file_of(name: str) -> str:
    """Return a file name that no other name takes, also where capitals do not count (catalog and Catalog)."""
    return name + ("-class" if inspect.isclass(resolve(name)) else "")


def resolve(name: str) -> object:
    """Return what a dotted name means: a public name hides the module of the same name."""
    module, _, last = name.rpartition(".")
    return getattr(import_module(module), last)


def _index() -> str:
    title = "Functions"
    lines = [title, "=" * len(title), ""]
    lines += [
        "``import ohmics as om``; every name below is then ``om.name``. AnnData holds observations (cells or samples)",
        '× genes with raw counts in ``X`` or ``layers["counts"]``; tables are pandas frames, checked against the',
        ":doc:`schemas <../tables>`. A function given AnnData or a frame never changes it.",
        "",
        ".. py:data:: ohmics.__version__",
        "   :type: str",
        "",
        "   The version of the package.",
        "",
    ]
    for title, words, names in groups():
        lines += [title, "-" * len(title), "", words, "", ".. autosummary::", ""]
        lines += [f"   {name}" for name in names]
        lines += ["", ".. toctree::", "   :hidden:", ""]
        lines += [f"   {file_of(name)}" for name in names]
        lines.append("")
    return "\n".join(lines)


def _page(name: str) -> str:
    value = resolve(name)
    lines = [name, "=" * len(name), ""]
    if inspect.isclass(value):
        return "\n".join([*lines, f".. autoclass:: {name}", "   :members:", "   :show-inheritance:", ""])
    kind = "autofunction" if callable(value) else "autodata"
    return "\n".join([*lines, f".. {kind}:: {name}", ""])
