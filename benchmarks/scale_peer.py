"""Files of single-cell samples come in; they go through plain scanpy in memory, from QC to UMAP and ten scores.

As the tutorials do it: all samples in one AnnData, metrics and filters, Scrublet by sample, normalisation, variable
genes by sample, principal components, Harmony, neighbours, Leiden, UMAP, and ``score_genes`` for ten lists. Nothing is
tested, called or reported. The seconds of each step go to a JSON file.

python benchmarks/scale_peer.py COUNTS OUT.json
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import anndata as ad
import harmonypy
import scanpy as sc

from ohmics.catalog import catalog

LISTS = 10


class Steps:
    """Seconds and processor seconds of each step, in order."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float | str]] = []
        self._mark()

    def _mark(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def done(self, name: str) -> None:
        """Note what has passed since the last step."""
        row = {"step": name, "seconds": time.perf_counter() - self._wall}
        self.rows.append({**row, "processor_seconds": time.process_time() - self._processor})
        print(f"{name}: {self.rows[-1]['processor_seconds']:.1f} processor seconds", flush=True)
        self._mark()


def main(counts: Path, out: Path) -> None:
    """Run plain scanpy on the 10x files of a folder."""
    steps = Steps()
    parts = {path.stem: sc.read_10x_h5(path) for path in sorted(counts.glob("*.h5"))}
    for part in parts.values():
        part.var_names_make_unique()
    adata = ad.concat(parts, label="sample", index_unique="-", merge="same")
    del parts, part
    steps.done("read")
    adata.var["mt"] = adata.var_names.str.startswith("MT-")
    sc.pp.calculate_qc_metrics(adata, qc_vars=["mt"], percent_top=None, log1p=False, inplace=True)
    sc.pp.filter_cells(adata, min_counts=300)
    sc.pp.filter_cells(adata, min_genes=200)
    adata = adata[adata.obs["pct_counts_mt"] <= 20].copy()
    steps.done("qc")
    sc.pp.scrublet(adata, batch_key="sample")
    adata = adata[~adata.obs["predicted_doublet"].astype(bool)].copy()
    steps.done("scrublet")
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    steps.done("normalise")
    sc.pp.highly_variable_genes(adata, n_top_genes=2000, batch_key="sample")
    steps.done("variable genes")
    sc.pp.pca(adata, n_comps=30, mask_var="highly_variable")
    steps.done("pca")
    adata.obsm["X_harmony"] = harmonypy.run_harmony(adata.obsm["X_pca"], adata.obs, ["sample"], verbose=False).Z_corr
    steps.done("harmony")
    sc.pp.neighbors(adata, use_rep="X_harmony")
    steps.done("neighbours")
    sc.tl.leiden(adata, flavor="igraph", n_iterations=2, directed=False)
    steps.done("leiden")
    sc.tl.umap(adata)
    steps.done("umap")
    known = catalog().gene_lists
    for name in sorted(known)[:LISTS]:
        genes = known[name]
        members = genes if not isinstance(genes, dict) else [gene for group in genes.values() for gene in group]
        sc.tl.score_genes(adata, [gene for gene in members if gene in adata.var_names], score_name=name)
    steps.done("score_genes")
    out.write_text(json.dumps({"cells_kept": adata.n_obs, "steps": steps.rows}), encoding="utf-8")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main(Path(sys.argv[1]), Path(sys.argv[2]))
