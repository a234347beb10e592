# Bulk: one matrix for all samples.
rule qc:
    input:
        samples=f"{OUT}/samples.tsv",
        matrices=PLAN.matrices,
        genes=[PLAN.resource("genes.tsv"), PLAN.resource("genes_extra.tsv")],
    output:
        counts=f"{OUT}/counts/bulk.h5ad",
        qc=f"{OUT}/tables/qc.tsv",
        pca=f"{OUT}/tables/pca.tsv",
        identity=f"{OUT}/tables/identity.tsv",
        reference=f"{OUT}/tables/gene_reference.parquet",
        skipped=f"{OUT}/skipped/qc.tsv",
    log:
        f"{OUT}/logs/qc.log",
    benchmark:
        f"{OUT}/benchmarks/qc.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("bulk_qc"),
    params:
        settings=PLAN.settings("bulk_qc"),
        code=PLAN.digest("bulk_qc"),
    message:
        "quality of the bulk samples"
    shell:
        "ohmics bulk-qc --settings {params.settings:q} --samples {input.samples:q} --out-counts {output.counts:q}"
        " --out-qc {output.qc:q} --out-pca {output.pca:q} --out-identity {output.identity:q}"
        " --out-reference {output.reference:q} --out-skipped {output.skipped:q} >{log:q} 2>&1"


rule targets:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        lists=f"{OUT}/gene_lists.json",
    output:
        f"{OUT}/tables/targets.tsv",
    log:
        f"{OUT}/logs/targets.log",
    benchmark:
        f"{OUT}/benchmarks/targets.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("targets"),
    params:
        settings=PLAN.settings("targets"),
        code=PLAN.digest("targets"),
    message:
        "one depth for what is compared"
    shell:
        "ohmics targets --settings {params.settings:q} --samples {input.samples:q} --qc {input.qc:q}"
        " --lists {input.lists:q} --out {output:q} >{log:q} 2>&1"


rule score:
    input:
        counts=f"{OUT}/counts/bulk.h5ad",
        qc=f"{OUT}/tables/qc.tsv",
        reference=f"{OUT}/tables/gene_reference.parquet",
        targets=f"{OUT}/tables/targets.tsv",
        lists=f"{OUT}/gene_lists.json",
    output:
        scores=f"{OUT}/scores_measured.tsv",
        coverage=f"{OUT}/tables/coverage.tsv",
        skipped=f"{OUT}/skipped/samples.tsv",
    log:
        f"{OUT}/logs/score.log",
    benchmark:
        f"{OUT}/benchmarks/score.tsv"
    threads: 2
    resources:
        mem_mb=PLAN.memory("score"),
    params:
        settings=PLAN.settings("score"),
        code=PLAN.digest("score"),
    message:
        "scoring the bulk samples"
    shell:
        "NUMBA_NUM_THREADS={threads} ohmics score-bulk --settings {params.settings:q} --counts {input.counts:q}"
        " --qc {input.qc:q} --reference {input.reference:q} --targets {input.targets:q} --lists {input.lists:q}"
        " --out-scores {output.scores:q} --out-coverage {output.coverage:q} --out-skipped {output.skipped:q}"
        " >{log:q} 2>&1"


rule content:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        counts=f"{OUT}/counts/bulk.h5ad",
        scores=f"{OUT}/scores_measured.tsv",
        lists=f"{OUT}/gene_lists.json",
    output:
        content=f"{OUT}/tables/content.tsv",
        fits=f"{OUT}/tables/content_fits.tsv",
        scores=f"{OUT}/tables/scores.tsv",
    log:
        f"{OUT}/logs/content.log",
    benchmark:
        f"{OUT}/benchmarks/content.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("content"),
    params:
        settings=PLAN.settings("content"),
        code=PLAN.digest("content"),
    message:
        "scores beyond the content of the cells that carry them"
    shell:
        "ohmics content --settings {params.settings:q} --samples {input.samples:q} --qc {input.qc:q}"
        " --counts {input.counts:q} --scores {input.scores:q} --lists {input.lists:q}"
        " --out-content {output.content:q} --out-fits {output.fits:q} --out-scores {output.scores:q} >{log:q} 2>&1"


rule similarity:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        counts=f"{OUT}/counts/bulk.h5ad",
    output:
        correlation=f"{OUT}/tables/sample_correlation.parquet",
        similarity=f"{OUT}/tables/sample_similarity.tsv",
    log:
        f"{OUT}/logs/similarity.log",
    benchmark:
        f"{OUT}/benchmarks/similarity.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("similarity"),
    params:
        settings=PLAN.settings("similarity"),
        code=PLAN.digest("similarity"),
    message:
        "comparing the bulk samples with each other"
    shell:
        "ohmics similarity --settings {params.settings:q} --samples {input.samples:q} --qc {input.qc:q}"
        " --counts {input.counts:q} --out-correlation {output.correlation:q} --out-similarity {output.similarity:q}"
        " >{log:q} 2>&1"
