# The two pages; they compute nothing.
_TABLES = [
    f"{OUT}/{name}"
    for name in (
        "samples.tsv",
        "pairs.tsv",
        "design.tsv",
        "tables/qc.tsv",
        "tables/identity.tsv",
        "tables/skipped.tsv",
    )
]
_OF_MODALITY = (
    [f"{OUT}/tables/cells.parquet", f"{OUT}/tables/malignant.tsv"]
    + expand(f"{OUT}/samples/{{sample}}/cell_qc.parquet", sample=PLAN.sample_ids)
    if PLAN.modality == "single_cell"
    else [f"{OUT}/tables/pca.tsv"]
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
    threads: 1
    resources:
        mem_mb=PLAN.memory("config_used"),
    params:
        config=PLAN.config,
        code=PLAN.digest("config_used"),
    message:
        "keeping the config"
    shell:
        "ohmics config-used --config {input:q} --out {output:q} >{log:q} 2>&1"


rule report_qc:
    input:
        tables=_TABLES,
        modality=_OF_MODALITY,
        config=f"{OUT}/config.yaml",
        mechanisms=PLAN.mechanisms,
    output:
        f"{OUT}/reports/qc.html",
    log:
        f"{OUT}/logs/report_qc.log",
    benchmark:
        f"{OUT}/benchmarks/report_qc.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("report"),
    params:
        results=lambda wildcards, output: str(Path(output[0]).parent.parent),
        settings=PLAN.settings("report"),
        code=PLAN.digest("report"),
    message:
        "writing the QC report"
    shell:
        "ohmics report qc --settings {params.settings:q} --results {params.results:q} --out {output:q}"
        " >{log:q} 2>&1"


rule report_signatures:
    input:
        tables=_TABLES,
        modality=_OF_MODALITY,
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
                "set_overlap",
                "running_sums",
                "ora",
                "evidence",
            ],
        ),
        states=expand(
            f"{OUT}/tables/{{name}}.tsv",
            name=(
                ["states", "state_effects", "state_composition"]
                if PLAN.modality == "single_cell"
                else []
            ),
        ),
        measures=(
            [f"{OUT}/tables/cell_measures.tsv"]
            if PLAN.modality == "single_cell"
            else []
        ),
        outcomes=(
            [f"{OUT}/tables/association.tsv", f"{OUT}/tables/survival_curves.tsv"]
            if PLAN.config["outcomes"]
            else []
        ),
        calls=expand(
            f"{OUT}/tables/{{name}}",
            name=(
                [
                    "antigen.tsv",
                    "antigen_depth.tsv",
                    "antigen_presentation.tsv",
                    "lineage.tsv",
                    "lineage_cells.parquet",
                    "car.tsv",
                ]
                if PLAN.modality == "single_cell"
                else ["antigen.tsv"]
            ),
        ),
        junctions=(
            [f"{OUT}/tables/junctions.tsv"]
            if PLAN.config["input"].get("junctions")
            else []
        ),
        mechanisms=PLAN.mechanisms,
    output:
        f"{OUT}/reports/signatures.html",
    log:
        f"{OUT}/logs/report_signatures.log",
    benchmark:
        f"{OUT}/benchmarks/report_signatures.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("report"),
    params:
        results=lambda wildcards, output: str(Path(output[0]).parent.parent),
        settings=PLAN.settings("report"),
        code=PLAN.digest("report"),
    message:
        "writing the signature report"
    shell:
        "ohmics report signatures --settings {params.settings:q} --results {params.results:q} --out {output:q}"
        " >{log:q} 2>&1"
