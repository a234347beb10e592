# The pages; they compute nothing.
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
    + expand(
        f"{OUT}/tables/{{name}}.tsv",
        name=["cell_summary", "cell_filters", "cell_type_shares"],
    )
    + expand(f"{OUT}/samples/{{sample}}/cell_qc.parquet", sample=PLAN.sample_ids)
    if PLAN.modality == "single_cell"
    else [
        f"{OUT}/tables/pca.tsv",
        f"{OUT}/tables/sample_correlation.parquet",
        f"{OUT}/tables/sample_similarity.tsv",
    ]
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
        report(
            f"{OUT}/reports/qc.html",
            caption="../report/qc.rst",
            category="Pages",
            labels={"page": "Quality"},
        ),
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
        report(
            f"{OUT}/reports/signatures.html",
            caption="../report/signatures.rst",
            category="Pages",
            labels={"page": "Signatures"},
        ),
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


# What sets one patient beside the others; in a table first, so that the pages only show it.
_PATIENT_TABLES = {"composition": f"{OUT}/tables/composition.tsv"} | (
    {
        name.replace("_", "-"): f"{OUT}/tables/{name}.tsv"
        for name in (
            "state_effects",
            "state_composition",
            "antigen",
            "lineage",
            "car",
            "cell_measures",
        )
    }
    | {"presentation": f"{OUT}/tables/antigen_presentation.tsv"}
    if PLAN.modality == "single_cell"
    else {"antigen": f"{OUT}/tables/antigen.tsv"}
)


rule patients:
    input:
        samples=f"{OUT}/samples.tsv",
        pairs=f"{OUT}/pairs.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        effects=f"{OUT}/tables/effects.tsv",
        further=list(_PATIENT_TABLES.values()),
        calibration=PLAN.calibration,
        mechanisms=PLAN.mechanisms,
    output:
        comparison=f"{OUT}/tables/patient_comparison.tsv",
        errors=f"{OUT}/tables/call_errors.tsv",
    log:
        f"{OUT}/logs/patients.log",
    benchmark:
        f"{OUT}/benchmarks/patients.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("patients"),
    params:
        settings=PLAN.settings("patients"),
        further=" ".join(
            f"--{name} {shlex.quote(path)}" for name, path in _PATIENT_TABLES.items()
        ),
        code=PLAN.digest("patients"),
    message:
        "setting each patient beside the cohort"
    shell:
        "ohmics patients --settings {params.settings:q} --samples {input.samples:q} --pairs {input.pairs:q}"
        " --qc {input.qc:q} --effects {input.effects:q} {params.further} --calibration {input.calibration:q}"
        " --out-comparison {output.comparison:q} --out-errors {output.errors:q} >{log:q} 2>&1"


rule report_patients:
    input:
        # The tables the signature report is made of, and those that only this one shows.
        tables=rules.report_signatures.input,
        comparison=f"{OUT}/tables/patient_comparison.tsv",
        errors=f"{OUT}/tables/call_errors.tsv",
    output:
        report(
            directory(f"{OUT}/reports/patients"),
            patterns=["{page}.html"],
            caption="../report/patients.rst",
            category="Patients",
            labels={"patient": "{page}"},
        ),
    log:
        f"{OUT}/logs/report_patients.log",
    benchmark:
        f"{OUT}/benchmarks/report_patients.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("report"),
    params:
        results=lambda wildcards, output: str(Path(output[0]).parent.parent),
        settings=PLAN.settings("report"),
        code=PLAN.digest("report"),
    message:
        "writing a page for each patient"
    shell:
        "ohmics report patients --settings {params.settings:q} --results {params.results:q} --out {output:q}"
        " >{log:q} 2>&1"
