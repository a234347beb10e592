"""Measures precision and recall of malignant cells on toy cohorts of each disease; writes benchmarks/malignant.json.

Each cohort is clustered, annotated and called as the workflow does, without a declaration. Doublets are left out of the
rates, because the workflow removes most of them before. A cell that is called neither malignant nor normal is counted
as open: it lowers recall, not precision.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from anndata import AnnData

import ohmics as om
from ohmics.annotate import annotate, marker_scores
from ohmics.calls.malignant import call_malignant
from ohmics.catalog import Catalog
from ohmics.embed import embed
from ohmics.toy.cohort import Cohort

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "malignant.json"
MEASURED = (
    "annotate.py", "embed.py", "marker_model.py",
    *(f"calls/{name}.py" for name in (
        "copy_number", "light_chains", "malignant", "malignant_cells", "malignant_counts", "malignant_lines",
        "malignant_rules", "privacy",
    )),
    "toy/diseases.py", "toy/disease_levels.py",
)  # fmt: skip
DOCS, START, END = ROOT / "docs" / "malignant.md", "<!-- rates -->", "<!-- end of rates -->"
SEEDS = 5
_spec = importlib.util.spec_from_file_location("run_full", Path(__file__).with_name("run_full.py"))
if _spec is None or _spec.loader is None:
    raise ImportError("run_full.py lies beside this file")
run_full = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(run_full)


@dataclass(frozen=True)
class Scenario:
    """One kind of cohort: its name, and what `ohmics.toy.disease` is asked for."""

    name: str
    disease: str
    options: dict[str, Any]


SCENARIOS = (
    Scenario("B-ALL", "b_all", {"n_patients": 6}),
    Scenario("B-ALL, 3 patients", "b_all", {"n_patients": 3}),
    Scenario("B-ALL, one patient", "b_all", {"n_patients": 1}),
    Scenario("B-ALL, every second patient recovers without tumour", "b_all",
             {"n_patients": 6, "tumour": "half", "recovering": "half"}),
    Scenario("B-ALL, one patient of six also recovers", "b_all", {"n_patients": 6, "recovering": "one"}),
    Scenario("B-ALL, no tumour, all recover", "b_all", {"n_patients": 6, "tumour": "none", "recovering": "all"}),
    Scenario("B-ALL, one patient, no tumour, recovers", "b_all",
             {"n_patients": 1, "tumour": "none", "recovering": "all"}),
    Scenario("lymphoma", "lymphoma", {"n_patients": 4}),
    Scenario("lymphoma, one patient", "lymphoma", {"n_patients": 1}),
    Scenario("lymphoma, no tumour", "lymphoma", {"n_patients": 4, "tumour": "none"}),
    Scenario("myeloma", "myeloma", {"n_patients": 4}),
    Scenario("myeloma, no tumour", "myeloma", {"n_patients": 4, "tumour": "none"}),
    Scenario("AML", "aml", {"n_patients": 4}),
    Scenario("AML, no tumour", "aml", {"n_patients": 4, "tumour": "none"}),
    Scenario("melanoma", "melanoma", {"n_patients": 4}),
    Scenario("melanoma, no tumour", "melanoma", {"n_patients": 4, "tumour": "none"}),
)  # fmt: skip


def digest() -> str:
    """Return the digest of the measured code and of the panels."""
    panels = (ROOT / "resources" / "malignant_panels.yaml").read_bytes()
    return hashlib.sha256(str(run_full.digest(MEASURED)).encode() + panels).hexdigest()


def prepared(cohort: Cohort, catalog: Catalog) -> tuple[dict[str, AnnData], pd.DataFrame]:
    """Return the samples with clusters, neighbours and cell types in ``obs``, and these as a table."""
    adatas = {name: adata.copy() for name, adata in cohort.adatas.items()}
    patients = dict(zip(cohort.samples["sample"], cohort.samples["patient"], strict=True))
    embedded = embed(list(adatas.values()), umap=False, patients=patients)
    evidence = pd.concat([marker_scores(adata, catalog.markers) for adata in adatas.values()])
    cells = embedded.merge(annotate(evidence, embedded, catalog=catalog), on=["sample", "barcode"])
    for name, adata in adatas.items():
        mine = cells[cells["sample"] == name].set_index("barcode").loc[adata.obs_names]
        for column in ("cluster", "cluster_uncorrected", "own_neighbours", "cell_type"):
            adata.obs[column] = mine[column].to_numpy()
    return adatas, cells


def rates(cohort: Cohort, catalog: Catalog) -> dict[str, float]:
    """Return counts of one cohort: tumour cells called malignant, normal or open, and normal cells likewise."""
    adatas, _ = prepared(cohort, catalog)
    calls = call_malignant(adatas, cohort.samples, catalog=catalog)
    both = calls.cells.merge(cohort.truth_cells, on=["sample", "barcode"], suffixes=("", "_true"))
    both = both[~both["doublet"].astype(bool)]
    found: dict[str, float] = {}
    precursor = both["true_type"] == "pro/pre-B (hematogone)"
    groups = (("tumour", both["malignant_true"]), ("normal", ~both["malignant_true"]), ("precursor", precursor))
    for side, rows in groups:
        told = both.loc[rows.astype(bool), "malignant"]
        found[f"{side}_malignant"] = int((told == True).fillna(False).sum())  # noqa: E712  # a nullable column
        found[f"{side}_normal"] = int((told == False).fillna(False).sum())  # noqa: E712  # a nullable column
        found[f"{side}_open"] = int(told.isna().sum())
    return found


def measure(scenario: Scenario, seeds: range, catalog: Catalog, *, n_cells: int = 600) -> dict[str, Any]:
    """Return one row: precision, recall and what stays open, over seeds."""
    parts = [
        rates(om.toy.disease(scenario.disease, seed=seed, n_cells=n_cells, **scenario.options), catalog)
        for seed in seeds
    ]
    total = {name: sum(part[name] for part in parts) for name in parts[0]}
    called = total["tumour_malignant"] + total["normal_malignant"]
    tumour = sum(total[f"tumour_{kind}"] for kind in ("malignant", "normal", "open"))
    normal = sum(total[f"normal_{kind}"] for kind in ("malignant", "normal", "open"))
    recalls = [
        part["tumour_malignant"] / whole
        for part in parts
        if (whole := sum(part[f"tumour_{kind}"] for kind in ("malignant", "normal", "open")))
    ]
    return {
        "cohort": scenario.name,
        "seeds": len(parts),
        **total,
        "precision": total["tumour_malignant"] / called if called else None,
        "recall": total["tumour_malignant"] / tumour if tumour else None,
        "lowest_recall": min(recalls) if recalls else None,
        "tumour_called_normal": total["tumour_normal"] / tumour if tumour else None,
        "normal_called_malignant": total["normal_malignant"] / normal if normal else None,
        "open": (total["tumour_open"] + total["normal_open"]) / (tumour + normal),
    }


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return the table as it stands in docs/malignant.md."""

    def percent(value: float | None) -> str:
        return "" if value is None else f"{100 * value:.1f}"

    lines = [
        "| cohort | precision, % | recall, % | lowest recall, % | tumour called normal, % |"
        " normal called malignant, % | open, % |",
        "|---|---|---|---|---|---|---|",
    ]
    names = ("precision", "recall", "lowest_recall", "tumour_called_normal", "normal_called_malignant", "open")
    lines += [f"| {row['cohort']} | " + " | ".join(percent(row[name]) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def _write_docs(rows: list[dict[str, Any]]) -> None:
    before, rest = DOCS.read_text(encoding="utf-8").split(START)
    after = rest.split(END)[1]
    DOCS.write_text(f"{before}{START}\n{markdown(rows)}\n{END}{after}", encoding="utf-8")


def _kept(path: Path, code: str, seeds: int) -> dict[str, dict[str, Any]]:
    """Return the rows that this very code gave before."""
    if not path.is_file():
        return {}
    written = json.loads(path.read_text(encoding="utf-8"))
    same = written["digest"] == code
    return {row["cohort"]: row for row in written["rows"] if same and row["seeds"] == seeds}


def main(arguments: list[str] | None = None) -> int:
    """Measure every cohort and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only", default="", help="cohorts whose name holds this text; nothing is written")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    catalog = om.catalog()
    before = digest()
    kept = {} if given.only else _kept(given.out, before, given.seeds)
    rows = []
    for scenario in SCENARIOS:
        if given.only.lower() not in scenario.name.lower():
            continue
        if scenario.name in kept:
            rows.append(kept[scenario.name])
            continue
        rows.append(measure(scenario, range(given.seeds), catalog))
        shown = {
            name: value if value is None else round(value, 4) for name, value in rows[-1].items() if name != "cohort"
        }
        print(scenario.name, shown, flush=True)
    if given.only:
        return 0
    if digest() != before:
        raise SystemExit("the code changed while it was measured; run again")
    given.out.write_text(json.dumps({"digest": before, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    if given.out == RESULTS:
        _write_docs(rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
