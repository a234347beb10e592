"""Write the peers' numbers on a small seeded matrix; run it where decoupler, pyucell, gseapy and scanpy are installed.

python tests/golden/peers/make.py

60 cells × 1,800 genes of raw counts with all-zero cells and genes and many ties; 50 lists of 5 to 200 genes with absent
genes, ten of them with down sides. Each peer sees what its manual asks for: pyucell and decoupler counts, scanpy
log-normalised values (float32), gseapy log2 (CPM + 1) of sums of ten cells.
"""

import gzip
import io
import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

HERE = Path(__file__).parent
N_CELLS, N_GENES = 60, 1800


def matrix():
    random = np.random.default_rng(20)
    rates = random.gamma(0.35, 1.5, size=N_GENES)
    counts = random.poisson(rates * random.lognormal(0, 0.5, size=(N_CELLS, 1)))
    counts[[7, 41]] = 0
    # Two shallow cells: fewer genes with counts than AUCell's first 5 %.
    counts[[8, 42]] = random.poisson(0.02, size=(2, N_GENES))
    counts[:, random.choice(N_GENES, 90, replace=False)] = 0
    return counts.astype(np.int64)


def lists(genes):
    random = np.random.default_rng(21)
    found = {}
    for number, size in enumerate(np.linspace(5, 200, 50).astype(int)):
        up = list(random.choice(genes, size, replace=False))
        up += [f"ABSENT{number}_{k}" for k in range(number % 4)]
        found[f"l{number:02d}"] = {"up": up}
        if number % 5 == 0:
            rest = sorted(set(genes) - set(up))
            found[f"l{number:02d}"]["down"] = [*random.choice(rest, max(5, size // 2), replace=False), f"GONE{number}"]
    return found


def save(frame, name):
    text = io.StringIO()
    frame.to_csv(text, sep="\t", index_label="observation", float_format="%.9g", lineterminator="\n")
    (HERE / f"{name}.tsv.gz").write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def main():
    import decoupler as dc
    import gseapy
    import pyucell
    import scanpy as sc

    counts = matrix()
    genes = [f"G{g:04d}" for g in np.random.default_rng(22).permutation(N_GENES)]
    cells = [f"c{c:02d}" for c in range(N_CELLS)]
    save(pd.DataFrame(counts, index=cells, columns=genes), "counts")
    given = lists(genes)
    (HERE / "lists.json").write_text(json.dumps(given, indent=0) + "\n")
    adata = AnnData(sparse.csr_matrix(counts.astype(np.float32)))
    adata.obs_names, adata.var_names = cells, genes
    sides = {f"{name}:{side}": members for name, both in given.items() for side, members in both.items()}

    marked = {n: [*both["up"], *(f"{g}-" for g in both.get("down", []))] for n, both in given.items()}
    scored = adata.copy()
    pyucell.compute_ucell_scores(scored, marked, n_jobs=1)
    save(scored.obs.rename(columns=lambda c: c.removesuffix("_UCell")), "pyucell")

    net = pd.DataFrame([(name, g) for name, members in sides.items() for g in members], columns=["source", "target"])
    scored = adata.copy()
    answer = dc.mt.aucell(scored, net, tmin=0)
    save((scored if answer is None else answer).obsm["score_aucell"][list(sides)], "decoupler_aucell")

    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    kept = adata.copy()
    answer = dc.mt.ulm(kept, net, tmin=0)
    save((kept if answer is None else answer).obsm["score_ulm"][list(sides)], "decoupler_ulm")
    for name, members in sides.items():
        sc.tl.score_genes(adata, members, score_name=name)
    save(adata.obs[list(sides)], "scanpy")

    bulk = pd.DataFrame(counts, index=cells, columns=genes).groupby(np.arange(N_CELLS) // 10).sum()
    bulk = np.log2(bulk.div(bulk.sum(axis=1), axis=0) * 1e6 + 1)
    # A seeded trifle breaks ties, which gseapy decides by the order of genes.
    bulk += np.random.default_rng(23).uniform(0, 1e-3, size=bulk.shape)
    bulk.index = [f"b{b}" for b in bulk.index]
    save(bulk, "bulk")
    scored = gseapy.ssgsea(bulk.T, sides, outdir=None, min_size=1, max_size=N_GENES, threads=1).res2d
    table = scored.set_index(["Name", "Term"])["ES"].astype(float).unstack()  # noqa: PD010  no key repeats
    save(table.loc[bulk.index, list(sides)], "gseapy_ssgsea")

    names = ("pyucell", "decoupler", "scanpy", "gseapy", "anndata", "numpy", "scipy", "pandas", "numba")
    versions = {"python": platform.python_version(), **{name: version(name) for name in names}}
    (HERE / "versions.json").write_text(json.dumps(versions, indent=1) + "\n")


if __name__ == "__main__":
    main()
