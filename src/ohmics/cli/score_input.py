"""`ohmics score`: any file of counts and any file of gene lists come in; scores and their coverage go out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ohmics.catalog import catalog
from ohmics.cli._score_blocks import Given, read_given, score_blocks
from ohmics.errors import Fault, Faults, OhmicsError, listing
from ohmics.intake.gene_lists import Genes, load_gene_lists, merge
from ohmics.intake.list_files import list_file_faults
from ohmics.intake.resources import list_aliases
from ohmics.io import read_table, write_atomic, write_table
from ohmics.score.follows_depth import FOLLOWS_DEPTH, depth_correlation
from ohmics.score.lists import ResolvedList, resolve_lists
from ohmics.score.methods import get_method
from ohmics.score.run import check_max_rank
from ohmics.tables import COVERAGE, GENE_REFERENCE, SKIPPED, skipped

_CATALOG = "catalog"
_SHOWN = 10


def add_parser(commands: Any) -> None:
    """Add the verb."""
    text = "Score gene lists in every cell or sample of an h5ad, 10x file or matrix; no config is needed."
    parser = commands.add_parser("score", help=text, description=text)
    parser.add_argument(
        "input", type=Path, help="h5ad, Zarr, 10x HDF5, 10x matrix folder, or a CSV/TSV matrix (may be gzipped)"
    )
    parser.add_argument(
        "--gene-lists",
        nargs="+",
        required=True,
        metavar="FILE",
        help="GMT, GRP, JSON (MSigDB) or CSV/TSV (gene, direction, list); `catalog` for the built-in lists",
    )
    parser.add_argument("--out", type=Path, required=True, help="table to write, .parquet or .tsv")
    parser.add_argument("--method", default="ucell", help="scoring method (default: ucell)")
    parser.add_argument("--reference", type=Path, help="GENE_REFERENCE of a cohort, for methods that compare with it")
    parser.add_argument("--modality", choices=("auto", "single_cell", "bulk"), default="auto")
    parser.add_argument("--gene-ids", choices=("auto", "symbol", "ensembl", "entrez"), default="auto")
    parser.add_argument("--layer", help="h5ad: the layer to read (X and raw name those)")
    parser.add_argument("--min-coverage", type=float, default=0.5, help="share of a list's genes the data must hold")
    parser.add_argument("--pair-up-down", action="store_true", help="make one signed list of NAME_UP and NAME_DN")
    parser.add_argument("--compat", action="store_true", help="give the numbers of the method's peer package")
    parser.add_argument(
        "--max-rank",
        type=int,
        help="rank at which ucell and aucell stop (default: ucell 1500 in cells, all genes in bulk; aucell 5 %%)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Score the input, write three tables and say what a reader of the scores should know."""
    out: Path = arguments.out
    _check(arguments)
    lists, notes = _lists(arguments.gene_lists, pair_signed=arguments.pair_up_down)
    reference = None if arguments.reference is None else read_table(arguments.reference, GENE_REFERENCE)
    given = read_given(arguments)
    aliases = list_aliases(lists)
    resolved = resolve_lists(lists, given.genes, aliases=aliases)
    refused = {key: why for key, one in resolved.items() if (why := one.refusal(arguments.min_coverage))}
    sample = _name(arguments.input)
    write_table(
        pd.DataFrame([one.coverage_row(sample) for one in resolved.values()]), COVERAGE, _beside(out, "coverage")
    )
    rows = [skipped("score", why, subject=sample, item=key) for key, why in refused.items()]
    usable = {key: genes for key, genes in lists.items() if key not in refused}
    if not usable:
        write_table(SKIPPED.conform(rows), SKIPPED, _beside(out, "skipped"))
        raise OhmicsError([Fault(why, f"list `{key}`") for key, why in refused.items()])
    scores, depth = score_blocks(given, usable, arguments, reference=_rows(reference, given), aliases=aliases)
    rows += [row | {"subject": sample} for row in scores.attrs["skipped"]]
    write_table(SKIPPED.conform(rows), SKIPPED, _beside(out, "skipped"))
    _write(scores.reindex(columns=list(lists)), out)
    told = _Told(given, depth, scores, resolved, {row["item"]: row["reason"] for row in rows}, notes)
    told.to_terminal(arguments, reference_given=reference is not None)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what can be refused before the data are read, all at once."""
    faults = Faults()
    try:
        check_max_rank(arguments.max_rank, [get_method(arguments.method)], faults)
    except OhmicsError as error:
        faults.extend(error.faults)
    if arguments.out.suffix not in (".parquet", ".tsv"):
        faults.add(f"`{arguments.out.suffix}` is no table format", where="--out", legal=".parquet, .tsv")
    if not 0 <= arguments.min_coverage <= 1:
        faults.add(f"{arguments.min_coverage:g} is no share", where="--min-coverage", legal="0 to 1")
    if not arguments.input.exists():
        faults.add("no such file", where=str(arguments.input))
    faults.raise_if_any()


def _lists(given: list[str], *, pair_signed: bool) -> tuple[dict[str, Genes], list[str]]:
    """Return the built-in lists, or those of all files together, and what to say of them."""
    faults, notes, parts = Faults(), list[str](), list[Any]()
    lists: dict[str, Genes] = {}
    faults.extend(list_file_faults(text for text in given if text != _CATALOG))
    faults.raise_if_any()
    for text in given:
        if text == _CATALOG:
            lists |= catalog().gene_lists
        else:
            parts.append((Path(text), load_gene_lists(Path(text), faults, pair_signed=pair_signed)))
    faults.raise_if_any()
    mine = merge(parts)
    notes += mine.notes
    return lists | mine.lists, notes


def _rows(reference: pd.DataFrame | None, given: Given) -> pd.DataFrame | None:
    """Return the rows of the reference that observations of any type are compared with."""
    if reference is None:
        return None
    wanted = "bulk" if given.modality == "bulk" else "all"
    chosen = reference[reference["cell_type"] == wanted]
    if chosen.empty:
        held = listing(sorted(set(reference["cell_type"])))
        raise OhmicsError(f"--reference: there are no rows of cell type `{wanted}`; it holds {held}")
    return chosen


def _name(path: Path) -> str:
    return path.name.split(".", 1)[0] or path.name


def _beside(out: Path, what: str) -> Path:
    return out.with_name(f"{out.stem}.{what}.tsv")


def _write(scores: pd.DataFrame, out: Path) -> None:
    frame = scores.rename_axis("observation").reset_index()
    frame.attrs = {}  # rows of other tables, which stand in files of their own
    with write_atomic(out) as temporary:
        if out.suffix == ".parquet":
            frame.to_parquet(temporary, index=False)
        else:
            frame.to_csv(temporary, sep="\t", index=False, na_rep="", lineterminator="\n")


@dataclass(frozen=True)
class _Told:
    """What the terminal says of a run."""

    given: Given
    depth: np.ndarray
    scores: pd.DataFrame
    resolved: Mapping[str, ResolvedList]
    refused: Mapping[str, str]
    notes: list[str]

    def to_terminal(self, arguments: argparse.Namespace, *, reference_given: bool) -> None:
        """Print the account; cautions go to standard error."""
        intake = self.given.intake
        bulk = self.given.modality == "bulk"
        values = "raw counts" if intake["values"] == "counts" else "log-normalised values (no raw counts were found)"
        source = f" in {intake['taken_from']}" if intake["taken_from"] else ""
        n, genes = len(self.scores), len(self.given.genes)
        print(f"{arguments.input}: {n:,} {'samples' if bulk else 'cells'} × {genes:,} genes, {values}{source}")
        print(f"genes: {intake['mapping_sentence']}")
        method = get_method(arguments.method)
        print(f"method {method.name}: {method.definition}; {method.sign} (doi {method.doi})")
        if self.scores.attrs["max_rank"] is not None:
            print(f"ranks stop at {self.scores.attrs['max_rank']:,} of {genes:,} genes")
        if method.needs_reference and not reference_given and not arguments.compat:
            print("reference: made of these observations; give --reference to compare with other files")
        print(f"coverage: {self._coverage()}")
        print(f"{arguments.out}: {n:,} × {len(self.resolved):,} lists, {len(self.refused)} of them not given")
        for text in (*self.notes, *intake["notes"]):
            print(f"note: {text}")
        for key, why in list(self.refused.items())[:_SHOWN]:
            print(f"not scored: {key}: {why}", file=sys.stderr)
        if len(self.refused) > _SHOWN:
            rest = f"and {len(self.refused) - _SHOWN} more: see {_beside(arguments.out, 'skipped')}"
            print(f"not scored: {rest}", file=sys.stderr)
        self._depth(counts=intake["values"] == "counts")

    def _coverage(self) -> str:
        whole = [one for one in self.resolved.values() if not one.missing]
        lowest = sorted(self.resolved.values(), key=lambda one: (one.coverage, one.key))[:3]
        parts = [
            f"{one.key} {one.n_present} of {one.n_genes} (missing: {listing(one.missing, most=3)})"
            for one in lowest
            if one.missing
        ]
        text = f"{len(whole)} of {len(self.resolved)} lists have all their genes"
        return f"{text}; lowest: {'; '.join(parts)}" if parts else text

    def _depth(self, *, counts: bool) -> None:
        what = "total counts" if counts else "genes detected (the depth itself is unknown)"
        found = depth_correlation(self.scores, self.depth)
        strong = found[found.abs() >= FOLLOWS_DEPTH].sort_values(key=np.abs, ascending=False)
        if found.notna().any():
            print(f"depth: median |Spearman| of score and {what} {found.abs().median():.2f}")
        if len(strong):
            worst = ", ".join(f"{key} {value:+.2f}" for key, value in strong.head(5).items())
            more = f" and {len(strong) - 5} more" if len(strong) > 5 else ""
            text = f"{len(strong)} of {len(found)} scores follow {what} (Spearman {worst}{more})"
            print(f"warning: {text}; compare observations of like depth only", file=sys.stderr)
