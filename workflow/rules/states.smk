# States of T cells, single-cell only: what they are, and how they change within patients.
rule states:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        cells=f"{OUT}/tables/cells.parquet",
        parts=expand(f"{OUT}/samples/{{sample}}/counts.h5ad", sample=PLAN.sample_ids),
        reference=f"{OUT}/tables/gene_reference.parquet",
        axes=PLAN.resource("tcell_axes.tsv"),
        mechanisms=PLAN.mechanisms,
    output:
        states=f"{OUT}/tables/states.tsv",
        effects=f"{OUT}/tables/state_effects.tsv",
        composition=f"{OUT}/tables/state_composition.tsv",
        skipped=f"{OUT}/skipped/states.tsv",
    log:
        f"{OUT}/logs/states.log",
    benchmark:
        f"{OUT}/benchmarks/states.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("states"),
    params:
        folder=lambda wildcards, input: part_folder(input),
        settings=PLAN.settings("states"),
        code=PLAN.digest("states"),
    message:
        "states of the T cells"
    shell:
        "NUMBA_NUM_THREADS={threads} ohmics states --settings {params.settings:q} --samples {input.samples:q}"
        " --qc {input.qc:q} --cells {input.cells:q} --folder {params.folder:q} --reference {input.reference:q}"
        " --out-states {output.states:q} --out-effects {output.effects:q} --out-composition {output.composition:q}"
        " --out-skipped {output.skipped:q} >{log:q} 2>&1"
