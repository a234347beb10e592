"""The gene and antigen tables that ship with ohmics in, a `GeneTable` and a map of antigens to genes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import pandas as pd
import yaml

from ohmics.errors import OhmicsError, did_you_mean
from ohmics.genes import GeneTable
from ohmics.shipped import shipped


def _read(name: str) -> pd.DataFrame:
    path = shipped("resources") / name
    if not path.is_file():
        raise OhmicsError(f"the installed package lacks resources/{name}; install ohmics again")
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, na_values=[""], quoting=3).fillna("")


@lru_cache(maxsize=1)
def gene_table() -> GeneTable:
    """Return the human gene table: genes.tsv, and genes_extra.tsv for genes it lacks."""
    return GeneTable.from_frames(_read("genes.tsv"), _read("genes_extra.tsv"))


def list_aliases(gene_lists: Mapping[str, Any]) -> dict[str, str]:
    """Return other name -> approved symbol: every alias, and the Ensembl and Entrez ids that the lists hold.

    Parameters
    ----------
    gene_lists
        ``{name: [genes]}`` or ``{name: {"up": [...], "down": [...]}}``.
    """
    table = gene_table()
    names: set[str] = set()
    for genes in gene_lists.values():
        sides: Iterable[Iterable[str]] = genes.values() if isinstance(genes, Mapping) else [genes]
        names.update(str(name) for side in sides for name in side)
    ids = {name: name.split(".")[0] for name in names if name.isdigit() or name.startswith("ENSG")}
    if not ids:
        return table.aliases
    symbols: dict[str, set[str]] = {}
    for column in ("ensembl_ids", "entrez_ids"):
        for symbol, text in zip(table.frame["symbol"], table.frame[column], strict=True):
            for identifier in text.split("|"):
                symbols.setdefault(identifier, set()).add(symbol)
    found = {name: symbols.get(identifier, set()) for name, identifier in ids.items()}
    return table.aliases | {name: next(iter(known)) for name, known in found.items() if len(known) == 1}


@lru_cache(maxsize=1)
def impres_pairs() -> tuple[tuple[str, str], ...]:
    """Return the 15 gene pairs of IMPRES: the first gene above the second counts."""
    frame = _read("impres_pairs.tsv")
    return tuple(zip(frame["higher"], frame["lower"], strict=True))


@lru_cache(maxsize=1)
def gep18_weights() -> tuple[dict[str, float], tuple[str, ...]]:
    """Return the published weights of the T-cell-inflamed GEP's 18 genes, and its housekeeping genes."""
    frame = _read("gep18_weights.tsv")
    weighted = frame[frame["role"] == "predictor"]
    weights = dict(zip(weighted["gene"], weighted["weight"].astype(float), strict=True))
    return weights, tuple(frame.loc[frame["role"] == "housekeeping", "gene"])


@lru_cache(maxsize=1)
def tcell_axes() -> pd.DataFrame:
    """Return the axes of T-cell states: axis, role (terminal, covariate or state), gene_list, source, note."""
    return _read("tcell_axes.tsv")


@lru_cache(maxsize=1)
def _antigens() -> dict[str, tuple[str, ...]]:
    frame = _read("antigens.tsv")
    return {
        name: tuple(gene.strip() for gene in genes.split(";") if gene.strip())
        for name, genes in zip(frame["target_antigen"], frame["gene_symbols"], strict=True)
    }


def antigen_genes(antigen: str) -> tuple[str, ...]:
    """Return the genes that make an antigen; an approved symbol or alias that is no entry stands for itself.

    Raises
    ------
    OhmicsError
        When the antigen is neither an entry of antigens.tsv nor a human gene.
    """
    by_lower = {name.lower(): genes for name, genes in _antigens().items()}
    if antigen.lower() in by_lower:
        return by_lower[antigen.lower()]
    symbol = gene_table().approved(antigen)
    if symbol is not None:
        return (symbol,)
    meant = did_you_mean(antigen, _antigens())
    raise OhmicsError(f"target antigen `{antigen}` is not in resources/antigens.tsv" + (f"; {meant}" if meant else ""))


@lru_cache(maxsize=1)
def cell_types() -> tuple[str, ...]:
    """Return the cell types of cell_markers.tsv, in its order."""
    return tuple(dict.fromkeys(_read("cell_markers.tsv")["cell_type"]))


@lru_cache(maxsize=1)
def diseases() -> tuple[str, ...]:
    """Return the diseases of malignant_panels.yaml, in its order."""
    path = shipped("resources") / "malignant_panels.yaml"
    return tuple(entry["disease"] for entry in yaml.safe_load(path.read_text(encoding="utf-8")))
