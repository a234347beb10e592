"""Expression levels of malignant cells and their normal counterparts, for the toy cohorts of single diseases.

As in `ohmics.toy.levels`: orders of magnitude set by hand; no data set was averaged to make them.
"""

from __future__ import annotations

from dataclasses import dataclass

from ohmics.toy.levels import BULK, SINGLE_CELL, merged

CHAINS = {"kappa": {6000.0: "IGKC"}, "lambda": {4500.0: "IGLC2"}}
"""Light-chain genes of a B cell; a plasma cell has `PLASMA_FOLD` times as much."""
PLASMA_FOLD = 8.0
_NO_CHAIN = ("IGKC", "IGLC2")


@dataclass(frozen=True, slots=True)
class Kind:
    """One simulated state: its type in cell_markers.tsv, family of background, levels, relative size, cycling."""

    cell_type: str
    family: str
    levels: dict[str, float]
    size: float = 1.0
    cycling: float = 0.01
    malignant: bool = False


def _b(*more: dict[float, str], chain: str = "", fold: float = 1.0) -> dict[str, float]:
    mature = {gene: level for gene, level in SINGLE_CELL["b"].items() if gene not in _NO_CHAIN}
    light = {gene: fold * level for gene, level in merged(CHAINS[chain]).items()} if chain else {}
    return {**mature, **merged(*more), **light}


_EARLY: dict[float, str] = {
    2500: "CD74", 1200: "HLA-DRA CD79B", 900: "CD79A CD99 SOX4 STMN1", 450: "CD9 VPREB3 TCL1A HLA-DPB1 CD81 IGHM",
    260: "CD24 EBF1 MME", 130: "PAX5 POU2AF1 FCRLA LEF1 IKZF1", 100: "CD19 CD22 CD38 BLNK TCF3 ERG",
}  # fmt: skip
_PLASMA: dict[float, str] = {
    4000: "JCHAIN MZB1 SSR4 XBP1", 900: "DERL3 FKBP11 SDC1 CD74 PRDM1", 300: "TNFRSF17 CD38 SLAMF7 IRF4 CD79A",
    80: "POU2AF1 CD27",
}  # fmt: skip
_PROGENITOR: dict[float, str] = {
    1200: "SRGN STMN1 H2AZ1", 700: "SOX4 CD99 PRSS57", 350: "CD74 HLA-DRA", 90: "MYB GATA2 KIT FLT3", 60: "CD38 CEBPA",
}  # fmt: skip


def kinds(disease: str) -> dict[str, Kind]:
    """Return the states of one disease's samples: normal cells of the tissue, and ``tumour`` last."""
    if disease == "melanoma":
        return {**_immune(), **_stroma(), "tumour": _tumours()[disease]}
    normal = {**_immune(), **_blood(), **(_precursors() if disease == "b_all" else {})}
    if disease in ("myeloma", "lymphoma"):
        normal |= _plasma()
    return {**normal, "tumour": _tumours()[disease]}


def _immune() -> dict[str, Kind]:
    cells = {
        "cd8_em": Kind("CD8 effector memory", "t", SINGLE_CELL["cd8_em"], 0.8),
        "cd8_naive": Kind("CD8 naive/central memory-like", "t", SINGLE_CELL["cd8_naive"], 0.75),
        "cd4": Kind("CD4 T", "t", SINGLE_CELL["cd4"], 0.75),
        "nk": Kind("NK", "nk", SINGLE_CELL["nk"], 0.8),
        "mono14": Kind("CD14 monocyte", "myeloid", SINGLE_CELL["mono14"], 1.2),
    }
    for chain in CHAINS:
        cells[f"b_{chain}"] = Kind("B cell", "b", _b(chain=chain), 0.8)
    return cells


def _blood() -> dict[str, Kind]:
    stem = merged(_PROGENITOR, {250: "CD34 SMIM24 SPINK2", 60: "AVP CRHBP HOPX HOXA9 MEIS1"})
    granulocytic = merged(
        _PROGENITOR, {900: "MPO", 400: "AZU1 ELANE PRTN3 LYZ CST3", 120: "CTSG CFD CEBPA", 40: "CD33"}
    )
    return {
        "mono16": Kind("CD16 monocyte", "myeloid", SINGLE_CELL["mono16"], 1.0),
        "erythroid": Kind("erythroid", "erythroid", SINGLE_CELL["erythroid"], 0.9),
        "stem": Kind("HSPC", "progenitor", stem, 1.1, 0.1),
        "granulocytic": Kind("HSPC", "progenitor", granulocytic, 1.2, 0.3),
    }


def _precursors() -> dict[str, Kind]:
    """Return the stages of recovering normal B precursors (hematogones)."""
    name = "pro/pre-B (hematogone)"
    pro = merged(_EARLY, {500: "DNTT VPREB1", 700: "IGLL1", 150: "CD34", 60: "RAG1 RAG2 FLT3"})
    pre = merged(_EARLY, {1100: "IGLL1", 500: "VPREB1", 60: "DNTT RAG1 BLK", 25: "MS4A1"})
    stages = {
        "pro_b": Kind(name, "precursor", pro, 1.1, 0.15),
        "pre_b": Kind(name, "precursor", pre, 1.1, 0.35),
    }
    for chain in CHAINS:
        levels = _b(_EARLY, {350: "MS4A1", 60: "IGHD BANK1", 700: "IGHM"}, chain=chain, fold=0.4)
        stages[f"immature_{chain}"] = Kind(name, "precursor", levels, 0.9)
    return stages


