"""`ohmics score-sample` and `score-bulk`: counts, GENE_REFERENCE and gene lists come in, SCORES go out."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import anndata as ad
import pandas as pd

from ohmics.cli._common import cells_of_sample, skipped_frame, stage_parser, with_cells
from ohmics.cli._fractions import holds_fractions
from ohmics.cli._score_estimated import Wish, log_normalised, score_estimated
from ohmics.intake.resources import list_aliases
from ohmics.io import read_table, write_table
from ohmics.score.methods import METHODS
from ohmics.score.run import score
from ohmics.score.samples import score_samples
from ohmics.tables import CELL_SCORES, COVERAGE, GENE_REFERENCE, QC, SCORES, SKIPPED, TARGETS


def add_parser(commands: Any) -> None:
    """Add both verbs."""
    one = stage_parser(commands, "score-sample", "Score one single-cell sample.", run_sample)
    one.add_argument("--sample", required=True)
    for name in ("counts", "cells", "reference", "targets", "lists", "out"):
        one.add_argument(f"--{name}", type=Path, required=True)
    bulk = stage_parser(commands, "score-bulk", "Score every bulk sample.", run_bulk)
    for name in ("counts", "qc", "reference", "targets", "lists", "out-scores", "out-coverage", "out-skipped"):
        bulk.add_argument(f"--{name}", type=Path, required=True)


def run_sample(arguments: argparse.Namespace) -> int:
    """Score one sample's cells against the cohort's reference and write its four tables."""
    lists = json.loads(arguments.lists.read_text(encoding="utf-8"))
    cells = cells_of_sample(arguments.cells, arguments.sample)
    adata = with_cells(ad.read_h5ad(arguments.counts), cells)
    reference = read_table(arguments.reference, GENE_REFERENCE)
    present = sorted(set(cells["cell_type"]) - {"unassigned"})
    score_on = {key: present if types == ["*"] else types for key, types in lists["score_on"].items()}
    targets = read_table(arguments.targets, TARGETS)
    scores = _score([adata], arguments, lists, score_on, reference, targets[targets["sample"] == arguments.sample])
    per_cell = _per_cell(adata, arguments.settings["score"], lists, reference)
    told = _told(scores)
    out: Path = arguments.out
    write_table(scores, SCORES, out / "scores.tsv")
    write_table(_cell_scores(per_cell, arguments.sample), CELL_SCORES, out / "cell_scores.parquet")
    write_table(pd.DataFrame(told["coverage"]), COVERAGE, out / "coverage.tsv")
    write_table(skipped_frame(told["skipped"]), SKIPPED, out / "skipped_score.tsv")
    return 0


def run_bulk(arguments: argparse.Namespace) -> int:
    """Score the bulk samples QC did not exclude and write three tables."""
    lists = json.loads(arguments.lists.read_text(encoding="utf-8"))
    qc = read_table(arguments.qc, QC)
    usable = set(qc.loc[qc["verdict"] != "excluded", "sample"])
    adata = ad.read_h5ad(arguments.counts)
    adata = adata[adata.obs["sample"].isin(usable)].copy()
    reference = read_table(arguments.reference, GENE_REFERENCE)
    targets = read_table(arguments.targets, TARGETS)
    scores = _score([adata], arguments, lists, lists["score_on"], reference, targets)
    told = _told(scores)
    write_table(scores, SCORES, arguments.out_scores)
    write_table(pd.DataFrame(told["coverage"]), COVERAGE, arguments.out_coverage)
    write_table(skipped_frame(told["skipped"]), SKIPPED, arguments.out_skipped)
    return 0


def _score(
    adatas: list[ad.AnnData],
    arguments: argparse.Namespace,
    lists: dict[str, Any],
    score_on: dict[str, list[str]],
    reference: pd.DataFrame,
    targets: pd.DataFrame,
) -> pd.DataFrame:
    settings = arguments.settings["score"]
    if any(holds_fractions(adata) for adata in adatas):
        (adata,) = adatas
        wish = Wish(
            reference=reference, methods=tuple(settings["methods"]), score_on=score_on,
            descendants=lists["descendants"], aliases=list_aliases(lists["lists"]), min_cells=settings["min_cells"],
            min_coverage=settings["min_coverage"], n_null=settings["n_null"], max_rank=settings.get("max_rank"),
            seed=arguments.settings["seed"],
        )  # fmt: skip
        return score_estimated(adata, lists["lists"], wish)
    return score_samples(
        adatas,
        lists["lists"],
        targets=targets,
        reference=reference,
        methods=tuple(settings["methods"]),
        score_on=score_on,
        descendants=lists["descendants"],
        aliases=list_aliases(lists["lists"]),
        min_cells=settings["min_cells"],
        min_coverage=settings["min_coverage"],
        n_null=settings["n_null"],
        max_rank=settings.get("max_rank"),
        seed=arguments.settings["seed"],
    )


def _per_cell(
    adata: ad.AnnData, settings: dict[str, Any], lists: dict[str, Any], reference: pd.DataFrame
) -> pd.DataFrame:
    """Score each cell by the first method that can; some score sums of cells only, and then there is no such score."""
    chosen = [METHODS[name] for name in settings["methods"] if METHODS[name].per_cell]
    if not chosen:
        return pd.DataFrame(index=adata.obs_names)
    last = None if chosen[0].last_rank is None else settings.get("max_rank")
    if holds_fractions(adata):
        adata = log_normalised(adata)
    return score(adata, lists["lists"], method=chosen[0].name, reference=_rows_for_cells(reference), max_rank=last)


def _rows_for_cells(reference: pd.DataFrame) -> pd.DataFrame:
    """Cells of every type are scored against the mean and sd over all cells."""
    return reference[reference["cell_type"] == "all"]


def _told(scores: pd.DataFrame) -> dict[Any, Any]:
    """Take away and return what a frame tells beside its values: pandas copies it whole at almost every step."""
    told = dict(scores.attrs)
    scores.attrs = {}
    return told


def _cell_scores(per_cell: pd.DataFrame, sample: str) -> pd.DataFrame:
    _told(per_cell)
    frame = per_cell.astype("float32").reset_index(drop=True)
    frame.insert(0, "barcode", per_cell.index.astype(str))
    frame.insert(0, "sample", sample)
    return frame
