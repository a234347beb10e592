# Single-cell: which clusters and cells are the tumour, before anything that rests on it.
rule malignant:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        cells=f"{OUT}/annotation.parquet",
        parts=expand(f"{OUT}/samples/{{sample}}/counts.h5ad", sample=PLAN.sample_ids),
        # The user's own column and gene positions, where the config names them.
        own=PLAN.matrices if PLAN.config["malignant"].get("column") else [],
        positions=PLAN.config["malignant"].get("gene_positions", []),
        mechanisms=PLAN.mechanisms,
    output:
        cells=f"{OUT}/malignant.parquet",
        malignant=f"{OUT}/tables/malignant.tsv",
        skipped=f"{OUT}/skipped/malignant.tsv",
    log:
        f"{OUT}/logs/malignant.log",
    benchmark:
        f"{OUT}/benchmarks/malignant.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("malignant"),
    params:
        folder=lambda wildcards, input: part_folder(input),
        settings=PLAN.settings("malignant"),
        code=PLAN.digest("malignant"),
    message:
        "calling malignant cells"
    shell:
        "ohmics malignant --settings {params.settings:q} --samples {input.samples:q} --qc {input.qc:q}"
        " --cells {input.cells:q} --folder {params.folder:q} --out-cells {output.cells:q}"
        " --out-malignant {output.malignant:q} --out-skipped {output.skipped:q} >{log:q} 2>&1"
