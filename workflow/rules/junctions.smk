# Where the config names a table of junction reads: which samples skip an exon of an antigen.
rule junctions:
    input:
        samples=f"{OUT}/samples.tsv",
        junctions=PLAN.config["input"].get("junctions", []),
    output:
        f"{OUT}/tables/junctions.tsv",
    log:
        f"{OUT}/logs/junctions.log",
    benchmark:
        f"{OUT}/benchmarks/junctions.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("junctions"),
    params:
        settings=PLAN.settings("junctions"),
        code=PLAN.digest("junctions"),
    message:
        "exon skipping from junction reads"
    shell:
        "ohmics junctions --settings {params.settings:q} --samples {input.samples:q} --junctions {input.junctions:q}"
        " --out {output:q} >{log:q} 2>&1"
