"""How many samples and cells there are and how large the files come in; the memory, time and disk of a run go out.

The numbers rest on `make bench-scale` (benchmarks/scale.json): simulated samples, 20,000 genes, 1,600 of them found in
a cell, on two cores of one machine; those of bulk on benchmarks/scale_bulk.json. They are a prediction, not a promise:
deeper cells take more, and so does a busy machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ohmics.memory import NEEDS, expected_mib

# Processor seconds: of every run, of every sample, of every cell outside embed and in it, of the layout of a cell.
RUN_SECONDS, SAMPLE_SECONDS = 200.0, 9.0
CELL_SECONDS, EMBED_CELL_SECONDS, UMAP_CELL_SECONDS = 0.0030, 0.0025, 0.0010
BUSY_CORES = 1.6
"""Of two cores, what a run keeps busy on average: `embed` and the pages leave one idle."""
KEPT_OF_INPUT, SAMPLE_BYTES, RUN_BYTES = 5.6, 11e6, 100e6
"""Results on disk: times the counts that came in, for each sample, and of every run."""
COUNTS_OF_INPUT = 1.5
"""A sample's counts as they are kept, over the file they came in."""
CELL_TABLE_BYTES = 80.0
BYTES_A_CELL = 2_500.0
"""Of a compressed matrix of 1,600 genes a cell; for formats that do not say how many cells they hold."""
BULK_RUN_SECONDS, BULK_SAMPLE_SECONDS = 90.0, 1.4
BULK_RUN_BYTES, BULK_SAMPLE_BYTES = 40e6, 1e6
BULK_STAGES = (
    "samples", "bulk_qc", "similarity", "content", "targets", "score", "compare", "bulk_antigen", "de", "gene_sets",
    "ora", "evidence", "associate", "report", "figures", "export",
)  # fmt: skip
MIB, GIB = 2.0**20, 2.0**30


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run is expected to take: the largest job and its GiB, processor hours, GiB of results.

    ``cells`` is None in bulk.
    """

    stage: str
    memory_gib: float
    processor_hours: float
    disk_gib: float
    cells: int | None
    samples: int

    @property
    def hours(self) -> float:
        """Hours on two cores that do nothing else."""
        return self.processor_hours / BUSY_CORES

    def sentence(self) -> str:
        """Return it in words."""
        time = f"{60 * self.hours:.0f} minutes" if self.hours < 1 else f"{self.hours:.1f} hours"
        bulk = self.cells is None
        given = f"{self.samples} bulk samples" if bulk else f"{self.cells:,} cells in {self.samples} samples"
        limit = "more genes" if bulk else "deeper cells"
        return (
            f"prediction for {given}: the largest job (`{self.stage}`) takes about {self.memory_gib:.1f} GiB of "
            f"memory, the run about {time} on 2 idle cores and {self.disk_gib:.1f} GiB of disk; it rests on runs of "
            f"simulated cohorts on one machine (docs/scale.md), and {limit} take more"
        )


def forecast(
    cells: Sequence[int], sizes: Sequence[float], *, n_top_genes: int = 2000, umap: bool = True, harmony: bool = True
) -> Forecast:
    """Predict what a single-cell run takes.

    Parameters
    ----------
    cells
        Cells of each sample.
    sizes
        Bytes of each sample's counts, in the same order.
    n_top_genes
        Variable genes of `embed`.
    umap
        Whether a UMAP is drawn.
    harmony
        Whether components are corrected, which clusters the cells a second time.
    """
    total = sum(cells)
    kept = [COUNTS_OF_INPUT * size / MIB for size in sizes]
    table = total * CELL_TABLE_BYTES / MIB
    needs = {
        stage: expected_mib(
            stage,
            # The stage that reads what came in sees those files, and every later one the counts that were kept.
            counts=[size / MIB for size in sizes][:1] if stage == "qc" else kept,
            tables=0.0 if stage in ("qc", "samples", "embed") else table,
            n_top_genes=n_top_genes,
        )
        for stage in NEEDS
        if stage not in ("bulk_qc", "similarity", "content")
    }
    needs["qc"] = expected_mib("qc", counts=[max(sizes, default=0.0) / MIB], tables=0.0)
    largest = max(needs, key=lambda stage: needs[stage])
    embed = EMBED_CELL_SECONDS * (1.0 if harmony and len(cells) > 1 else 0.6) + (UMAP_CELL_SECONDS if umap else 0.0)
    seconds = RUN_SECONDS + SAMPLE_SECONDS * len(cells) + total * (CELL_SECONDS + embed)
    disk = RUN_BYTES + SAMPLE_BYTES * len(cells) + KEPT_OF_INPUT * sum(sizes)
    return Forecast(
        stage=largest,
        memory_gib=needs[largest] / 1024,
        processor_hours=seconds / 3600,
        disk_gib=disk / GIB,
        cells=total,
        samples=len(cells),
    )


def forecast_bulk(samples: int, size: float) -> Forecast:
    """Predict what a bulk run takes.

    Parameters
    ----------
    samples
        Samples of the cohort.
    size
        Bytes of their counts, all files together.
    """
    counts = [COUNTS_OF_INPUT * size / MIB]
    needs = {stage: expected_mib(stage, counts=counts, tables=0.0) for stage in BULK_STAGES}
    largest = max(needs, key=lambda stage: needs[stage])
    return Forecast(
        stage=largest,
        memory_gib=needs[largest] / 1024,
        processor_hours=(BULK_RUN_SECONDS + BULK_SAMPLE_SECONDS * samples) / 3600,
        disk_gib=(BULK_RUN_BYTES + BULK_SAMPLE_BYTES * samples) / GIB,
        cells=None,
        samples=samples,
    )
