# From the sheet to the samples, pairs and gene lists of a run; the same for single-cell and bulk.
rule samples:
    input:
        sheet=PLAN.config["input"]["samples"],
        matrices=PLAN.matrices,
    output:
        f"{OUT}/samples.tsv",
    log:
        f"{OUT}/logs/samples.log",
    benchmark:
        f"{OUT}/benchmarks/samples.tsv"
    priority: 100
    threads: 1
    resources:
        mem_mb=PLAN.memory("samples"),
    params:
        settings=PLAN.settings("samples"),
        code=PLAN.digest("samples"),
    message:
        "looking into every input"
    shell:
        "ohmics samples --settings {params.settings:q} --out {output:q} >{log:q} 2>&1"


rule pairs:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
    output:
        pairs=f"{OUT}/pairs.tsv",
        design=f"{OUT}/design.tsv",
    log:
        f"{OUT}/logs/pairs.log",
    benchmark:
        f"{OUT}/benchmarks/pairs.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("pairs"),
    params:
        settings=PLAN.settings("pairs"),
        code=PLAN.digest("pairs"),
    message:
        "pairing the usable samples"
    shell:
        "ohmics pairs --settings {params.settings:q} --samples {input.samples:q} --qc {input.qc:q}"
        " --out {output.pairs:q} --out-design {output.design:q} >{log:q} 2>&1"


rule lists:
    input:
        mechanisms=PLAN.mechanisms,
        user=PLAN.user_lists,
        samples=f"{OUT}/samples.tsv",
    output:
        f"{OUT}/gene_lists.json",
    log:
        f"{OUT}/logs/lists.log",
    benchmark:
        f"{OUT}/benchmarks/lists.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("lists"),
    params:
        settings=PLAN.settings("lists"),
        code=PLAN.digest("lists"),
    message:
        "choosing the gene lists"
    shell:
        "ohmics lists --settings {params.settings:q} --samples {input.samples:q} --out {output:q} >{log:q} 2>&1"
