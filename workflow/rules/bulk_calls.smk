# Bulk: antigens beside their lineage panel, patient by patient.
rule bulk_antigen:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        pairs=f"{OUT}/pairs.tsv",
        counts=f"{OUT}/counts/bulk.h5ad",
        mechanisms=PLAN.mechanisms,
    output:
        antigen=f"{OUT}/tables/antigen.tsv",
        skipped=f"{OUT}/skipped/bulk_antigen.tsv",
    log:
        f"{OUT}/logs/bulk_antigen.log",
    benchmark:
        f"{OUT}/benchmarks/bulk_antigen.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("bulk_antigen"),
    params:
        settings=PLAN.settings("bulk_antigen"),
        code=PLAN.digest("bulk_antigen"),
    message:
        "calling antigens patient by patient"
    shell:
        "ohmics bulk-antigen --settings {params.settings:q} --samples {input.samples:q} --qc {input.qc:q}"
        " --pairs {input.pairs:q} --counts {input.counts:q} --out-antigen {output.antigen:q}"
        " --out-skipped {output.skipped:q} >{log:q} 2>&1"
