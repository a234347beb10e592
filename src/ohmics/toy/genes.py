"""The gene identifier table and the catalogue in; the genes of a toy cohort, with ids and chromosomes, out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics.catalog import Catalog
from ohmics.catalog import catalog as shipped_catalog
from ohmics.errors import Fault, OhmicsError
from ohmics.shipped import shipped
from ohmics.toy import levels

_RIBOSOMAL = r"^(?:RP[LS]\d+[AX]?|RPLP[0-2]|RPSA|FAU)$"
_SILENT_RIBOSOMAL = frozenset({"RPL10L", "RPL26L1", "RPL39L", "RPL3L", "RPL7L1", "RPL22L1", "RPS27L"})


@dataclass(frozen=True)
class GeneSpace:
    """The genes of a cohort, in order.

    Attributes
    ----------
    symbols, ensembl, chromosomes
        Approved symbol, Ensembl id and chromosome of each gene, length genes.
    coding
        Whether the gene has an Entrez id, which here stands for a well-studied, mostly coding gene.
    """

    symbols: npt.NDArray[np.object_]
    ensembl: npt.NDArray[np.object_]
    chromosomes: npt.NDArray[np.object_]
    coding: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of genes."""
        return len(self.symbols)

    @cached_property
    def where(self) -> dict[str, int]:
        """Symbol -> position."""
        return {symbol: position for position, symbol in enumerate(self.symbols)}

    def mask(self, genes: Iterable[str]) -> npt.NDArray[np.bool_]:
        """Return which genes of the space are among ``genes``, length genes."""
        return np.isin(self.symbols.astype(str), list(genes))

    @property
    def ribosomal(self) -> npt.NDArray[np.bool_]:
        """Which genes are abundant ribosomal protein genes, length genes."""
        text = pd.Series(self.symbols)
        return (text.str.match(_RIBOSOMAL) & ~text.isin(_SILENT_RIBOSOMAL)).to_numpy()


def curated_genes() -> set[str]:
    """Return every gene that `ohmics.toy.levels` names."""
    tables = [levels.EVERYWHERE, levels.MITOCHONDRIAL, levels.CYCLING, *levels.SEX.values()]
    genes = set(levels.merged(*tables))
    for profiles in (levels.SINGLE_CELL, levels.BULK):
        genes.update(gene for profile in profiles.values() for gene in profile)
    return genes


def listed_genes(catalog: Catalog) -> set[str]:
    """Return every gene of the catalogue's lists, antigens and cell markers."""
    genes: set[str] = set()
    for members in catalog.gene_lists.values():
        groups = members.values() if isinstance(members, Mapping) else [members]
        genes.update(gene for group in groups for gene in group)
    for antigen in catalog.antigens.values():
        genes.update(antigen.genes)
    for markers in catalog.markers.values():
        genes.update((*markers.positive, *markers.negative))
    return genes


@lru_cache(maxsize=1)
def _identifiers() -> pd.DataFrame:
    folder = shipped("resources")
    columns = ["symbol", "ensembl_ids", "entrez_ids", "chromosome"]
    tables = [
        pd.read_csv(folder / name, sep="\t", dtype=str, keep_default_na=False, usecols=columns)
        for name in ("genes.tsv", "genes_extra.tsv")
        if (folder / name).is_file()
    ]
    table = pd.concat(tables, ignore_index=True).drop_duplicates("symbol")
    table["ensembl"] = table["ensembl_ids"].str.split("|").str[0]
    # A 10x reference knows a gene by its Ensembl id; genes without one are not in the matrix.
    return table[table["ensembl"] != ""].drop_duplicates("ensembl").reset_index(drop=True)


def _stable(symbol: str) -> str:
    return hashlib.sha256(symbol.encode()).hexdigest()


def gene_space(n_genes: int, catalog: Catalog) -> GeneSpace:
    """Choose the genes of a cohort: all the toy needs and all of the catalogue, then others up to ``n_genes``.

    The choice depends on ``n_genes`` only, never on a seed, so that cohorts can be compared gene by gene.

    Raises
    ------
    OhmicsError
        When ``n_genes`` is fewer than the genes that must be there, or more than are known.
    """
    table = _identifiers()
    needed = curated_genes() | listed_genes(catalog)
    symbols = table["symbol"]
    must = symbols.isin(needed) | symbols.str.match(_RIBOSOMAL) | symbols.str.startswith("MT-")
    fewest, most = int(must.sum()), len(table)
    if not fewest <= n_genes <= most:
        raise OhmicsError(
            Fault(
                f"n_genes is {n_genes}",
                where="toy cohort",
                legal=f"{fewest} (the genes of the catalogue and of the simulated cell types) to {most}",
            )
        )
    coding = table["entrez_ids"] != ""
    # Coding genes first; Y genes that no list names stay out, because they would be background in women.
    order = pd.DataFrame(
        {"must": ~must, "y": table["chromosome"] == "Y", "noncoding": ~coding, "at": symbols.map(_stable)}
    )
    chosen = table.loc[order.sort_values(["must", "y", "noncoding", "at"]).index[:n_genes]].sort_values("symbol")
    return GeneSpace(
        symbols=chosen["symbol"].to_numpy(dtype=object),
        ensembl=chosen["ensembl"].to_numpy(dtype=object),
        chromosomes=chosen["chromosome"].to_numpy(dtype=object),
        coding=(chosen["entrez_ids"] != "").to_numpy(),
    )


def default_catalog() -> Catalog:
    """Return the catalogue that ships with ohmics."""
    return shipped_catalog()


def recommended(catalog: Catalog, mechanism: str, direction: str) -> tuple[str, ...]:
    """Return the genes of a mechanism's recommended up or down list.

    Raises
    ------
    OhmicsError
        When the catalogue lacks the mechanism or the mechanism recommends no such list.
    """
    entry = catalog.mechanisms.get(mechanism)
    name = "" if entry is None else (entry.recommended_up if direction == "up" else entry.recommended_down)
    if entry is None or not name:
        raise OhmicsError(
            Fault(
                f"mechanism `{mechanism}` has no recommended {direction} list to plant",
                where="catalogue",
                remedy="use the catalogue that ships with ohmics",
            )
        )
    return next(entry_list.genes for entry_list in entry.gene_lists if entry_list.name == name)
