"""Genes in, expected profiles of each type and the modules that make genes move together out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ohmics.catalog import Catalog
from ohmics.seeds import generator
from ohmics.toy.draw import Floats, Ints, lognormal
from ohmics.toy.genes import GeneSpace, curated_genes
from ohmics.toy.levels import CYCLING, EVERYWHERE, MITOCHONDRIAL, SEX, merged

_BACKGROUND_MEDIAN = {True: 11.0, False: 1.5}
_BACKGROUND_SD = 1.5
_RIBOSOMAL_MEDIAN = 2300.0
_RESTRICTED = 0.3
"""Counts per million of a marker of a type that the cohort does not hold."""
_N_RANDOM = 20

NAMED_MODULES: dict[str, tuple[float, str]] = {
    "mitochondrial": (0.35, ""),
    "ribosomal": (0.25, ""),
    "stress": (0.6, "FOS JUN JUNB FOSB EGR1 IER2 DUSP1 HSPA1A HSPA1B DNAJB1 KLF6 ZFP36 ATF3 HSPB1 NFKBIA CXCR4"),
    "interferon": (0.5, "ISG15 ISG20 IFI6 IFIT1 IFIT2 IFIT3 MX1 OAS1 OAS2 OAS3 IFI44 IFI44L RSAD2 XAF1 HERC5 USP18"),
    "mhc1": (0.25, "B2M HLA-A HLA-B HLA-C HLA-E HLA-F TAP1 TAP2 TAPBP PSMB8 PSMB9 NLRC5 ERAP1"),
    "mhc2": (0.4, "CD74 HLA-DRA HLA-DRB1 HLA-DRB5 HLA-DPA1 HLA-DPB1 HLA-DQA1 HLA-DQB1 HLA-DMA HLA-DMB CIITA"),
    "cytotoxic": (0.4, "NKG7 GZMA GZMB GZMH PRF1 GNLY CST7 CCL5 CCL4 CCL3 CTSW FGFBP2 GZMM IFNG FASLG"),
    "checkpoint": (0.4, "PDCD1 LAG3 TIGIT HAVCR2 CTLA4 ENTPD1 LAYN TOX CXCL13 TNFRSF9 TNFRSF18 BATF CD38 KRT86 CXCR6"),
    "memory": (0.4, "TCF7 LEF1 SELL CCR7 IL7R MAL NOSIP PIK3IP1 LTB"),
    "b_identity": (0.25, "CD79A CD79B CD19 CD22 PAX5 EBF1 VPREB1 VPREB3 IGLL1 DNTT BLNK POU2AF1 FCRLA BLK MS4A1 BANK1"),
    "inflammation": (0.5, "IL1B CXCL8 S100A8 S100A9 S100A12 IL1RN G0S2 NAMPT THBS1 CCL2 TIMP1 CXCL2 CXCL3 IL6"),
    "glycolysis": (0.3, "GAPDH LDHA PGK1 TPI1 ENO1 PKM ALDOA SLC2A1 HK2 PFKFB3 BNIP3 VEGFA"),
}


@dataclass(frozen=True, slots=True)
class Modules:
    """Which module each gene moves with.

    Attributes
    ----------
    of
        Module of each gene, length genes; module 0 does not move.
    sd
        Standard deviation over cells of each module's log factor, length modules.
    names
        Names of the modules.
    """

    of: Ints
    sd: Floats
    names: tuple[str, ...]

    def number(self, name: str) -> int:
        """Return the position of a named module."""
        return self.names.index(name)


def modules(space: GeneSpace, seed: int) -> Modules:
    """Assign genes to modules: the named programmes first, then half of the others to random ones."""
    names = ["none", *NAMED_MODULES, *(f"random_{number}" for number in range(_N_RANDOM))]
    spread = [0.0, *(sd for sd, _ in NAMED_MODULES.values()), *([0.3] * _N_RANDOM)]
    rng = generator(seed, "toy", "modules")
    first = 1 + len(NAMED_MODULES)
    of = np.where(rng.random(len(space)) < 0.5, rng.integers(first, len(names), len(space)), 0)
    for number, (_, genes) in enumerate(NAMED_MODULES.values(), start=1):
        of[space.mask(genes.split())] = number
    of[space.ribosomal] = names.index("ribosomal")
    of[space.mask(merged(MITOCHONDRIAL))] = names.index("mitochondrial")
    for sex in SEX.values():
        of[space.mask(merged(sex))] = 0
    return Modules(of=of.astype(np.int64), sd=np.asarray(spread), names=tuple(names))


def dispersions(profile: Floats) -> Floats:
    """Return the negative-binomial dispersion of each gene from its share: larger for rarer genes."""
    return 0.12 + 1.5 / np.sqrt(np.maximum(profile, 1e-9) * 1e6 + 25.0)


def profiles(
    space: GeneSpace,
    catalog: Catalog,
    *,
    types: Mapping[str, Mapping[str, float]],
    families: Mapping[str, str],
    seed: int,
) -> dict[str, Floats]:
    """Return type -> expected counts per million of each gene, before any patient's or sample's own deviations.

    Parameters
    ----------
    space
        The genes.
    catalog
        Its cell markers say which genes are off because their type is absent.
    types
        Type -> gene -> level in counts per million.
    families
        Type -> family; types of one family share most of their background.
    seed
        Seed of the background.
    """
    rng = generator(seed, "toy", "background")
    where = space.where
    median = np.where(space.coding, _BACKGROUND_MEDIAN[True], _BACKGROUND_MEDIAN[False])
    base = np.minimum(median * np.exp(rng.standard_normal(len(space)) * _BACKGROUND_SD), 400.0)
    ribosomal = np.minimum(_RIBOSOMAL_MEDIAN * lognormal(rng, 0.5, len(space)), 9000.0)
    base = np.where(space.ribosomal, ribosomal, base)
    base[_restricted(space, catalog)] = _RESTRICTED
    everywhere = {**merged(EVERYWHERE), **merged(MITOCHONDRIAL)}
    off = _off_levels(types, everywhere)
    for gene, level in {**off, **everywhere, **{gene: 0.0 for sex in SEX.values() for gene in merged(sex)}}.items():
        base[where[gene]] = level
    fixed = space.mask(curated_genes()) | space.ribosomal
    result = {}
    for name, named in types.items():
        shared = lognormal(generator(seed, "toy", "family", families[name]), 0.35, len(space))
        own = lognormal(generator(seed, "toy", "type", name), 0.12, len(space))
        profile = np.where(fixed, base, base * shared * own)
        for gene, level in named.items():
            profile[where[gene]] = level
        result[name] = profile
    return result


def cycling(space: GeneSpace, profile: Floats) -> Floats:
    """Return the profile of the same type's cycling cells."""
    raised = profile.copy()
    for gene, level in merged(CYCLING).items():
        position = space.where[gene]
        raised[position] = max(level, raised[position])
    return raised


def _restricted(space: GeneSpace, catalog: Catalog) -> np.ndarray:
    markers = {gene for entry in catalog.markers.values() for gene in entry.positive}
    stroma = {
        gene
        for mechanism in catalog.mechanisms.values()
        if mechanism.compartment == "stroma"
        for entry in mechanism.gene_lists
        for gene in entry.genes
    }
    return space.mask((markers | stroma) - curated_genes())


def _off_levels(types: Mapping[str, Mapping[str, float]], everywhere: Mapping[str, float]) -> dict[str, float]:
    highest: dict[str, float] = {}
    for named in types.values():
        for gene, level in named.items():
            highest[gene] = max(level, highest.get(gene, 0.0))
    for gene in merged(CYCLING):
        highest.setdefault(gene, 200.0)
    for gene in curated_genes():
        # Named for the other kind of cohort only: a marker of a type that this one lacks.
        highest.setdefault(gene, 0.0)
    return {gene: float(np.clip(0.002 * level, 0.2, 1.5)) for gene, level in highest.items() if gene not in everywhere}
