# The two pages; they compute nothing.
_TABLES = [
    f"{OUT}/{name}"
    for name in (
        "samples.tsv",
        "pairs.tsv",
        "tables/qc.tsv",
        "tables/identity.tsv",
        "tables/skipped.tsv",
    )
]
_CELLS = (
    [f"{OUT}/tables/cells.parquet"]
    + expand(f"{OUT}/samples/{{sample}}/cell_qc.parquet", sample=PLAN.sample_ids)
    if PLAN.modality == "single_cell"
    else []
)


rule config_used:
    input:
        PLAN.config_path,
    output:
        f"{OUT}/config.yaml",
    log:
        f"{OUT}/logs/config_used.log",
    benchmark:
        f"{OUT}/benchmarks/config_used.tsv"
    params:
        config=PLAN.config,
        code=PLAN.digest("config_used"),
    resources:
        mem_mb=PLAN.memory("config_used"),
    threads: 1
    message:
        "keeping the config"
    shell:
        "{OHMICS} config-used --config {input:q} --out {output:q} >{log:q} 2>&1"


rule report_qc:
    input:
        tables=_TABLES,
        cells=_CELLS,
        config=f"{OUT}/config.yaml",
        mechanisms=PLAN.mechanisms,
    output:
        f"{OUT}/reports/qc.html",
    log:
        f"{OUT}/logs/report_qc.log",
    benchmark:
        f"{OUT}/benchmarks/report_qc.tsv"
    params:
        results=OUT,
        settings=PLAN.settings("report"),
        code=PLAN.digest("report"),
    resources:
        mem_mb=PLAN.memory("report"),
    threads: 1
    message:
        "writing the QC report"
    shell:
        "{OHMICS} report qc --settings {params.settings:q} --results {params.results:q} --out {output:q}"
        " >{log:q} 2>&1"


rule report_signatures:
    input:
        tables=_TABLES,
        cells=_CELLS,
        config=f"{OUT}/config.yaml",
        results=expand(
            f"{OUT}/tables/{{name}}.tsv",
            name=[
                "scores",
                "coverage",
                "effects",
                "composition",
                "de",
                "enrichment",
                "evidence",
            ],
        ),
        mechanisms=PLAN.mechanisms,
    output:
        f"{OUT}/reports/signatures.html",
    log:
        f"{OUT}/logs/report_signatures.log",
    benchmark:
        f"{OUT}/benchmarks/report_signatures.tsv"
    params:
        results=OUT,
        settings=PLAN.settings("report"),
        code=PLAN.digest("report"),
    resources:
        mem_mb=PLAN.memory("report"),
    threads: 1
    message:
        "writing the signature report"
    shell:
        "{OHMICS} report signatures --settings {params.settings:q} --results {params.results:q} --out {output:q}"
        " >{log:q} 2>&1"
