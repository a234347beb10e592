"""`ohmics content`: bulk counts and SCORES come in; CONTENT, how scores follow it, and SCORES beyond it go out."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from ohmics.calls.content import NOT_TUMOUR_GENES, T_CELL_GENES, content_table
from ohmics.calls.content_effects import beyond_scores, content_of
from ohmics.cli._common import contrasts_of, read_samples_and_qc, stage_parser
from ohmics.cli._score_estimated import counts_source
from ohmics.io import read_table, write_table
from ohmics.score.expression import Expression
from ohmics.score.targets import sample_names
from ohmics.tables import CONTENT, CONTENT_FITS, SCORES


def add_parser(commands: Any) -> None:
    """Add the verb."""
    text = "Read programmes of one cell type in bulk samples beyond the content of the cells that carry them."
    parser = stage_parser(commands, "content", text, run)
    for name in ("samples", "qc", "counts", "scores", "lists"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("content", "fits", "scores"):
        parser.add_argument(f"--out-{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Write the content of each sample, its slopes in every contrast, and the scores with those beyond content."""
    samples, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    samples = samples[samples["sample"].isin(usable)]
    lists = json.loads(arguments.lists.read_text(encoding="utf-8"))
    scores = read_table(arguments.scores, SCORES)
    if not lists.get("content"):
        # Whole-tissue programmes only, or one purified cell type: nothing is read beyond content.
        write_table(CONTENT.empty(), CONTENT, arguments.out_content)
        write_table(CONTENT_FITS.empty(), CONTENT_FITS, arguments.out_fits)
        write_table(scores, SCORES, arguments.out_scores)
        return 0
    counts = ad.read_h5ad(arguments.counts)
    counts = counts[counts.obs["sample"].isin(usable)].copy()
    # Counts of estimators may hold fractions.
    logged, technical = _log_and_sd(counts_source(counts, bulk=True).whole(), sample_names(counts))
    table, notes = content_table(logged, technical, samples.set_index("sample"))
    for note in notes:
        print(f"note: {note}")
    content = content_of(lists, CONTENT.conform(table))
    found = [beyond_scores(scores, samples, contrast, content=content) for contrast in contrasts_of(arguments.settings)]
    fits = [row for one in found for row in one.fits]
    first: list[dict[str, Any]] = next((one.rows for one in found if one.rows), [])
    both = pd.concat([scores, SCORES.conform(first)], ignore_index=True) if first else scores
    write_table(content.table, CONTENT, arguments.out_content)
    write_table(CONTENT_FITS.conform(fits) if fits else CONTENT_FITS.empty(), CONTENT_FITS, arguments.out_fits)
    write_table(both, SCORES, arguments.out_scores)
    return 0


def _log_and_sd(expression: Expression, samples: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return log2 (CPM + 1) of the genes that tell content, samples × genes, and the sd that counting gives it."""
    genes = [gene for gene in (*T_CELL_GENES, *NOT_TUMOUR_GENES) if gene in expression.genes]
    places = expression.genes.get_indexer(pd.Index(genes))
    counts = expression.matrix[:, places].toarray().astype(np.float64)
    size = 1e6 / np.maximum(expression.totals, 1.0)[:, None]
    logged = np.log2(counts * size + 1.0)
    # Poisson counts through the derivative of log2 (x + 1); a gene without a read could have had one.
    technical = np.sqrt(np.maximum(counts, 1.0)) * size / ((counts * size + 1.0) * np.log(2.0))
    return tuple(pd.DataFrame(values, index=samples, columns=genes) for values in (logged, technical))  # type: ignore[return-value]  # of two
