# Scores against the outcomes of the sheet; only where the config names outcomes.
rule associate:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        scores=f"{OUT}/tables/scores.tsv",
        lists=f"{OUT}/gene_lists.json",
    output:
        association=f"{OUT}/tables/association.tsv",
        curves=f"{OUT}/tables/survival_curves.tsv",
        skipped=f"{OUT}/skipped/association.tsv",
    log:
        f"{OUT}/logs/associate.log",
    benchmark:
        f"{OUT}/benchmarks/associate.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("associate"),
    params:
        settings=PLAN.settings("associate"),
        code=PLAN.digest("associate"),
    message:
        "holding scores against outcomes"
    shell:
        "ohmics associate --settings {params.settings:q} --samples {input.samples:q} --qc {input.qc:q}"
        " --scores {input.scores:q} --lists {input.lists:q} --out-association {output.association:q}"
        " --out-curves {output.curves:q} --out-skipped {output.skipped:q} >{log:q} 2>&1"