def _plasma() -> dict[str, Kind]:
    return {
        f"plasma_{chain}": Kind(
            "plasma cell",
            "plasma",
            {**merged(_PLASMA, {60: "CD19"}), **{g: PLASMA_FOLD * level for g, level in merged(table).items()}},
            1.6,
        )
        for chain, table in CHAINS.items()
    }


def _stroma() -> dict[str, Kind]:
    return {
        "macrophage": Kind("macrophage", "myeloid", BULK["macrophage"], 1.4),
        "fibroblast": Kind("fibroblast/CAF", "stroma", BULK["fibroblast"], 1.3),
        "endothelial": Kind("endothelial", "endothelial", BULK["endothelial"], 1.1),
    }


def _tumours() -> dict[str, Kind]:
    """Return the malignant state of each disease; a clone's light chain comes on top."""
    aml = merged(
        _PROGENITOR, {600: "MPO", 300: "CD33 LYZ", 150: "CLEC12A AZU1 FLT3", 90: "CD34 IL3RA HOXA9 MEIS1 CD96 KIT"}
    )
    plasma = merged(_PLASMA, {90: "ITGB7 GPRC5D CCND2"})
    return {
        "b_all": Kind("B-ALL blast", "precursor", SINGLE_CELL["blast"], 1.15, 0.2, malignant=True),
        "lymphoma": Kind("DLBCL/FL malignant B", "b", _b(), 1.0, 0.06, malignant=True),
        "myeloma": Kind("myeloma cell", "plasma", plasma, 1.6, 0.04, malignant=True),
        "aml": Kind("AML / switched myeloid blast", "progenitor", aml, 1.2, 0.2, malignant=True),
        "melanoma": Kind("melanoma", "melanoma", BULK["melanoma"], 1.5, 0.1, malignant=True),
    }


ABERRANT: dict[str, tuple[tuple[str, ...], ...]] = {
    "b_all": (("CRLF2",), ("CEACAM6", "NT5E"), ("NRP1",), ("MEIS1", "HOXA9"), ()),
    "lymphoma": (("BCL6", "MME"), ("CCND1", "SOX11", "CD5"), ("ROR1", "FMOD", "CD5"), ()),
    "myeloma": (("CCND1",), ("NSD2", "FGFR3"), ("MAF",), ("CCND1", "LAMP5")),
    "aml": (("WT1",), ("CD7", "IL2RA"), (), ("NCAM1", "WT1")),
    "melanoma": (("MAGEA4",), ("MAGEA3",), (), ("NGFR",)),
}
"""Aberrant genes of the tumour, patient after patient; an empty entry is a tumour without any."""
ABERRANT_LEVEL = 90.0
ABUNDANCE: dict[str, dict[str, float]] = {
    "b_all": {"cd8_em": 0.09, "cd8_naive": 0.03, "cd4": 0.11, "nk": 0.05, "mono14": 0.11, "mono16": 0.03,
              "b_kappa": 0.015, "b_lambda": 0.01, "erythroid": 0.03, "stem": 0.01, "granulocytic": 0.02,
              "tumour": 0.45},
    "lymphoma": {"cd8_em": 0.12, "cd8_naive": 0.06, "cd4": 0.22, "nk": 0.03, "mono14": 0.05, "b_kappa": 0.07,
                 "b_lambda": 0.05, "plasma_kappa": 0.012, "plasma_lambda": 0.008, "tumour": 0.38},
    "myeloma": {"cd8_em": 0.12, "cd8_naive": 0.04, "cd4": 0.12, "nk": 0.06, "mono14": 0.14, "mono16": 0.03,
                "b_kappa": 0.03, "b_lambda": 0.02, "plasma_kappa": 0.03, "plasma_lambda": 0.02, "erythroid": 0.04,
                "stem": 0.01, "tumour": 0.34},
    "aml": {"cd8_em": 0.08, "cd8_naive": 0.04, "cd4": 0.10, "nk": 0.05, "mono14": 0.12, "mono16": 0.03, "b_kappa": 0.02,
            "b_lambda": 0.015, "erythroid": 0.04, "stem": 0.03, "granulocytic": 0.05, "tumour": 0.42},
    "melanoma": {"cd8_em": 0.16, "cd8_naive": 0.03, "cd4": 0.12, "nk": 0.04, "mono14": 0.04, "macrophage": 0.1,
                 "b_kappa": 0.03, "b_lambda": 0.02, "fibroblast": 0.07, "endothelial": 0.05, "tumour": 0.34},
}  # fmt: skip
"""Shares of the states in a sample with a tumour; without one the others share its place."""
RECOVERING = {"pro_b": 0.05, "pre_b": 0.11, "immature_kappa": 0.05, "immature_lambda": 0.035, "b_kappa": 0.02}
"""Further shares in a marrow that makes B cells again."""
