"""Counts scaled by TPM and length, held to R's tximport."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ohmics.intake.length_scaled import Abundances, length_scaled_counts

TABLES = Path(__file__).parent / "tables"


def test_length_scaled_counts_are_those_of_tximport() -> None:
    quant = pd.read_csv(TABLES / "tximport_quant.tsv", sep="\t")
    gene_of = pd.read_csv(TABLES / "tximport_genes.tsv", sep="\t").set_index("tx")["gene"]
    wanted = pd.read_csv(TABLES / "tximport_counts.tsv", sep="\t", index_col="gene")

    def wide(column: str) -> np.ndarray:
        frame = quant.pivot_table(index="Name", columns="sample", values=column, sort=False)
        return frame.loc[gene_of.index, wanted.columns].to_numpy(dtype=float)

    given = Abundances(counts=wide("NumReads"), tpm=wide("TPM"), lengths=wide("EffectiveLength"))
    genes, counts = length_scaled_counts(given, gene_of.tolist())
    found = pd.DataFrame(counts, index=genes, columns=wanted.columns)
    # The table holds genes without expression in one sample, and in all of them.
    assert (wanted == 0).all(axis=1).sum() >= 2
    assert ((wanted == 0).sum(axis=1) == 1).any()
    np.testing.assert_allclose(found.loc[wanted.index], wanted, rtol=1e-8)
    np.testing.assert_allclose(found.sum(), quant.groupby("sample")["NumReads"].sum()[wanted.columns], rtol=1e-9)
